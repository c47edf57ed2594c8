/** A running stream of the probe, as commands and tests hold it. */
import type { RoundTrip } from './key-frames.js';
import type { MeasuredPart } from './measurement.js';
import type { ProbeOptions } from './options.js';
import type { EndReport, ProbeReport } from './report.js';

/** How the probe leaves. */
export type Ending = ProbeOptions['ending'];

/** A running stream. */
export interface ProbeStream {
  /** Resolves when the stream has ended by the host's doing, or by a failure of the probe. */
  readonly ended: Promise<EndReport>;
  /** Milliseconds from the launch to the first decoded frame; null when the stream ends before there is one. */
  readonly firstFrame: Promise<number | null>;
  /** The launch's key, for tests that forge messages. */
  readonly riKey: Buffer;
  /** Asks for a key frame and measures; does not resolve when the stream ends before it comes. */
  requestIdr(): Promise<RoundTrip>;
  /** What was measured until now. */
  stats(): Promise<MeasuredPart>;
  /** From now on the receiver throws that share of the video datagrams away, percent. */
  setDropPercent(percent: number): void;
  /** Sends a control message with this plaintext, properly encrypted. @returns false when the connection is gone */
  sendControl(plaintext: Buffer, channel?: number): boolean;
  /** Sends bytes on the control connection as they are. @returns false when it is gone */
  sendRaw(packet: Buffer, channel?: number): boolean;
  /** Leaves properly: the app stays and can be resumed. */
  disconnect(): Promise<ProbeReport>;
  /** Leaves without a word. */
  vanish(): Promise<ProbeReport>;
  /** Leaves and ends the app. */
  quit(): Promise<ProbeReport>;
}

/** A stream that was started for {@link runProbe}: it can end as planned. */
export interface PlannedStream extends ProbeStream {
  finish(ending: Ending, reason: 'time' | 'stopped'): Promise<ProbeReport>;
}
