import assert from 'node:assert/strict';
import { pair, probe } from '../support/client.js';
import { Serve, TestHome } from '../support/serve.js';
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
  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`${serve.output.slice(-9000)}\n`);
  });

  it('lose nothing by each other, and roam and resume; a forged ping moves nothing', async () => {
    const roamingWish = { mode: { width: 480, height: 270, fps: 60 }, bitrateKbps: 3000, encryption: 7 };
    const resumingWish = { ...SMALL, codec: 'hevc' as const, packetSize: 1024 };
    const result = await runThreeClients(serve, ['640x360@30', roamingWish, resumingWish], 1000);
    assert.equal(result.roaming.lostBefore, 0);
    assert.equal(result.roaming.lostAfter, 0);
    for (const { failure, frames } of result.resuming) {
      assert.equal(failure, null, JSON.stringify(failure));
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

describe('lumen serve over IPv6', function () {
  this.timeout(60_000);
  const home = new TestHome();
  let serve: Serve;

  before(async () => {
    serve = await Serve.start(home, ['--bind-address', '::']);
  });
  after(async () => {
    await serve.stop();
    home.remove();
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`${serve.output.slice(-9000)}\n`);
  });

  it('streams to a client of IPv6 on every port', async () => {
    const { client } = await pair(serve, '1234', '1234', home.probeStateDir, '::1');
    assert.equal(client.status, 'fulfilled', JSON.stringify(client));
    const report = await probe(serve, {
      ...SMALL,
      address: { host: '::1', port: serve.port },
      seconds: 1,
      encryption: 7,
      ending: 'quit',
    });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.equal(report.frames.lost, 0);
    assert.equal(report.frames.wrong, 0);
    assert((report.audio?.packets ?? 0) > 50);
    assert.match(serve.output, /"address":"::1"|address: "::1"/);
  });
});
