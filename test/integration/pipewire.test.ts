/** Real pictures from a real PipeWire daemon: looked up, scaled, read back, and lost. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findVideoNode, listVideoNodes } from '../../src/capture/pipewire.js';
import { type MediaProcess, spawnMediaProcess } from '../../src/media/media-process.js';
import type { Fields, MediaReport } from '../../src/media/messages.js';
import { loadCatalog, requireDescription } from '../../src/pipeline/catalog.js';
import { fillTemplate, toVideoValues } from '../../src/pipeline/template.js';
import { LumenError } from '../../src/support/errors.js';
import { createSilentLogger } from '../../src/support/logger.js';
import { type PipeWire, type Producer, startPipeWire } from '../support/pipewire.js';
import { VIDEO_PLAN } from '../support/plans.js';
import { until } from '../support/serve.js';

const catalog = loadCatalog(fileURLToPath(new URL('../../../pipelines/', import.meta.url)), '/nonexistent');
const CAMERA = { name: 'lumen-camera', width: 640, height: 360, fps: 30 };

describe('pipewire', function () {
  this.timeout(30_000);
  let pipewire: PipeWire;
  let media: MediaProcess | undefined;
  let reports: MediaReport[] = [];

  before(async () => {
    pipewire = await startPipeWire();
  });
  afterEach(async () => {
    await media?.stop();
    media = undefined;
  });
  after(() => pipewire.stop());

  /** Plays the shipped source and conversion, then `reader`: a frame counter that reads, at 1280×720. */
  const play = async (producer: Producer, beforeReader = 'identity'): Promise<MediaProcess> => {
    const started = spawnMediaProcess({
      descriptors: [],
      logger: createSilentLogger(),
      environment: pipewire.environment,
    });
    media = started;
    reports = [];
    started.onReport((report) => reports.push(report));
    const encoder = requireDescription('encoders', catalog.encoders, 'x264');
    const values = toVideoValues(VIDEO_PLAN, { firstFrameNumber: 0, encoder });
    const source = fillTemplate(requireDescription('sources', catalog.sources, 'pipewire').source, values);
    const convert = fillTemplate(encoder.convert, values);
    assert.ok(source.ok && convert.ok);
    const launch = [
      source.launch,
      convert.launch,
      'framesampler name=sampler framerate=60/1',
      beforeReader,
      'framecounter name=reader mode=read',
      'fakesink name=sink sync=false',
    ].join(' ! ');
    const properties = [
      { element: 'source', property: 'target-object', value: String(producer.node.serial) },
    ];
    await started.play([{ name: 'video', launch, properties, isOptional: false }], null);
    return started;
  };

  const statsOf = async (process: MediaProcess, element: string): Promise<Fields> =>
    (await process.stats())['video']?.[element] ?? {};

  it('finds a node by its name and by its id', async () => {
    const producer = await pipewire.startProducer(CAMERA);
    try {
      assert.equal((await findVideoNode(CAMERA.name, pipewire.environment)).serial, producer.node.serial);
      assert.equal((await findVideoNode(String(producer.node.id), pipewire.environment)).name, CAMERA.name);
    } finally {
      await producer.kill();
    }
  });

  it('says at once that a node does not exist, and which ones do', async () => {
    const producer = await pipewire.startProducer(CAMERA);
    try {
      const isMissing = (error: unknown) =>
        error instanceof LumenError &&
        error.code === 'LUMEN_SOURCE_MISSING' &&
        error.message.includes('pipewire:nosuch') &&
        error.message.includes(CAMERA.name);
      await assert.rejects(findVideoNode('nosuch', pipewire.environment), isMissing);
    } finally {
      await producer.kill();
    }
  });

  it('says that the daemon cannot be reached', async () => {
    const environment = {
      ...pipewire.environment,
      XDG_RUNTIME_DIR: '/nonexistent',
      PIPEWIRE_RUNTIME_DIR: '/nonexistent',
    };
    const isUnreachable = (error: unknown) =>
      error instanceof LumenError && error.code === 'LUMEN_PIPEWIRE_UNREACHABLE';
    await assert.rejects(listVideoNodes(environment), isUnreachable);
    await assert.rejects(listVideoNodes({ ...environment, PATH: '/nonexistent' }), isUnreachable);
  });

  it('shows the pictures of the producer, in order, at the size and rate of the client', async () => {
    const producer = await pipewire.startProducer(CAMERA);
    try {
      const playing = await play(producer);
      await sleep(1500);
      const { wrong, frames, first, last } = await statsOf(playing, 'reader');
      assert.equal(wrong, 0);
      assert.ok(Number(frames) > 30, `${frames} frames`);
      assert.ok(Number(last) - Number(first) > 20, `from ${first} to ${last}`);
    } finally {
      await producer.kill();
    }
  });

  it('keeps borders where the shape of the picture differs', async () => {
    const producer = await pipewire.startProducer({ ...CAMERA, width: 640, height: 480 });
    try {
      // 4:3 at 720 lines is 960 wide: what is left between two borders of 160 must be the whole picture.
      const playing = await play(producer, 'videocrop left=160 right=160');
      await sleep(1000);
      const { wrong, frames } = await statsOf(playing, 'reader');
      assert.equal(wrong, 0);
      assert.ok(Number(frames) > 10, `${frames} frames`);
    } finally {
      await producer.kill();
    }
  });

  it('outlives a producer that is killed while its frame is held, and goes on showing it', async () => {
    const producer = await pipewire.startProducer(CAMERA);
    const playing = await play(producer);
    await sleep(500);
    playing.set('video', 'sampler', 'hold', true);
    await playing.stats();
    await producer.kill();
    await sleep(300);
    playing.set('video', 'sampler', 'hold', false);
    await sleep(1700);
    assert.ok(!playing.hasExited, 'the media process is gone');
    assert.equal((await statsOf(playing, 'reader'))['wrong'], 0);
    const { repeated } = await statsOf(playing, 'sampler');
    assert.ok(Number(repeated) > 60, `${repeated} repeats`);
    assert.deepEqual(
      reports.filter((report) => report.type === 'error'),
      [],
    );
  });

  it('repeats a still picture at the rate of the client and does not take it for a loss', async () => {
    const launch =
      'videotestsrc is-live=true pattern=black ! ' +
      'video/x-raw,format=I420,width=640,height=360,framerate=1/5 ! framecounter';
    const producer = await pipewire.startProducer({ ...CAMERA, launch });
    try {
      const playing = await play(producer);
      await until(
        async () => Number((await statsOf(playing, 'sampler'))['in']) > 0,
        'the first picture',
        15_000,
      );
      await sleep(1500);
      assert.deepEqual(
        reports.filter((report) => report.type === 'error'),
        [],
      );
      const { repeated } = await statsOf(playing, 'sampler');
      assert.ok(Number(repeated) > 10, `${repeated} repeats`);
      assert.equal((await statsOf(playing, 'reader'))['wrong'], 0);
    } finally {
      await producer.kill();
    }
  });
});
