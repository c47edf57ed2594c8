import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import type { AnnounceAttributes } from '../../../src/rtsp/announce.js';
import { openFrame, sealFrame } from '../../../src/rtsp/cipher.js';
import { formatDescription } from '../../../src/rtsp/describe.js';
import { formatRequest, parseReply } from '../../../src/rtsp/message.js';
import {
  type AnnounceAnswer,
  RtspServer,
  type RtspServerOptions,
  type RtspSession,
} from '../../../src/rtsp/server.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { TRANSCRIPT_ANNOUNCE } from '../../support/announce-body.js';

class FakeSession implements RtspSession {
  token = '5F3A9C10';
  riKey = randomBytes(16);
  isEncrypted = true;
  peerAddress = '127.0.0.1';
  ports = { video: 47998, control: 47999, audio: 48000 };
  videoPingPayload = '9C41E07B52D3AA18';
  audioPingPayload = '04D2F16A7B8E93C5';
  connectData = 2864434397;
  answer: () => Promise<AnnounceAnswer> = async () => ({ ok: true });
  readonly announced: { attributes: AnnounceAttributes; hostHeader: string }[] = [];
  plays = 0;

  describeBody(): string {
    return formatDescription({
      canHevc: true,
      canAv1: false,
      featureFlags: 3,
      encryptionSupported: 5,
      encryptionRequested: 1,
      surroundParams: [],
    });
  }

  announce(attributes: AnnounceAttributes, context: { hostHeader: string }): Promise<AnnounceAnswer> {
    this.announced.push({ attributes, hostHeader: context.hostHeader });
    return this.answer();
  }

  play(): void {
    this.plays += 1;
  }
}

type Header = readonly [name: string, value: string];

const TRANSPORT: Header = ['Transport', 'unicast;X-GS-ClientPort=50000-50001'];

/** The requests of the transcript in `protocol/rtsp.md` §6. */
const request = (
  sequence: number,
  method: string,
  target: string,
  extra: readonly Header[] = [],
  body?: string,
) =>
  formatRequest({
    method,
    target,
    headers: [['CSeq', String(sequence)], ['X-GS-ClientVersion', '14'], ['Host', '192.168.1.10'], ...extra],
    ...(body === undefined ? {} : { body }),
  });

const SESSION: Header = ['Session', '5F3A9C10'];
const TRANSCRIPT: readonly Buffer[] = [
  request(1, 'OPTIONS', 'rtspenc://192.168.1.10:48010'),
  request(2, 'DESCRIBE', 'rtspenc://192.168.1.10:48010', [['Accept', 'application/sdp']]),
  request(3, 'SETUP', 'streamid=audio/0/0', [TRANSPORT]),
  request(4, 'SETUP', 'streamid=video/0/0', [SESSION, TRANSPORT]),
  request(5, 'SETUP', 'streamid=control/13/0', [SESSION, TRANSPORT]),
  request(
    6,
    'ANNOUNCE',
    'streamid=control/13/0',
    [SESSION, ['Content-type', 'application/sdp']],
    TRANSCRIPT_ANNOUNCE,
  ),
  request(7, 'PLAY', '/', [SESSION]),
];

const REPLY_HEADERS: readonly (readonly Header[])[] = [
  [['CSeq', '1']],
  [['CSeq', '2']],
  [
    ['CSeq', '3'],
    ['Session', '5F3A9C10;timeout = 90'],
    ['Transport', 'server_port=48000'],
    ['X-SS-Ping-Payload', '04D2F16A7B8E93C5'],
  ],
  [
    ['CSeq', '4'],
    ['Session', '5F3A9C10;timeout = 90'],
    ['Transport', 'server_port=47998'],
    ['X-SS-Ping-Payload', '9C41E07B52D3AA18'],
  ],
  [
    ['CSeq', '5'],
    ['Session', '5F3A9C10;timeout = 90'],
    ['Transport', 'server_port=47999'],
    ['X-SS-Connect-Data', '2864434397'],
  ],
  [['CSeq', '6']],
  [['CSeq', '7']],
];

