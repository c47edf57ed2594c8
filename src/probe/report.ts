/**
 * What the probe found: the versioned report (`docs/probe.md`) and its form for people. Pure.
 */

import { formatStageTimes, STAGE_NAME_WIDTH, type StageTimes } from '../session/stage-times.js';
import type { VideoFormat } from '../session/stream-plan.js';

/** One step on the way to a picture and how long it took. */
export interface StageTime {
  readonly name: string;
  readonly ms: number;
}

/** Median and 99th percentile. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** What was asked for and agreed. */
export interface RequestReport {
  readonly app: string;
  readonly verb: 'launch' | 'resume';
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly bitrateKbps: number;
  readonly codec: string;
  readonly bitDepth: number;
  /** `420` or `444`. */
  readonly chroma: string;
  readonly colorSpace: string;
  readonly fullRange: boolean;
  readonly packetSize: number;
  readonly encryption: {
    readonly rtsp: boolean;
    readonly controlV2: boolean;
    readonly video: boolean;
    readonly audio: boolean;
  };
}

export interface FrameReport {
  /** Frames that arrived whole or were rebuilt from parity, and went to the decoder. */
  readonly received: number;
  readonly lost: number;
  /** Frames that needed parity. */
  readonly recovered: number;
  /** Complete frames that came between a loss and the next key frame, and were not decoded. */
  readonly discarded: number;
  /** Pictures that left the decoder. */
  readonly decoded: number;
  /** Pictures whose counter was unreadable or went backwards; null where the picture carries no counter. */
  readonly wrong: number | null;
  readonly repeated: number | null;
  readonly skipped: number | null;
  /** Received frames over the time from the first to the end. */
  readonly perSecond: number;
  /** Longest time without a frame, up to the end; null where none came. */
  readonly longestGapMs: number | null;
  /** `frameIndex` of the first and of the last frame; 0 while there is none. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** Missing RTP sequence numbers: datagrams that never came. */
  readonly sequenceGaps: number;
  /** Encrypted datagrams whose nonce had been used before; null without video encryption. */
  readonly nonceRepeats: number | null;
}

/** What the decoder made of the stream. */
export interface PictureReport {
  /** Raw format behind the decoder, such as `I420` or `Y444_10LE`; null while there is no picture. */
  readonly format: string | null;
  /** `range:matrix:transfer:primaries` in GStreamer's numbers: as the bitstream signals them, or else guessed. */
  readonly colorimetry: string | null;
  /**
   * How far the worst colour patch of the last picture is from its colour in the colour space that was asked for, in
   * steps of 8 bits; null where the picture carries no counter.
   */
  readonly colorError: number | null;
}

export interface KeyFrameReport {
  readonly received: number;
  /** Requests on purpose and after loss, repeats included. */
  readonly requests: number;
  /** Requested by `--request-idr-at` or a test: from sending the request to the key frame's last datagram. */
  readonly roundTripsMs: readonly number[];
  /** The same in frames: key frame's index less the newest index at the request. */
  readonly roundTripsFrames: readonly number[];
}

export interface AudioReport {
  readonly packets: number;
  readonly lost: number;
  readonly recovered: number;
  readonly gaps: number;
  /** How much later than at the start the packets come, against their numbers; 0 until that can be told. */
  readonly driftMs: number;
  /** The test tone that each channel carries, in the client's order; 0 where it carries none. */
  readonly tonesHz: readonly number[];
  /** Where a channel's tone does not go on as it should; means nothing without tones. */
  readonly jumps: number;
}

/** How the stream ended. */
export interface EndReport {
  /** `time`: the planned end; `host`: the host or the network ended it; `stopped`: the caller did. */
  readonly reason: 'time' | 'host' | 'stopped';
  /** What a stock client would report (`protocol/rtsp.md` §8); 0 is graceful. */
  readonly code: number;
  /** The host's own 32-bit code, when it sent one. */
  readonly hostCode: number | null;
  readonly text: string;
}

/** Why there is no stream, or why it is not a good one. */
export interface FailureReport {
  readonly stage: string;
  readonly problem: string;
  readonly remedy: string;
}

