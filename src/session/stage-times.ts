/**
 * The media plane's `stats`, put in the order in which a frame passes its stages: what a person reads to see which one
 * is late. Pure.
 */
import type { Fields } from '../media/messages.js';
import type { StreamStats } from './stream-process.js';

/** Median and 99th percentile in milliseconds, over the life of the media process. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** The sound of a stream; its graph plays in a process of its own. */
export interface SoundTimes {
  /** Opus packets, and the parity packets made of them. */
  readonly packets: number;
  readonly parityPackets: number;
  /** Not as long as the first: clients then give up parity. */
  readonly sizeChanges: number;
  readonly refused: number;
  readonly datagrams: number;
  /** The sender's queue was full. */
  readonly dropped: number;
  readonly eagain: number;
  readonly sendErrors: number;
  readonly queueMs: Percentiles;
}

/** One stream's stages. */
export interface StageTimes {
  /** Age of a captured frame when it leaves the sampler. */
  readonly captureMs: Percentiles;
  /** From the sampler to the packetiser. */
  readonly encodeMs: Percentiles;
  /** Headers, parity and encryption of one frame. */
  readonly packetiseMs: Percentiles;
  /** In the sender's queue. */
  readonly queueMs: Percentiles;
  /** A datagram group's departure after its time. */
  readonly lateMs: Percentiles;
  /** First to last datagram of a frame. */
  readonly spreadMs: Percentiles;
  /** Pictures that the source gave. */
  readonly captured: number;
  readonly frames: number;
  readonly keyFrames: number;
  /** Sent again because nothing changed. */
  readonly repeated: number;
  /** Came faster than the client's rate, or were overtaken. */
  readonly droppedBySampler: number;
  /** The sender's queue was full. */
  readonly droppedBySender: number;
  /** Pictures that no frame of datagrams can carry: empty, without a start code, too large. */
  readonly refused: number;
  /** Shards of pictures and of their parity that were made. */
  readonly dataShards: number;
  readonly parityShards: number;
  readonly datagrams: number;
  readonly bytes: number;
  readonly sendCalls: number;
  readonly eagain: number;
  readonly sendErrors: number;
  /** Parity in percent of the data shards. */
  readonly parityPercent: number;
  /** How the sender spreads a frame: `rate`, `spread`, `kernel` or `none`. */
  readonly pacing: string;
  /** The send thread got real-time priority. */
  readonly realtime: boolean;
  /** Null without sound, or while its process does not answer. */
  readonly sound: SoundTimes | null;
}

const NS_PER_MS = 1e6;

const numberOf = (fields: Fields | undefined, name: string): number => {
  const value = fields?.[name];
  return typeof value === 'number' ? value : 0;
};

const percentilesOf = (fields: Fields | undefined, name: string): Percentiles => ({
  p50: numberOf(fields, `${name}-p50`) / NS_PER_MS,
  p99: numberOf(fields, `${name}-p99`) / NS_PER_MS,
});

const toSoundTimes = (stats: StreamStats): SoundTimes | null => {
  const { pay, sink } = (stats['audio'] ?? {}) as Readonly<Record<string, Fields | undefined>>;
  if (pay === undefined) return null;
  return {
    packets: numberOf(pay, 'packets'),
    parityPackets: numberOf(pay, 'parity-packets'),
    sizeChanges: numberOf(pay, 'size-changes'),
    refused: numberOf(pay, 'packets-refused'),
    datagrams: numberOf(sink, 'datagrams'),
    dropped: numberOf(sink, 'bursts-dropped'),
    eagain: numberOf(sink, 'eagain'),
    sendErrors: numberOf(sink, 'send-errors'),
    queueMs: percentilesOf(sink, 'queue-ns'),
  };
};

/** @returns undefined while the video graph has not said anything */
export const toStageTimes = (stats: StreamStats): StageTimes | undefined => {
  const { sampler, pay, sink } = (stats['video'] ?? {}) as Readonly<Record<string, Fields | undefined>>;
  if (pay === undefined) return undefined;
  const dataShards = numberOf(pay, 'data-shards');
  return {
    captureMs: percentilesOf(sampler, 'capture-age-ns'),
    encodeMs: percentilesOf(pay, 'encode-ns'),
    packetiseMs: percentilesOf(pay, 'packetise-ns'),
    queueMs: percentilesOf(sink, 'queue-ns'),
    lateMs: percentilesOf(sink, 'late-ns'),
    spreadMs: percentilesOf(sink, 'spread-ns'),
    captured: numberOf(sampler, 'in'),
    frames: numberOf(pay, 'frames'),
    keyFrames: numberOf(pay, 'key-frames'),
    repeated: numberOf(sampler, 'repeated'),
    droppedBySampler: numberOf(sampler, 'dropped'),
    droppedBySender: numberOf(sink, 'bursts-dropped'),
    refused: numberOf(pay, 'frames-refused'),
    dataShards,
    parityShards: numberOf(pay, 'parity-shards'),
    datagrams: numberOf(sink, 'datagrams'),
    bytes: numberOf(sink, 'bytes'),
    sendCalls: numberOf(sink, 'send-calls'),
    eagain: numberOf(sink, 'eagain'),
    sendErrors: numberOf(sink, 'send-errors'),
    pacing: String(sink?.['pacing'] ?? ''),
    realtime: sink?.['realtime'] === true,
    sound: toSoundTimes(stats),
    parityPercent: dataShards === 0 ? 0 : (100 * numberOf(pay, 'parity-shards')) / dataShards,
  };
};

/** Columns of a line's name in {@link formatStageTimes}. */
export const STAGE_NAME_WIDTH = 13;

const STAGES = [
  ['capture', 'captureMs'],
  ['encode', 'encodeMs'],
  ['packetise', 'packetiseMs'],
  ['queue', 'queueMs'],
  ['send late', 'lateMs'],
  ['send spread', 'spreadMs'],
] as const;

const formatSound = (sound: SoundTimes): string =>
  `sound        ${sound.packets} packets, ${sound.parityPackets} of parity, ${sound.datagrams} datagrams, ${sound.dropped} dropped, ${sound.eagain + sound.sendErrors} not sent, ${sound.sizeChanges} of another length, ${sound.refused} that cannot be sent`;

/** Lines for people: each stage's times, the slowest marked, then what was counted. */
export const formatStageTimes = (times: StageTimes): string[] => {
  const slowest = STAGES.reduce((a, b) => (times[b[1]].p99 > times[a[1]].p99 ? b : a));
  const stages = STAGES.map(([name, key]) => {
    const { p50, p99 } = times[key];
    const mark = key === slowest[1] && p99 > 0 ? '  <- slowest' : '';
    return `${name.padEnd(12)} p50 ${p50.toFixed(2).padStart(7)} ms  p99 ${p99.toFixed(2).padStart(7)} ms${mark}`;
  });
  return [
    ...stages,
    `frames       ${times.frames} (${times.keyFrames} key, ${times.repeated} repeated), dropped: ${times.droppedBySampler} faster than the client's rate, ${times.droppedBySender} at the sender, ${times.refused} that cannot be sent`,
    `sending      ${times.pacing}, ${times.realtime ? 'with' : 'without'} real-time priority`,
    `datagrams    ${times.datagrams} in ${times.sendCalls} calls, ${times.bytes} bytes, parity ${times.parityPercent.toFixed(1)} %, ${times.eagain} waits, ${times.sendErrors} errors`,
    ...(times.sound === null ? [] : [formatSound(times.sound)]),
  ];
};
