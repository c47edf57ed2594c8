/**
 * The real media side of a stream: a media process that plays the plan's graphs, where they send to, and its replacement
 * when it fails. Recovery has one form: kill the process, take the next, carry the session page's numbers and the base
 * time over, so that the client sees one uninterrupted numbering.
 */
import type { MediaReport } from '../media/messages.js';
import type { SessionNumbers } from '../media/session-page.js';
import { describeError, LumenError } from '../support/errors.js';
import { delay, runTask } from '../support/lifecycle.js';
import { RateLimitedWarning } from '../support/logger.js';
import type { Endpoint, MediaStream, MediaStreamParts, StandbyProcess } from './media-stream.js';
import { MEDIA_REMEDY, MediaWatch, SOURCE_BUDGET_MS, SOURCE_REMEDY } from './media-watch.js';
import { RestartPolicy } from './restart-policy.js';
import { awaitSource, isSourceMissing } from './source-wait.js';
import type { StreamTuning } from './stream-plan.js';
import type { StreamStats } from './stream-process.js';

/** A first start must not take longer than the client waits for its first datagram (`protocol/video.md` §1.2). */
const FIRST_SOURCE_BUDGET_MS = 5000;
/** A second of frames at 480 Hz: what a dying process can have drawn beyond the last number it sent. */
const FRAME_NUMBER_SLACK = 480;
const STOP_DEADLINE_MS = 1000;
/** GstVideoFilter about a buffer that does not hold a picture of the caps; debug texts are in no other language. */
const MISFIT_WARNING = 'invalid video buffer received';

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
  readonly #policy = new RestartPolicy();
  readonly #warning: RateLimitedWarning;
  #forcedKeyFrames = 0;
  #tuning: StreamTuning | undefined;
  #lastNumbers: SessionNumbers | undefined;
  #watch: MediaWatch | undefined;
  #source = '';

  constructor(parts: MediaStreamParts) {
    this.#parts = parts;
    this.#warning = new RateLimitedWarning(parts.logger);
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
      const source = await awaitSource({
        checkSource: () => this.#parts.checkSource(),
        budgetMs: this.#lastNumbers === undefined ? FIRST_SOURCE_BUDGET_MS : SOURCE_BUDGET_MS,
        stopAsked: this.#stopAsked,
        logger: this.#parts.logger,
      });
      if (source === undefined || this.#isStopped) return;
      this.#source = source;
      this.#policy.begin(performance.now());
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

  async #play(standby: StandbyProcess): Promise<void> {
    const sent = { video: this.#videoEndpoint, audio: this.#audioEndpoint };
    const graphs = await this.#parts.buildGraphs(standby.process, {
      source: this.#source,
      firstFrameNumber: this.#nextFrameNumber(),
      videoEndpoint: sent.video,
      audioEndpoint: sent.audio,
    });
    const deadlineMs = this.#policy.askToPlay(performance.now());
    this.#baseTimeNs = await standby.process.play(graphs, this.#baseTimeNs, deadlineMs);
    this.#isPlaying = true;
    this.#policy.playing(performance.now());
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
        if (stages.frames > 0) this.#policy.delivered();
        this.#parts.events.onStages(stages);
      },
      onPicture: () => this.#parts.onPicture(),
      explainSilence: () => this.#parts.explainSilence(),
      fail,
      renew: (cause) => this.#renew(standby, cause),
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

  /** An element may warn at every frame. A converter that is given pictures of another size than was agreed warns at each, and passes on what its memory held. */
  #onWarning(standby: StandbyProcess, report: Extract<MediaReport, { type: 'warning' }>): void {
    const { graph, element, message: problem, debug } = report;
    if (graph === 'video' && debug.includes(MISFIT_WARNING))
      this.#fail(standby, 'the picture of the video source changed its size', SOURCE_REMEDY);
    else {
      const key = `${graph} ${element} ${problem.replace(/\d+/g, '#')}`;
      this.#warning.warn(key, { graph, element, problem, debug }, 'media warning');
    }
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
    if (this.frameIndex > 0) this.#policy.delivered();
    const verdict = this.#policy.fail(performance.now());
    const replacement = isFinal || verdict.isGivenUp ? undefined : verdict;
    if (replacement === undefined) this.#isStopped = true;
    else {
      const { failures } = replacement;
      this.#parts.logger.warn({ cause, failures }, 'media process failed: starting another');
    }
    this.#dismiss(standby, replacement?.retryDelayMs ?? 0);
    if (replacement === undefined) this.#parts.events.onFailed({ cause, remedy });
  }

  /** The source was opened anew, and the process shows the old one: no fault of it, so it does not count. */
  #renew(standby: StandbyProcess, cause: string): void {
    if (this.#isStopped || standby !== this.#standby) return;
    this.#parts.logger.info({ cause }, 'another media process takes over');
    this.#dismiss(standby, 0);
  }

  #dismiss(standby: StandbyProcess | undefined, retryDelayMs: number): void {
    this.#standby = undefined;
    this.#isPlaying = false;
    this.#watch?.stop();
    this.#restart = this.#replace(standby, retryDelayMs);
    runTask(this.#parts.logger, 'replace media process', () => this.#restart ?? Promise.resolve());
  }

  async #replace(standby: StandbyProcess | undefined, retryDelayMs: number): Promise<void> {
    if (standby !== undefined) await this.#retire(standby, 0);
    if (this.#isStopped) return;
    if (retryDelayMs > 0) await delay(retryDelayMs);
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
