import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ControlCipher } from '../../src/control/cipher.js';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import { openStream, pair, probe } from '../support/client.js';
import { Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';

const OFFSET = { https: -5, http: 0, video: 9, control: 10, audio: 11, rtsp: 21 } as const;

/** Connects, sends, reads until the other side closes or half a second has passed. */
const talk = (port: number, bytes: Buffer | string): Promise<string> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(received));
  });

const sendDatagrams = async (port: number, datagrams: readonly Buffer[]): Promise<void> => {
  const socket = dgram.createSocket('udp4');
  for (const datagram of datagrams) socket.send(datagram, port, '127.0.0.1');
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.close();
  await once(socket, 'close');
};

const descriptorCount = (serve: Serve): number => fs.readdirSync(`/proc/${serve.child.pid}/fd`).length;

describe('a host under bad input', function () {
  this.timeout(60_000);
  const home = new TestHome();
  let serve: Serve;
  let stream: ProbeStream;

  before(async () => {
    serve = await Serve.start(home);
    await pair(serve);
    stream = await openStream(serve);
    assert.notEqual(await stream.firstFrame, null);
    // The sound has a process of its own, whose descriptors come a little later.
    await until(async () => ((await stream.stats()).audio?.packets ?? 0) > 0, 'sound comes', 20_000);
  });
  showLogWhenFailed(() => serve.output);
  afterEach(async () => {
    assert.equal(serve.child.exitCode, null, 'the host ended');
    assert.equal((await serve.status()).sessions[0]?.state, 'playing', 'the stream of another was disturbed');
  });
  after(async () => {
    const { frames } = await stream.stats();
    await stream.quit();
    await serve.stop();
    home.remove();
    assert.equal(frames.lost, 0);
    assert.equal(frames.wrong, 0);
  });

  const port = (use: keyof typeof OFFSET): number => serve.port + OFFSET[use];

  it('survives random bytes on every TCP port and keeps no descriptor of them', async () => {
    const before = descriptorCount(serve);
    for (const use of ['http', 'https', 'rtsp'] as const) {
      await Promise.all(Array.from({ length: 8 }, (_, i) => talk(port(use), randomBytes(1 + 200 * i))));
    }
    await until(() => descriptorCount(serve) <= before, 'the connections are closed');
  });

  it('counts junk on the media ports and moves no stream because of it', async () => {
    const junk = Array.from({ length: 200 }, (_, i) => randomBytes(i % 64));
    const wrongPing = Buffer.concat([Buffer.from('0123456789ABCDEF'), Buffer.from([0, 0, 0, 1])]);
    for (const use of ['video', 'audio'] as const)
      await sendDatagrams(port(use), [...junk, wrongPing, Buffer.from('PING')]);
    const { counters } = JSON.parse(
      (await home.lumen(['status', '--json', '--port', String(serve.port)])).stdout,
    );
    assert(counters.videoPings.junk > 30, JSON.stringify(counters.videoPings));
    assert(counters.videoPings.unmatched > 100);
    assert(counters.audioPings.junk > 30);
  });

  it('survives random datagrams on the control port', async () => {
    await sendDatagrams(
      port('control'),
      Array.from({ length: 300 }, (_, i) => randomBytes(i % 120)),
    );
  });

  it('ignores forged and replayed control messages and counts them', async () => {
    const idr = Buffer.from('020302000000', 'hex');
    assert(stream.sendControl(idr));
    for (let i = 0; i < 20; i += 1)
      stream.sendRaw(Buffer.concat([Buffer.from('01001a00', 'hex'), randomBytes(26)]));
    stream.sendRaw(Buffer.alloc(0));
    stream.sendRaw(idr);
    // Sequence number 0 was the client's first message: sealed again under the right key, it is a replay.
    stream.sendRaw(new ControlCipher(stream.riKey, true, 'client').seal(idr));
    const counts = await until(async () => {
      const control = (await serve.status()).sessions[0]?.counts?.control;
      return (
        control !== undefined &&
        Number(control['badTags']) >= 20 &&
        Number(control['replays']) >= 1 &&
        control
      );
    }, 'forged and replayed messages are counted');
    assert(Number(counts['unencrypted']) + Number(counts['malformed']) >= 1, JSON.stringify(counts));
    assert(serve.output.includes('a control message was rejected'));
  });

  it('answers unpaired clients, malformed queries and oversized requests with the documented errors', async () => {
    const stranger = await probe(serve, { seconds: 1, stateDir: path.join(home.directory, 'stranger') });
    assert.match(JSON.stringify(stranger.failure), /pair/i);
    const pathOnly = await talk(port('http'), 'GET /launch?appid=1 HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(pathOnly, /^HTTP\/1\.1 200[\s\S]*status_code="404"/);
    const malformed = await talk(port('http'), 'GET /pair?uniqueid=%zz HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(malformed, /status_code="400"/);
    const long = await talk(
      port('http'),
      `GET /serverinfo?x=${'y'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    assert.match(long, /^HTTP\/1\.1 431|^$/);
  });

  it('refuses ANNOUNCE before SETUP and RTSP of nobody', async () => {
    const reply = await talk(
      port('rtsp'),
      'ANNOUNCE streamid=control/13/0 RTSP/1.0\r\nCSeq: 1\r\nContent-length: 0\r\n\r\n',
    );
    assert.match(reply, /^RTSP\/1\.0 454/);
  });

  describe('from a second paired client', () => {
    const second = (): { stateDir: string } => ({ stateDir: path.join(home.directory, 'second') });
    before(async () => {
      const { person } = await pair(serve, '2222', '2222', second().stateDir);
      assert.equal(person.status, 0, person.stderr);
    });

    for (const [title, mode] of [
      ['a mode of nothing', { width: 0, height: 0, fps: 60 }],
      ['an odd mode', { width: 1281, height: 720, fps: 60 }],
      ['100 000 pixels', { width: 100_000, height: 720, fps: 60 }],
      ['10 000 frames a second', { width: 1280, height: 720, fps: 10_000 }],
    ] as const) {
      it(`refuses ${title} with a text that the client shows`, async () => {
        const report = await probe(serve, { ...second(), mode, seconds: 1 });
        assert.equal(report.failure?.stage, 'launch');
        assert.match(report.failure?.problem ?? '', /choose|not possible|400/);
      });
    }

    it('leaves one session when it launches twice at once', async () => {
      const small = { ...second(), mode: { width: 640, height: 360, fps: 30 }, bitrateKbps: 2000 } as const;
      const reports = await Promise.all([
        probe(serve, { ...small, seconds: 1, verb: 'launch', ending: 'disconnect' }),
        probe(serve, { ...small, seconds: 1, verb: 'launch', ending: 'disconnect' }),
      ]);
      assert(
        reports.some((report) => report.failure === null),
        JSON.stringify(reports.map((report) => report.failure)),
      );
      assert.equal((await serve.status()).sessions.length, 2);
    });
  });
});
