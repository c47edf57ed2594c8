/** The media side of one stream as a session sees it, and what it is made of. */
import type { GraphDescription } from '../media/messages.js';
import type { SessionNumbers } from '../media/session-page.js';
import type { Logger } from '../support/logger.js';
import type { StageTimes } from './stage-times.js';
import type { StreamTuning } from './stream-plan.js';
import type { StreamProcess, StreamStats } from './stream-process.js';

/** A UDP destination; the address is numeric. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Address of this host to send from, of the same family; empty leaves it to the kernel. */
  readonly sourceAddress: string;
}

/** Why a stream has no picture, for the operator. */
export interface MediaFailure {
  readonly cause: string;
  readonly remedy: string;
}

export interface MediaStreamEvents {
  /** Numbered frames were dropped at the sender: the client is owed a key frame. */
  onFrameDropped(): void;
  /** The stages' figures, every second while the picture plays. */
  onStages(stages: StageTimes): void;
  /** The stream is over: restarting did not help. */
  onFailed(failure: MediaFailure): void;
}

/** What a session asks of its media side. */
export interface MediaStream {
  start(): void;
  setVideoEndpoint(endpoint: Endpoint): void;
  setAudioEndpoint(endpoint: Endpoint): void;
  forceKeyFrame(): void;
  /**
   * Changes bitrate and parity in place; a process that replaces this one takes them over.
   * @returns false where the encoder cannot do that
   */
  tune(tuning: StreamTuning): boolean;
  stats(): Promise<StreamStats>;
  /** Process id of the media process, when one runs. */
  readonly pid: number | undefined;
  /** Index of the frame numbered last, over all processes of this stream; 0 before the first. */
  readonly frameIndex: number;
  /** Resolves when the media process is gone. */
  stop(): Promise<void>;
}

/** A ready process with a session page of its own. */
export interface StandbyProcess {
  readonly process: StreamProcess;
  readNumbers(): SessionNumbers;
  /** Continues the numbers of a dead process under the next incarnation. */
  continueFrom(numbers: SessionNumbers): void;
  /** Gives the session page back; the process must be gone. */
  release(): void;
}

/** What differs between one start of the graphs and the next. */
export interface GraphState {
  /** What `checkSource` found: the graphs show that one, and the watch looks for it. */
  readonly source: string;
  /** Number for the first frame's picture counter: above all that were drawn before. */
  readonly firstFrameNumber: number;
  readonly videoEndpoint: Endpoint | undefined;
  readonly audioEndpoint: Endpoint | undefined;
}

/** The host's end of the sound, which outlives media processes. */
export interface StreamSound {
  /** The sound broke off: whatever it is taken from is made again where it is missing. */
  renew(): void;
  /** What was changed for the stream is put back. */
  release(): Promise<void>;
}

export interface MediaStreamParts {
  /**
   * Rejects with LUMEN_SOURCE_MISSING, LUMEN_PIPEWIRE_UNREACHABLE or LUMEN_CAPTURE_FAILED while what is to be streamed
   * is not there.
   * @returns what tells this source from one of the same name that comes after it
   */
  checkSource(): Promise<string>;
  /** The source gave its first picture to a process. */
  onPicture(): void;
  /** Why it gave none, in words for the log. */
  explainSilence(): Promise<string>;
  takeProcess(): Promise<StandbyProcess>;
  buildGraphs(process: StreamProcess, state: GraphState): Promise<readonly GraphDescription[]>;
  /** What to set in the playing video graph; nothing where its encoder cannot change in place. */
  tuningProperties(tuning: StreamTuning): GraphDescription['properties'];
  /** What the sound is taken from. */
  readonly sound: StreamSound;
  readonly events: MediaStreamEvents;
  readonly logger: Logger;
}
