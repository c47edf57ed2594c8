/** The media process for real, with GStreamer's own elements: what its parent can rely on. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childDescriptor, type MediaProcess, spawnMediaProcess } from '../../src/media/media-process.js';
import type { GraphDescription, MediaReport } from '../../src/media/messages.js';
import { LumenError } from '../../src/support/errors.js';
import { createSilentLogger } from '../../src/support/logger.js';

const LIVE = 'videotestsrc name=source is-live=true ! video/x-raw,width=320,height=180,framerate=60/1';
const ENCODE = 'x264enc name=encoder tune=zerolatency speed-preset=ultrafast key-int-max=100000';
const graph = (launch: string, more: Partial<GraphDescription> = {}): GraphDescription => ({
  name: 'video',
  launch,
  properties: [],
  isOptional: false,
  ...more,
});

type ReportOf<T extends MediaReport['type']> = Extract<MediaReport, { type: T }>;

/** The next report of a type; fails when the process ends first. */
const nextReport = <T extends MediaReport['type']>(media: MediaProcess, type: T): Promise<ReportOf<T>> =>
  new Promise((resolve, reject) => {
    media.onReport((report) => {
      if (report.type === type) resolve(report as ReportOf<T>);
    });
    media.onExit((code, signal) => reject(new Error(`ended before a report "${type}": ${code ?? signal}`)));
  });

const isMediaFailure = (pattern: RegExp) => (error: unknown) =>
  error instanceof LumenError && error.code === 'LUMEN_MEDIA_FAILED' && pattern.test(error.message);

