/** `lumen pipelines bench`: what an encoder stage does on this machine, in a media process of its own. */
import type { MediaProcess } from '../media/media-process.js';
import { findLacking, loadCatalog } from '../pipeline/catalog.js';
import type { EncoderDescription } from '../pipeline/description.js';
import { toFormatWord } from '../pipeline/format.js';
import { fillFragment } from '../pipeline/graphs.js';
import { type Mode, sampleFormatOf, samplePlan } from '../pipeline/sample.js';
import { toVideoValues } from '../pipeline/template.js';
import { LumenError } from '../support/errors.js';
import { delay } from '../support/lifecycle.js';
import { findDescription, findMissing, folders, print, spawnInspector } from './pipeline-graphs.js';

const WARM_UP_MS = 500;
const MEASURE_MS = 2000;

interface BenchOptions {
  readonly mode: Mode;
  readonly bitrate: number;
}

type PayStats = Readonly<Record<string, unknown>>;

const readPay = async (media: MediaProcess): Promise<PayStats> =>
  (await media.stats())['video']?.['pay'] ?? {};

/** Plays a graph for a while. @returns the payloader's figures after the warm-up and at the end, and the time between */
const play = async (launch: string): Promise<{ first: PayStats; last: PayStats; seconds: number }> => {
  const media = spawnInspector();
  try {
    await media.play([{ name: 'video', launch, properties: [], isOptional: false }], null);
    await delay(WARM_UP_MS);
    const startMs = performance.now();
    const first = await readPay(media);
    await delay(MEASURE_MS);
    const last = await readPay(media);
    return { first, last, seconds: (performance.now() - startMs) / 1000 };
  } finally {
    await media.stop();
  }
};

/** The stage between a test pattern and the payloader; live, at the mode's rate behind a sampler, or as fast as it takes them. */
const toLaunch = (encoder: EncoderDescription, options: BenchOptions, isLive: boolean): string => {
  const { width, height, fps } = options.mode;
  const plan = samplePlan(options.mode, options.bitrate, sampleFormatOf(encoder)).video;
  const values = toVideoValues(plan, { firstFrameNumber: 0, encoder });
  return [
    `videotestsrc is-live=${isLive} horizontal-speed=4`,
    `video/x-raw,format=I420,width=${width},height=${height},framerate=${fps}/1`,
    fillFragment(encoder, encoder.convert, values),
    isLive ? `framesampler framerate=${fps}/1` : 'queue max-size-buffers=2 max-size-bytes=0 max-size-time=0',
    fillFragment(encoder, encoder.encode, values),
    'moonlightpay name=pay',
    'fakesink sync=false',
  ].join(' ! ');
};

const toMs = (ns: unknown): string => `${(Number(ns) / 1e6).toFixed(1)} ms`;

/** @throws LumenError LUMEN_USAGE, LUMEN_PIPELINE_INVALID, LUMEN_MEDIA_FAILED */
export const benchStage = async (name: string, options: BenchOptions): Promise<void> => {
  const { description: encoder } = findDescription(loadCatalog(...folders()), name);
  if (!('codec' in encoder) || encoder.codec === 'opus')
    throw new LumenError('LUMEN_USAGE', { problem: `${name} is no stage that encodes pictures` });
  const [lacking] = findLacking(encoder, await findMissing(encoder.requires));
  if (lacking !== undefined) {
    const details = {
      file: encoder.file,
      problem: `${lacking} not installed`,
      remedy: 'run: lumen pipelines list',
    };
    throw new LumenError('LUMEN_PIPELINE_INVALID', details);
  }
  const { width, height, fps } = options.mode;
  print(
    `${name} at ${width}x${height}@${fps}, ${options.bitrate} kbit/s, ${toFormatWord(sampleFormatOf(encoder))}`,
  );
  const fast = await play(toLaunch(encoder, options, false));
  const frames = Number(fast.last['frames'] ?? 0) - Number(fast.first['frames'] ?? 0);
  print(`  frames a second   ${(frames / fast.seconds).toFixed(1)}, as fast as it takes them`);
  const { last } = await play(toLaunch(encoder, options, true));
  print(
    `  latency           p50 ${toMs(last['encode-ns-p50'])}, p99 ${toMs(last['encode-ns-p99'])} at ${fps} frames a second`,
  );
};
