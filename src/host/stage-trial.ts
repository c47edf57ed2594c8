/**
 * Tries an encoder stage in a media process of its own, with a deadline: whatever its element does there, hang or crash
 * included, costs the host nothing. What counts as proven is in `pipeline/proof.ts`.
 */
import fs from 'node:fs';
import {
  childDescriptor,
  type MediaProcess,
  type MediaProcessOptions,
  spawnMediaProcess,
} from '../media/media-process.js';
import type { MediaReport } from '../media/messages.js';
import type { EncoderDescription } from '../pipeline/description.js';
import { toFormatWord } from '../pipeline/format.js';
import { findFault, KEY_FRAME_WITHIN, type Trial } from '../pipeline/proof.js';
import { readRecording } from '../pipeline/recording.js';
import { formatsOf } from '../pipeline/sample.js';
import { buildTrialGraph } from '../pipeline/trial-graph.js';
import type { VideoFormat } from '../session/stream-plan.js';
import { describeError } from '../support/errors.js';
import { delay } from '../support/lifecycle.js';
import { closeDescriptor, createMemoryFile } from '../support/sockets.js';

/** What came out of a trial. */
export interface Verdict {
  /** What the stage was proven to make. */
  readonly proven: readonly VideoFormat[];
  /** Why it does not make what else it says, a line each; the stage is unusable where nothing is proven. */
  readonly faults: readonly string[];
}

/** Long enough for a slow machine with a full load; a stage that takes longer hangs. */
const DEADLINE_MS = 20_000;
const POLL_MS = 15;
/** Frames before the key frame is asked for, and behind the last that may answer. */
const FRAMES_BEFORE = 3;
const FRAMES_BEHIND = 4;
const MANY_SLICES = 4;

type Plan = Omit<Trial, 'askedAfter'>;
export interface TrialOptions extends Pick<MediaProcessOptions, 'logger' | 'environment'> {
  /** After which a stage that has not shown what it can counts as one that hangs; milliseconds. */
  readonly deadlineMs?: number;
}

/** One graph of a trial: what it is to show, and the file that it writes to. */
interface Run extends Plan {
  readonly name: string;
  readonly fd: number;
  askedAfter: number | undefined;
  framesIn: number;
  problem: string | undefined;
}

const toPlans = (encoder: EncoderDescription): Plan[] => {
  const formats = formatsOf(encoder);
  const plans = formats.map((format) => ({ format, slices: 1 }));
  const [common] = formats;
  // A stage that pays no heed to the number of slices always makes one, which every client takes.
  return common !== undefined && encoder.encode.includes('slices}')
    ? [...plans, { format: common, slices: MANY_SLICES }]
    : plans;
};

const readAll = (fd: number): Buffer => {
  const data = Buffer.alloc(fs.fstatSync(fd).size);
  return data.subarray(0, fs.readSync(fd, data, 0, data.length, 0));
};

const hasShownAll = ({ askedAfter, framesIn }: Run): boolean =>
  askedAfter !== undefined && framesIn > askedAfter + KEY_FRAME_WITHIN + FRAMES_BEHIND;

const HANGS = 'it hangs';
const CRASHES = 'it crashes';

/** A fault that would have cost a stream its process. */
export const isFatal = (fault: string): boolean => fault.startsWith(HANGS) || fault.startsWith(CRASHES);

/** A media process that does not answer is one whose element hangs. */
const toHang = (error: unknown): string => {
  const problem = describeError(error).replace(/\s+/g, ' ');
  return problem.includes('took longer than') ? `${HANGS}: ${problem}` : problem;
};

/** A media process in which runs play side by side. */
class TrialProcess {
  readonly #media: MediaProcess;
  readonly #runs: readonly Run[];
  readonly #deadlineMs: number;
  #end: string | undefined;

