import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CONTROL_CHANNELS, EnetHost } from '../../../src/control/enet.js';
import { delay } from '../../../src/support/lifecycle.js';
import { formatConnect, formatReliable, sendConnect } from '../../support/enet-datagrams.js';
import { Inbox } from '../../support/events.js';

type Event =
  | { kind: 'connect'; peerId: number; address: string; port: number; data: number }
  | { kind: 'disconnect'; peerId: number; data: number }
  | { kind: 'message'; peerId: number; channel: number; data: Buffer };

const eventsInto = (inbox: Inbox<Event>) => ({
  onConnect: (event: { peerId: number; address: string; port: number; data: number }) =>
    inbox.push({ kind: 'connect', ...event }),
  onDisconnect: (event: { peerId: number; data: number }) => inbox.push({ kind: 'disconnect', ...event }),
  onMessage: (event: { peerId: number; channel: number; data: Buffer }) =>
    inbox.push({ kind: 'message', ...event }),
});

/** The inodes of this process's sockets. */
const ownSockets = (): Set<string> => {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // The descriptor of the listing itself is closed by now.
    }
  });
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
};

/** Ports of 127.0.0.1 at which this process takes datagrams from anybody. */
const ownLoopbackPorts = async (): Promise<number[]> => {
  const own = ownSockets();
  const lines = (await readFile('/proc/net/udp', 'utf8')).split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
    const isOpen = local.startsWith('0100007F:') && remote === '00000000:0000' && own.has(inode);
    return isOpen ? [Number.parseInt(local.slice(9), 16)] : [];
  });
};

