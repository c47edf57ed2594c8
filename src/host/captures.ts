/**
 * The captures of this host: which back end each stream takes, and one open capture for each session. It outlives media
 * processes and a client that is away, so that a reconnect at the same mode meets the same output and no second dialog;
 * it is opened anew when it has ended, and closed with its session.
 */
import type { Capture, CaptureBackend, CaptureMode, CaptureRequest } from '../capture/capture.js';
import { type CaptureChoice, chooseBackend } from '../capture/detect.js';
import type { VideoSource } from '../config/settings.js';
import { describeError } from '../support/errors.js';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

export interface CapturesOptions {
  readonly source: VideoSource;
  readonly backends: readonly CaptureBackend[];
  readonly logger: Logger;
}

/** An open capture and the source stage that shows it. */
export interface OpenCapture {
  readonly stage: string;
  readonly capture: Capture;
}

const isSameMode = (a: CaptureMode, b: CaptureMode): boolean =>
  a.width === b.width && a.height === b.height && a.fps === b.fps;

/** Why the pictures of a capture will not come, or not fit, any more. */
interface Life {
  lost?: string;
}

/** What one session shows. */
export class SessionCapture {
  readonly #options: CapturesOptions;
  readonly #mode: CaptureMode;
  readonly #logger: Logger;
  #open: OpenCapture | undefined;
  #pending: Promise<OpenCapture> | undefined;
  #choice: CaptureChoice | undefined;
  #isClosed = false;
  /** Of the capture that is open, or being opened. What an earlier one tells while it is closed counts no more. */
  #life: Life = {};

  constructor(options: CapturesOptions, mode: CaptureMode, logger: Logger) {
    this.#options = options;
    this.#mode = mode;
    this.#logger = logger;
  }

  /** Whether a stream at `mode` may go on with this capture. */
  fits(mode: CaptureMode): boolean {
    return isSameMode(this.#mode, mode);
  }

  /**
   * The capture, opened if there is none that lives. Calls that come meanwhile wait for the same one.
   * @throws LumenError as {@link CaptureBackend.check} and {@link CaptureBackend.open} do
   */
  ensure(): Promise<OpenCapture> {
    this.#pending ??= this.#ensure().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** The open capture, as the last {@link SessionCapture.ensure} left it. */
  get current(): OpenCapture | undefined {
    return this.#open;
  }

  async #ensure(): Promise<OpenCapture> {
    if (this.#open !== undefined && this.#life.lost === undefined) {
      try {
        await this.#open.capture.check();
      } catch (error) {
        this.#lose(this.#life, describeError(error));
        await this.#drop();
        throw error;
      }
    }
    if (this.#life.lost !== undefined) await this.#drop();
    if (this.#isClosed) throw new Error('the capture is closed');
    this.#open ??= await this.#openNew();
    return this.#open;
  }

  async #openNew(): Promise<OpenCapture> {
    const { backends, source } = this.#options;
    const { backend, target, reason } = this.#choice ?? (await chooseBackend(backends, source));
    const request: CaptureRequest = { mode: this.#mode, cursor: 'embedded', target };
    const life: Life = {};
    this.#life = life;
    const capture = await backend.open(request, {
      onEnded: (why) => this.#lose(life, why),
      onResized: () => this.#lose(life, 'its size changed'),
    });
    this.#logger.info({ capture: backend.name, why: reason, shows: capture.description }, 'capture opened');
    // A desktop that is started anew must find its session waiting for it, and not a test pattern in its place.
    this.#choice = { backend, target, reason };
    // Closed while it was opened: nobody else would close it.
    if (this.#isClosed) await capture.close();
    return { stage: backend.stageFor(target), capture };
  }

  /** See {@link Capture.explainSilence}. */
  async explainSilence(): Promise<string> {
    return (await this.#open?.capture.explainSilence()) ?? 'its capture is gone';
  }

  /** Says in the log how the pictures travel, which nobody knows before the first one. */
  async logFormat(): Promise<void> {
    const format = await this.#open?.capture.describeFormat().catch(() => undefined);
    if (format !== undefined) this.#logger.info({ format }, 'pictures arrive');
  }

  #lose(life: Life, why: string): void {
    if (life !== this.#life || life.lost !== undefined) return;
    life.lost = why;
    this.#logger.warn({ why }, 'the capture ended');
  }

  async #drop(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#life = {};
    await open?.capture.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pending?.catch(() => undefined);
    if (this.#open !== undefined) this.#logger.debug('capture closed');
    await this.#drop();
  }
}

export class Captures {
  readonly #options: CapturesOptions;
  readonly #bySession = new Map<string, SessionCapture>();

  constructor(options: CapturesOptions) {
    this.#options = options;
  }

  /**
   * What a stream would be taken from now.
   * @throws LumenError as {@link CaptureBackend.check} does, where a source is named that is not there
   */
  choose(): Promise<CaptureChoice> {
    return chooseBackend(this.#options.backends, this.#options.source);
  }

  /** Lets a person who has to be asked be asked now. What comes of it, the first stream finds out. */
  prepare({ backend, target }: CaptureChoice): void {
    const { logger } = this.#options;
    backend.prepare?.(target).then(
      () => logger.debug({ capture: backend.name }, 'permission is there'),
      (error: unknown) =>
        logger.warn({ capture: backend.name, problem: describeError(error) }, 'there is no permission yet'),
    );
  }

  /** Removes what hosts that were killed left behind. What cannot be removed now is logged. */
  async removeStale(): Promise<void> {
    for (const backend of this.#options.backends) {
      try {
        await backend.removeStale();
      } catch (error) {
        this.#options.logger.debug(
          { capture: backend.name, problem: describeError(error) },
          'no look for leftovers',
        );
      }
    }
  }

  /** The capture of a session at a mode: the one it has, or another one in its place. */
  forSession(session: string, mode: CaptureMode, logger: Logger): SessionCapture {
    const existing = this.#bySession.get(session);
    if (existing?.fits(mode)) return existing;
    this.release(session);
    const capture = new SessionCapture(this.#options, mode, logger);
    this.#bySession.set(session, capture);
    return capture;
  }

  /** Closes the capture of a session that has ended. */
  release(session: string): void {
    const capture = this.#bySession.get(session);
    this.#bySession.delete(session);
    if (capture !== undefined) runTask(this.#options.logger, 'close capture', () => capture.close());
  }

  async close(): Promise<void> {
    const all = [...this.#bySession.values()];
    this.#bySession.clear();
    await Promise.all(all.map((capture) => capture.close()));
  }
}
