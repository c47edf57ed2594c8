/**
 * From a stream plan to the graphs that play it, here and now: the descriptions as they are on the disk at this
 * moment, the elements that this machine has, the capture that this session of the desktop gives.
 */
import type { Capture } from '../capture/capture.js';
import type { CaptureChoice } from '../capture/detect.js';
import type { DesktopSound, StreamSound } from '../capture/sound/desktop-sound.js';
import type { Config } from '../config/config.js';
import type { AudioSource } from '../config/settings.js';
import type { GraphDescription } from '../media/messages.js';
import { MEDIA_DESCRIPTORS, type MediaStandby, type PreparedProcess } from '../media/standby.js';
import {
  findOwnMissing,
  listRequirements,
  loadCatalog,
  requireDescription,
  requireUsable,
} from '../pipeline/catalog.js';
import type { EncoderDescription, SourceDescription } from '../pipeline/description.js';
import { chooseEncoder, requireStages } from '../pipeline/encoder-choice.js';
import { buildGraphs, type GraphRequest, toLiveProperties } from '../pipeline/graphs.js';
import { COMMON_FORMAT, samplePlan } from '../pipeline/sample.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import type { GraphState, MediaStream, MediaStreamEvents } from '../session/media-stream.js';
import { RestartingMediaStream } from '../session/restarting-stream.js';
import type { HostCapabilities, StreamPlan, VideoFormat } from '../session/stream-plan.js';
import type { StreamProcess } from '../session/stream-process.js';
import { describeError, LumenError } from '../support/errors.js';
import { runTask, withDeadline } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { closeDescriptor } from '../support/sockets.js';
import type { Captures, SessionCapture } from './captures.js';
import { EncoderStages } from './encoder-stages.js';
import { StageCheck, type Stages } from './stage-check.js';
import type { StageProofs } from './stage-proofs.js';

/** A client waits for the answer; what is not known by then, the start of the stream finds out. */
const VERIFY_BUDGET_MS = 5000;
const MAX_REASON_CHARACTERS = 300;
const CAPTURE_GONE = { source: 'of this session', alternatives: ' any more' } as const;

/** Where a source stage takes the PipeWire connection that a capture opens for it. */
const REMOTE: NonNullable<GraphDescription['received']> = {
  channel: MEDIA_DESCRIPTORS.channel,
  properties: [{ element: 'source', property: 'fd' }],
};

/** Opens the capture's own PipeWire connection, if it has one, and sends it. @returns whether it has */
const passRemote = async (capture: Capture, sendDescriptor: (fd: number) => void): Promise<boolean> => {
  const fd = await capture.openRemote?.();
  if (fd === undefined) return false;
  try {
    sendDescriptor(fd);
  } finally {
    closeDescriptor(fd);
  }
  return true;
};

export interface MediaPlaneOptions {
  readonly config: Config;
  readonly standby: MediaStandby;
  readonly captures: Captures;
  readonly logger: Logger;
  /** `$XDG_CONFIG_HOME/lumen/pipelines` */
  readonly userPipelines: string;
  /** Shared by all planes: a stage is tried once. */
  readonly proofs: StageProofs;
  readonly desktopSound: DesktopSound;
}

/** What this machine streams with. */
interface CheckedMedia {
  readonly capabilities: HostCapabilities;
  /** The stage of each codec and why it was chosen. */
  readonly reason: string;
  readonly capture: CaptureChoice;
}

type Catalog = ReturnType<typeof loadCatalog>;
type SourceProperties = GraphRequest['videoSource']['properties'];

interface GraphParts {
  readonly stageCheck: StageCheck;
  readonly capture: SessionCapture;
  readonly sound: StreamSound;
  /** Told which encoder was chosen. */
  onEncoder(encoder: EncoderDescription): void;
  /** To the process that will play the graphs. */
  sendDescriptor(fd: number): void;
}

export class MediaPlane {
  readonly #options: MediaPlaneOptions;
  /** What was said already of files that cannot be used. */
  #told: ReadonlySet<string> = new Set();
  #isSourceHdr = false;
  readonly #encoders: EncoderStages;

  constructor(options: MediaPlaneOptions) {
    this.#options = options;
    const { config, proofs, logger } = options;
    this.#encoders = new EncoderStages(config.encoder, proofs, logger);
  }

  /** Whether the source that was looked at last, by {@link MediaPlane.check} or {@link MediaPlane.verify}, is HDR. */
  get isSourceHdr(): boolean {
    return this.#isSourceHdr;
  }

