/** Which encoder stage makes what, here and now: chosen by rank, and proven before a client is offered anything. */
import type { Catalog } from '../pipeline/catalog.js';
import type { EncoderDescription } from '../pipeline/description.js';
import { chooseEncoder, type EncoderChoice } from '../pipeline/encoder-choice.js';
import { COMMON_FORMAT } from '../pipeline/sample.js';
import type { VideoCodec, VideoFormat } from '../session/stream-plan.js';
import { LumenError } from '../support/errors.js';
import type { Logger } from '../support/logger.js';
import type { StageProofs } from './stage-proofs.js';

const CODECS: readonly VideoCodec[] = ['h264', 'hevc', 'av1'];
/** A stage whose file changed since the host started is tried while the client waits. */
const TRIAL_IN_SESSION_MS = 2000;

export interface EncoderSurvey {
  /** What is proven here. */
  readonly proven: readonly VideoFormat[];
  /** The stage of each codec and why it was chosen, for people. */
  readonly reason: string;
}

export class EncoderStages {
  readonly #wanted: readonly string[];
  readonly #logger: Logger;
  readonly #proofs: StageProofs;

  /** @param wanted names of the only stages to consider, at most one a codec */
  constructor(wanted: readonly string[], proofs: StageProofs, logger: Logger) {
    this.#wanted = wanted;
    this.#logger = logger;
    this.#proofs = proofs;
  }

  /**
   * Has the best stage of each codec show what it can, and the next where it cannot.
   * @param missing what is not installed, of `listRequirements`
   * @throws LumenError LUMEN_ENCODER_MISSING where no stage makes H.264
   */
  async survey(catalog: Catalog, missing: readonly string[]): Promise<EncoderSurvey> {
    const choices = await Promise.all(CODECS.map((codec) => this.#find(catalog, codec, missing)));
    const found = choices.filter((choice) => choice !== undefined);
    const proven = await Promise.all(found.map(({ encoder }) => this.#proofs.provenBy(encoder)));
    return { proven: proven.flat(), reason: found.map(({ reason }) => reason).join(', ') };
  }

  /** Every client can show H.264: without it there is no host; of another codec nothing is offered then. */
  async #find(
    catalog: Catalog,
    codec: VideoCodec,
    missing: readonly string[],
  ): Promise<EncoderChoice | undefined> {
    try {
      return await this.#choose(catalog, missing, { ...COMMON_FORMAT, codec });
    } catch (error) {
      if (codec === 'h264' || !(error instanceof LumenError) || error.code !== 'LUMEN_ENCODER_MISSING')
        throw error;
      this.#logger.debug({ codec, problem: error.details['problem'] }, 'codec is not offered');
      return undefined;
    }
  }

  /**
   * The stage for a stream of `format`. A stage whose file is new or was changed is tried first.
   * @throws LumenError LUMEN_ENCODER_MISSING
   */
  async choose(
    catalog: Catalog,
    missing: readonly string[],
    format: VideoFormat,
  ): Promise<EncoderDescription> {
    return (await this.#choose(catalog, missing, format, TRIAL_IN_SESSION_MS)).encoder;
  }

  #choose(
    catalog: Catalog,
    missing: readonly string[],
    format: VideoFormat,
    deadlineMs?: number,
  ): Promise<EncoderChoice> {
    return chooseEncoder(catalog, {
      codec: format.codec,
      missing,
      wanted: this.#wanted,
      judge: (encoder) => this.#proofs.findFault(encoder, format, deadlineMs),
    });
  }
}
