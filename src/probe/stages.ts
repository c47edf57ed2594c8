/**
 * The stages on the way to a picture: their times, and the name of the one that failed.
 */
import { describeError, LumenError } from '../support/errors.js';
import type { FailureReport, StageTime } from './report.js';

/** Milliseconds without the digits that no clock here can tell. */
const roundMs = (ms: number): number => Math.round(ms * 1000) / 1000;

/** Runs named steps one after the other and keeps their times. */
export class Stages {
  readonly #times: StageTime[] = [];

  get times(): readonly StageTime[] {
    return this.#times;
  }

  /**
   * Runs one step.
   * @param remedy what to try when it fails with an error that does not say so itself
   * @throws LumenError `LUMEN_PROBE_FAILED`: what `work` threw, with this stage's name when it had none
   */
  async run<T>(name: string, remedy: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await work();
    } catch (error) {
      if (error instanceof LumenError && error.code === 'LUMEN_PROBE_FAILED') throw error;
      // Advice about the media process is for the host's side of it; the stage knows better.
      const own = error instanceof LumenError && error.code !== 'LUMEN_MEDIA_FAILED' ? error.remedy : remedy;
      const details = { stage: name, problem: describeError(error), remedy: own };
      throw new LumenError('LUMEN_PROBE_FAILED', details, error);
    } finally {
      this.#times.push({ name, ms: roundMs(performance.now() - startMs) });
    }
  }
}

/** What a report says about an error that ended a run. */
export const toFailure = (error: unknown): FailureReport => {
  if (!(error instanceof LumenError)) {
    return { stage: 'probe', problem: describeError(error), remedy: 'this is a bug of the probe' };
  }
  if (error.code !== 'LUMEN_PROBE_FAILED') {
    return { stage: 'probe', problem: error.message, remedy: error.remedy };
  }
  const { stage = 'probe', problem = error.message } = error.details;
  return { stage: String(stage), problem: String(problem), remedy: error.remedy };
};
