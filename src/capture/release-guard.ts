/**
 * Undoes in a compositor what was made for a stream, also when this process is killed: a shell that waits for the end of
 * our side of its standard input, which the kernel closes in any case, and then runs one command.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { withDeadline } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import type { CaptureContext } from './capture.js';

/** Ctrl-C and the end of a service reach every process of the group; this one must outlive ours. */
const WAIT = 'trap "" INT TERM HUP; cat >/dev/null; ';
const RELEASE_DEADLINE_MS = 3000;

export class ReleaseGuard {
  readonly #child: ChildProcess;
  readonly #logger: Logger;
  readonly #ended: Promise<unknown>;

  /**
   * @param script for `sh -c`, with `args` as `$1`, `$2`…; runs once {@link ReleaseGuard.release} is called or this process
   * has ended
   */
  constructor(script: string, args: readonly string[], { environment, logger }: CaptureContext) {
    this.#logger = logger;
    this.#child = spawn('sh', ['-c', WAIT + script, 'lumen', ...args], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...environment },
      detached: true,
    });
    this.#ended = Promise.race([once(this.#child, 'close'), once(this.#child, 'error')]);
    this.#child.stdin?.on('error', (error) => logger.trace({ err: error }, 'a release guard has ended'));
    // A guard that is waited for by nobody must not keep this process alive.
    this.#child.unref();
  }

  /** Runs the command, and waits for its end. Again: no effect. */
  async release(deadlineMs = RELEASE_DEADLINE_MS): Promise<void> {
    this.#child.stdin?.end();
    try {
      await withDeadline(this.#ended, deadlineMs, 'what was made for a stream');
    } catch (error) {
      this.#child.kill('SIGKILL');
      this.#logger.warn({ err: error }, 'what was made for a stream may still be there');
    }
  }
}