const isAlive = (pid: number): boolean => {
  try {
    // A killed orphan stays visible as a zombie until its new parent looks.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('the media process', function () {
  this.timeout(20_000);
  let started: MediaProcess[] = [];
  const start = (descriptors: readonly number[] = [], environment: NodeJS.ProcessEnv = {}): MediaProcess => {
    const media = spawnMediaProcess({
      descriptors,
      logger: createSilentLogger(),
      environment: { ...process.env, ...environment },
    });
    started.push(media);
    return media;
  };
  afterEach(async () => {
    await Promise.all(started.map((media) => media.stop()));
    started = [];
  });

  it('becomes ready and says which GStreamer it has', async () => {
    assert.match(await start().ready, /^GStreamer 1\.\d+/);
  });

  it('plays a live graph and counts its frames in the stats', async () => {
    const media = start();
    await media.play([graph(`${LIVE} ! fakesink name=sink`)], null);
    await sleep(300);
    const rendered = (await media.stats())['video']?.['sink']?.['rendered'];
    assert.ok(typeof rendered === 'number' && rendered > 5, `rendered ${rendered}`);
  });

  it('reports the end of a graph that is not live', async () => {
    const media = start();
    const eos = nextReport(media, 'eos');
    await media.play([graph('videotestsrc num-buffers=5 ! fakesink')], null);
    assert.equal((await eos).graph, 'video');
  });

  it('goes on with the base time of an earlier process', async () => {
    const first = await start().play([graph(`${LIVE} ! fakesink`)], null);
    assert.match(first, /^\d+$/);
    assert.equal(await start().play([graph(`${LIVE} ! fakesink`)], first), first);
  });

  it('turns a force-key-unit command into a key frame', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-media-'));
    const file = path.join(folder, 'out.h264');
    try {
      const media = start();
      const launch = `${LIVE} ! ${ENCODE} ! video/x-h264,stream-format=byte-stream ! filesink name=sink`;
      await media.play(
        [graph(launch, { properties: [{ element: 'sink', property: 'location', value: file }] })],
        null,
      );
      for (let i = 1; i <= 3; i += 1) {
        await sleep(150);
        media.forceKeyUnit('video', 'encoder', i);
      }
      await sleep(150);
      await media.stop();
      const keyFrames = fs.readFileSync(file).toString('latin1').split('\0\0\x01\x67').length - 1;
      assert.equal(keyFrames, 4);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('forwards element messages with their fields', async () => {
    const media = start();
    const message = nextReport(media, 'message');
    const launch = 'audiotestsrc is-live=true ! level name=meter interval=20000000 ! fakesink';
    await media.play([graph(launch)], null);
    const { element, name, fields } = await message;
    assert.deepEqual([element, name], ['meter', 'level']);
    assert.equal(typeof fields['running-time'], 'number');
  });

  it('refuses a launch string that does not parse and says why', async () => {
    await assert.rejects(
      start().play([graph('videotestsrc ! nosuch')], null),
      isMediaFailure(/nosuch.*graph "video"/),
    );
    await assert.rejects(
      start().play([graph('videotestsrc pattern=nosuch ! fakesink')], null),
      isMediaFailure(/pattern/),
    );
    await assert.rejects(
      start().play([graph('videotestsrc ! audioconvert ! fakesink')], null),
      isMediaFailure(/link/),
    );
    await assert.rejects(start().play([graph('fakesink')], null), isMediaFailure(/two linked elements/));
  });

  it('refuses a property or element that does not exist', async () => {
    const property = { element: 'sink', property: 'nosuch', value: 1 };
    const unknown = graph(`${LIVE} ! fakesink name=sink`, { properties: [property] });
    await assert.rejects(start().play([unknown], null), isMediaFailure(/no property "nosuch"/));
    const element = { ...property, element: 'nobody' };
    await assert.rejects(
      start().play([graph(unknown.launch, { properties: [element] })], null),
      isMediaFailure(/nobody/),
    );
  });

  it('sets a property while playing and reports one that does not exist', async () => {
    const media = start();
    await media.play([graph(`${LIVE} ! fakesink name=sink`)], null);
    const error = nextReport(media, 'error');
    media.set('video', 'source', 'pattern', 'black');
    media.set('video', 'sink', 'nosuch', true);
    const { code, element } = await error;
    assert.deepEqual([code, element], ['property', 'sink']);
    assert.ok((await media.stats())['video'], 'the graph plays on');
  });

  it('fails the start with what an element says', async () => {
    const launch = 'filesrc location=/nonexistent ! fakesink';
    await assert.rejects(start().play([graph(launch)], null), isMediaFailure(/gst-resource-error-quark/));
  });

  it('plays on when an optional graph fails', async () => {
    const media = start();
    const error = nextReport(media, 'error');
    const broken = graph('filesrc location=/nonexistent ! fakesink', { name: 'audio', isOptional: true });
    await media.play([broken, graph(`${LIVE} ! fakesink name=sink`)], null);
    assert.match((await error).message, /started again in 1 s/);
    assert.equal((await error).graph, 'audio');
    const first = (await media.stats())['video']?.['sink']?.['rendered'];
    await sleep(200);
    const second = (await media.stats())['video']?.['sink']?.['rendered'];
    assert.ok(Number(second) > Number(first), `${first} then ${second}`);
  });

  it('plays on when an optional graph does not even parse', async () => {
    const media = start();
    const error = nextReport(media, 'error');
    await media.play(
      [graph('nosuch ! fakesink', { name: 'audio', isOptional: true }), graph(`${LIVE} ! fakesink`)],
      null,
    );
    assert.match((await error).message, /nosuch.*; not started again/);
    assert.deepEqual(Object.keys(await media.stats()), ['video']);
  });

  it('plays on, stays answerable and stops in time while the sound server never answers', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-media-'));
    const socket = path.join(folder, 'silent');
    const server = net.createServer(() => undefined).listen(socket);
    await once(server, 'listening');
    try {
      const media = start([], { PULSE_SERVER: `unix:${socket}` });
      const errors: MediaReport[] = [];
      const error = nextReport(media, 'error');
      media.onReport((report) => errors.push(...(report.type === 'error' ? [report] : [])));
      const sound = graph('pulsesrc ! fakesink', { name: 'audio', isOptional: true });
      await media.play([sound, graph(`${LIVE} ! fakesink name=sink`)], null);
      const rendered = async () => Number((await media.stats())['video']?.['sink']?.['rendered']);
      const first = await rendered();
      const { graph: name, message } = await error;
      assert.equal(name, 'audio');
      assert.match(message, /longer than 5000 ms.*started again in 1 s/);
      const second = await rendered();
      assert.ok(second - first > 100, `${first} then ${second}`);
      await sleep(1500);
      const [pid = 0] = media.companionPids;
      assert.ok(isAlive(pid), 'the sound is tried again');
      await media.stop();
      assert.ok(!isAlive(pid));
      assert.equal(errors.length, 1);
    } finally {
      server.close();
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('starts an optional graph again when its process is killed, with what was set meanwhile', async () => {
    const media = start();
    const error = nextReport(media, 'error');
    const launch = 'audiotestsrc name=source is-live=true ! level name=meter interval=20000000 ! fakesink';
    const base = await media.play(
      [graph(launch, { name: 'audio', isOptional: true }), graph(`${LIVE} ! fakesink`)],
      null,
    );
    media.set('audio', 'meter', 'post-messages', false);
    while (!('audio' in (await media.stats()))) await sleep(50);
    const [first = 0] = media.companionPids;
    process.kill(first, 'SIGKILL');
    assert.match((await error).message, /ended by signal SIGKILL; started again in 1 s/);
    let messages = 0;
    media.onReport((report) => {
      if (report.type === 'message') messages += 1;
    });
    while (!('audio' in (await media.stats()))) await sleep(50);
    assert.notEqual(media.companionPids[0], first);
    await sleep(200);
    assert.equal(messages, 0);
    media.set('audio', 'meter', 'post-messages', true);
    const { fields } = await nextReport(media, 'message');
    const nowNs = process.hrtime.bigint() - BigInt(base);
    const behindNs = Number(nowNs) - Number(fields['running-time']);
    assert.ok(Math.abs(behindNs) < 1e9, `the sound's time is ${behindNs / 1e6} ms off the picture's`);
  });

  it('starts an optional graph again whose process hangs while it plays', async () => {
    const media = start();
    const error = nextReport(media, 'error');
    const sound = graph('audiotestsrc name=source is-live=true ! fakesink', {
      name: 'audio',
      isOptional: true,
    });
    await media.play([sound, graph(`${LIVE} ! fakesink`)], null);
    while (!('audio' in (await media.stats()))) await sleep(50);
    process.kill(media.companionPids[0] ?? 0, 'SIGSTOP');
    const askedMs = performance.now();
    assert.deepEqual(Object.keys(await media.stats()), ['video']);
    assert.ok(performance.now() - askedMs < 1500, 'the picture’s stats wait for the sound’s');
    assert.match((await error).message, /longer than 2000 ms; started again in 1 s/);
    while (!('audio' in (await media.stats()))) await sleep(50);
  });

  it('leaves no process of an optional graph behind when the picture’s is killed', async () => {
    const media = start();
    const sound = graph('audiotestsrc is-live=true ! fakesink', { name: 'audio', isOptional: true });
    await media.play([sound, graph(`${LIVE} ! fakesink`)], null);
    const [pid = 0] = media.companionPids;
    assert.ok(isAlive(pid));
    const exit = new Promise((resolve) => media.onExit((code, signal) => resolve([code, signal])));
    process.kill(media.pid ?? 0, 'SIGKILL');
    await exit;
    await media.stop();
    assert.ok(!isAlive(pid));
  });

  it('says which elements and properties are not installed', async () => {
    const missing = await start().inspect(['x264enc', 'nosuch', 'x264enc.threads', 'x264enc.nosuch']);
    assert.deepEqual(missing, ['nosuch', 'x264enc.nosuch']);
  });

  it('hands descriptors down at the numbers it names', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-media-'));
    const first = fs.openSync(path.join(folder, 'first'), 'w');
    const second = fs.openSync(path.join(folder, 'second'), 'w');
    try {
      const media = start([first, second]);
      const eos = nextReport(media, 'eos');
      const properties = [{ element: 'sink', property: 'fd', value: childDescriptor(1) }];
      await media.play([graph('videotestsrc num-buffers=1 ! fdsink name=sink', { properties })], null);
      await eos;
      await media.stop();
      assert.equal(fs.statSync(path.join(folder, 'first')).size, 0);
      assert.ok(fs.statSync(path.join(folder, 'second')).size > 0);
    } finally {
      fs.closeSync(first);
      fs.closeSync(second);
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('tells its owner when it is killed, and fails what is asked of it then', async () => {
    const media = start();
    await media.ready;
    const exit = new Promise((resolve) => media.onExit((code, signal) => resolve([code, signal])));
    process.kill(media.pid ?? 0, 'SIGKILL');
    assert.deepEqual(await exit, [null, 'SIGKILL']);
    await assert.rejects(media.stats(), isMediaFailure(/ended by SIGKILL/));
  });

  it('fails what was asked when it ends in between', async () => {
    const media = start();
    await media.ready;
    process.kill(media.pid ?? 0, 'SIGSTOP');
    const stats = media.stats();
    process.kill(media.pid ?? 0, 'SIGKILL');
    await assert.rejects(stats, isMediaFailure(/ended by SIGKILL/));
  });

  it('ends by itself when asked to stop', async () => {
    const media = start();
    await media.play([graph(`${LIVE} ! fakesink`)], null);
    const exit = new Promise((resolve) => media.onExit((code, signal) => resolve([code, signal])));
    await media.stop();
    assert.deepEqual(await exit, [0, null]);
  });

  it('is killed when it does not stop by its deadline', async () => {
    const media = start();
    await media.ready;
    const exit = new Promise((resolve) => media.onExit((code, signal) => resolve([code, signal])));
    process.kill(media.pid ?? 0, 'SIGSTOP');
    await media.stop(100);
    assert.deepEqual(await exit, [null, 'SIGKILL']);
  });

  it('does not outlive a parent that is killed', async () => {
    const script = fileURLToPath(new URL('../support/media-parent.js', import.meta.url));
    const parent: ChildProcess = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    assert.ok(parent.stdout);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    assert.ok(isAlive(pid), `no process ${line}`);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const endMs = performance.now() + 1000;
    while (isAlive(pid) && performance.now() < endMs) await sleep(10);
    assert.ok(!isAlive(pid), 'the media process still lives after 1 s');
  });
});
