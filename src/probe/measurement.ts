/**
 * From counters to figures: the measured part of a report. Pure.
 */
import type { Counters, ReceiverStats } from './receiver-graphs.js';
import type { AudioReport, FrameReport, Percentiles, PictureReport, ProbeReport } from './report.js';

const NS_PER_MS = 1e6;

/** The part of a report that the receiving graphs measure. */
export type MeasuredPart = Pick<
  ProbeReport,
  'frames' | 'picture' | 'hostLatencyMs' | 'arrivalJitterMs' | 'frameSpreadMs' | 'datagrams' | 'audio'
>;

/** Milliseconds from one CLOCK_MONOTONIC time to another; null while the later one has not come (0). */
export const elapsedMs = (fromNs: bigint, toNs: bigint): number | null =>
  toNs === 0n ? null : Number(toNs - fromNs) / NS_PER_MS;

/** Null where no frame came that could be measured. */
const percentiles = (counters: Counters, prefix: string): Percentiles | null => {
  if (counters.number('frames') === 0) return null;
  return {
    p50: counters.number(`${prefix}-ns-p50`) / NS_PER_MS,
    p99: counters.number(`${prefix}-ns-p99`) / NS_PER_MS,
  };
};

/** The longest time without a frame, the time since the last one included; null before the first. */
const longestGapMs = (depay: Counters, nowNs: bigint): number | null => {
  const sinceLastMs = elapsedMs(depay.ns('last-frame-ns'), nowNs);
  if (depay.ns('last-frame-ns') === 0n || sinceLastMs === null) return null;
  return Math.max(depay.number('longest-gap-ns') / NS_PER_MS, sinceLastMs);
};

/** `frames - 1` intervals in the time since the first frame; 0 while that says nothing. */
const ratePerSecond = (frames: number, firstFrameNs: bigint, nowNs: bigint): number => {
  const ms = elapsedMs(firstFrameNs, nowNs);
  return frames < 2 || firstFrameNs === 0n || ms === null || ms <= 0 ? 0 : ((frames - 1) * 1000) / ms;
};

/** A picture without a counter (any host but one that streams the test pattern) is unreadable throughout. */
const hasFrameCounter = (counter: Counters): boolean =>
  counter.number('frames') > 0 && counter.number('unreadable') < counter.number('frames');

const measureFrames = ({ depay, counter }: ReceiverStats, nowNs: bigint): FrameReport => {
  const isCounted = hasFrameCounter(counter);
  const received = depay.number('frames');
  return {
    received,
    lost: depay.number('frames-lost'),
    recovered: depay.number('frames-recovered'),
    discarded: depay.number('frames-discarded'),
    decoded: counter.number('frames'),
    wrong: isCounted ? counter.number('wrong') : null,
    repeated: isCounted ? counter.number('repeated') : null,
    skipped: isCounted ? counter.number('skipped') : null,
    perSecond: ratePerSecond(received, depay.ns('first-frame-ns'), nowNs),
    longestGapMs: longestGapMs(depay, nowNs),
    firstIndex: depay.number('first-frame-index'),
    lastIndex: depay.number('last-frame-index'),
    sequenceGaps: depay.number('sequence-gaps'),
    nonceRepeats: depay.has('nonce-repeats') ? depay.number('nonce-repeats') : null,
  };
};

const measurePicture = ({ counter }: ReceiverStats): PictureReport => ({
  format: counter.text('format') || null,
  colorimetry: counter.text('colorimetry') || null,
  colorError:
    hasFrameCounter(counter) && counter.number('color-error') >= 0 ? counter.number('color-error') : null,
});

const measureAudio = (depay: Counters | null, tones: Counters): AudioReport | null =>
  depay === null
    ? null
    : {
        packets: depay.number('packets'),
        lost: depay.number('lost'),
        recovered: depay.number('recovered'),
        gaps: depay.number('gaps'),
        driftMs: depay.number('drift-ns') / NS_PER_MS,
        tonesHz: Array.from({ length: tones.number('channels') }, (_, index) => tones.number(`hz-${index}`)),
        jumps: tones.number('jumps'),
      };

/**
 * Turns one reading of all counters into figures.
 * @param nowNs CLOCK_MONOTONIC when the counters were read
 */
export const measure = (stats: ReceiverStats, nowNs: bigint): MeasuredPart => ({
  frames: measureFrames(stats, nowNs),
  picture: measurePicture(stats),
  hostLatencyMs: percentiles(stats.depay, 'host-latency'),
  arrivalJitterMs: percentiles(stats.depay, 'arrival-jitter'),
  frameSpreadMs: percentiles(stats.depay, 'frame-spread'),
  datagrams: {
    received: stats.source.number('datagrams'),
    bytes: stats.source.number('bytes'),
    dropsInjected: stats.source.number('drops-injected'),
    duplicates: stats.depay.number('duplicates'),
    rejected: stats.depay.number('rejected'),
    decryptFailures: stats.depay.number('decrypt-failures'),
  },
  audio: measureAudio(stats.audioDepay, stats.tones),
});