  constructor(encoder: EncoderDescription, runs: readonly Run[], options: TrialOptions) {
    this.#runs = runs;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    const graphs = runs.map((run, index) => buildTrialGraph(run.name, encoder, run, childDescriptor(index)));
    this.#media = spawnMediaProcess({ ...options, descriptors: runs.map(({ fd }) => fd) });
    this.#media.onReport((report) => this.#onReport(report));
    this.#media.onExit((code, signal) => {
      this.#end ??= signal === null ? `it ends its process with status ${code}` : `${CRASHES} (${signal})`;
    });
    this.#media.play(graphs, null).catch((error: unknown) => {
      // The failure of one graph is a report, and the others play on.
      if (runs.every(({ problem }) => problem === undefined)) this.#end ??= toHang(error);
    });
  }

  #onReport(report: MediaReport): void {
    if (report.type !== 'error') return;
    const problem = report.message.replace(/\s+/g, ' ');
    const run = this.#runs.find(({ name }) => name === report.graph);
    if (run !== undefined) run.problem ??= problem;
    // Nothing plays then.
    if (report.code === 'parse' || report.code === 'property') this.#end ??= problem;
  }

  /** Plays until every run has shown what it can, or the deadline. */
  async finish(): Promise<void> {
    const endMs = performance.now() + this.#deadlineMs;
    try {
      await this.#media.ready;
      while (this.#runs.some((run) => !this.#isDone(run)) && performance.now() < endMs) {
        await this.#step();
        await delay(POLL_MS);
      }
    } catch (error) {
      this.#end ??= toHang(error);
    }
    for (const run of this.#runs)
      if (!hasShownAll(run))
        run.problem ??= this.#end ?? `${HANGS}: no answer in ${this.#deadlineMs / 1000} s`;
    await this.#media.stop(0);
  }

  #isDone(run: Run): boolean {
    return run.problem !== undefined || this.#end !== undefined || hasShownAll(run);
  }

  async #step(): Promise<void> {
    const isDue = this.#runs.filter((run) => run.askedAfter === undefined && run.framesIn >= FRAMES_BEFORE);
    const reading = this.#media.stats();
    // Sent together, so that the figure is that of the moment of the request.
    for (const { name } of isDue) this.#media.forceKeyUnit(name, 'encoder', 1);
    const stats = await reading;
    for (const run of this.#runs) run.framesIn = Number(stats[run.name]?.['sampler']?.['out'] ?? 0);
    for (const run of isDue) run.askedAfter = run.framesIn;
  }
}

const openRun = (plan: Plan, index: number): Run => ({
  ...plan,
  name: `trial-${index}`,
  fd: createMemoryFile('lumen-trial', 1),
  askedAfter: undefined,
  framesIn: 0,
  problem: undefined,
});

/** Plays the plans in one process. @returns what is wrong with each, in order */
const playTogether = async (
  encoder: EncoderDescription,
  plans: readonly Plan[],
  options: TrialOptions,
): Promise<(string | undefined)[]> => {
  const runs = plans.map(openRun);
  try {
    await new TrialProcess(encoder, runs, options).finish();
    return runs.map(
      (run) =>
        run.problem ??
        findFault(readRecording(run.format.codec, readAll(run.fd)), {
          ...run,
          askedAfter: run.askedAfter ?? 0,
        }),
    );
  } finally {
    for (const { fd } of runs) closeDescriptor(fd);
  }
};

/** What spoils one run in a common process may be another's doing: what failed is tried again alone. */
const playAll = async (
  encoder: EncoderDescription,
  plans: readonly Plan[],
  options: TrialOptions,
): Promise<(string | undefined)[]> => {
  const faults = await playTogether(encoder, plans, options);
  // Where somebody waits, one hang is enough to know.
  const isHurried = options.deadlineMs !== undefined && faults.every((fault) => fault?.startsWith(HANGS));
  if (plans.length === 1 || isHurried) return faults;
  for (const [index, plan] of plans.entries()) {
    if (faults[index] === undefined) continue;
    [faults[index]] = await playTogether(encoder, [plan], options);
    // Without its commonest format a stage is of no use, whatever the others would show.
    if (index === 0 && faults[0] !== undefined) return plans.map(() => faults[0]);
  }
  return faults;
};

/** Tries all that `encoder` says it makes. Never throws for what the stage does. */
export const tryStage = async (encoder: EncoderDescription, options: TrialOptions): Promise<Verdict> => {
  const plans = toPlans(encoder);
  let faults: (string | undefined)[];
  try {
    faults = await playAll(encoder, plans, options);
  } catch (error) {
    faults = plans.map(() => describeError(error));
  }
  const inSlices = plans.findIndex(({ slices }) => slices > 1);
  if (faults[0] !== undefined || faults[inSlices] !== undefined)
    return { proven: [], faults: [faults[0] ?? faults[inSlices] ?? ''] };
  const failed = plans.filter((_, index) => faults[index] !== undefined);
  return {
    proven: plans.filter((plan) => plan.slices === 1 && !failed.includes(plan)).map(({ format }) => format),
    faults: failed.map((plan) => `${toFormatWord(plan.format)}: ${faults[plans.indexOf(plan)]}`),
  };
};
