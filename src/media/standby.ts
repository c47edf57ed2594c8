/**
 * Keeps one media process ready, so that a launch or a replacement does not wait for GStreamer to start. Each process
 * comes with a session page of its own; whoever replaces a dead process carries the numbers over.
 */
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import {
  closeDescriptor,
  createDescriptorChannel,
  createMemoryFile,
  sendDescriptor,
} from '../support/sockets.js';
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
  channel: childDescriptor(3),
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

/**
 * What a process that was left behind alive may still spend: ten seconds at 60 Hz of frames, and of packets as many as a
 * client takes for a step forward. RTP sequence numbers are compared in 16 bits, so a step of 2^15 or more would be one
 * backwards (`protocol/video.md` §2.1).
 */
const ABANDONED_SLACK = { frames: 600, videoPackets: 16_384, audioPackets: 4096 } as const;

const skipAhead = (numbers: SessionNumbers): SessionNumbers => ({
  incarnation: numbers.incarnation + 1,
  frameIndex: (numbers.frameIndex + ABANDONED_SLACK.frames) >>> 0,
  videoPacket: (numbers.videoPacket + ABANDONED_SLACK.videoPackets) >>> 0,
  audioPacket: (numbers.audioPacket + ABANDONED_SLACK.audioPackets) >>> 0,
});

/** A ready process with its page. */
export class PreparedProcess {
  readonly process: MediaProcess;
  readonly #page: SessionPage;
  readonly #channel: readonly [ours: number, theirs: number];
  #isReleased = false;

  /**
   * @param page the one that `process` inherited; it is closed by {@link PreparedProcess.release}
   * @param channel two ends, of which `process` inherited the second; closed likewise
   */
  constructor(process: MediaProcess, page: SessionPage, channel: readonly [number, number]) {
    this.process = process;
    this.#page = page;
    this.#channel = channel;
  }

  /**
   * Sends a copy of `fd` ahead of the graph that takes it; see `received` of its description.
   * @throws Error once it is released: the number of the channel may be that of something else by then
   */
  sendDescriptor(fd: number): void {
    if (this.#isReleased) throw new Error('the media process is gone');
    sendDescriptor(this.#channel[0], fd);
  }

  /**
   * The page's numbers: final once the process has been stopped. Where it could not be ended and may still count, they
   * are ahead of what it can reach.
   */
  readNumbers(): SessionNumbers {
    const numbers = this.#page.read();
    return this.process.wasAbandoned ? skipAhead(numbers) : numbers;
  }

  /** See {@link SessionPage.continueFrom}. */
  continueFrom(numbers: SessionNumbers): void {
    this.#page.continueFrom(numbers);
  }

  /** Closes this side's descriptors of page and channel; the process keeps its own. Again: no effect. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#page.close();
    this.#channel.forEach(closeDescriptor);
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
    const { logger, refillDelayMs } = this.#options;
    // A host out of descriptors cannot make one now; the next that is taken is then made on demand.
    this.#refill = setTimeout(
      () => runTask(logger, 'prepare media process', async () => this.prepare()),
      refillDelayMs,
    );
    try {
      await taken.process.ready;
      return taken;
    } catch (error) {
      runTask(logger, 'end failed media process', () => taken.process.stop(0));
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
    const channel = createDescriptorChannel();
    const descriptors = [videoSocketFd, audioSocketFd, page.fd, channel[1]];
    try {
      return new PreparedProcess(spawnMediaProcess({ descriptors, logger, environment }), page, channel);
    } catch (error) {
      page.close();
      channel.forEach(closeDescriptor);
      throw error;
    }
  }
}
