/** `lumen pair` answered by a desk at which clients wait. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { answerPairingRequest } from '../../../src/host/pairing-requests.js';
import { ClientStore } from '../../../src/identity/client-store.js';
import { loadHostIdentity } from '../../../src/identity/host-identity.js';
import { generateKeyPair, type KeyPair } from '../../../src/identity/key-pair.js';
import { PairingDesk } from '../../../src/nvhttp/pairing.js';
import { parseQuery } from '../../../src/nvhttp/query.js';
import { formatReply } from '../../../src/nvhttp/xml.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { finishPairing, startPairing } from '../nvhttp/pairing-client.js';

describe('answers to lumen pair', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let folder: string;
  let desk: PairingDesk;
  let client: KeyPair;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-desk-'));
    const [identity, pair] = await Promise.all([loadHostIdentity(folder), generateKeyPair('client')]);
    client = pair;
    desk = new PairingDesk(identity, new ClientStore(folder), createSilentLogger());
  });
  after(() => fs.rmSync(folder, { recursive: true }));
  afterEach(() => desk.close());

  const sender = (peerAddress: string) => async (parameters: string) => {
    const parsed = parseQuery(`uniqueid=1&devicename=TV&${parameters}`);
    assert.ok(parsed.ok);
    const { signal } = new AbortController();
    return formatReply(await desk.handle({ query: parsed.query, peerAddress, signal }));
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  it('list who waits, take the PIN for one of them in any spelling of its address, and refuse the other', async () => {
    assert.match(
      JSON.stringify(await answerPairingRequest(desk, { command: 'pair-list' })),
      /No client waits/,
    );
    startPairing(sender('192.0.2.66'), client);
    const send = sender('2001:db8::1');
    const started = startPairing(send, client);
    await settle();
    const list = await answerPairingRequest(desk, { command: 'pair-list' });
    assert.ok(list.ok);
    assert.equal(list.text, '192.0.2.66  TV\n2001:db8::1  TV');
    const unclear = await answerPairingRequest(desk, { command: 'pair', pin: '1234' });
    assert.ok(!unclear.ok);
    assert.match(unclear.problem, /192\.0\.2\.66, 2001:db8::1/);
    assert.match(unclear.remedy, /add the address/);
    const [typed, verdict] = await Promise.all([
      answerPairingRequest(desk, { command: 'pair', pin: '1234', address: '2001:DB8::1' }),
      finishPairing(send, client, started, '1234'),
    ]);
    assert.equal(verdict, 'paired');
    assert.ok(typed.ok);
    assert.match(typed.text, /Paired with TV/);
    const refused = await answerPairingRequest(desk, { command: 'pair-refuse', address: '192.0.2.66' });
    assert.ok(refused.ok);
    assert.deepEqual(desk.waitingClients, []);
    const nobody = await answerPairingRequest(desk, { command: 'pair-refuse', address: '192.0.2.66' });
    assert.ok(!nobody.ok);
  });
});
