/**
 * The media side of one stream: a media process that plays the plan's graphs, where they send to, and its replacement
 * when it fails. Recovery has one form: kill the process, take the next, carry the session page's numbers and the base
 * time over, so that the client sees one uninterrupted numbering.
 */
import type { GraphDescription, MediaReport } from '../media/messages.js';
import type { SessionNumbers } from '../media/session-page.js';
import { describeError, LumenError } from '../support/errors.js';
import { delay, runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { MEDIA_REMEDY, MediaWatch, SOURCE_BUDGET_MS, SOURCE_REMEDY } from './media-watch.js';
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

/** More failures than this within the window end the stream; without a first frame, of which a client must hear soon, fewer. */
const MAX_FAILURES = 3;
const MAX_FAILURES_BEFORE_FIRST_FRAME = 2;
const FAILURE_WINDOW_MS = 30_000;
/** Before the first, second and third replacement within the window, of a process that did not live long enough to count
 *  as a good one: one that dies in mid-stream is replaced at once. */
const RETRY_DELAYS_MS = [0, 250, 1000];
const GOOD_LIFE_MS = 1000;
const FIRST_FRAME_BUDGET_MS = 5000;
/** The longest that a graph may take to start before the first frame: what hangs will hang again, and the client waits. */
const FIRST_PLAY_DEADLINE_MS = 2200;
/** A first start must not take longer than the client waits for its first datagram (`protocol/video.md` §1.2). */
const FIRST_SOURCE_BUDGET_MS = 5000;
const SOURCE_RETRY_MS = 500;
/** A second of frames at 480 Hz: what a dying process can have drawn beyond the last number it sent. */
const FRAME_NUMBER_SLACK = 480;
const STOP_DEADLINE_MS = 1000;
/** GstVideoFilter about a buffer that does not hold a picture of the caps; debug texts are in no other language. */
const MISFIT_WARNING = 'invalid video buffer received';

const isSourceMissing = (error: unknown): boolean =>
  error instanceof LumenError &&
  (error.code === 'LUMEN_SOURCE_MISSING' ||
    error.code === 'LUMEN_PIPEWIRE_UNREACHABLE' ||
    error.code === 'LUMEN_CAPTURE_FAILED');

/** Another try would meet the same file, the same missing element, the same person who said no. */
const isFinalFailure = (error: unknown): boolean =>
  error instanceof LumenError &&
  (error.code === 'LUMEN_PIPELINE_INVALID' ||
    error.code === 'LUMEN_ENCODER_MISSING' ||
    error.code === 'LUMEN_CAPTURE_REFUSED');

/** The real {@link MediaStream}: replaces its process when it fails. */
export class RestartingMediaStream implements MediaStream {
  readonly #parts: MediaStreamParts;
  #standby: StandbyProcess | undefined;
  #videoEndpoint: Endpoint | undefined;
  #audioEndpoint: Endpoint | undefined;
  #baseTimeNs: string | null = null;
  #isPlaying = false;
  #isStopped = false;
  #endWait: (() => void) | undefined;
  /** Resolves when the stream is told to stop, so that a source that a person is asked for holds nobody up. */
  readonly #stopAsked = new Promise<undefined>((resolve) => {
    this.#endWait = () => resolve(undefined);
  });
  #restart: Promise<void> | undefined;
  #failuresMs: number[] = [];
  #forcedKeyFrames = 0;
  #tuning: StreamTuning | undefined;
  #lastNumbers: SessionNumbers | undefined;
  #watch: MediaWatch | undefined;
  #source = '';
  /** When a start was asked for that has not come about. */
  #playAskedMs: number | undefined;
  /** When the first process was asked for. */
  #beganMs: number | undefined;
  /** A frame left some process of this stream. */
  #hasDelivered = false;
  #playingSinceMs = 0;

  constructor(parts: MediaStreamParts) {
    this.#parts = parts;
  }

  get pid(): number | undefined {
    return this.#standby?.process.pid;
  }

  get frameIndex(): number {
    return (this.#standby?.readNumbers() ?? this.#lastNumbers)?.frameIndex ?? 0;
  }

  start(): void {
    this.#restart = this.#startProcess();
    runTask(this.#parts.logger, 'start media', () => this.#restart ?? Promise.resolve());
  }

  async #startProcess(): Promise<void> {
    let standby: StandbyProcess | undefined;
    try {
      await this.#awaitSource();
      if (this.#isStopped) return;
      this.#beganMs ??= performance.now();
      standby = await this.#parts.takeProcess();
      if (this.#isStopped) {
        await standby.process.stop(STOP_DEADLINE_MS);
        standby.release();
        return;
      }
      this.#adopt(standby);
      await this.#play(standby);
    } catch (error) {
      const remedy = error instanceof LumenError ? error.remedy : MEDIA_REMEDY;
      this.#fail(standby, describeError(error), remedy, isSourceMissing(error) || isFinalFailure(error));
    }
  }

  /** @throws LumenError LUMEN_SOURCE_MISSING or LUMEN_PIPEWIRE_UNREACHABLE when the budget is used up */
  async #awaitSource(): Promise<void> {
    const budgetMs = this.#lastNumbers === undefined ? FIRST_SOURCE_BUDGET_MS : SOURCE_BUDGET_MS;
    const startMs = performance.now();
    for (let tries = 1; !this.#isStopped; tries += 1) {
      try {
        const source = await Promise.race([this.#parts.checkSource(), this.#stopAsked]);
        if (source === undefined) return;
        this.#source = source;
        if (tries > 1) this.#parts.logger.info('the video source is back');
        return;
      } catch (error) {
        if (!isSourceMissing(error) || performance.now() - startMs > budgetMs) throw error;
        if (tries === 1)
          this.#parts.logger.warn(
            { problem: describeError(error), budgetMs },
            'waiting for the video source',
          );
        await delay(SOURCE_RETRY_MS);
      }
    }
  }

  async #play(standby: StandbyProcess): Promise<void> {
    const sent = { video: this.#videoEndpoint, audio: this.#audioEndpoint };
    const graphs = await this.#parts.buildGraphs(standby.process, {
      source: this.#source,
      firstFrameNumber: this.#nextFrameNumber(),
      videoEndpoint: sent.video,
      audioEndpoint: sent.audio,
    });
    this.#playAskedMs = performance.now();
    const deadlineMs = this.#hasDelivered ? undefined : FIRST_PLAY_DEADLINE_MS;
    this.#baseTimeNs = await standby.process.play(graphs, this.#baseTimeNs, deadlineMs);
    this.#playAskedMs = undefined;
    this.#isPlaying = true;
    this.#playingSinceMs = performance.now();
    this.#startWatch(standby);
    if (this.#videoEndpoint !== sent.video) this.#applyVideoEndpoint();
    if (this.#audioEndpoint !== sent.audio) this.#applyAudioEndpoint();
    if (this.#tuning !== undefined) this.tune(this.#tuning);
  }

  /** Each process before this one may have drawn pictures that were never numbered. */
  #nextFrameNumber(): number {
    const numbers = this.#lastNumbers;
    return numbers === undefined ? 0 : numbers.frameIndex + FRAME_NUMBER_SLACK * (numbers.incarnation + 1);
  }

  #adopt(standby: StandbyProcess): void {
    if (this.#lastNumbers !== undefined) standby.continueFrom(this.#lastNumbers);
    this.#standby = standby;
    standby.process.onReport((report) => {
      if (standby === this.#standby) this.#onReport(standby, report);
    });
    standby.process.onExit((code, signal) => {
      const how = signal === null ? `with status ${code}` : `by signal ${signal}`;
      this.#fail(standby, `the media process ended ${how}`, MEDIA_REMEDY);
    });
  }

  #startWatch(standby: StandbyProcess): void {
    const fail = (cause: string, remedy: string, isFinal = false): void =>
      this.#fail(standby, cause, remedy, isFinal);
    this.#watch = new MediaWatch({
      process: standby.process,
      source: this.#source,
      checkSource: () => this.#parts.checkSource(),
      isReleased: () => this.#videoEndpoint !== undefined,
      onMissing: (problem) => this.#parts.logger.warn({ problem }, 'waiting for the video source'),
      onStages: (stages) => {
        this.#hasDelivered ||= stages.frames > 0;
        this.#parts.events.onStages(stages);
      },
      onPicture: () => this.#parts.onPicture(),
      explainSilence: () => this.#parts.explainSilence(),
      fail,
      logger: this.#parts.logger,
    });
  }

  #onReport(standby: StandbyProcess, report: MediaReport): void {
    const { logger, events } = this.#parts;
    if (report.type === 'message' && report.name === 'moonlight-frame-dropped' && report.graph === 'video') {
      logger.debug({ bursts: report.fields['bursts'] }, 'frames dropped at the sender');
      events.onFrameDropped();
    } else if (report.type === 'warning') {
      this.#onWarning(standby, report);
    } else if (report.type === 'error') {
      this.#onError(standby, report);
    } else if (report.type === 'eos' && report.graph === 'video') {
      this.#fail(standby, 'the video source ended', SOURCE_REMEDY);
    }
  }

  /** A converter that is given pictures of another size than was agreed warns at each, and passes on what its memory held. */
  #onWarning(standby: StandbyProcess, report: Extract<MediaReport, { type: 'warning' }>): void {
    const { graph, element, message: problem, debug } = report;
    if (graph === 'video' && debug.includes(MISFIT_WARNING))
      this.#fail(standby, 'the picture of the video source changed its size', SOURCE_REMEDY);
    else this.#parts.logger.warn({ graph, element, problem, debug }, 'media warning');
  }

  #onError(standby: StandbyProcess, report: Extract<MediaReport, { type: 'error' }>): void {
    const { logger } = this.#parts;
    const { element, message: problem, debug } = report;
    // The graph plays on: a pipeline file whose elements have other names must not cost the picture.
    const isHarmless = this.#isPlaying && (report.code === 'command' || report.code === 'property');
    if (report.graph !== 'video') {
      logger.warn({ element, problem, debug }, 'sound stopped, the picture goes on');
      this.#parts.sound.renew();
    } else if (isHarmless)
      logger.warn({ element, problem }, 'the media process could not do what it was told');
    else {
      logger.debug({ element, problem, debug }, 'media error');
      this.#fail(standby, element === '' ? problem : `${element}: ${problem}`, MEDIA_REMEDY);
    }
  }

  /** One failure of the running process: replaced, or, after too many, given up. Reports that follow it are ignored. */
  #fail(standby: StandbyProcess | undefined, cause: string, remedy: string, isFinal = false): void {
    if (this.#isStopped || standby !== this.#standby) return;
    const nowMs = performance.now();
    this.#failuresMs = [...this.#failuresMs.filter((atMs) => nowMs - atMs < FAILURE_WINDOW_MS), nowMs];
    this.#hasDelivered ||= this.frameIndex > 0;
    this.#standby = undefined;
    const lifeMs = this.#isPlaying ? nowMs - this.#playingSinceMs : 0;
    this.#isPlaying = false;
    this.#watch?.stop();
    const isGivenUp = isFinal || this.#failuresMs.length > MAX_FAILURES || this.#isTooLateToBegin(nowMs);
    if (isGivenUp) this.#isStopped = true;
    else
      this.#parts.logger.warn(
        { cause, failures: this.#failuresMs.length },
        'media process failed: starting another',
      );
    this.#restart = this.#replace(standby, isGivenUp, lifeMs);
    runTask(this.#parts.logger, 'replace media process', () => this.#restart ?? Promise.resolve());
    if (isGivenUp) this.#parts.events.onFailed({ cause, remedy });
  }

  /** A client that never saw a frame leaves after ten seconds, and wants to know why long before. */
  #isTooLateToBegin(nowMs: number): boolean {
    if (this.#hasDelivered) return false;
    const isHung = nowMs - (this.#playAskedMs ?? nowMs) >= FIRST_PLAY_DEADLINE_MS;
    const isLate = nowMs - (this.#beganMs ?? nowMs) > FIRST_FRAME_BUDGET_MS;
    return isHung || isLate || this.#failuresMs.length > MAX_FAILURES_BEFORE_FIRST_FRAME;
  }

  async #replace(standby: StandbyProcess | undefined, isGivenUp: boolean, lifeMs: number): Promise<void> {
    if (standby !== undefined) await this.#retire(standby, 0);
    if (isGivenUp || this.#isStopped) return;
    if (lifeMs < GOOD_LIFE_MS) await delay(RETRY_DELAYS_MS[this.#failuresMs.length - 1] ?? 0);
    if (!this.#isStopped) await this.#startProcess();
  }

  /** Waits until the process is gone, so that its numbers are final, and keeps them. */
  async #retire(standby: StandbyProcess, deadlineMs: number): Promise<void> {
    await standby.process.stop(deadlineMs);
    this.#lastNumbers = standby.readNumbers();
    standby.release();
  }

  setVideoEndpoint(endpoint: Endpoint): void {
    this.#videoEndpoint = endpoint;
    if (this.#isPlaying) this.#applyVideoEndpoint();
  }

  setAudioEndpoint(endpoint: Endpoint): void {
    this.#audioEndpoint = endpoint;
    if (this.#isPlaying) this.#applyAudioEndpoint();
  }

  #applyVideoEndpoint(): void {
    this.#applyEndpoint('video', this.#videoEndpoint);
    this.#standby?.process.set('video', 'sampler', 'hold', false);
  }

  #applyAudioEndpoint(): void {
    this.#applyEndpoint('audio', this.#audioEndpoint);
  }

  #applyEndpoint(graph: 'video' | 'audio', endpoint: Endpoint | undefined): void {
    if (endpoint === undefined) return;
    this.#standby?.process.set(graph, 'sink', 'source-address', endpoint.sourceAddress);
    this.#standby?.process.set(graph, 'sink', 'host', endpoint.address);
    this.#standby?.process.set(graph, 'sink', 'port', endpoint.port);
  }

  forceKeyFrame(): void {
    if (!this.#isPlaying) return;
    this.#forcedKeyFrames += 1;
    this.#standby?.process.forceKeyUnit('video', 'encoder', this.#forcedKeyFrames);
  }

  tune(tuning: StreamTuning): boolean {
    this.#tuning = tuning;
    if (!this.#isPlaying) return true;
    const properties = this.#parts.tuningProperties(tuning);
    for (const { element, property, value } of properties) {
      this.#standby?.process.set('video', element, property, value);
    }
    return properties.length > 0;
  }

  async stats(): Promise<StreamStats> {
    return this.#isPlaying ? ((await this.#standby?.process.stats()) ?? {}) : {};
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endWait?.();
    this.#isPlaying = false;
    this.#watch?.stop();
    const standby = this.#standby;
    this.#standby = undefined;
    // A sound server that hangs holds nobody up: what is asked of it next waits for this.
    runTask(this.#parts.logger, 'put the sound back', () => this.#parts.sound.release());
    if (standby !== undefined) await this.#retire(standby, STOP_DEADLINE_MS);
    await this.#restart;
  }
}
