/**
 * Traces what GStreamer says against a graph back to the description that it comes from. The shipped files are tested;
 * only graphs with a file of the user are parsed once more before they play.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { MediaProcess } from '../media/media-process.js';
import type { GraphDescription } from '../media/messages.js';
import type { PreparedProcess } from '../media/standby.js';
import type { Described } from '../pipeline/catalog.js';
import { locateProblem, propertyOf, readComplaint } from '../pipeline/complaint.js';
import type { EncoderDescription, SourceDescription } from '../pipeline/description.js';
import { LumenError } from '../support/errors.js';
import type { Logger } from '../support/logger.js';

const REMEDY = 'run: lumen pipelines check';

/** The descriptions that the graphs of a stream are made of. */
export interface Stages {
  readonly videoSource: SourceDescription;
  readonly videoEncoder: EncoderDescription;
  readonly audio: { readonly source: SourceDescription; readonly encoder: EncoderDescription } | null;
}

type Checker = Pick<MediaProcess, 'check'>;

const readText = (file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    // Removed since it was read: the message then names the file without a line.
    return '';
  }
};

/** One stream's look at its stages. */
export class StageCheck {
  readonly #shippedFolder: string;
  readonly #logger: Logger;
  #process: Checker | undefined;
  /** What the running graphs were made of, the likeliest to be wrong first. */
  #suspects: readonly Described[] = [];
  #hasWarned = false;

  constructor(shippedFolder: string, logger: Logger) {
    this.#shippedFolder = `${shippedFolder}${path.sep}`;
    this.#logger = logger;
  }

  /** Warns, once a stream, when `prepared` complains of a value that a description sets. @returns `prepared` */
  watch(prepared: PreparedProcess): PreparedProcess {
    this.#process = prepared.process;
    prepared.process.onStderrLine((line) => this.#onStderrLine(line));
    return prepared;
  }

  #onStderrLine(line: string): void {
    const problem = readComplaint(line);
    if (this.#hasWarned || problem === undefined || propertyOf(problem) === undefined) return;
    this.#hasWarned = true;
    const file = locateProblem(problem, this.#suspects, readText);
    this.#logger.warn({ file, problem, remedy: REMEDY }, 'a value of a pipeline description was not taken');
  }

  /** See {@link StageCheck.check}, with the process that is watched. */
  async checkWatched(stages: Stages, graphs: readonly GraphDescription[]): Promise<void> {
    if (this.#process !== undefined) await this.check(this.#process, stages, graphs);
  }

  /**
   * Parses the graphs that have a part of the user's own. What is wrong with an optional graph is logged.
   * @throws LumenError LUMEN_PIPELINE_INVALID with file and line
   */
  async check(process: Checker, stages: Stages, graphs: readonly GraphDescription[]): Promise<void> {
    const { videoEncoder, videoSource, audio } = stages;
    const video = this.#usersFirst([videoEncoder, videoSource]);
    const sound = this.#usersFirst(audio === null ? [] : [audio.encoder, audio.source]);
    this.#suspects = [...video, ...sound];
    for (const graph of graphs) {
      const suspects = graph.name === 'video' ? video : sound;
      if (!suspects.some((one) => this.#isUsers(one))) continue;
      const problem = await process.check(graph.launch);
      if (problem !== null) this.#refuse(graph, problem, suspects);
    }
  }

  #refuse(graph: GraphDescription, problem: string, suspects: readonly Described[]): void {
    const users = suspects.filter((one) => this.#isUsers(one));
    const file = locateProblem(problem, users, readText);
    if (!graph.isOptional) throw new LumenError('LUMEN_PIPELINE_INVALID', { file, problem, remedy: REMEDY });
    this.#logger.error({ file, problem, remedy: REMEDY }, 'there will be no sound');
  }

  #isUsers({ file }: Described): boolean {
    return !file.startsWith(this.#shippedFolder);
  }

  #usersFirst(suspects: readonly Described[]): Described[] {
    return [...suspects].sort((a, b) => Number(this.#isUsers(b)) - Number(this.#isUsers(a)));
  }
}
