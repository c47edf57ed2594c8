import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { formatPing } from '../../../src/endpoints/ping.js';
import { type EndpointSession, EndpointWatcher } from '../../../src/endpoints/watcher.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { bindUdp } from '../../../src/support/sockets.js';
import { Inbox } from '../../support/events.js';

class FakeSession implements EndpointSession {
  readonly endpoints = new Inbox<{ address: string; port: number }>();
  pingPayload: string;
  hasSessionId = true;
  peerAddress = '127.0.0.1';
  controlAddress: string | undefined;

  constructor(pingPayload: string) {
    this.pingPayload = pingPayload;
  }

  onEndpoint(address: string, port: number): void {
    this.endpoints.push({ address, port });
  }
}

describe('the endpoint watcher', () => {
  const senders: dgram.Socket[] = [];
  let watcher: EndpointWatcher;
  let port: number;

  beforeEach(async () => {
    const bound = bindUdp({ address: '::', port: 0 });
    port = bound.port;
    watcher = await EndpointWatcher.open({
      fd: bound.fd,
      type: 'udp6',
      media: 'video',
      logger: createSilentLogger(),
    });
  });

  afterEach(async () => {
    for (const sender of senders.splice(0)) sender.close();
    await watcher.close();
  });

  const createSender = async (address = '127.0.0.1'): Promise<dgram.Socket> => {
    const sender = dgram.createSocket('udp4');
    senders.push(sender);
    sender.bind(0, address);
    await once(sender, 'listening');
    return sender;
  };

  const send = (sender: dgram.Socket, datagram: Buffer): Promise<unknown> =>
    new Promise((resolve) => sender.send(datagram, port, '127.0.0.1', resolve));

  const ping = (payload: string, counter: number): Buffer =>
    formatPing({ kind: 'session', payload, counter });

  it('tells each of two sessions behind one address where its client is', async () => {
    const first = new FakeSession('AAAAAAAAAAAAAAAA');
    const second = new FakeSession('BBBBBBBBBBBBBBBB');
    watcher.add(first);
    watcher.add(second);
    for (const session of [first, second]) {
      const sender = await createSender();
      await send(sender, ping(session.pingPayload, 1));
      const endpoint = await session.endpoints.next('the endpoint');
      assert.deepEqual(endpoint, { address: '127.0.0.1', port: sender.address().port });
    }
    assert.equal(first.endpoints.all.length, 1);
  });

  it('follows a client to a new port and reports unchanged endpoints once', async () => {
    const session = new FakeSession('AAAAAAAAAAAAAAAA');
    session.controlAddress = '127.0.0.1';
    watcher.add(session);
    const [before, after] = [await createSender(), await createSender()];
    await send(before, ping(session.pingPayload, 1));
    await send(before, ping(session.pingPayload, 2));
    await send(after, ping(session.pingPayload, 3));
    await session.endpoints.next('the new endpoint', (endpoint) => endpoint.port === after.address().port);
    assert.equal(session.endpoints.all.length, 2);
  });

  it('rejects a ping that was sent again from elsewhere', async () => {
    const session = new FakeSession('AAAAAAAAAAAAAAAA');
    session.controlAddress = '127.0.0.1';
    watcher.add(session);
    const [client, thief] = [await createSender(), await createSender()];
    await send(client, ping(session.pingPayload, 5));
    await session.endpoints.next('the endpoint');
    await send(thief, ping(session.pingPayload, 5));
    const other = new FakeSession('BBBBBBBBBBBBBBBB');
    watcher.add(other);
    await send(client, ping(other.pingPayload, 1));
    await other.endpoints.next('the other endpoint');
    assert.equal(session.endpoints.all.length, 1);
    assert.equal(watcher.counters.rejected, 1);
  });

  it('does not let an onlooker who saw the payload take the stream before the client pings', async () => {
    const session = new FakeSession('AAAAAAAAAAAAAAAA');
    watcher.add(session);
    const [client, onlooker] = [await createSender(), await createSender('127.0.0.66')];
    await send(onlooker, ping(session.pingPayload, 1e9));
    await send(client, ping(session.pingPayload, 1));
    const endpoint = await session.endpoints.next('the endpoint');
    assert.deepEqual(endpoint, { address: '127.0.0.1', port: client.address().port });
    assert.equal(watcher.counters.rejected, 1);
  });

  it('goes to where the control connection is, away from an endpoint with a higher counter elsewhere', async () => {
    const session = new FakeSession('AAAAAAAAAAAAAAAA');
    session.peerAddress = '127.0.0.66';
    watcher.add(session);
    const [client, other] = [await createSender(), await createSender('127.0.0.66')];
    await send(other, ping(session.pingPayload, 1e9));
    await session.endpoints.next('the endpoint at the launch');
    session.controlAddress = '127.0.0.1';
    await send(client, ping(session.pingPayload, 1));
    const endpoint = await session.endpoints.next('the endpoint at the control connection');
    assert.deepEqual(endpoint, { address: '127.0.0.1', port: client.address().port });
  });

  it('takes legacy pings only for sessions without session id', async () => {
    const modern = new FakeSession('AAAAAAAAAAAAAAAA');
    watcher.add(modern);
    const sender = await createSender();
    await send(sender, Buffer.from('PING'));
    const legacy = new FakeSession('BBBBBBBBBBBBBBBB');
    legacy.hasSessionId = false;
    legacy.peerAddress = '::ffff:127.0.0.1';
    await send(sender, ping(modern.pingPayload, 1));
    await modern.endpoints.next('the endpoint');
    assert.equal(watcher.counters.unmatched, 1);
    watcher.add(legacy);
    await send(sender, Buffer.from('PING'));
    await legacy.endpoints.next('the endpoint');
    assert.equal(modern.endpoints.all.length, 1);
  });

  it('counts junk and pings of nobody, and forgets removed sessions', async () => {
    const session = new FakeSession('AAAAAAAAAAAAAAAA');
    const removed = new FakeSession('BBBBBBBBBBBBBBBB');
    watcher.add(session);
    watcher.add(removed);
    watcher.remove(removed);
    const sender = await createSender();
    await send(sender, Buffer.alloc(0));
    await send(sender, Buffer.from('GET / HTTP/1.1'));
    await send(sender, ping(removed.pingPayload, 1));
    await send(sender, ping(session.pingPayload, 1));
    await session.endpoints.next('the endpoint');
    assert.deepEqual(watcher.counters, { pings: 2, junk: 2, unmatched: 1, rejected: 0 });
    assert.equal(removed.endpoints.all.length, 0);
  });

  it('learns the endpoint anew for a session that is added again with a new payload', async () => {
    const session = new FakeSession('AAAAAAAAAAAAAAAA');
    watcher.add(session);
    const [before, after] = [await createSender(), await createSender()];
    await send(before, ping(session.pingPayload, 7));
    await session.endpoints.next('the endpoint');
    session.pingPayload = 'CCCCCCCCCCCCCCCC';
    watcher.add(session);
    await send(before, ping('AAAAAAAAAAAAAAAA', 8));
    await send(after, ping(session.pingPayload, 1));
    await session.endpoints.next('the new endpoint', (endpoint) => endpoint.port === after.address().port);
    assert.equal(watcher.counters.unmatched, 1);
  });
});
