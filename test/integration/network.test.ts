import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProbeReport } from '../../src/probe/report.js';
import { pair, probe, typePin } from '../support/client.js';
import { CABLE, Namespaces } from '../support/namespaces.js';
import { Serve, showLogWhenFailed, TestHome } from '../support/serve.js';
import { runThreeClients } from '../support/three-clients.js';

const SMALL = { mode: { width: 320, height: 180, fps: 30 }, bitrateKbps: 2000 } as const;

describe('three clients at once', function () {
  this.timeout(90_000);
  const home = new TestHome();
  let serve: Serve;

  before(async () => {
    serve = await Serve.start(home, ['--encryption-lan', 'opportunistic']);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });
  showLogWhenFailed(() => serve.output);

  it('lose nothing by each other, and roam and resume; a forged ping moves nothing', async () => {
    const roamingWish = { mode: { width: 480, height: 270, fps: 60 }, bitrateKbps: 3000, encryption: 7 };
    const resumingWish = { ...SMALL, codec: 'hevc' as const, packetSize: 1024 };
    const result = await runThreeClients(serve, ['640x360@30', roamingWish, resumingWish], 600);
    assert.equal(result.roaming.lostBefore, 0);
    assert.equal(result.roaming.lostAfter, 0);
    assert(result.roaming.soundAfter > 0, 'its sound goes on too');
    for (const { failure, frames, request } of result.resuming) {
      assert.equal(failure, null, JSON.stringify(failure));
      assert.equal(request.codec, 'hevc');
      assert.equal(frames.lost, 0);
      assert.equal(frames.wrong, 0);
      assert.equal(frames.firstIndex, 1);
    }
    assert.deepEqual(result.forged, { received: 0, rejected: 5 });
  });
});

describe('the encryption policy', function () {
  this.timeout(60_000);
  const home = new TestHome();
  let serve: Serve;

  before(async () => {
    serve = await Serve.start(home, ['--encryption-lan', 'required']);
    await pair(serve);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });

  it('turns away, where the client shows it, one that is too old to encrypt', async () => {
    const report = await probe(serve, { ...SMALL, seconds: 1, plainRtsp: true });
    assert.match(report.failure?.problem ?? '', /requires encryption.*403/);
    assert.deepEqual((await serve.status()).sessions, []);
  });

  it('makes a client encrypt everything that would not have', async () => {
    const report = await probe(serve, { ...SMALL, seconds: 0.5, encryption: 1, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.deepEqual(report.request.encryption, { rtsp: true, controlV2: true, video: true, audio: true });
    assert.equal(report.datagrams.decryptFailures, 0);
  });
});

/** Runs a program of a few lines in a namespace. */
const runScript = async (launcher: readonly string[], script: string): Promise<void> => {
  const [file = '', ...rest] = [...launcher, process.execPath, '--input-type=module', '--eval', script];
  await promisify(execFile)(file, rest, { timeout: 15_000 });
};

/* Asks for the service over IPv6's multicast group, as a client's resolver does, until an answer has the address. */
const MDNS_QUERY = `
  import dgram from 'node:dgram';
  const socket = dgram.createSocket({ type: 'udp6', reuseAddr: true });
  const query = Buffer.from('000000000001000000000000095f6e7673747265616d045f746370056c6f63616c00000c0001', 'hex');
  socket.on('message', (message) => {
    const isAnswer = (message[2] & 0x80) !== 0 && message.includes('_nvstream');
    if (isAnswer && message.includes(Buffer.from('${CABLE.hostBytes}', 'hex'))) process.exit(0);
  });
  socket.bind(5353, () => {
    socket.addMembership('ff02::fb', '::%lan');
    socket.setMulticastInterface('::%lan');
    setInterval(() => socket.send(query, 5353, 'ff02::fb'), 300);
  });
`;

/** A short stream of the command, without a loss. */
const stream = async (home: TestHome, address: string, seconds = 0.5): Promise<ProbeReport> => {
  const options = [
    '--mode',
    '320x180@30',
    '--bitrate',
    '2000',
    '--seconds',
    String(seconds),
    '--quit',
    '--json',
  ];
  const { status, stdout, stderr } = await home.lumen(['probe', 'stream', address, ...options]);
  assert.equal(status, 0, stderr);
  const report = JSON.parse(stdout) as ProbeReport;
  assert.equal(report.frames.lost, 0);
  assert.equal(report.frames.wrong, 0);
  return report;
};

describe('a client that has IPv6 alone', function () {
  this.timeout(60_000);
  let namespaces: Namespaces;
  let hostHome: TestHome;
  let clientHome: TestHome;
  let serve: Serve;

  before(async () => {
    namespaces = await Namespaces.create();
    hostHome = new TestHome({}, namespaces.inside('host'));
    clientHome = new TestHome({}, namespaces.inside('client'));
    serve = await Serve.start(hostHome, [
      '--bind-address',
      '::',
      '--discovery',
      '--encryption-lan',
      'required',
    ]);
  });
  after(async () => {
    await serve.stop();
    namespaces.close();
    for (const home of [hostHome, clientHome]) home.remove();
  });
  showLogWhenFailed(() => serve.output);

  it('finds the host', async () => {
    await runScript(namespaces.inside('client'), MDNS_QUERY);
  });

  it('pairs and streams, encrypted as the host requires on the local network', async () => {
    const address = `[${CABLE.host}]:${serve.port}`;
    const pairing = clientHome.lumen(['probe', 'pair', address, '--pin', '4711']);
    assert.equal((await typePin(serve, '4711')).status, 0);
    assert.equal((await pairing).status, 0);
    // The sound begins after the picture, on a busy machine a second later.
    const report = await stream(clientHome, address, 2);
    assert((report.audio?.packets ?? 0) > 0);
    assert.deepEqual(report.request.encryption, { rtsp: true, controlV2: true, video: true, audio: true });
  });

  it('streams to the link-local address of the host too', async () => {
    const [file = '', ...rest] = namespaces.inside('host');
    const { stdout } = await promisify(execFile)(file, [
      ...rest,
      ...'ip -6 -o addr show lan scope link'.split(' '),
    ]);
    await stream(clientHome, `[${/fe80[^/]+/.exec(stdout)?.[0]}%lan]:${serve.port}`);
  });

  it('leaves the ports open to clients of IPv4', async () => {
    const address = `127.0.0.1:${serve.port}`;
    const pairing = hostHome.lumen(['probe', 'pair', address, '--pin', '4712']);
    assert.equal((await typePin(serve, '4712')).status, 0);
    assert.equal((await pairing).status, 0);
    await stream(hostHome, address);
  });
});