/** The whole report, as `--json` prints it. Times in milliseconds. */
export interface ProbeReport {
  readonly version: 1;
  readonly host: {
    readonly name: string;
    readonly address: string;
    readonly httpPort: number;
    readonly appVersion: string;
    readonly uniqueId: string;
    /** What it offers (`ServerCodecModeSupport`). */
    readonly videoFormats: readonly VideoFormat[];
  };
  readonly request: RequestReport;
  readonly stages: readonly StageTime[];
  readonly launchToFirstDatagramMs: number | null;
  readonly launchToFirstFrameMs: number | null;
  /** From the first decoded frame to the end. */
  readonly streamMs: number;
  readonly frames: FrameReport;
  readonly picture: PictureReport;
  readonly keyFrames: KeyFrameReport;
  /** From the frame headers: capture to packetiser at the host. */
  readonly hostLatencyMs: Percentiles | null;
  /** Deviation of the intervals between frames. */
  readonly arrivalJitterMs: Percentiles | null;
  /** First to last datagram of a frame. */
  readonly frameSpreadMs: Percentiles | null;
  readonly datagrams: {
    readonly received: number;
    readonly bytes: number;
    readonly dropsInjected: number;
    readonly duplicates: number;
    readonly rejected: number;
    readonly decryptFailures: number;
  };
  readonly audio: AudioReport | null;
  /** Whether the host said that the picture is HDR; null where it said nothing. */
  readonly hdr: boolean | null;
  readonly controlRttMs: number | null;
  /** Reports sent to the host of parity blocks that needed their parity or were lost. */
  readonly fecReports: number;
  /** What each stage of the host took; null where the host is not this machine's and this user's. */
  readonly hostStages: StageTimes | null;
  readonly end: EndReport;
  readonly failure: FailureReport | null;
}

/** True when a picture was decoded and the end was the planned one: exit status 0. */
export const isSuccess = (report: ProbeReport): boolean =>
  report.failure === null && report.end.reason === 'time' && report.frames.decoded > 0;

const GRACEFUL = 0x80030023;
const PROTECTED_CONTENT = 0x800e9302;
const FRAME_CONVERSION = 0x800e9403;

/**
 * What a stock client makes of a termination message.
 * @param hostCode the 32-bit code of message 0x0109
 * @param hasFrames a frame was seen; a graceful end before any is not graceful
 */
export const describeTermination = (hostCode: number, hasFrames: boolean): EndReport => {
  const end = (code: number, text: string): EndReport => ({ reason: 'host', code, hostCode, text });
  if (hostCode === GRACEFUL) {
    return hasFrames
      ? end(0, 'the host ended the stream')
      : end(-102, 'the host ended the stream before any frame was seen');
  }
  if (hostCode === PROTECTED_CONTENT) return end(-103, 'the host shows protected content');
  if (hostCode === FRAME_CONVERSION) return end(-104, "the host's video encoder failed");
  return end(hostCode, `the host ended the stream with code 0x${hostCode.toString(16).padStart(8, '0')}`);
};

const CLIENT_CODES: Readonly<Record<number, string>> = {
  0: 'the stream ended gracefully',
  [-1]: 'the control connection ended without a reason',
  [-100]: 'no video datagram for 10 s: is the UDP video port open?',
  [-101]: 'datagrams but no complete frame for 10 s: is the link too slow for the bitrate?',
};

/** An end that the client itself found (`protocol/rtsp.md` §8). */
export const describeClientEnd = (code: -1 | -100 | -101): EndReport => ({
  reason: 'host',
  code,
  hostCode: null,
  text: CLIENT_CODES[code] ?? 'unknown',
});

/** A stream that stands still for so long has ended, whatever the plan says. */
const FROZEN_MS = 1000;

/**
 * An end that was the caller's doing, unless the stream had stopped before.
 * @param sinceLastFrameMs milliseconds since the last frame
 */
export const describePlannedEnd = (
  reason: 'time' | 'stopped',
  sinceLastFrameMs: number | null,
): EndReport => {
  if (reason === 'time' && sinceLastFrameMs !== null && sinceLastFrameMs > FROZEN_MS) {
    const text = `no frame came in the last ${(sinceLastFrameMs / 1000).toFixed(1)} s`;
    return { reason: 'host', code: -1, hostCode: null, text };
  }
  return {
    reason,
    code: 0,
    hostCode: null,
    text: reason === 'time' ? 'the planned end' : 'stopped by the caller',
  };
};

const number = (value: number | null, digits = 0): string => (value === null ? '–' : value.toFixed(digits));
const percentiles = (times: Percentiles | null): string =>
  times === null ? 'not measured' : `p50 ${times.p50.toFixed(2)} ms, p99 ${times.p99.toFixed(2)} ms`;

const encryptionText = (request: RequestReport): string => {
  const { rtsp, controlV2, video, audio } = request.encryption;
  const names = [rtsp && 'RTSP', controlV2 && 'control v2', video && 'video', audio && 'audio'];
  return names.filter((name) => name !== false).join(', ') || 'none';
};

const roundTripText = (keys: KeyFrameReport): string => {
  if (keys.roundTripsMs.length === 0) return 'not measured';
  const each = keys.roundTripsMs.map(
    (ms, index) => `${ms.toFixed(1)} ms (${keys.roundTripsFrames[index] ?? '?'} frames)`,
  );
  return each.join(', ');
};

