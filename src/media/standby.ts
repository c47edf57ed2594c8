/**
 * Keeps one media process ready, so that a launch or a replacement does not wait for GStreamer to start. Each process
 * comes with a session page of its own; whoever replaces a dead process carries the numbers over.
 */
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { createMemoryFile } from '../support/sockets.js';
import {
  childDescriptor,
  type MediaProcess,
  type MediaProcessOptions,
  spawnMediaProcess,
} from './media-process.js';
import { SESSION_PAGE_BYTES, type SessionNumbers, SessionPage } from './session-page.js';

/** Numbers of the inherited descriptors inside a media process. */
export const MEDIA_DESCRIPTORS = {
  videoSocket: childDescriptor(0),
  audioSocket: childDescriptor(1),
  sessionPage: childDescriptor(2),
} as const;

export interface MediaStandbyOptions {
  /** The bound media sockets; they stay the caller's. */
  readonly videoSocketFd: number;
  readonly audioSocketFd: number;
  readonly logger: Logger;
  readonly environment: MediaProcessOptions['environment'];
  /** How long after one was taken the next is started: a starting session has the processor to itself. */
  readonly refillDelayMs: number;
}

/** A ready process with its page. */
export class PreparedProcess {
  readonly process: MediaProcess;
  readonly #page: SessionPage;

  constructor(process: MediaProcess, page: SessionPage) {
    this.process = process;
    this.#page = page;
  }

  readNumbers(): SessionNumbers {
    return this.#page.read();
  }

  /** See {@link SessionPage.continueFrom}. */
  continueFrom(numbers: SessionNumbers): void {
    this.#page.continueFrom(numbers);
  }

  /** Closes this side's descriptor of the page; the process keeps its own. */
  release(): void {
    this.#page.close();
  }
}

/** The pool of one. */
export class MediaStandby {
  readonly #options: MediaStandbyOptions;
  #spare: PreparedProcess | undefined;
  #refill: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: MediaStandbyOptions) {
    this.#options = options;
  }

  /** Starts the spare process if there is none. */
  prepare(): void {
    if (this.#isClosed || (this.#spare !== undefined && !this.#spare.process.hasExited)) return;
    this.#spare?.release();
    this.#spare = this.#spawn();
  }

  /** The spare process, without taking it: for questions that change nothing in it. */
  peek(): MediaProcess {
    this.prepare();
    if (this.#spare === undefined) throw new Error('the standby is closed');
    return this.#spare.process;
  }

  /**
   * Hands out a ready process; the caller owns it from here.
   * @throws LumenError LUMEN_MEDIA_FAILED when it does not become ready
   */
  async take(): Promise<PreparedProcess> {
    this.prepare();
    const taken = this.#spare;
    if (taken === undefined) throw new Error('the standby is closed');
    this.#spare = undefined;
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.prepare(), this.#options.refillDelayMs);
    try {
      await taken.process.ready;
      return taken;
    } catch (error) {
      runTask(this.#options.logger, 'end failed media process', () => taken.process.stop(0));
      taken.release();
      throw error;
    }
  }

  /** Ends the spare process. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#refill);
    await this.#spare?.process.stop(0);
    this.#spare?.release();
    this.#spare = undefined;
  }

  #spawn(): PreparedProcess {
    const { videoSocketFd, audioSocketFd, logger, environment } = this.#options;
    const page = new SessionPage(createMemoryFile('lumen-session-page', SESSION_PAGE_BYTES));
    const process = spawnMediaProcess({
      descriptors: [videoSocketFd, audioSocketFd, page.fd],
      logger,
      environment,
    });
    return new PreparedProcess(process, page);
  }
}
