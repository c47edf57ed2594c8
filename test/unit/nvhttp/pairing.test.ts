/** The pairing state machine without sockets. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { ClientStore } from '../../../src/identity/client-store.js';
import { type HostIdentity, loadHostIdentity } from '../../../src/identity/host-identity.js';
import { generateKeyPair, type KeyPair } from '../../../src/identity/key-pair.js';
import { PairingDesk, type PairingOptions } from '../../../src/nvhttp/pairing.js';
import { parseQuery } from '../../../src/nvhttp/query.js';
import { formatReply } from '../../../src/nvhttp/xml.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { finishPairing, type SendPhase, startPairing, statusOf, textOf } from './pairing-client.js';

const PEER = '192.0.2.10';
const UNLIMITED = { freeAttempts: 1e6, baseDelayMs: 0, maxDelayMs: 0, forgetAfterMs: 1e9, maxAddresses: 16 };

describe('the pairing desk', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let folder: string;
  let identity: HostIdentity;
  let client: KeyPair;
  let clients: ClientStore;
  let desk: PairingDesk;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-pairing-'));
    [identity, client] = await Promise.all([loadHostIdentity(folder), generateKeyPair('client')]);
  });
  after(() => fs.rmSync(folder, { recursive: true }));
  const openDesk = (options: PairingOptions = {}): PairingDesk => {
    fs.rmSync(path.join(folder, 'clients.json'), { force: true });
    clients = new ClientStore(folder);
    desk = new PairingDesk(identity, clients, createSilentLogger(), { attemptLimits: UNLIMITED, ...options });
    return desk;
  };
  beforeEach(() => openDesk());
  afterEach(() => desk.close());

  const queryOf = (text: string) => {
    const parsed = parseQuery(text);
    assert.ok(parsed.ok);
    return parsed.query;
  };
  const sender =
    (peerAddress = PEER, uniqueId = '0123456789ABCDEF', signal = new AbortController().signal): SendPhase =>
    async (parameters) => {
      const query = queryOf(`uniqueid=${uniqueId}&devicename=roth&${parameters}`);
      return formatReply(await desk.handle({ query, peerAddress, signal }));
    };
  /** Lets a request that was just sent reach its long poll. */
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const typePin = (pin: string) => {
    const result = desk.submitPin(pin);
    assert.ok(result.ok);
    return result;
  };

  it('pairs a client that knows the PIN, and stores it before the last reply', async () => {
    const send = sender();
    const started = startPairing(send, client);
    await settle();
    const { outcome, peerAddress } = typePin('0420');
    assert.equal(peerAddress, PEER);
    assert.equal(await finishPairing(send, client, started, '0420'), 'paired');
    const ended = await outcome;
    assert.ok(ended.ok);
    assert.ok(clients.has(ended.client.fingerprint));
    assert.equal(ended.client.name, `client at ${PEER}`);
    assert.equal(desk.counters.succeeded, 1);
  });

  it('shows a name without what would move or reorder the words beside it', async () => {
    const name = encodeURIComponent('Den\u001b[2J \u202eVT\u2028\u2066\n');
    const query = queryOf(
      `uniqueid=1&devicename=${name}&phrase=getservercert&salt=${'0'.repeat(32)}&clientcert=${Buffer.from(client.certificatePem).toString('hex')}`,
    );
    const waiting = desk.handle({ query, peerAddress: PEER, signal: new AbortController().signal });
    assert.deepEqual(desk.waitingClients, [{ peerAddress: PEER, name: 'Den[2J VT' }]);
    assert.equal(desk.refuse(PEER), undefined);
    await waiting;
  });

  it('lets the client find out about a wrong PIN, and stores nothing', async () => {
    const send = sender();
    const started = startPairing(send, client);
    await settle();
    const { outcome } = typePin('1111');
    assert.equal(await finishPairing(send, client, started, '2222'), 'wrong-pin');
    desk.abandon(queryOf('uniqueid=0123456789ABCDEF'), PEER);
    assert.deepEqual(await outcome, { ok: false, reason: 'the client gave up; the PIN was probably wrong' });
    assert.deepEqual(clients.list(), []);
  });

  it('refuses a client that goes on after a wrong PIN, with status 200', async () => {
    const send = sender();
    const started = startPairing(send, client);
    await settle();
    const { outcome } = typePin('1111');
    assert.equal(await finishPairing(send, client, started, '2222', true), 'refused');
    assert.deepEqual(await outcome, { ok: false, reason: 'the PIN was wrong' });
    assert.deepEqual(clients.list(), []);
    const repeated = await send('clientpairingsecret=00');
    assert.equal(statusOf(repeated), 400);
  });

  it('refuses a certificate whose key the client does not own', async () => {
    const thief = await generateKeyPair('thief');
    const send = sender();
    const stolen = { certificatePem: client.certificatePem, privateKeyPem: thief.privateKeyPem };
    const started = startPairing(send, stolen);
    await settle();
    typePin('1234');
    assert.equal(await finishPairing(send, stolen, started, '1234'), 'refused');
    assert.deepEqual(clients.list(), []);
  });

  it('takes only PINs of four digits, and only while a client waits', async () => {
    assert.equal(desk.submitPin('1234').ok, false);
    const { firstReply } = startPairing(sender(), client);
    await settle();
    for (const pin of ['', '123', '12345', '12a4', ' 1234', '１２３４'])
      assert.equal(desk.submitPin(pin).ok, false);
    assert.ok(desk.submitPin('1234').ok);
    assert.equal(desk.submitPin('1234').ok, false);
    assert.equal(statusOf(await firstReply), 200);
  });

  it('announces who waits', async () => {
    const seen: string[] = [];
    desk.onWaiting(({ peerAddress }) => seen.push(peerAddress));
    startPairing(sender(), client);
    await settle();
    assert.deepEqual(seen, [PEER]);
    assert.equal(desk.waitingClients[0]?.peerAddress, PEER);
  });

  it('drops a pairing whose phases come out of order or twice', async () => {
    const challenge = `clientchallenge=${'00'.repeat(16)}`;
    const orders = [
      ['clientpairingsecret=00'],
      [`serverchallengeresp=${'00'.repeat(32)}`],
      [challenge, challenge],
      [challenge, `serverchallengeresp=${'00'.repeat(32)}`, challenge],
    ];
    for (const phases of orders) {
      const send = sender();
      const { firstReply } = startPairing(send, client);
      await settle();
      typePin('1234');
      await firstReply;
      const replies: string[] = [];
      for (const phase of phases) replies.push(await send(phase));
      const last = replies.at(-1) ?? '';
      assert.equal(statusOf(last), 400);
      assert.match(last, /Out of order call/);
      assert.equal(textOf(last, 'paired'), '0');
      assert.match(await send(challenge), /Invalid uniqueid/);
    }
  });

  it('drops a pairing at a phase of wrong length or without hex', async () => {
    for (const phase of [
      'clientchallenge=',
      'clientchallenge=00',
      'clientchallenge=zz',
      `clientchallenge=${'0'.repeat(33)}`,
    ]) {
      const send = sender();
      const { firstReply } = startPairing(send, client);
      await settle();
      typePin('1234');
      await firstReply;
      assert.equal(statusOf(await send(phase)), 400);
      assert.match(await send(`clientchallenge=${'00'.repeat(16)}`), /Invalid uniqueid/);
    }
  });

  it('answers a phase before the PIN was typed with an error and ends the wait', async () => {
    const send = sender();
    const { firstReply } = startPairing(send, client);
    await settle();
    assert.match(await send(`clientchallenge=${'00'.repeat(16)}`), /Out of order/);
    assert.equal(statusOf(await firstReply), 400);
    assert.deepEqual(desk.waitingClients, []);
  });

  it('checks salt, certificate and uniqueid before it asks a person', async () => {
    const certificate = Buffer.from(client.certificatePem).toString('hex');
    const bad = [
      'phrase=getservercert',
      `phrase=getservercert&salt=00&clientcert=${certificate}`,
      `phrase=getservercert&salt=${'00'.repeat(17)}&clientcert=${certificate}`,
      `phrase=getservercert&salt=${'00'.repeat(16)}`,
      `phrase=getservercert&salt=${'00'.repeat(16)}&clientcert=00ff`,
    ];
    for (const parameters of bad) assert.equal(statusOf(await sender()(parameters)), 400);
    assert.equal(statusOf(await sender()('phrase=unheard')), 404);
    const query = queryOf(bad[0] ?? '');
    const { signal } = new AbortController();
    assert.match(formatReply(await desk.handle({ query, peerAddress: PEER, signal })), /Missing uniqueid/);
    assert.deepEqual(desk.waitingClients, []);
  });

  const waitingAddresses = () => desk.waitingClients.map(({ peerAddress }) => peerAddress);

  it('lets another client wait beside a stranger, and gives the PIN only to the address that it is for', async () => {
    const stranger = startPairing(sender('192.0.2.66'), client);
    const send = sender();
    const started = startPairing(send, client);
    await settle();
    assert.deepEqual(waitingAddresses(), ['192.0.2.66', PEER]);
    const unclear = desk.submitPin('1234');
    assert.ok(!unclear.ok);
    assert.match(unclear.reason, /2 clients wait.*192\.0\.2\.66, 192\.0\.2\.10/);
    const elsewhere = desk.submitPin('1234', '192.0.2.99');
    assert.ok(!elsewhere.ok && /no client at 192\.0\.2\.99/.test(elsewhere.reason));
    const result = desk.submitPin('1234', PEER);
    assert.ok(result.ok);
    assert.equal(result.peerAddress, PEER);
    assert.equal(await finishPairing(send, client, started, '1234'), 'paired');
    assert.deepEqual(waitingAddresses(), ['192.0.2.66']);
    desk.close();
    assert.equal(textOf(await stranger.firstReply, 'plaincert'), undefined);
  });

  it('keeps one place for each address, an IPv6 /64 included: who comes again replaces its own', async () => {
    const first = startPairing(sender('2001:db8::1', 'a'), client);
    startPairing(sender(), client);
    await settle();
    startPairing(sender('2001:db8::2', 'b'), client);
    await settle();
    assert.equal(statusOf(await first.firstReply), 400);
    assert.deepEqual(waitingAddresses(), [PEER, '2001:db8::2']);
  });

  it('leaves the certificate out of the reply when as many wait as may', async () => {
    openDesk({ maxWaiting: 2 });
    const { firstReply } = startPairing(sender('192.0.2.1'), client);
    startPairing(sender('192.0.2.2'), client);
    await settle();
    const other = await startPairing(sender('192.0.2.3'), client).firstReply;
    assert.equal(statusOf(other), 200);
    assert.equal(textOf(other, 'paired'), '1');
    assert.equal(textOf(other, 'plaincert'), undefined);
    startPairing(sender('192.0.2.2', 'again'), client);
    await settle();
    assert.deepEqual(waitingAddresses(), ['192.0.2.1', '192.0.2.2']);
    assert.ok(desk.submitPin('1234', '192.0.2.1').ok);
    assert.ok(textOf(await firstReply, 'plaincert'));
  });

  it('turns a waiting client away when the person says so', async () => {
    const { firstReply } = startPairing(sender(), client);
    await settle();
    assert.match(desk.refuse('192.0.2.99') ?? '', /no client at 192\.0\.2\.99/);
    assert.equal(desk.refuse(PEER), undefined);
    assert.equal(statusOf(await firstReply), 403);
    assert.deepEqual(waitingAddresses(), []);
    assert.equal(desk.submitPin('1234', PEER).ok, false);
  });

  it('lets nobody wait for free: the delay of an address begins when its attempt ends', async () => {
    const limits = { ...UNLIMITED, freeAttempts: 1, baseDelayMs: 200, maxDelayMs: 200 };
    openDesk({ expiryMs: 250, attemptLimits: limits });
    const { firstReply } = startPairing(sender(), client);
    assert.match(await firstReply, /not typed in time/);
    assert.equal(statusOf(await startPairing(sender(), client).firstReply), 429);
  });

  it('lets the same client start again: the older long poll ends, the newer one waits', async () => {
    const send = sender();
    const older = startPairing(send, client);
    await settle();
    const newer = startPairing(send, client);
    assert.equal(statusOf(await older.firstReply), 400);
    typePin('1234');
    assert.equal(await finishPairing(send, client, newer, '1234'), 'paired');
  });

  it('pairs two clients of one uniqueid at different addresses independently', async () => {
    const [sendA, sendB] = [sender('192.0.2.20'), sender('192.0.2.21')];
    const a = startPairing(sendA, client);
    await settle();
    typePin('1111');
    await a.firstReply;
    const b = startPairing(sendB, client);
    await settle();
    typePin('2222');
    assert.equal(await finishPairing(sendA, client, a, '1111'), 'paired');
    assert.equal(await finishPairing(sendB, client, b, '2222'), 'paired');
  });

  it('stops waiting when the client closes its connection', async () => {
    const gone = new AbortController();
    const { firstReply } = startPairing(sender(PEER, 'a', gone.signal), client);
    await settle();
    gone.abort();
    await firstReply;
    assert.deepEqual(desk.waitingClients, []);
    assert.equal(desk.submitPin('1234').ok, false);
  });

  it('stops waiting after the expiry, and forgets a client that goes silent later', async () => {
    openDesk({ expiryMs: 10, phaseTimeoutMs: 10 });
    const { firstReply } = startPairing(sender(), client);
    assert.match(await firstReply, /not typed in time/);
    const send = sender(PEER, 'b');
    startPairing(send, client);
    await settle();
    const { outcome } = typePin('1234');
    assert.deepEqual(await outcome, { ok: false, reason: 'the client went silent' });
    assert.match(await send(`clientchallenge=${'00'.repeat(16)}`), /Invalid uniqueid/);
  });

  it('holds a bounded number of pairings', async () => {
    openDesk({ maxPairings: 2 });
    for (const id of ['a', 'b']) {
      const { firstReply } = startPairing(sender(PEER, id), client);
      await settle();
      typePin('1234');
      await firstReply;
    }
    assert.equal(statusOf(await startPairing(sender(PEER, 'c'), client).firstReply), 503);
  });

  it('makes an address wait that tries again and again, and no other one', async () => {
    openDesk({ attemptLimits: { ...UNLIMITED, freeAttempts: 2, baseDelayMs: 60_000, maxDelayMs: 60_000 } });
    for (const pin of ['1111', '2222']) {
      const send = sender();
      const started = startPairing(send, client);
      await settle();
      typePin(pin);
      assert.equal(await finishPairing(send, client, started, '9999'), 'wrong-pin');
      desk.abandon(queryOf('uniqueid=0123456789ABCDEF'), PEER);
    }
    const refused = await startPairing(sender(PEER, 'another-id'), client).firstReply;
    assert.equal(statusOf(refused), 429);
    assert.match(refused, /try again in 60 seconds/);
    assert.equal(desk.counters.rateLimited, 1);
    startPairing(sender('192.0.2.99'), client);
    await settle();
    assert.equal(desk.waitingClients[0]?.peerAddress, '192.0.2.99');
  });

  it('says so when the paired client cannot be stored', async () => {
    const send = sender();
    const started = startPairing(send, client);
    await settle();
    const { outcome } = typePin('1234');
    fs.writeFileSync(path.join(folder, 'clients.json'), 'damaged', { mode: 0o600 });
    assert.equal(await finishPairing(send, client, started, '1234'), 'refused');
    assert.equal((await outcome).ok, false);
  });

  it('answers those who wait when it closes', async () => {
    const { firstReply } = startPairing(sender(), client);
    await settle();
    desk.close();
    assert.equal(statusOf(await firstReply), 503);
  });

  it('answers any parameters with a refusal, never with an exception', async () => {
    const name = fc.constantFrom(
      'phrase',
      'salt',
      'clientcert',
      'clientchallenge',
      'serverchallengeresp',
      'clientpairingsecret',
    );
    const value = fc.oneof(
      fc.string(),
      fc.constant('getservercert'),
      fc.uint8Array().map((b) => Buffer.from(b).toString('hex')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value)), async (pairs) => {
        const text = pairs.map(
          ([key, content]) => `${key}=${encodeURIComponent(content.replace(/\p{Cs}/gu, ''))}`,
        );
        const parsed = parseQuery(`uniqueid=1&${text.join('&')}`);
        if (!parsed.ok) return;
        const { signal } = new AbortController();
        const reply = await desk.handle({ query: parsed.query, peerAddress: PEER, signal });
        assert.ok(reply.status >= 400);
      }),
      { numRuns: 200 },
    );
  });
});