describe('the RTSP server', () => {
  let server: RtspServer;
  let sessions: FakeSession[] = [];
  let session: FakeSession;

  const start = async (limits: Partial<RtspServerOptions> = {}): Promise<void> => {
    server = await RtspServer.listen({
      address: '127.0.0.1',
      port: 0,
      sessions: { candidates: () => sessions },
      logger: createSilentLogger(),
      ...limits,
    });
  };

  beforeEach(() => {
    session = new FakeSession();
    sessions = [session];
  });

  afterEach(() => server.close());

  const connect = async (): Promise<net.Socket> => {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };

  /** All bytes up to the end of the connection. */
  const readAll = async (socket: net.Socket): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    return Buffer.concat(chunks);
  };

  const exchange = async (bytes: Buffer): Promise<Buffer> => {
    const socket = await connect();
    socket.write(bytes);
    return readAll(socket);
  };

  const replyOf = (bytes: Buffer) => {
    const parsed = parseReply(bytes);
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.reason);
    return parsed;
  };

  const exchangeEncrypted = async (bytes: Buffer, sequence: number) => {
    const frame = await exchange(sealFrame(session.riKey, 'client', sequence, bytes));
    const plaintext = openFrame(session.riKey, 'host', frame);
    assert.ok(plaintext !== undefined);
    return { reply: replyOf(plaintext), sequence: frame.readUInt32BE(4) };
  };

  const assertAnnounced = (): void => {
    assert.equal(session.plays, 1);
    assert.equal(session.announced.length, 1);
    assert.equal(session.announced[0]?.hostHeader, '192.168.1.10');
    assert.equal(session.announced[0]?.attributes.width, 1920);
  };

  it('answers the whole transcript encrypted, counting its own sequence numbers', async () => {
    await start();
    for (const [index, bytes] of TRANSCRIPT.entries()) {
      // A client process that has streamed before does not begin at 1.
      const { reply, sequence } = await exchangeEncrypted(bytes, 8 + index);
      assert.equal(reply.status, 200);
      assert.equal(sequence, 1 + index);
      assert.deepEqual([...reply.headers], REPLY_HEADERS[index]);
      assert.equal(reply.body, index === 1 ? session.describeBody() : '');
    }
    assertAnnounced();
    assert.equal(server.counters.requests, 7);
  });

  it('answers the whole transcript in clear for a session that may', async () => {
    await start();
    session.isEncrypted = false;
    session.peerAddress = '::ffff:127.0.0.1';
    for (const [index, bytes] of TRANSCRIPT.entries()) {
      const reply = replyOf(await exchange(bytes));
      assert.equal(reply.status, 200);
      assert.deepEqual([...reply.headers], REPLY_HEADERS[index]);
    }
    assertAnnounced();
  });

  it('waits for a request that arrives byte by byte, and answers when the client ended its side', async () => {
    await start();
    session.isEncrypted = false;
    const socket = await connect();
    for (const byte of request(1, 'OPTIONS', 'rtsp://x')) socket.write(Buffer.from([byte]));
    socket.end();
    assert.equal(replyOf(await readAll(socket)).status, 200);
  });

  it('finds the session of an encrypted request among several by its key', async () => {
    await start();
    const other = new FakeSession();
    other.token = 'OTHER';
    sessions = [other, session, new FakeSession()];
    const { reply } = await exchangeEncrypted(TRANSCRIPT[2] as Buffer, 1);
    assert.equal(reply.headers.get('Session'), '5F3A9C10;timeout = 90');
  });

  it('closes without an answer when no session has the key, and when a sequence number comes again', async () => {
    await start();
    const options = TRANSCRIPT[0] as Buffer;
    assert.equal((await exchange(sealFrame(randomBytes(16), 'client', 1, options))).length, 0);
    assert.equal(server.counters.unmatched, 1);
    const frame = sealFrame(session.riKey, 'client', 5, options);
    assert.ok((await exchange(frame)).length > 0);
    assert.equal((await exchange(frame)).length, 0);
    assert.equal((await exchange(sealFrame(session.riKey, 'client', 4, options))).length, 0);
    assert.equal(server.counters.replays, 2);
  });

  it('begins a new handshake with new counters when the session has a new key', async () => {
    await start();
    for (let round = 0; round < 2; round += 1) {
      session.riKey = randomBytes(16);
      for (const [index, bytes] of TRANSCRIPT.entries()) {
        const { reply, sequence } = await exchangeEncrypted(bytes, 1 + index);
        assert.equal(reply.status, 200);
        assert.equal(sequence, 1 + index);
      }
    }
    assert.equal(session.plays, 2);
  });

  it('does not serve an encrypted session in clear, nor a plain one from another address', async () => {
    await start();
    const options = TRANSCRIPT[0] as Buffer;
    assert.equal(replyOf(await exchange(options)).status, 454);
    session.isEncrypted = false;
    session.peerAddress = '192.0.2.1';
    assert.equal(replyOf(await exchange(options)).status, 454);
    assert.equal(server.counters.unmatched, 2);
  });

  describe('keeps the order of the handshake and', () => {
    beforeEach(async () => {
      await start();
      session.isEncrypted = false;
    });

    const statusOf = async (index: number): Promise<number> =>
      replyOf(await exchange(TRANSCRIPT[index] as Buffer)).status;

    it('refuses ANNOUNCE before every SETUP', async () => {
      assert.equal(await statusOf(2), 200);
      assert.equal(await statusOf(3), 200);
      assert.equal(await statusOf(5), 455);
      assert.equal(session.announced.length, 0);
    });

    it('refuses PLAY before ANNOUNCE', async () => {
      assert.equal(await statusOf(6), 455);
      assert.equal(session.plays, 0);
    });

    it('refuses a second ANNOUNCE, but not one after a refusal', async () => {
      session.answer = async () => ({ ok: false, status: 403, reason: 'encryption is mandatory' });
      for (const index of [2, 3, 4]) assert.equal(await statusOf(index), 200);
      assert.equal(await statusOf(5), 403);
      assert.equal(await statusOf(6), 455);
      session.answer = async () => ({ ok: true });
      assert.equal(await statusOf(5), 200);
      assert.equal(await statusOf(5), 455);
      assert.equal(await statusOf(6), 200);
    });

    it('says 400 for an ANNOUNCE that lacks something, 500 when the session throws', async () => {
      for (const index of [2, 3, 4]) assert.equal(await statusOf(index), 200);
      const empty = request(6, 'ANNOUNCE', 'streamid=control/13/0', [SESSION], 'v=0\r\n');
      assert.equal(replyOf(await exchange(empty)).status, 400);
      session.answer = async () => {
        throw new Error('no encoder');
      };
      assert.equal(await statusOf(5), 500);
    });

    it('says 404 for unknown methods and streams and 454 for the token of another session', async () => {
      assert.equal(replyOf(await exchange(request(1, 'TEARDOWN', '/'))).status, 404);
      assert.equal(replyOf(await exchange(request(1, 'SETUP', 'streamid=mic/0/0'))).status, 404);
      assert.equal(replyOf(await exchange(request(1, 'PLAY', '/', [['Session', 'DEADBEEF']]))).status, 454);
    });

    it('echoes a CSeq only if it is a number', async () => {
      const odd = formatRequest({ method: 'OPTIONS', target: 'x', headers: [['CSeq', '1x']] });
      assert.equal(replyOf(await exchange(odd)).headers.get('CSeq'), '0');
    });
  });

  it('lets a port probe go without a word', async () => {
    await start();
    const socket = await connect();
    socket.end();
    assert.equal((await readAll(socket)).length, 0);
    assert.equal(server.counters.probes, 1);
    assert.equal(server.counters.invalid, 0);
  });

  it('closes on requests that are too long, plain or encrypted, complete or not', async () => {
    await start();
    const endless = Buffer.alloc(20_000, 'A');
    const frame = Buffer.alloc(24);
    frame.writeUInt32BE(0x80000000 + 16_385, 0);
    assert.equal((await exchange(endless)).length, 0);
    assert.equal((await exchange(frame)).length, 0);
    assert.equal((await exchange(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))).length, 0);
    assert.equal(server.counters.invalid, 3);
  });

  it('closes a connection that does not complete its request in time', async () => {
    await start({ readDeadlineMs: 60 });
    const socket = await connect();
    const drip = setInterval(() => socket.write('A'), 10);
    try {
      assert.equal((await readAll(socket)).length, 0);
    } finally {
      clearInterval(drip);
    }
    assert.equal(server.counters.timeouts, 1);
  });

  it('bounds the connections of one address and of all together, and recovers', async () => {
    await start({ maxConnections: 3, maxConnectionsPerAddress: 2 });
    session.isEncrypted = false;
    const held = [await connect(), await connect()];
    assert.equal((await exchange(TRANSCRIPT[0] as Buffer)).length, 0);
    assert.equal(server.counters.refusedConnections, 1);
    for (const socket of held) {
      socket.end();
      await readAll(socket);
    }
    assert.equal(replyOf(await exchange(TRANSCRIPT[0] as Buffer)).status, 200);
  });

  it('says EADDRINUSE for a busy port', async () => {
    await start();
    const options = { address: '127.0.0.1', port: server.port, sessions: { candidates: () => [] } };
    await assert.rejects(RtspServer.listen({ ...options, logger: createSilentLogger() }), {
      code: 'EADDRINUSE',
    });
  });
});
