import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ControlCipher } from '../../../src/control/cipher.js';
import type { ControlServer } from '../../../src/control/server.js';
import { ControlParties, FakeSession, waitUntil } from '../../support/control-parties.js';
import { sendConnect } from '../../support/enet-datagrams.js';

describe('the control server, of sessions that have ended', () => {
  let parties: ControlParties;
  let server: ControlServer;

  beforeEach(() => {
    parties = new ControlParties();
    ({ server } = parties);
  });

  afterEach(() => parties.close());

  it('tells a client that comes after its session ended why, once', async () => {
    const session = new FakeSession();
    server.addSession(session);
    server.leaveTombstone(session, 0x80030023);
    server.removeSession(session);
    const client = await parties.connect(session);
    client.send({ kind: 'startB' });
    const opened = client.cipher.open(await client.packets.next('the termination'));
    assert.ok(opened.ok);
    assert.equal(opened.plaintext.toString('hex'), '0901040080030023');
    await client.ended.next('the end');
    assert.equal(session.events.all.length, 0);
    await sendConnect(server.port, { address: '127.0.0.1', data: session.connectData });
    await waitUntil(() => server.unmatchedCount === 1);
  });

  it('tells a client why whose connection was under way when its session ended', async () => {
    const session = new FakeSession();
    server.addSession(session);
    const client = await parties.connect(session);
    server.leaveTombstone(session, 0x80030023);
    server.removeSession(session);
    client.send({ kind: 'startB' });
    const opened = client.cipher.open(await client.packets.next('the termination'));
    assert.ok(opened.ok);
    assert.equal(opened.plaintext.toString('hex'), '0901040080030023');
  });

  it('tells nothing about an ended session to who lacks its key, nor after its time', async () => {
    const session = new FakeSession();
    server.leaveTombstone(session, 0x80030023, 200);
    const stranger = await parties.connect(session, {
      cipher: new ControlCipher(randomBytes(16), true, 'client'),
    });
    stranger.send({ kind: 'startB' });
    await stranger.ended.next('the end');
    assert.equal(stranger.packets.all.length, 0);
    await sendConnect(server.port, { address: '127.0.0.1', data: session.connectData });
    await waitUntil(() => server.unmatchedCount === 1);
  });

  it('prefers a living session at an address to an ended one', async () => {
    const [ended, living] = [new FakeSession(), new FakeSession()];
    ended.hasSessionId = false;
    living.hasSessionId = false;
    server.addSession(living);
    server.leaveTombstone(ended, 0x80030023);
    const client = await parties.connect(living);
    client.send({ kind: 'startB' });
    await living.peer();
  });

  it('keeps the words for the 16 sessions that ended last', async () => {
    const ended = Array.from({ length: 17 }, (_, index) => {
      const session = new FakeSession();
      session.connectData = index + 1;
      return session;
    });
    for (const session of ended) server.leaveTombstone(session, 0x80030023);
    await sendConnect(server.port, { address: '127.0.0.1', data: 1 });
    await waitUntil(() => server.unmatchedCount === 1);
    const [, second] = ended;
    assert.ok(second !== undefined);
    await parties.connect(second);
  });
});