  /**
   * Looks once at all that a stream will need, so that what is missing ends the start and not the first stream, and
   * has the encoder stages show what they can.
   * @returns what is proven here, and the stage of each codec for people
   * @throws LumenError LUMEN_NATIVE_MISSING, LUMEN_ENCODER_MISSING, LUMEN_SOURCE_MISSING, LUMEN_PIPEWIRE_UNREACHABLE,
   * LUMEN_PIPELINE_INVALID
   */
  async check(): Promise<CheckedMedia> {
    const catalog = this.#loadCatalog();
    requireStages(catalog, this.#options.config.encoder);
    const [missing, capture] = await Promise.all([
      this.#options.standby.peek().inspect(listRequirements(catalog)),
      this.#options.captures.choose(),
    ]);
    await this.#chooseSources(catalog, missing, capture.backend.stageFor(capture.target));
    const { proven, reason } = await this.#encoders.survey(catalog, missing);
    return { reason, capture, capabilities: { isSourceHdr: this.#isSourceHdr, video: proven, surround: [] } };
  }

  /**
   * The Opus stage that a stream would have now.
   * @throws LumenError LUMEN_ENCODER_MISSING, LUMEN_PIPELINE_INVALID
   */
  async soundEncoder(): Promise<EncoderDescription> {
    const catalog = this.#loadCatalog();
    const missing = await this.#options.standby.peek().inspect(listRequirements(catalog));
    return (await chooseEncoder(catalog, { codec: 'opus', missing })).encoder;
  }

  /** @param choice as {@link MediaPlane.check} made it; see {@link Captures.prepare} */
  prepare(choice: CaptureChoice): void {
    this.#options.captures.prepare(choice);
  }

  /**
   * Whether a stream could start with the descriptions as they are on the disk now: a client is better refused than
   * left in the dark. What is wrong is logged with file, line and remedy. Whether the source is there is not asked.
   * @param logger of the session
   * @returns why not, one line for the client; undefined where nothing is known against it
   */
  async verify(logger: Logger, format: VideoFormat = COMMON_FORMAT): Promise<string | undefined> {
    try {
      await withDeadline(this.#verify(logger, format), VERIFY_BUDGET_MS, 'the look at the stages');
      return undefined;
    } catch (error) {
      if (!(error instanceof LumenError) || error.code === 'LUMEN_MEDIA_FAILED') {
        logger.debug({ problem: describeError(error) }, 'the stages could not be looked at');
        return undefined;
      }
      logger.error({ problem: error.message, remedy: error.remedy }, 'no stream can start');
      return error.message.replace(/\s+/g, ' ').slice(0, MAX_REASON_CHARACTERS);
    }
  }

  async #verify(logger: Logger, format: VideoFormat): Promise<void> {
    const catalog = this.#loadCatalog();
    const process = this.#options.standby.peek();
    const { backend, target } = await this.#options.captures.choose();
    const missing = await process.inspect(listRequirements(catalog));
    const stages = await this.#chooseStages(catalog, missing, format, backend.stageFor(target));
    const graphs = buildGraphs({
      ...this.#toRequest(stages, {}, {}),
      plan: samplePlan({ width: 1280, height: 720, fps: 60 }, 10_000, format),
      firstFrameNumber: 0,
    });
    await new StageCheck(SHIPPED_PIPELINES, logger).check(process, stages, graphs);
  }

  /** @param session whose capture it shows: a later stream of the same session goes on with it */
  createStream(plan: StreamPlan, events: MediaStreamEvents, logger: Logger, session: string): MediaStream {
    const stageCheck = new StageCheck(SHIPPED_PIPELINES, logger);
    const capture = this.#options.captures.forSession(session, plan.video, logger);
    const sound = this.#options.desktopSound.forStream(plan.audio);
    let encoder: EncoderDescription | undefined;
    let prepared: PreparedProcess | undefined;
    return new RestartingMediaStream({
      checkSource: async () => (await capture.ensure()).capture.identity,
      onPicture: () => runTask(logger, 'describe pictures', () => capture.logFormat()),
      explainSilence: () => capture.explainSilence(),
      takeProcess: async () => {
        prepared = stageCheck.watch(await this.#options.standby.take());
        return prepared;
      },
      buildGraphs: (process, state) => {
        // Another process may be there when the capture's connection is.
        const player = prepared;
        return this.#buildGraphs(plan, process, state, {
          sendDescriptor: (fd) => player?.sendDescriptor(fd),
          stageCheck,
          capture,
          sound,
          onEncoder: (chosen) => {
            encoder = chosen;
          },
        });
      },
      tuningProperties: (tuning) =>
        encoder === undefined ? [] : toLiveProperties(encoder, plan.video, tuning),
      sound,
      events,
      logger,
    });
  }

  async #buildGraphs(
    plan: StreamPlan,
    process: StreamProcess,
    state: GraphState,
    { stageCheck, capture, sound, onEncoder, sendDescriptor }: GraphParts,
  ): Promise<GraphDescription[]> {
    const catalog = this.#loadCatalog();
    const missing = await process.inspect(listRequirements(catalog));
    const shown = capture.current;
    if (shown === undefined) throw new LumenError('LUMEN_SOURCE_MISSING', CAPTURE_GONE);
    const stages = await this.#chooseStages(catalog, missing, plan.video, shown.stage);
    onEncoder(stages.videoEncoder);
    this.#options.logger.debug(
      { stage: stages.videoEncoder.name, file: stages.videoEncoder.file },
      'encoder chosen',
    );
    const graphs = buildGraphs({
      ...this.#toRequest(stages, shown.capture.properties, this.#soundProperties(shown.stage, sound)),
      plan,
      firstFrameNumber: state.firstFrameNumber,
    });
    await stageCheck.checkWatched(stages, graphs);
    const isRemote = await passRemote(shown.capture, sendDescriptor);
    return graphs.map((graph) =>
      this.#addDestination(
        graph.name === 'video' && isRemote ? { ...graph, received: REMOTE } : graph,
        state,
      ),
    );
  }

  #toRequest(
    stages: Stages,
    sourceProperties: SourceProperties,
    audioProperties: SourceProperties,
  ): Omit<GraphRequest, 'plan' | 'firstFrameNumber'> {
    return {
      videoSource: { description: stages.videoSource, properties: sourceProperties },
      videoEncoder: stages.videoEncoder,
      audio: stages.audio && {
        source: { description: stages.audio.source, properties: audioProperties },
        encoder: stages.audio.encoder,
      },
      descriptors: MEDIA_DESCRIPTORS,
    };
  }

  /** A process that replaces another knows its endpoints from the start and holds nothing back. */
  #addDestination(graph: GraphDescription, state: GraphState): GraphDescription {
    const endpoint = graph.name === 'video' ? state.videoEndpoint : state.audioEndpoint;
    const properties = [...graph.properties];
    if (graph.name === 'video') {
      const { pacing, videoDropPercent } = this.#options.config;
      properties.push({ element: 'sink', property: 'pacing', value: pacing });
      properties.push({ element: 'sink', property: 'drop-percent', value: videoDropPercent });
    }
    if (endpoint !== undefined) {
      properties.push({ element: 'sink', property: 'source-address', value: endpoint.sourceAddress });
      properties.push({ element: 'sink', property: 'host', value: endpoint.address });
      properties.push({ element: 'sink', property: 'port', value: endpoint.port });
      if (graph.name === 'video') properties.push({ element: 'sampler', property: 'hold', value: false });
    }
    return { ...graph, properties };
  }

  /** Reads the descriptions and says of each that cannot be used what is wrong with it, once. */
  #loadCatalog(): Catalog {
    const catalog = loadCatalog(SHIPPED_PIPELINES, this.#options.userPipelines);
    const told = this.#told;
    this.#told = new Set(catalog.broken.map(({ error }) => error.message));
    for (const { error, replacement } of catalog.broken) {
      if (told.has(error.message)) continue;
      const { file = '', problem = '' } = error.details;
      const details = { file, problem, remedy: error.remedy };
      if (replacement === undefined) this.#options.logger.warn(details, 'a pipeline description is left out');
      else
        this.#options.logger.warn(
          { ...details, replacement },
          'a pipeline description is replaced by the shipped one',
        );
    }
    return catalog;
  }

  /** @throws LumenError see {@link MediaPlane.check} */
  async #chooseSources(
    catalog: Catalog,
    missing: readonly string[],
    sourceStage: string,
  ): Promise<Omit<Stages, 'videoEncoder'>> {
    const ownMissing = findOwnMissing(missing);
    if (ownMissing !== undefined) throw ownMissing;
    const videoSource = requireDescription('sources', catalog.sources, sourceStage, catalog.broken);
    requireUsable(videoSource, missing);
    this.#isSourceHdr = videoSource.hdr === true;
    return { videoSource, audio: await this.#audio(catalog, missing, sourceStage) };
  }

  /** @throws LumenError see {@link MediaPlane.check} */
  async #chooseStages(
    catalog: Catalog,
    missing: readonly string[],
    format: VideoFormat,
    sourceStage: string,
  ): Promise<Stages> {
    requireStages(catalog, this.#options.config.encoder);
    const sources = await this.#chooseSources(catalog, missing, sourceStage);
    return { ...sources, videoEncoder: await this.#encoders.choose(catalog, missing, format) };
  }

  /** What is heard beside a picture of this stage. */
  #soundKind(sourceStage: string): Exclude<AudioSource['kind'], 'auto'> {
    const { kind } = this.#options.config.audioSource;
    if (kind !== 'auto') return kind;
    return sourceStage === 'test' ? 'test' : 'desktop';
  }

  #soundProperties(sourceStage: string, sound: StreamSound): SourceProperties {
    const { audioSource } = this.#options.config;
    if (audioSource.kind === 'pulse') return { device: audioSource.device };
    return this.#soundKind(sourceStage) === 'desktop' ? sound.listen() : {};
  }

  async #audio(catalog: Catalog, missing: readonly string[], sourceStage: string): Promise<Stages['audio']> {
    const kind = this.#soundKind(sourceStage);
    if (kind === 'none') return null;
    const stage = kind === 'test' ? 'test' : 'pulse';
    const source: SourceDescription = requireDescription('audio', catalog.audio, stage, catalog.broken);
    requireUsable(source, missing);
    return { source, encoder: (await chooseEncoder(catalog, { codec: 'opus', missing })).encoder };
  }
}
