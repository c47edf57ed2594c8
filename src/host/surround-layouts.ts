/**
 * How this host codes surround sound, found out when a client first wants it: the stage is a file that its owner may
 * change, and encoders name their own order of channels wrongly now and then. Kept for as long as the stage is the same.
 */
import { spawnMediaProcess } from '../media/media-process.js';
import type { GraphDescription } from '../media/messages.js';
import type { EncoderDescription } from '../pipeline/description.js';
import { buildLayoutGraph, readLayout } from '../pipeline/opus-layout.js';
import type { OpusLayout } from '../session/stream-plan.js';
import { describeError, LumenError } from '../support/errors.js';
import { withDeadline } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';

/** The client waits for its launch; a stage that does not answer by then will not play either. */
const MEASURE_DEADLINE_MS = 10_000;

type Channels = OpusLayout['channels'];

export interface SurroundLayoutsOptions {
  /** The Opus stage that a stream would have now. */
  stage(): Promise<EncoderDescription>;
  /** For the measuring process, as `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** Its streams play into nothing and faster than in real time. */
const measure = async (
  graph: GraphDescription,
  channels: Channels,
  { environment, logger }: SurroundLayoutsOptions,
): Promise<OpusLayout | undefined> => {
  const process = spawnMediaProcess({ descriptors: [], logger, environment });
  const hasEnded = new Promise<void>((resolve, reject) => {
    process.onReport((report) => {
      if (report.type === 'eos') resolve();
      if (report.type === 'error') reject(new Error(report.message));
    });
    process.onExit(() => reject(new Error('the media process ended')));
  });
  // What goes wrong before anybody waits for the end is told by `play`.
  hasEnded.catch(() => undefined);
  try {
    await process.play([graph], null);
    await withDeadline(hasEnded, MEASURE_DEADLINE_MS, 'the end of the tones');
    return readLayout((await process.stats())['layout'] ?? {}, channels);
  } finally {
    await process.stop();
  }
};

export class SurroundLayouts {
  readonly #options: SurroundLayoutsOptions;
  /** With the launch strings that they were measured with. */
  readonly #known = new Map<Channels, { readonly launch: string; readonly layout: OpusLayout }>();

  constructor(options: SurroundLayoutsOptions) {
    this.#options = options;
  }

  /** Those that are known by now. */
  get known(): readonly OpusLayout[] {
    return [...this.#known.values()].map(({ layout }) => layout);
  }

  /**
   * Finds out how `channels` channels are coded, unless that is known; to be awaited before a client is told of them.
   * @returns why they cannot be streamed, one sentence for the client; undefined where they can
   */
  async prepare(channels: Channels): Promise<string | undefined> {
    const { logger } = this.#options;
    try {
      const graph = buildLayoutGraph(await this.#options.stage(), channels);
      if (this.#known.get(channels)?.launch === graph.launch) return undefined;
      this.#known.delete(channels);
      const layout = await measure(graph, channels, this.#options);
      if (layout === undefined) throw new Error('the Opus stage mixes the channels up');
      this.#known.set(channels, { launch: graph.launch, layout });
      logger.info({ layout }, 'layout of surround sound found');
      return undefined;
    } catch (error) {
      const remedy = error instanceof LumenError ? error.remedy : 'run: lumen pipelines check';
      logger.error({ channels, problem: describeError(error), remedy }, 'no surround sound');
      return `This host cannot encode ${channels} channels of sound now: choose stereo in Moonlight's audio settings`;
    }
  }
}
