import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStream, pair, probe } from '../support/client.js';
import {
  arePortsFree,
  childrenOf,
  findBasePort,
  isAlive,
  Serve,
  showLogWhenFailed,
  TestHome,
  until,
} from '../support/serve.js';

describe('lumen serve', function () {
  this.timeout(60_000);
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

  it('tells where it is, with which encoder it streams and how to pair', () => {
    assert.match(serve.output, new RegExp(`127\\.0\\.0\\.1:${serve.port}`));
    assert.match(serve.output, /Encoder: (x264enc|openh264enc)/);
    assert.match(serve.output, /lumen pair PIN/);
  });

  it('refuses a pairing with the wrong PIN and tells both sides', async () => {
    const { client, person } = await pair(serve, '1234', '4321');
    assert.equal(client.status, 'rejected');
    assert.notEqual(person.status, 0);
    assert.match(person.stderr, /PIN/);
    const list = await home.lumen(['clients', 'list', '--port', String(serve.port)]);
    assert.match(list.stdout, /No client has paired yet/);
  });

  it('pairs with the right PIN', async () => {
    const { client, person } = await pair(serve);
    assert.equal(client.status, 'fulfilled', JSON.stringify(client));
    assert.equal(person.status, 0, person.stderr);
    const list = await home.lumen(['clients', 'list', '--json', '--port', String(serve.port)]);
    assert.equal((JSON.parse(list.stdout) as unknown[]).length, 1);
  });

  it('streams the test source at 1280x720@60 without a loss, in the right order, with sound', async () => {
    const report = await probe(serve, { seconds: 3, requestIdrAt: [1.5], ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.equal(report.end.reason, 'time');
    assert(report.frames.received >= 150, `${report.frames.received} frames`);
    assert.equal(report.frames.lost, 0);
    assert.equal(report.frames.wrong, 0);
    assert.equal(report.frames.firstIndex, 1);
    assert.equal(report.frames.sequenceGaps, 0);
    assert((report.audio?.packets ?? 0) >= 400, `${report.audio?.packets} audio packets`);
    assert.equal(report.audio?.gaps, 0);
    assert.deepEqual((await serve.status()).sessions, []);
  });

  it('spreads by the link that was set for the client, from its next stream on', async () => {
    const setLink = (...args: string[]) =>
      home.lumen(['clients', 'link', ...args, '--port', String(serve.port)]);
    const list = await home.lumen(['clients', 'list', '--json', '--port', String(serve.port)]);
    const [{ fingerprint }] = JSON.parse(list.stdout) as [{ fingerprint: string }];
    assert.match((await setLink(fingerprint, '100M')).stdout, /80 Mbit\/s from its next stream on/);
    const shown = await home.lumen(['clients', 'list', '--port', String(serve.port)]);
    assert.match(shown.stdout, /link 80 Mbit\/s/);
    const stream = await openStream(serve);
    try {
      assert.notEqual(await stream.firstFrame, null);
      await sleep(1000);
      const status = await home.lumen(['status', '--port', String(serve.port)]);
      assert.match(status.stdout, /link 80 Mbit\/s/);
    } finally {
      const { hostStages } = await stream.quit();
      // A frame of 10 kB at 72 Mbit/s takes a millisecond; at the default link it leaves in one group.
      assert((hostStages?.spreadMs.p50 ?? 0) >= 0.4, JSON.stringify(hostStages?.spreadMs));
    }
    assert.equal((await setLink(fingerprint, 'fast')).status, 2);
    assert.match((await setLink(fingerprint, 'default')).stdout, /the setting link_kbps/);
  });

  it('answers a key-frame request with a key frame within two frames of the gate', async () => {
    const stream = await openStream(serve);
    try {
      assert.notEqual(await stream.firstFrame, null);
      await sleep(300);
      const { frames } = await stream.requestIdr();
      // The newest frame seen, the one being encoded, and two of the gate.
      assert(frames <= 4, `the key frame came ${frames} frames after the request`);
    } finally {
      await stream.quit();
    }
  });

  it('streams over plain RTSP and without any encryption but that of control', async () => {
    const plain = await probe(serve, { seconds: 1, plainRtsp: true, encryption: 1, ending: 'quit' });
    assert.equal(plain.failure, null, JSON.stringify(plain.failure));
    assert.equal(plain.request.encryption.rtsp, false);
    assert.equal(plain.frames.wrong, 0);
    assert((plain.audio?.packets ?? 0) > 100);
    assert.equal(plain.request.encryption.video, false);
    assert.equal(plain.request.encryption.audio, false);
  });

  it('encrypts video and sound where the client wants it, and repeats no nonce', async () => {
    const report = await probe(serve, { seconds: 1, encryption: 7, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.deepEqual(report.request.encryption, { rtsp: true, controlV2: true, video: true, audio: true });
    assert.equal(report.frames.nonceRepeats, 0);
    assert.equal(report.datagrams.decryptFailures, 0);
    assert.equal(report.frames.wrong, 0);
  });

  it('keeps the session of a client that fell silent, and goes on when it resumes', async () => {
    const silent = await openStream(serve);
    assert.notEqual(await silent.firstFrame, null);
    await silent.vanish();
    await until(
      async () => (await serve.status()).sessions[0]?.state === 'suspended',
      'the silence is noticed',
      15_000,
    );
    const again = await probe(serve, { seconds: 1, verb: 'resume', ending: 'quit' });
    assert.equal(again.failure, null, JSON.stringify(again.failure));
  });

  it('keeps the session of a client that left, and goes on when it resumes', async () => {
    const first = await openStream(serve);
    assert.notEqual(await first.firstFrame, null);
    await first.disconnect();
    await until(
      async () => (await serve.status()).sessions[0]?.state === 'suspended',
      'the session is suspended',
    );
    const second = await probe(serve, { seconds: 1, verb: 'auto', ending: 'quit' });
    assert.equal(second.request.verb, 'resume');
    assert.equal(second.failure, null, JSON.stringify(second.failure));
    assert.equal(second.frames.lost, 0);
    assert.equal(second.frames.firstIndex, 1);
    assert.deepEqual((await serve.status()).sessions, []);
  });

  it('brings the picture back within a second after its media process was killed, with numbers that go on', async () => {
    const stream = await openStream(serve, { encryption: 7 });
    assert.notEqual(await stream.firstFrame, null);
    await sleep(500);
    const before = await serve.status();
    const pid = before.sessions[0]?.mediaPid;
    assert(pid);
    const framesBefore = (await stream.stats()).frames;
    process.kill(pid, 'SIGKILL');
    const killedMs = performance.now();
    await until(
      async () => (await stream.stats()).frames.lastIndex > framesBefore.lastIndex + 30,
      'the picture is back',
    );
    const backMs = performance.now() - killedMs;
    const { frames } = await stream.stats();
    assert(backMs < 1500, `30 frames were back after ${backMs} ms`);
    assert.equal(frames.wrong, 0);
    assert.equal(frames.nonceRepeats, 0);
    assert.equal(frames.firstIndex, 1, 'frame indices go on');
    assert(frames.lost <= 5, `${frames.lost} frames lost`);
    assert.match(serve.output, /media process failed: starting another/);
    await stream.quit();
  });

  it('replaces a media process that hangs', async () => {
    const stream = await openStream(serve);
    assert.notEqual(await stream.firstFrame, null);
    const pid = (await serve.status()).sessions[0]?.mediaPid;
    assert(pid);
    process.kill(pid, 'SIGSTOP');
    await until(() => serve.output.includes('the media process does not answer'), 'the hang is noticed');
    const { lastIndex } = (await stream.stats()).frames;
    await until(async () => (await stream.stats()).frames.lastIndex > lastIndex + 30, 'the picture is back');
    assert(!isAlive(pid));
    await stream.quit();
  });

  it('says clearly which port is taken when a second host is started', async () => {
    const result = await home.lumen([
      'serve',
      '--port',
      String(serve.port),
      '--bind-address',
      '127.0.0.1',
      '--no-discovery',
    ]);
    assert.equal(result.status, 4);
    assert.match(result.stderr, /Port \d+ \(.*\) on 127\.0\.0\.1 is already in use/);
    assert.match(result.stderr, /--port N/);
  });

  it('ends what a client streams when the client is removed, and no longer knows it', async () => {
    const stream = await openStream(serve);
    assert.notEqual(await stream.firstFrame, null);
    const list = JSON.parse(
      (await home.lumen(['clients', 'list', '--json', '--port', String(serve.port)])).stdout,
    );
    const removed = await home.lumen([
      'clients',
      'remove',
      list[0].fingerprint,
      '--port',
      String(serve.port),
    ]);
    assert.equal(removed.status, 0, removed.stderr);
    const end = await stream.ended;
    assert.equal(end.code, 0, end.text);
    await stream.vanish();
    const report = await probe(serve, { seconds: 1 });
    assert.notEqual(report.failure, null);
  });
});

describe('the end of lumen serve', function () {
  this.timeout(60_000);

  it('tells its clients and leaves within two seconds, with no process and no port behind', async () => {
    const home = new TestHome();
    const serve = await Serve.start(home);
    try {
      await pair(serve);
      const stream = await openStream(serve);
      assert.notEqual(await stream.firstFrame, null);
      assert(serve.child.pid !== undefined);
      const children = childrenOf(serve.child.pid);
      assert(children.length >= 1);
      const tookMs = await serve.stop('SIGINT');
      assert(tookMs < 2000, `took ${tookMs} ms`);
      assert.equal(serve.child.exitCode, 0);
      const end = await stream.ended;
      assert.equal(end.hostCode, 0x80030023, end.text);
      assert.equal(end.code, 0);
      await stream.vanish();
      assert.deepEqual(children.filter(isAlive), []);
      assert(await arePortsFree(serve.port), 'a port is still taken');
    } finally {
      await serve.stop();
      home.remove();
    }
  });

  it('leaves no process behind when it is killed', async () => {
    const home = new TestHome();
    const serve = await Serve.start(home);
    try {
      await pair(serve);
      const stream = await openStream(serve);
      assert.notEqual(await stream.firstFrame, null);
      assert(serve.child.pid !== undefined);
      const children = childrenOf(serve.child.pid);
      assert(children.length >= 1);
      await serve.stop('SIGKILL');
      await until(() => !children.some(isAlive), 'the media processes are gone', 1000);
      await stream.vanish();
    } finally {
      home.remove();
    }
  });

  it('refuses a source that does not exist at once, and says what there is', async () => {
    const home = new TestHome();
    const port = await findBasePort();
    const startMs = performance.now();
    const result = await home.lumen([
      'serve',
      '--port',
      String(port),
      '--bind-address',
      '127.0.0.1',
      '--no-discovery',
      '--source',
      'pipewire:no-such-node',
    ]);
    assert.equal(result.status, 7, result.stderr);
    assert.match(result.stderr, /PipeWire cannot be asked|does not exist/);
    assert(performance.now() - startMs < 10_000);
    assert.equal(fs.existsSync(path.join(home.directory, 'runtime/lumen', `serve-${port}.sock`)), false);
    home.remove();
  });
});
