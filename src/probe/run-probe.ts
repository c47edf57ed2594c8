/**
 * A whole run by plan: start, stream for a while, ask for key frames at the given moments, leave, report.
 */

import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import type { ProbeOptions } from './options.js';
import type { PlannedStream } from './probe-stream.js';
import { RunRecord } from './record.js';
import type { EndReport, ProbeReport } from './report.js';
import { toFailure } from './stages.js';
import { openStream } from './stream.js';

const NEVER_STARTED: EndReport = {
  reason: 'stopped',
  code: -1,
  hostCode: null,
  text: 'the stream did not start',
};

/** Timers that are cleared together. */
class Schedule {
  readonly #timers: NodeJS.Timeout[] = [];

  at(seconds: number, action: () => void): void {
    this.#timers.push(setTimeout(action, seconds * 1000));
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** Resolves when `signal` aborts. @param over ends the waiting: one signal may serve many runs */
const waitForAbort = (signal: AbortSignal | undefined, over: AbortSignal): Promise<'stopped'> =>
  new Promise((resolve) => {
    if (signal?.aborted) resolve('stopped');
    signal?.addEventListener('abort', () => resolve('stopped'), { once: true, signal: over });
  });

/** Resolves `seconds` after the first decoded frame; never without one. */
const waitForPlan = async (
  stream: PlannedStream,
  options: ProbeOptions,
  schedule: Schedule,
  logger: Logger,
): Promise<'time'> => {
  const first = await stream.firstFrame;
  return await new Promise((resolve) => {
    if (first === null) return;
    schedule.at(options.seconds, () => resolve('time'));
    for (const moment of options.requestIdrAt) {
      schedule.at(moment, () => runTask(logger, 'request a key frame', () => stream.requestIdr()));
    }
  });
};

/**
 * Runs the probe. Every failure of the host or the network is part of the report (`failure`); a run that never
 * started has its reason there too.
 */
export const runProbe = async (options: ProbeOptions): Promise<ProbeReport> => {
  const record = new RunRecord(options);
  let stream: PlannedStream;
  try {
    stream = await openStream(options, record);
  } catch (error) {
    options.logger.debug({ err: error }, 'the stream did not start');
    return record.toReport(NEVER_STARTED, toFailure(error));
  }
  const schedule = new Schedule();
  const over = new AbortController();
  try {
    const reason = await Promise.race([
      stream.ended.then(() => 'stopped' as const),
      waitForPlan(stream, options, schedule, options.logger),
      waitForAbort(options.signal, over.signal),
    ]);
    return await stream.finish(options.ending, reason);
  } finally {
    schedule.clear();
    over.abort();
  }
};
