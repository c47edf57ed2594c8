/**
 * What the encoder stages were proven to make, by their text: a stage is tried once, and again when its file changed.
 * Every verdict is one line of the log.
 */
import fs from 'node:fs';
import { locateProblem } from '../pipeline/complaint.js';
import type { EncoderDescription } from '../pipeline/description.js';
import type { StageFault } from '../pipeline/encoder-choice.js';
import { toFormatWord } from '../pipeline/format.js';
import { hasFormat, type VideoFormat } from '../session/stream-plan.js';
import type { Logger } from '../support/logger.js';
import { createSilentLogger } from '../support/logger.js';
import { isFatal, type TrialOptions, tryStage, type Verdict } from './stage-trial.js';

const REMEDY = 'run: lumen pipelines check';

const textOf = ({ file, codec, formats, max_kbps, convert, encode }: EncoderDescription): string =>
  JSON.stringify([file, codec, formats, max_kbps, convert, encode]);

const readText = (file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    // Removed since it was read: the line then cannot be told.
    return '';
  }
};

export interface StageProofsOptions extends Pick<TrialOptions, 'environment' | 'logger'> {
  /** Of the stages that are no file of the user's. */
  readonly shippedFolder: string;
}

export class StageProofs {
  readonly #verdicts = new Map<string, Promise<Verdict>>();
  readonly #environment: TrialOptions['environment'];
  readonly #logger: Logger;
  readonly #shippedFolder: string;

  constructor({ shippedFolder, environment, logger }: StageProofsOptions) {
    this.#shippedFolder = shippedFolder;
    this.#environment = environment;
    this.#logger = logger;
  }

  /** Everything that the stage was proven to make. @param deadlineMs see {@link TrialOptions} */
  async provenBy(encoder: EncoderDescription, deadlineMs?: number): Promise<readonly VideoFormat[]> {
    return (await this.#verdictOf(encoder, deadlineMs)).proven;
  }

  /** Why the stage does not make `format`, or undefined where it was proven to. */
  async findFault(
    encoder: EncoderDescription,
    format: VideoFormat,
    deadlineMs?: number,
  ): Promise<StageFault | undefined> {
    const { proven, faults } = await this.#verdictOf(encoder, deadlineMs);
    if (hasFormat(proven, format)) return undefined;
    const problem = faults.join('; ') || `it does not make ${toFormatWord(format)}`;
    return { file: locateProblem(problem, [encoder], readText), problem };
  }

  #verdictOf(encoder: EncoderDescription, deadlineMs: number | undefined): Promise<Verdict> {
    const text = textOf(encoder);
    const known = this.#verdicts.get(text);
    if (known !== undefined) return known;
    const verdict = this.#try(encoder, deadlineMs);
    this.#verdicts.set(text, verdict);
    return verdict;
  }

  async #try(encoder: EncoderDescription, deadlineMs: number | undefined): Promise<Verdict> {
    const verdict = await tryStage(encoder, {
      environment: this.#environment,
      // What a trial says is in its verdict.
      logger: createSilentLogger(),
      ...(deadlineMs !== undefined && { deadlineMs }),
    });
    this.#log(encoder, verdict);
    return verdict;
  }

  /** What a shipped stage cannot do on some machine is no reason to worry, unless it takes its process along. */
  #log(encoder: EncoderDescription, { proven, faults }: Verdict): void {
    const stage = encoder.name;
    if (proven.length > 0) {
      const formats = proven.map(toFormatWord).join(', ');
      this.#logger.info({ stage, formats, ...(faults.length > 0 && { faults }) }, 'encoder stage proven');
      return;
    }
    const problem = faults.join('; ');
    if (encoder.file.startsWith(this.#shippedFolder) && !isFatal(problem)) {
      this.#logger.info({ stage, problem }, 'encoder stage is not used');
      return;
    }
    const file = locateProblem(problem, [encoder], readText);
    this.#logger.error({ stage, file, problem, remedy: REMEDY }, 'encoder stage is not used');
  }
}
