import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ControlCipher } from '../../../src/control/cipher.js';
import { formatClientMessage, parseHostMessage } from '../../../src/control/message.js';
import type { ControlServer } from '../../../src/control/server.js';
import { delay } from '../../../src/support/lifecycle.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import {
  ControlParties,
  FakeSession,
  type ServerOptions,
  type SessionEvent,
  waitUntil,
} from '../../support/control-parties.js';
import {
  formatPing,
  formatReliable,
  formatUnknown,
  sendConnect,
  sendDatagram,
} from '../../support/enet-datagrams.js';
import { Nat } from '../../support/nat.js';

describe('the control server', () => {
  let parties: ControlParties;
  let server: ControlServer;

  const start = (options: ServerOptions = {}): void => {
    parties = new ControlParties(options);
    ({ server } = parties);
  };

  afterEach(() => parties.close());

  it('finds the session by connect data and counts the connection from its first authentic message', async () => {
    start();
    const other = new FakeSession();
    other.connectData = 1;
    const session = new FakeSession();
    server.addSession(other);
    server.addSession(session);
    const client = await parties.connect(session);
    await delay(30);
    assert.equal(session.events.all.length, 0);
    client.send({ kind: 'requestIdr' });
    const peer = await session.peer();
    assert.equal(peer.address, '127.0.0.1');
    assert.ok((peer.roundTripTimeMs() ?? -1) >= 0);
    const event = await session.events.next('the message');
    assert.deepEqual(event, { kind: 'message', message: { kind: 'requestIdr' } });
    assert.equal(other.events.all.length, 0);
  });

  for (const [address, family] of [
    ['::1', 'IPv6'],
    ['127.0.0.1', 'IPv4'],
  ] as const) {
    it(`serves a client over ${family} on a port of both families`, async () => {
      start({ address: '::' });
      const session = new FakeSession();
      session.hasSessionId = false;
      session.peerAddress = address;
      server.addSession(session);
      const client = await parties.connect(session, { address });
      client.send({ kind: 'requestIdr' });
      const peer = await session.peer();
      assert.equal(peer.address, address);
      assert.equal(peer.send({ kind: 'rumble', controller: 0, lowFrequency: 1, highFrequency: 1 }), true);
      await client.packets.next('the message of the host');
    });
  }

  const openNat = (): Promise<Nat> =>
    Nat.open({
      inside: '127.0.0.2',
      outside: '127.0.0.3',
      host: '127.0.0.1',
      tcpPorts: [],
      udpPorts: [server.port],
    });

  it('goes on with a client whose address changes, in both directions', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const nat = await openNat();
    try {
      const client = await parties.connect(session, { address: '127.0.0.2' });
      client.send({ kind: 'requestIdr' });
      const peer = await session.peer();
      assert.equal(peer.address, '127.0.0.3');
      nat.roam('127.0.0.4');
      client.send({ kind: 'startB' });
      const isStart = (event: SessionEvent) => event.kind === 'message' && event.message.kind === 'startB';
      await session.events.next('the message from elsewhere', isStart);
      assert.equal(peer.address, '127.0.0.4');
      peer.send({ kind: 'termination', code: 1 });
      await client.packets.next('the message of the host');
      assert.equal(session.events.all.filter((event) => event.kind === 'connected').length, 1);
    } finally {
      nat.close();
    }
  });

  it('moves a connection for nothing that was forged, recorded or kept back', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    const recorded = client.send({ kind: 'requestIdr' });
    const peer = await session.peer();
    const keptBack = client.cipher.seal(formatClientMessage({ kind: 'requestIdr' }));
    client.send({ kind: 'startB' });
    await session.events.next(
      'both messages',
      (event) => event.kind === 'message' && event.message.kind === 'startB',
    );
    const forged = Buffer.from(recorded);
    forged.writeUInt32LE(500, 4);
    const packets = [recorded, keptBack, forged, Buffer.alloc(0), Buffer.from('020302000000', 'hex')];
    // The two bits of the session that ENet looks at are soon tried out.
    const datagrams = [0, 1, 2, 3].flatMap((id) => packets.map((packet) => formatReliable(packet, id)));
    datagrams.push(formatPing(), ...[13, 14, 15].map(formatUnknown));
    for (const datagram of datagrams) await sendDatagram(server.port, '127.0.0.9', datagram);
    await waitUntil(() => server.strayCount >= datagrams.length);
    assert.equal(server.strayCount, datagrams.length);
    assert.equal(peer.address, '127.0.0.1');
    peer.send({ kind: 'termination', code: 1 });
    await client.packets.next('the message of the host');
  });

  it('finds a session without session id by address', async () => {
    start();
    const session = new FakeSession();
    session.hasSessionId = false;
    session.peerAddress = '::ffff:127.0.0.1';
    server.addSession(session);
    const client = await parties.connect(session, { connectData: 0 });
    client.send({ kind: 'startB' });
    await session.peer();
  });

  it('does not answer a client that belongs to no session, and counts and logs it', async () => {
    const lines: object[] = [];
    const logger = createSilentLogger();
    logger.warn = (fields: object) => lines.push(fields);
    start({ logger, livenessMs: 100 });
    const session = new FakeSession();
    server.addSession(session);
    const stranger = parties.addClient(session, { connectData: 99 });
    await waitUntil(() => server.unmatchedCount >= 1 && lines.length > 0);
    assert.equal(stranger.connected.all.length, 0);
    assert.equal(session.events.all.length, 0);
    assert.deepEqual(lines, [{ count: 1 }]);
  });

  it('lets a client in while CONNECTs of nobody come from as many addresses as there are places', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const flooders = Array.from({ length: 5 }, (_, index) => `127.0.1.${index + 1}`);
    for (const address of flooders) {
      for (let count = 0; count < 16; count += 1) await sendConnect(server.port, { address, data: count });
    }
    await waitUntil(() => server.unmatchedCount === 80);
    const client = await parties.connect(session);
    client.send({ kind: 'requestIdr' });
    await session.peer();
    assert.equal(server.halfOpenCount, 0);
  });

  it('no longer answers the connect data of a removed session', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    server.removeSession(session);
    await sendConnect(server.port, { address: '127.0.0.1', data: session.connectData });
    await waitUntil(() => server.unmatchedCount === 1);
  });

  it('sends sealed messages that the client can open, and counts on over reconnects under one key', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const cipher = new ControlCipher(session.riKey, true, 'client');
    const sequences: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      const client = await parties.connect(session, { cipher });
      client.send({ kind: 'requestIdr' });
      const peer = await session.peer();
      assert.equal(peer.send({ kind: 'rumble', controller: 0, lowFrequency: 1, highFrequency: 2 }), true);
      const opened = cipher.open(await client.packets.next('the rumble'));
      assert.ok(opened.ok);
      sequences.push(opened.sequence);
      const parsed = parseHostMessage(opened.plaintext);
      assert.ok(parsed.ok && parsed.message.kind === 'rumble');
      client.disconnect();
      await session.events.next('the farewell', (event) => event.kind === 'disconnected');
      assert.equal(peer.send({ kind: 'rumble', controller: 0, lowFrequency: 0, highFrequency: 0 }), false);
    }
    assert.deepEqual(sequences, [0, 1]);
  });

  it('begins to count anew with a new key', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    for (let round = 0; round < 2; round += 1) {
      session.riKey = randomBytes(16);
      const client = await parties.connect(session);
      client.send({ kind: 'requestIdr' });
      const peer = await session.peer();
      peer.send({ kind: 'termination', code: 1 });
      const opened = client.cipher.open(await client.packets.next('the message'));
      assert.ok(opened.ok && opened.sequence === 0);
      client.disconnect();
      await session.events.next('the farewell', (event) => event.kind === 'disconnected');
    }
  });

  it('rejects replayed, forged and plain messages and counts them', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    const genuine = client.send({ kind: 'requestIdr' });
    await session.peer();
    const forged = Buffer.from(genuine);
    forged.writeUInt32LE(500, 4);
    client.sendRaw(genuine);
    client.sendRaw(forged);
    client.sendRaw(Buffer.from('020302000000', 'hex'));
    client.sendRaw(Buffer.from('01', 'hex'));
    client.send({ kind: 'unknown', type: 0x7777, payload: Buffer.from('future') });
    client.send({ kind: 'startB' });
    await session.events.next(
      'the last message',
      (event) => event.kind === 'message' && event.message.kind === 'startB',
    );
    assert.deepEqual(server.countersOf(session), {
      messages: 3,
      unknown: 1,
      malformed: 1,
      unencrypted: 1,
      replays: 1,
      badTags: 1,
    });
    assert.equal(session.events.all.filter((event) => event.kind === 'message').length, 3);
  });

  it('keeps the live connection when somebody without the key connects with its connect data', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    const recorded = client.send({ kind: 'requestIdr' });
    await session.peer();
    const intruder = await parties.connect(session, {
      cipher: new ControlCipher(randomBytes(16), true, 'client'),
    });
    intruder.sendRaw(recorded);
    for (let count = 0; count < 16; count += 1) intruder.send({ kind: 'requestIdr' });
    await intruder.ended.next('the end of the intruder');
    client.send({ kind: 'startB' });
    await session.events.next(
      'the message',
      (event) => event.kind === 'message' && event.message.kind === 'startB',
    );
    assert.equal(session.events.all.filter((event) => event.kind === 'connected').length, 1);
  });

  it('replaces a connection by a new one that proved itself, without reporting an end', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const first = await parties.connect(session);
    first.send({ kind: 'requestIdr' });
    await session.peer();
    const second = await parties.connect(session, { cipher: first.cipher });
    second.send({ kind: 'requestIdr' });
    await session.peer();
    await first.ended.next('the end of the first');
    assert.equal(session.events.all.filter((event) => event.kind === 'disconnected').length, 0);
  });

  it('terminates with the code, waits for the acknowledgement and reports no end', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    client.send({ kind: 'requestIdr' });
    const peer = await session.peer();
    const terminated = peer.terminate(0x80030023);
    const opened = client.cipher.open(await client.packets.next('the termination'));
    assert.ok(opened.ok);
    assert.equal(opened.plaintext.toString('hex'), '0901040080030023');
    await client.ended.next('the end');
    await terminated;
    await peer.terminate(0x80030023);
    assert.equal(session.events.all.filter((event) => event.kind === 'disconnected').length, 0);
  });

  it('reports a client that sends nothing any more as timed out', async () => {
    start({ livenessMs: 150 });
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    client.send({ kind: 'requestIdr' });
    await session.peer();
    const event = await session.events.next('the timeout', (candidate) => candidate.kind === 'disconnected');
    assert.deepEqual(event, { kind: 'disconnected', reason: 'timeout' });
  });

  it('drops the connection of a removed session without a word to it', async () => {
    start();
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    client.send({ kind: 'requestIdr' });
    await session.peer();
    server.removeSession(session);
    await client.ended.next('the end');
    assert.equal(session.events.all.filter((event) => event.kind === 'disconnected').length, 0);
    assert.equal(server.countersOf(session), undefined);
  });
});
