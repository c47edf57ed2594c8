/**
 * Looks after a media process that plays: reads its stages every second, notices when it is wedged, and when the source
 * it shows is gone or another.
 */
import { describeError } from '../support/errors.js';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { type StageTimes, toStageTimes } from './stage-times.js';
import type { StreamProcess } from './stream-process.js';

/** How long a source that is gone is waited for: a desktop restarts its capture in seconds. */
export const SOURCE_BUDGET_MS = 40_000;
export const SOURCE_REMEDY = 'start the source again';
export const MEDIA_REMEDY = 'GST_DEBUG=3 lumen serve --log-level debug shows what the media process says';
const INTERVAL_MS = 1000;
/** Looking for the source starts a program: not at every reading. */
const READINGS_PER_SOURCE_CHECK = 2;
/** A look that takes longer found no source: it waits for one. */
const PATIENCE_MS = 3000;
const WEDGED_AFTER_MS = 3000;
/** Before the first frame, with pictures to encode: the client still waits. */
const WEDGED_AT_START_MS = 1500;
/** A client that sees nothing leaves after ten seconds: it is told why before that. */
const SILENT_AFTER_MS = 5000;
const SILENCE_REMEDY = 'look at the screen that is captured, and at the source: lumen sources, lumen doctor';

export interface MediaWatchOptions {
  readonly process: Pick<StreamProcess, 'stats'>;
  /** What `checkSource` said when the process was started. */
  readonly source: string;
  checkSource(): Promise<string>;
  /** The picture is no longer held back: frames must flow. */
  isReleased(): boolean;
  /** The source is gone; its last picture is repeated meanwhile. Called once each time. */
  onMissing(problem: string): void;
  onStages(stages: StageTimes): void;
  /** The source gave its first picture to this process. */
  onPicture(): void;
  /** Why it gave none, as far as it can be known; asked after 5 s. */
  explainSilence(): Promise<string>;
  /** The process must be replaced; or, when `isFinal`, the stream given up. */
  fail(cause: string, remedy: string, isFinal?: boolean): void;
  /** The process, which did its work, is to be replaced by one that shows the source of now. */
  renew(cause: string): void;
  readonly logger: Logger;
  /** Milliseconds between two readings; tests use less. */
  readonly intervalMs?: number;
}

export class MediaWatch {
  readonly #options: MediaWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #readings = 0;
  #progress = { frames: -1, atMs: performance.now() };
  #missingSinceMs: number | undefined;
  /** Since when the source is looked for: it may be opened anew, and a person be asked for that. */
  #lookingSinceMs: number | undefined;
  readonly #startMs = performance.now();
  #hasPicture = false;
  #isStopped = false;

  constructor(options: MediaWatchOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Twice as often until the first frame came: its client still waits for a picture. */
  #arm(): void {
    const intervalMs = this.#options.intervalMs ?? INTERVAL_MS;
    this.#timer = setTimeout(
      () => runTask(this.#options.logger, 'watch media process', () => this.#look()),
      this.#progress.frames > 0 ? intervalMs : intervalMs / 2,
    );
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    this.#readings += 1;
    try {
      await this.#readStages();
      if (!this.#isStopped && this.#readings % READINGS_PER_SOURCE_CHECK === 0) this.#lookForSource();
    } finally {
      if (!this.#isStopped) this.#arm();
    }
  }

  #fail(cause: string, remedy: string, isFinal = false): void {
    if (this.#isStopped) return;
    this.stop();
    this.#options.fail(cause, remedy, isFinal);
  }

  /** A sampler repeats frames, so once the picture is released their number always grows: if not, the graph is wedged. */
  async #readStages(): Promise<void> {
    let stages: StageTimes | undefined;
    try {
      stages = toStageTimes(await this.#options.process.stats());
    } catch (error) {
      this.#fail(`the media process does not answer: ${describeError(error)}`, MEDIA_REMEDY);
      return;
    }
    if (stages !== undefined) this.#options.onStages(stages);
    if (!this.#hasPicture && stages !== undefined && stages.captured > 0) {
      this.#hasPicture = true;
      this.#options.onPicture();
    }
    const nowMs = performance.now();
    if (!this.#hasPicture && this.#options.isReleased() && nowMs - this.#startMs >= SILENT_AFTER_MS) {
      const why = await this.#options.explainSilence().catch(describeError);
      this.#fail(`the video source gave no picture for ${SILENT_AFTER_MS / 1000} s: ${why}`, SILENCE_REMEDY);
      return;
    }
    const frames = stages?.frames ?? 0;
    if (frames !== this.#progress.frames || !this.#options.isReleased() || !this.#hasPicture)
      this.#progress = { frames, atMs: nowMs };
    else this.#checkProgress(nowMs - this.#progress.atMs, frames);
  }

  /** An encoder that was given pictures and made none has failed at its start: another try would meet the same. */
  #checkProgress(stillMs: number, frames: number): void {
    const isAtStart = frames === 0;
    if (stillMs < (isAtStart ? WEDGED_AT_START_MS : WEDGED_AFTER_MS)) return;
    this.#fail(`no frame leaves the encoder for ${Math.round(stillMs / 1000)} s`, MEDIA_REMEDY, isAtStart);
  }

  /** One that never had a picture has failed: a source that ends whenever it is opened must not be opened for ever. */
  #renew(cause: string): void {
    if (!this.#hasPicture) this.#fail(cause, SOURCE_REMEDY);
    else if (!this.#isStopped) {
      this.stop();
      this.#options.renew(cause);
    }
  }

  /** A source that is gone falls silent, which a still picture is too: so it is looked for, beside the readings. */
  #lookForSource(): void {
    const nowMs = performance.now();
    if (this.#lookingSinceMs === undefined) {
      this.#lookingSinceMs = nowMs;
      runTask(this.#options.logger, 'look for the source', () => this.#checkSource());
    } else if (nowMs - this.#lookingSinceMs > PATIENCE_MS) {
      this.#miss(
        'the capture is being opened anew: a dialog on this machine may wait for an answer',
        this.#lookingSinceMs,
      );
    }
  }

  async #checkSource(): Promise<void> {
    try {
      const source = await this.#options.checkSource();
      this.#missingSinceMs = undefined;
      if (source !== this.#options.source) this.#renew('the video source was started anew');
    } catch (error) {
      this.#miss(describeError(error), performance.now());
    } finally {
      this.#lookingSinceMs = undefined;
    }
  }

  #miss(problem: string, sinceMs: number): void {
    if (this.#isStopped) return;
    if (this.#missingSinceMs === undefined) this.#options.onMissing(problem);
    this.#missingSinceMs ??= sinceMs;
    if (performance.now() - this.#missingSinceMs > SOURCE_BUDGET_MS) this.#fail(problem, SOURCE_REMEDY, true);
  }
}
