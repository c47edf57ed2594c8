/** The setting `perf_log`: what `lumen status` shows of each stream, in the log as it goes. */
import type { Session } from '../session/session.js';
import { runTask } from '../support/lifecycle.js';
import { readStages } from './status.js';

const INTERVAL_MS = 5000;

/** Logs the stage times of every session that plays. */
export class PerfLog {
  readonly #timer: NodeJS.Timeout;

  /** @param sessions those of the host */
  constructor(sessions: () => readonly Session[]) {
    this.#timer = setInterval(() => {
      for (const session of sessions()) runTask(session.logger, 'log stage times', () => this.#log(session));
    }, INTERVAL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #log(session: Session): Promise<void> {
    const stages = await readStages(session);
    if (stages !== null) session.logger.info({ stages }, 'stage times');
  }
}
