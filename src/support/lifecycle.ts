/**
 * Orderly endings: what was opened is closed in reverse order, each step with a deadline, and no promise is left
 * without somebody who looks at its failure.
 */
import type { Logger } from './logger.js';

/** A step that undoes something. */
type Closer = () => void | Promise<void>;

/** Collects closers and runs them once, last first. A closer that fails or hangs does not keep the others from running. */
export class Closers {
  readonly #closers: { name: string; close: Closer; deadlineMs: number | undefined }[] = [];
  #closing: Promise<void> | undefined;

  /** @param deadlineMs for this step, where it may take longer than the others */
  add(name: string, close: Closer, deadlineMs?: number): void {
    this.#closers.push({ name, close, deadlineMs });
  }

  /**
   * Closes everything. Further calls return the first call's promise.
   * @param deadlineMs the longest that one step may take before the next one starts
   */
  close(logger: Logger, deadlineMs = 1000): Promise<void> {
    this.#closing ??= this.#run(logger, deadlineMs);
    return this.#closing;
  }

  async #run(logger: Logger, deadlineMs: number): Promise<void> {
    for (const { name, close, deadlineMs: ownMs } of this.#closers.reverse()) {
      try {
        await withDeadline(Promise.resolve(close()), ownMs ?? deadlineMs, `closing ${name}`);
      } catch (error) {
        logger.warn({ err: error, part: name }, 'a part did not close cleanly');
      }
    }
  }
}

/**
 * Rejects when `promise` has not settled after `deadlineMs`.
 * @param what names the work in the error's text
 */
export const withDeadline = async <T>(promise: Promise<T>, deadlineMs: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
};

/** Starts background work whose failure is logged: the way to start a promise that nobody awaits. */
export const runTask = (logger: Logger, name: string, work: () => Promise<unknown>): void => {
  work().catch((error: unknown) => logger.error({ err: error, task: name }, 'a background task failed'));
};

/** Waits. @param ms milliseconds, 0 or more */
export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