describe('an ENet host', () => {
  const hosts: EnetHost[] = [];
  const keep = (host: EnetHost): EnetHost => {
    hosts.push(host);
    return host;
  };
  afterEach(() => {
    for (const host of hosts.splice(0)) host.close();
  });

  const listen = (inbox: Inbox<Event>, maxPeers = 4): EnetHost =>
    keep(
      EnetHost.listen(
        { address: '127.0.0.1', port: 0, maxPeers, channelLimit: CONTROL_CHANNELS },
        eventsInto(inbox),
      ),
    );

  const connectPair = async () => {
    const atServer = new Inbox<Event>();
    const atClient = new Inbox<Event>();
    const server = listen(atServer);
    const client = keep(EnetHost.createClient(eventsInto(atClient)));
    const clientPeer = client.connect({
      address: '127.0.0.1',
      port: server.port,
      channels: CONTROL_CHANNELS,
      data: 0xdeadbeef,
    });
    const connected = await atServer.next('the connection');
    await atClient.next('the connection');
    return { atServer, atClient, server, client, clientPeer, serverPeer: connected.peerId, connected };
  };

  it('passes on the connect data and the address of a client', async () => {
    const { connected } = await connectPair();
    assert.ok(connected.kind === 'connect');
    assert.equal(connected.data, 0xdeadbeef);
    assert.equal(connected.address, '127.0.0.1');
    assert.ok(connected.port > 0);
  });

  it('carries messages on all 48 channels in both directions', async () => {
    const { atServer, atClient, server, client, clientPeer, serverPeer } = await connectPair();
    for (let channel = 0; channel < CONTROL_CHANNELS; channel += 1) {
      assert.equal(client.send(clientPeer, channel, Buffer.from([channel]), 'reliable'), true);
      assert.equal(server.send(serverPeer, channel, Buffer.from([channel, channel]), 'reliable'), true);
    }
    for (const [inbox, length] of [
      [atServer, 1],
      [atClient, 2],
    ] as const) {
      const channels = new Set<number>();
      while (channels.size < CONTROL_CHANNELS) {
        const event = await inbox.next('a message');
        assert.ok(event.kind === 'message');
        assert.deepEqual(
          [...event.data],
          Array.from({ length }, () => event.channel),
        );
        channels.add(event.channel);
      }
    }
  });

  it('refuses a channel that was not granted', async () => {
    const { client, clientPeer } = await connectPair();
    assert.equal(client.send(clientPeer, CONTROL_CHANNELS, Buffer.from('x'), 'reliable'), false);
  });

  it('keeps large messages whole and refuses those above its bound', async () => {
    const { atServer, client, clientPeer } = await connectPair();
    const large = randomBytes(60_000);
    assert.equal(client.send(clientPeer, 0, large, 'reliable'), true);
    const event = await atServer.next('the large message');
    assert.ok(event.kind === 'message' && event.data.equals(large));
    assert.equal(client.send(clientPeer, 0, Buffer.alloc(65 * 1024), 'reliable'), false);
  });

  it('tells the other side of a disconnect, with its data, after what was queued before', async () => {
    const { atServer, atClient, client, clientPeer } = await connectPair();
    client.send(clientPeer, 0, Buffer.from('last words'), 'reliable');
    client.disconnect(clientPeer, 7, 'later');
    const message = await atServer.next('the last message');
    assert.ok(message.kind === 'message');
    const farewell = await atServer.next('the farewell');
    assert.ok(farewell.kind === 'disconnect' && farewell.data === 7);
    await atClient.next('the end', (event) => event.kind === 'disconnect');
    assert.equal(client.send(clientPeer, 0, Buffer.from('x'), 'reliable'), false);
    assert.equal(client.roundTripTimeMs(clientPeer), undefined);
  });

  it('knows whether a reliable message was acknowledged', async () => {
    const { atServer, server, client, clientPeer } = await connectPair();
    client.send(clientPeer, 0, Buffer.from('x'), 'reliable');
    assert.equal(client.hasUnacknowledged(clientPeer), true);
    await atServer.next('the message');
    server.flush();
    for (let wait = 0; wait < 100 && client.hasUnacknowledged(clientPeer); wait += 1) await delay(10);
    assert.equal(client.hasUnacknowledged(clientPeer), false);
  });

  it('reports a peer that went silent', async () => {
    const { atServer, server, client, serverPeer } = await connectPair();
    server.setPeerTimeout(serverPeer, 1, 100, 200);
    client.close();
    server.send(serverPeer, 0, Buffer.from('anybody there?'), 'reliable');
    const event = await atServer.next('the timeout');
    assert.equal(event.kind, 'disconnect');
  });

  it('gives a connection attempt up that nobody answers', async () => {
    const atClient = new Inbox<Event>();
    const client = keep(EnetHost.createClient(eventsInto(atClient)));
    const nobody = listen(new Inbox<Event>());
    const { port } = nobody;
    nobody.close();
    const peerId = client.connect({ address: '127.0.0.1', port, channels: 1, data: 0 });
    client.setPeerTimeout(peerId, 1, 100, 200);
    const event = await atClient.next('the end of the attempt');
    assert.deepEqual(event, { kind: 'disconnect', peerId, data: 0 });
  });

  it('says EADDRINUSE for a busy port and gives the port back when closed', () => {
    const first = listen(new Inbox<Event>());
    const options = { address: '127.0.0.1', port: first.port, maxPeers: 1, channelLimit: 1 };
    assert.throws(() => EnetHost.listen(options, {}), { code: 'EADDRINUSE' });
    first.close();
    keep(EnetHost.listen(options, {}));
  });

  it('may be closed from within its own events', async () => {
    const atClient = new Inbox<Event>();
    const closed = new Promise<void>((resolve) => {
      const server = keep(
        EnetHost.listen(
          { address: '127.0.0.1', port: 0, maxPeers: 1, channelLimit: 1 },
          {
            onConnect: () => {
              server.close();
              resolve();
            },
          },
        ),
      );
      const client = keep(EnetHost.createClient(eventsInto(atClient)));
      client.connect({ address: '127.0.0.1', port: server.port, channels: 1, data: 0 });
    });
    await closed;
    assert.equal(hosts[0]?.port, 0);
    assert.throws(() => hosts[0]?.connect({ address: '127.0.0.1', port: 9, channels: 1, data: 0 }), /closed/);
  });

  it('queues no more for a peer that does not answer than it would ever be sent', async () => {
    const { server, client, clientPeer } = await connectPair();
    server.close();
    let queued = 0;
    while (queued < 5000 && client.send(clientPeer, 0, Buffer.alloc(64), 'reliable')) queued += 1;
    assert.ok(queued >= 1000 && queued < 2000, `${queued} messages wait`);
    assert.equal(client.send(clientPeer, 0, Buffer.alloc(64), 'unreliable'), false);
  });

  it('lives through garbage and forged commands and still serves its client', async () => {
    const { atServer, server, client, clientPeer } = await connectPair();
    const socket = dgram.createSocket('udp4');
    for (let round = 0; round < 600; round += 1) {
      const garbage = randomBytes(round % 120);
      // Half of them look like commands of a known peer, with each command number in turn.
      if (round % 2 === 0 && garbage.length >= 6) {
        garbage.writeUInt16BE(round % 3 === 0 ? 0 : 0x8fff, 0);
        garbage[round % 3 === 0 ? 2 : 4] = ((round / 2) % 16) | 0x80;
      }
      socket.send(garbage, server.port, '127.0.0.1');
      if (round % 100 === 0) await delay(5);
    }
    await delay(50);
    client.send(clientPeer, 3, Buffer.from('still here'), 'reliable');
    const event = await atServer.next(
      'the message',
      (candidate) => candidate.kind === 'message' && candidate.data.toString() === 'still here',
    );
    assert.ok(event.kind === 'message');
    socket.close();
  });

  it('lets nobody on this machine talk to the library behind its back', async () => {
    const before = await ownLoopbackPorts();
    const { atServer, server, client, clientPeer } = await connectPair();
    const inner = (await ownLoopbackPorts()).filter((port) => !before.includes(port) && port !== server.port);
    assert.equal(inner.length, 2, 'one of the listening host, one of the client');
    const stranger = dgram.createSocket('udp4');
    let answers = 0;
    stranger.on('message', () => {
      answers += 1;
    });
    for (const port of inner) {
      stranger.send(formatConnect(7), port, '127.0.0.1');
      stranger.send(formatReliable(Buffer.from('forged'), 0), port, '127.0.0.1');
    }
    await delay(50);
    client.send(clientPeer, 3, Buffer.from('genuine'), 'reliable');
    const event = await atServer.next('a message or a connection');
    assert.ok(event.kind === 'message');
    assert.equal(event.data.toString(), 'genuine');
    await delay(50);
    stranger.close();
    assert.equal(answers, 0);
  });

  it('keeps nothing of connections that are over', async function () {
    this.timeout(20_000);
    const atServer = new Inbox<Event>();
    const server = listen(atServer);
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 5; round += 1) {
      const atClient = new Inbox<Event>();
      const client = EnetHost.createClient(eventsInto(atClient));
      client.connect({ address: '127.0.0.1', port: server.port, channels: 1, data: round });
      const connected = await atServer.next('the connection', ({ kind }) => kind === 'connect');
      server.disconnect(connected.peerId, 0, 'gentle');
      await atServer.next('the end', ({ kind }) => kind === 'disconnect');
      client.close();
    }
    while (readdirSync('/proc/self/fd').length > before) await delay(100);
  });

  it('throws away a CONNECT that is not expected, with and without the time in its header', async () => {
    const atServer = new Inbox<Event>();
    const server = listen(atServer);
    server.setExpected([7], ['::1', '127.0.0.9']);
    await sendConnect(server.port, { address: '127.0.0.2', data: 8 });
    await sendConnect(server.port, { address: '127.0.0.2', data: 8, hasSentTime: false });
    for (let wait = 0; wait < 300 && server.unexpectedCount < 2; wait += 1) await delay(10);
    assert.equal(server.unexpectedCount, 2);
    const client = keep(EnetHost.createClient({}));
    client.connect({ address: '127.0.0.1', port: server.port, channels: CONTROL_CHANNELS, data: 7 });
    await atServer.next('the expected connection');
    assert.equal(server.unexpectedCount, 2);
  });

  it('answers a CONNECT from an expected address, whatever its data', async () => {
    const atServer = new Inbox<Event>();
    const server = listen(atServer);
    server.setExpected([], ['::ffff:127.0.0.1']);
    const client = keep(EnetHost.createClient({}));
    client.connect({ address: '127.0.0.1', port: server.port, channels: CONTROL_CHANNELS, data: 0 });
    await atServer.next('the connection');
  });

  it('answers no more connections from one address than it may have', async () => {
    const atServer = new Inbox<Event>();
    const server = keep(
      EnetHost.listen(
        { address: '::', port: 0, maxPeers: 8, peersPerAddress: 2, channelLimit: CONTROL_CHANNELS },
        eventsInto(atServer),
      ),
    );
    const connect = async (address: string): Promise<Inbox<Event>> => {
      const inbox = new Inbox<Event>();
      const client = keep(EnetHost.createClient(eventsInto(inbox)));
      client.connect({ address, port: server.port, channels: CONTROL_CHANNELS, data: 1 });
      return inbox;
    };
    for (let count = 0; count < 2; count += 1) await (await connect('127.0.0.1')).next('a connection');
    const refused = await connect('127.0.0.1');
    await (await connect('::1')).next('a connection from another address');
    await delay(100);
    assert.equal(refused.all.length, 0);
  });

  it('takes places back from connections that were begun and not completed', async function () {
    this.timeout(10_000);
    const atServer = new Inbox<Event>();
    const server = listen(atServer);
    for (let count = 0; count < 4; count += 1)
      await sendConnect(server.port, { address: `127.0.0.${count + 2}`, data: 1 });
    for (let wait = 0; wait < 400 && server.halfOpenCount < 4; wait += 1) await delay(10);
    assert.equal(server.halfOpenCount, 4);
    const client = keep(EnetHost.createClient({}));
    client.connect({ address: '127.0.0.1', port: server.port, channels: CONTROL_CHANNELS, data: 1 });
    await atServer.next('the connection');
    assert.equal(server.unexpectedCount, 0);
  });

  it('survives datagrams of every length that pretend to be a CONNECT', async () => {
    const atServer = new Inbox<Event>();
    const server = listen(atServer);
    server.setExpected([7], []);
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (const datagram of [formatConnect(8), formatConnect(8, false)]) {
      for (let length = 0; length < datagram.length; length += 1)
        socket.send(datagram.subarray(0, length), server.port, '127.0.0.1');
    }
    const compressed = formatConnect(8);
    compressed.writeUInt8(0xcf, 0);
    await new Promise((resolve) => socket.send(compressed, server.port, '127.0.0.1', resolve));
    const client = keep(EnetHost.createClient({}));
    client.connect({ address: '127.0.0.1', port: server.port, channels: CONTROL_CHANNELS, data: 7 });
    await atServer.next('the expected connection');
    socket.close();
    assert.equal(server.unexpectedCount, 0);
  });

  it('refuses to expect more connections than it can keep', () => {
    const server = listen(new Inbox<Event>());
    assert.throws(
      () =>
        server.setExpected(
          Array.from({ length: 257 }, () => 1),
          [],
        ),
      RangeError,
    );
  });
});
