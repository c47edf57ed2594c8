/** Waits for a video source that is not there yet, or not any more: a desktop restarts its capture in seconds. */
import { describeError, LumenError } from '../support/errors.js';
import { delay } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

const RETRY_MS = 500;

export interface SourceWaitOptions {
  /** See `MediaStreamParts.checkSource`. */
  checkSource(): Promise<string>;
  readonly budgetMs: number;
  /** Resolves when nobody waits any more. */
  readonly stopAsked: Promise<undefined>;
  readonly logger: Logger;
}

/** Whether it can come back by itself. */
export const isSourceMissing = (error: unknown): boolean =>
  error instanceof LumenError &&
  (error.code === 'LUMEN_SOURCE_MISSING' ||
    error.code === 'LUMEN_PIPEWIRE_UNREACHABLE' ||
    error.code === 'LUMEN_CAPTURE_FAILED');

/**
 * @returns what `checkSource` found; undefined when nobody waits any more
 * @throws what `checkSource` throws, at once where waiting does not help, else when the budget is used up
 */
export const awaitSource = async (options: SourceWaitOptions): Promise<string | undefined> => {
  const { checkSource, budgetMs, stopAsked, logger } = options;
  const startMs = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      const source = await Promise.race([checkSource(), stopAsked]);
      if (source !== undefined && tries > 1) logger.info('the video source is back');
      return source;
    } catch (error) {
      if (!isSourceMissing(error) || performance.now() - startMs > budgetMs) throw error;
      if (tries === 1)
        logger.warn({ problem: describeError(error), budgetMs }, 'waiting for the video source');
    }
    // A stop that was asked for meanwhile ends the next race.
    await Promise.race([delay(RETRY_MS), stopAsked]);
  }
};