const pictureText = ({ picture, hdr }: ProbeReport): string => {
  const { format, colorimetry, colorError } = picture;
  const range = hdr === null ? '' : hdr ? ', HDR' : ', SDR';
  const colors =
    colorError === null ? 'colours not measured' : `colours off by ${number(colorError, 1)} of 255`;
  return `${format ?? '–'}, colorimetry ${colorimetry ?? '–'}, ${colors}${range}`;
};

/** The host's own figures below the client's. */
const hostRows = (stages: StageTimes | null): [string, string][] => {
  if (stages === null) return [['host stages', 'not known: the host is not this user’s on this machine']];
  return formatStageTimes(stages).map((line): [string, string] => [
    `host ${line.slice(0, STAGE_NAME_WIDTH).trim()}`,
    line.slice(STAGE_NAME_WIDTH).trim(),
  ]);
};

/** Tones that a channel has, or what it has instead. */
const formatTones = ({ tonesHz, jumps }: AudioReport): string => {
  if (tonesHz.every((hz) => hz === 0)) return `none in ${tonesHz.length} channels`;
  return `${tonesHz.map((hz) => (hz === 0 ? 'none' : hz)).join(', ')} Hz, ${jumps} jumps`;
};

const streamRows = (report: ProbeReport): [string, string][] => {
  const { frames, datagrams, audio } = report;
  return [
    ['first datagram', `${number(report.launchToFirstDatagramMs, 1)} ms after launch`],
    ['first frame', `${number(report.launchToFirstFrameMs, 1)} ms after launch`],
    [
      'stream',
      `${(report.streamMs / 1000).toFixed(2)} s, ${frames.perSecond.toFixed(2)} frames a second, longest gap ${number(frames.longestGapMs, 1)} ms`,
    ],
    [
      'frames',
      `${frames.received} received, ${frames.lost} lost, ${frames.recovered} recovered, ${frames.discarded} discarded, ${frames.decoded} decoded`,
    ],
    [
      'frame counter',
      `${number(frames.wrong)} wrong, ${number(frames.repeated)} repeated, ${number(frames.skipped)} skipped`,
    ],
    ['picture', pictureText(report)],
    ['frame index', `${frames.firstIndex}–${frames.lastIndex}, ${frames.sequenceGaps} sequence gaps`],
    ['key frames', `${report.keyFrames.received} received, ${report.keyFrames.requests} requests`],
    ['IDR round trip', roundTripText(report.keyFrames)],
    ['host latency', percentiles(report.hostLatencyMs)],
    ['arrival jitter', percentiles(report.arrivalJitterMs)],
    ['frame spread', percentiles(report.frameSpreadMs)],
    [
      'datagrams',
      `${datagrams.received}, ${datagrams.bytes} bytes, ${datagrams.dropsInjected} dropped on purpose`,
    ],
    [
      'audio',
      audio === null
        ? 'not received'
        : `${audio.packets} packets, ${audio.lost} lost, ${audio.recovered} recovered, ${audio.gaps} gaps, drift ${audio.driftMs.toFixed(1)} ms`,
    ],
    ['tones', audio === null ? 'not received' : formatTones(audio)],
    ['control RTT', report.controlRttMs === null ? '–' : `${report.controlRttMs} ms`],
    ...hostRows(report.hostStages),
    ['FEC reports', `${report.fecReports} sent to the host`],
  ];
};

const formatText = ({ codec, bitDepth, chroma, colorSpace, fullRange }: RequestReport): string =>
  `${codec} ${bitDepth} bit 4:${chroma[1]}:${chroma[2]}, ${colorSpace} ${fullRange ? 'full' : 'limited'}`;

/** The report for people: one line a figure, then the end, and the failure with its remedy when there is one. */
export const formatReport = (report: ProbeReport): string => {
  const { host, request, failure } = report;
  const rows: [string, string][] = [
    ['host', `${host.name} (${host.address}:${host.httpPort}), version ${host.appVersion || 'unknown'}`],
    [
      request.verb,
      `${request.app || '?'} at ${request.width}x${request.height}@${request.fps}, ${request.bitrateKbps} kbit/s, ${formatText(request)}`,
    ],
    ['encryption', encryptionText(request)],
    ...report.stages.map((stage): [string, string] => [`  ${stage.name}`, `${stage.ms.toFixed(1)} ms`]),
    ...(report.frames.received > 0 || failure === null ? streamRows(report) : []),
    ['end', `${report.end.text} (${report.end.code})`],
  ];
  if (failure !== null) {
    rows.push(['FAILED', `at stage "${failure.stage}": ${failure.problem}`], ['try', failure.remedy]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
};
