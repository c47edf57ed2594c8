import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killChild } from '../support/children.js';
import { openStream, pair, probe } from '../support/client.js';
import { seesCounting } from '../support/counting.js';
import { assertNumbersGoOn } from '../support/numbering.js';
import { readPicture } from '../support/picture.js';
import { type PipeWire, startPipeWire } from '../support/pipewire.js';
import { isAlive, Serve, showLogWhenFailed, TestHome, until } from '../support/serve.js';

/** The RGB values at places of a PNG file. */
const readPixels = (
  file: string,
  width: number,
  places: readonly (readonly [x: number, y: number])[],
): number[][] => {
  const picture = readPicture(file);
  return places.map(([x, y]) => [...picture.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)]);
};

describe('lumen serve --source pipewire:NAME', function () {
  this.timeout(90_000);
  let pipewire: PipeWire;
  let folder: string;
  const homes: TestHome[] = [];
  const serves: Serve[] = [];

  const start = async (node: string, source = `pipewire:${node}`): Promise<Serve> => {
    const home = new TestHome({ PIPEWIRE_RUNTIME_DIR: pipewire.environment['PIPEWIRE_RUNTIME_DIR'] });
    homes.push(home);
    const serve = await Serve.start(home, ['--source', source]);
    serves.push(serve);
    await pair(serve);
    return serve;
  };

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-pipe-'));
    pipewire = await startPipeWire();
  });
  showLogWhenFailed(() => serves.map(({ output }) => output).join('\n'));
  afterEach(async () => {
    for (const serve of serves.splice(0)) await serve.stop();
    for (const home of homes.splice(0)) home.remove();
  });
  after(async () => {
    await pipewire.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('streams what a producer draws, at 1280x720@60, every decoded picture readable', async () => {
    const producer = await pipewire.startProducer({
      name: 'lumen-moving',
      width: 1280,
      height: 720,
      fps: 60,
    });
    const serve = await start('lumen-moving');
    const report = await probe(serve, { seconds: 3, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert.equal(report.frames.lost, 0);
    assert.equal(
      report.frames.wrong,
      0,
      'the counter was drawn by the producer and read from the decoded picture',
    );
    assert(report.frames.perSecond > 55, `${report.frames.perSecond} frames a second`);
    assert((report.frames.repeated ?? 1e9) < report.frames.received / 2, 'the picture moves');
    await producer.kill();
  });

  it('takes the node of a running gamescope by itself, and keeps the client’s rate with two pictures a second', async () => {
    const producer = await pipewire.startProducer({ name: 'gamescope', width: 1280, height: 720, fps: 2 });
    const serve = await start('gamescope', 'auto');
    assert.match(serve.output, /"capture":"gamescope","why":"gamescope offers the PipeWire node \d+"/);
    const report = await probe(serve, { seconds: 3, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert(report.frames.perSecond > 55, `${report.frames.perSecond} frames a second`);
    assert.equal(report.frames.wrong, 0);
    await producer.kill();
  });

  it('scales a picture of another shape and keeps the borders black', async () => {
    const launch =
      'videotestsrc is-live=true pattern=red ! video/x-raw,format=BGRx,width=640,height=480,framerate=30/1';
    const producer = await pipewire.startProducer({
      name: 'lumen-narrow',
      width: 640,
      height: 480,
      fps: 30,
      launch,
    });
    const serve = await start('lumen-narrow');
    const snapshotFile = path.join(serve.home.directory, 'picture.png');
    const report = await probe(serve, { seconds: 2, snapshotFile, ending: 'quit' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    assert(fs.existsSync(snapshotFile));
    const [left, middle, right] = readPixels(snapshotFile, 1280, [
      [40, 360],
      [640, 360],
      [1240, 360],
    ]);
    assert(
      left?.every((value) => value < 12) && right?.every((value) => value < 12),
      `borders ${left} and ${right}`,
    );
    assert(
      middle && Number(middle[0]) > 230 && Number(middle[1]) < 25 && Number(middle[2]) < 25,
      `middle ${middle}`,
    );
    await producer.kill();
  });

  it('lives on when the producer is killed while its frame is on the screen', async () => {
    const producer = await pipewire.startProducer({ name: 'lumen-dying', width: 1280, height: 720, fps: 30 });
    const serve = await start('lumen-dying');
    const stream = await openStream(serve);
    assert.notEqual(await stream.firstFrame, null);
    await sleep(300);
    const mediaPid = (await serve.status()).sessions[0]?.mediaPid;
    assert(mediaPid);
    const { lastIndex } = (await stream.stats()).frames;
    await producer.kill();
    await sleep(700);
    assert(isAlive(mediaPid), 'the media process died with the producer');
    const { frames } = await stream.stats();
    assert(frames.lastIndex > lastIndex + 20, 'the last picture is repeated');
    assert.equal(frames.wrong, 0);
    await stream.quit();
  });

  it('waits for a producer that is gone and streams it again when it is back', async () => {
    const first = await pipewire.startProducer({ name: 'lumen-again', width: 1280, height: 720, fps: 30 });
    const serve = await start('lumen-again');
    const stream = await openStream(serve);
    assert.notEqual(await stream.firstFrame, null);
    await first.kill();
    await until(() => serve.output.includes('waiting for the video source'), 'the host misses the source');
    // Of another size: a program that was started anew with another window.
    const second = await pipewire.startProducer({ name: 'lumen-again', width: 640, height: 360, fps: 30 });
    await seesCounting(stream);
    assertNumbersGoOn(await stream.stats(), serve.output);
    assert.equal((await serve.status()).sessions[0]?.state, 'playing');
    await stream.quit();
    await second.kill();
  });

  it('ends with a reason, not with a picture that stands still, where a node never says its new size', async () => {
    // pipewiresink of PipeWire 0.3 goes on to name the size with which it began, also to who connects anew.
    // The first picture comes through a pipe, which ends when the test says so.
    const pipe = path.join(folder, 'picture');
    execFileSync('mkfifo', [pipe]);
    const picture = (width: number, height: number): string =>
      `videotestsrc is-live=true pattern=black ! video/x-raw,format=I420,width=${width},height=${height},framerate=30/1`;
    const feeder = spawn('gst-launch-1.0', [
      ...`-q ${picture(1280, 720)} ! filesink buffer-mode=2 location=${pipe}`.split(' '),
    ]);
    const launch =
      `concat name=sizes filesrc location=${pipe} ! rawvideoparse format=i420 width=1280 height=720 framerate=30/1 ! sizes. ` +
      `${picture(640, 360)} ! sizes. sizes. ! framecounter`;
    const name = 'lumen-shrinking';
    const producer = await pipewire.startProducer({ name, width: 1280, height: 720, fps: 30, launch });
    const serve = await start(name);
    const stream = await openStream(serve);
    assert.notEqual(await stream.firstFrame, null);
    await seesCounting(stream);
    await killChild(feeder);
    await until(() => serve.output.includes('session ended'), 'the end');
    assert.match(serve.output, /changed its size","remedy":"start the source again/);
    assert.match(serve.output, /0x800e9403/);
    await stream.vanish();
    await producer.kill();
  });

  it('says what is known when no first picture comes, and ends with the code of the client', async () => {
    const launch =
      'videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! valve drop=true drop-mode=forward-sticky-events';
    const producer = await pipewire.startProducer({
      name: 'lumen-silent',
      width: 640,
      height: 360,
      fps: 30,
      launch,
    });
    const serve = await start('lumen-silent');
    const stream = await openStream(serve);
    assert.equal(await stream.firstFrame, null);
    await until(() => serve.output.includes('session ended'), 'the end', 15_000);
    assert.match(serve.output, /gave no picture for 5 s: [a-z]/);
    assert.match(serve.output, /0x800e9403/);
    await stream.vanish();
    await producer.kill();
  });
});
