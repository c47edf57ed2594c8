/**
 * From a stream plan to the graphs that play it, here and now: the descriptions as they are on the disk at this
 * moment, the elements that this machine has, the PipeWire node that answers to the configured name.
 */
import { fileURLToPath } from 'node:url';
import { findVideoNode } from '../capture/pipewire.js';
import type { Environment } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import type { GraphDescription } from '../media/messages.js';
import { MEDIA_DESCRIPTORS, type MediaStandby } from '../media/standby.js';
import {
  chooseEncoder,
  type EncoderChoice,
  listRequirements,
  loadCatalog,
  requireDescription,
} from '../pipeline/catalog.js';
import { buildGraphs, type ChosenSource } from '../pipeline/graphs.js';
import {
  type GraphState,
  type MediaStream,
  type MediaStreamEvents,
  RestartingMediaStream,
  type StreamProcess,
} from '../session/media-stream.js';
import type { StreamPlan, VideoCodec } from '../session/stream-plan.js';
import type { Logger } from '../support/logger.js';

const SHIPPED_PIPELINES = fileURLToPath(new URL('../../../pipelines', import.meta.url));

export interface MediaPlaneOptions {
  readonly config: Config;
  readonly standby: MediaStandby;
  /** `$XDG_CONFIG_HOME/lumen/pipelines` */
  readonly userPipelines: string;
  readonly environment: Environment;
}

type Catalog = ReturnType<typeof loadCatalog>;

export class MediaPlane {
  readonly #options: MediaPlaneOptions;

  constructor(options: MediaPlaneOptions) {
    this.#options = options;
  }

  /**
   * Looks once at all that a stream will need, so that what is missing ends the start and not the first stream.
   * @throws LumenError LUMEN_ENCODER_MISSING, LUMEN_SOURCE_MISSING, LUMEN_PIPEWIRE_UNREACHABLE, LUMEN_PIPELINE_INVALID
   */
  async check(): Promise<EncoderChoice> {
    const catalog = this.#loadCatalog();
    const [missing] = await Promise.all([
      this.#options.standby.peek().inspect(listRequirements(catalog)),
      this.#videoSource(catalog),
    ]);
    this.#audio(catalog, missing);
    return this.#chooseEncoder(catalog, 'h264', missing);
  }

  createStream(plan: StreamPlan, events: MediaStreamEvents, logger: Logger): MediaStream {
    return new RestartingMediaStream({
      checkSource: async () => JSON.stringify((await this.#videoSource(this.#loadCatalog())).properties),
      takeProcess: () => this.#options.standby.take(),
      buildGraphs: (process, state) => this.#buildGraphs(plan, process, state),
      events,
      logger,
    });
  }

  async #buildGraphs(
    plan: StreamPlan,
    process: StreamProcess,
    state: GraphState,
  ): Promise<GraphDescription[]> {
    const catalog = this.#loadCatalog();
    const [missing, videoSource] = await Promise.all([
      process.inspect(listRequirements(catalog)),
      this.#videoSource(catalog),
    ]);
    const graphs = buildGraphs({
      plan,
      videoSource,
      videoEncoder: this.#chooseEncoder(catalog, plan.video.codec, missing).encoder,
      audio: this.#audio(catalog, missing),
      descriptors: MEDIA_DESCRIPTORS,
      firstFrameNumber: state.firstFrameNumber,
      linkKbps: this.#options.config.linkKbps,
    });
    return graphs.map((graph) => this.#addDestination(graph, state));
  }

  /** A process that replaces another knows its endpoints from the start and holds nothing back. */
  #addDestination(graph: GraphDescription, state: GraphState): GraphDescription {
    const endpoint = graph.name === 'video' ? state.videoEndpoint : state.audioEndpoint;
    const properties = [...graph.properties];
    if (graph.name === 'video') {
      properties.push({ element: 'sink', property: 'pacing', value: this.#options.config.pacing });
    }
    if (endpoint !== undefined) {
      properties.push({ element: 'sink', property: 'host', value: endpoint.address });
      properties.push({ element: 'sink', property: 'port', value: endpoint.port });
      if (graph.name === 'video') properties.push({ element: 'sampler', property: 'hold', value: false });
    }
    return { ...graph, properties };
  }

  #loadCatalog(): Catalog {
    return loadCatalog(SHIPPED_PIPELINES, this.#options.userPipelines);
  }

  #chooseEncoder(catalog: Catalog, codec: VideoCodec, missing: readonly string[]): EncoderChoice {
    const { encoder } = this.#options.config;
    return chooseEncoder(catalog, codec, missing, encoder === 'auto' ? undefined : encoder);
  }

  async #videoSource(catalog: Catalog): Promise<ChosenSource> {
    const { source } = this.#options.config;
    const description = requireDescription('sources', catalog.sources, source.kind);
    if (source.kind === 'test') return { description, properties: {} };
    const node = await findVideoNode(source.target, this.#options.environment);
    return { description, properties: { 'target-object': String(node.serial) } };
  }

  #audio(catalog: Catalog, missing: readonly string[]): Parameters<typeof buildGraphs>[0]['audio'] {
    const { audioSource } = this.#options.config;
    if (audioSource.kind === 'none') return null;
    const description = requireDescription('audio', catalog.audio, audioSource.kind);
    const properties = audioSource.kind === 'pulse' ? { device: audioSource.device } : {};
    return { source: { description, properties }, encoder: chooseEncoder(catalog, 'opus', missing).encoder };
  }
}
