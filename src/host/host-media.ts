/** The media side of a host: what it can stream, proven once, and the streams of each app. */
import { createBackends } from '../capture/detect.js';
import { DesktopSound } from '../capture/sound/desktop-sound.js';
import { MediaStandby } from '../media/standby.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import type { MediaStream, MediaStreamEvents } from '../session/media-stream.js';
import type { Session } from '../session/session.js';
import {
  type HostCapabilities,
  hasFormat,
  type OpusLayout,
  type StreamPlan,
  type VideoFormat,
} from '../session/stream-plan.js';
import { AppMedia } from './app-media.js';
import { Captures } from './captures.js';
import type { HostContext } from './host-context.js';
import type { HostPorts } from './host-ports.js';
import { StageProofs } from './stage-proofs.js';
import { SurroundLayouts } from './surround-layouts.js';

const REFILL_DELAY_MS = 3000;

const createStandby = ({ logger, closers }: HostContext, { video, audio }: HostPorts): MediaStandby => {
  const standby = new MediaStandby({
    videoSocketFd: video.fd,
    audioSocketFd: audio.fd,
    logger,
    environment: process.env,
    refillDelayMs: REFILL_DELAY_MS,
  });
  closers.add('media process', () => standby.close());
  return standby;
};

const createDesktopSound = ({ config, paths, logger }: HostContext): DesktopSound =>
  new DesktopSound({
    environment: process.env,
    stateDir: paths.stateDir,
    port: config.port,
    logger: logger.child({ module: 'sound' }),
  });

const createAppMedia = async (context: HostContext, standby: MediaStandby): Promise<AppMedia> => {
  const { config, paths, logger, closers } = context;
  const captureLogger = logger.child({ module: 'capture' });
  const stageLogger = logger.child({ module: 'pipelines' });
  const backends = createBackends({
    environment: process.env,
    stateDir: paths.stateDir,
    logger: captureLogger,
  });
  const captures = new Captures({ source: config.source, backends, logger: captureLogger });
  const proofs = new StageProofs({
    shippedFolder: SHIPPED_PIPELINES,
    environment: process.env,
    logger: stageLogger,
  });
  const desktopSound = createDesktopSound(context);
  const { pipelinesDir: userPipelines } = paths;
  const options = { config, standby, captures, logger: stageLogger, userPipelines, desktopSound, proofs };
  const media = new AppMedia(options, config.apps, backends);
  closers.add('captures', () => media.close());
  closers.add('sound', () => desktopSound.close());
  desktopSound.removeStale();
  await captures.removeStale();
  return media;
};

export class HostMedia {
  readonly #media: AppMedia;
  readonly #surround: SurroundLayouts;
  #proven: HostCapabilities = { video: [], surround: [], isSourceHdr: false };

  private constructor(media: AppMedia, surround: SurroundLayouts) {
    this.#media = media;
    this.#surround = surround;
  }

  /** Makes it, and removes what hosts that were killed left behind. */
  static async open(context: HostContext, ports: HostPorts): Promise<HostMedia> {
    const media = await createAppMedia(context, createStandby(context, ports));
    const surround = new SurroundLayouts({
      stage: () => media.hostPlane.soundEncoder(),
      environment: process.env,
      logger: context.logger.child({ module: 'sound' }),
    });
    return new HostMedia(media, surround);
  }

  /**
   * Looks once at all that a stream will need, and lets a person who has to be asked be asked; to be awaited before
   * anybody can ask for {@link HostMedia.capabilities}.
   * @returns for people: the source, and the stage of each codec
   * @throws LumenError see {@link MediaPlane.check}
   */
  async check({ logger }: HostContext): Promise<{ source: string; encoders: string }> {
    const { hostPlane } = this.#media;
    const { reason, capabilities, capture } = await hostPlane.check();
    this.#proven = capabilities;
    logger.info({ capture: capture.backend.name, why: capture.reason }, 'capture chosen');
    hostPlane.prepare(capture);
    return { source: capture.backend.title, encoders: reason };
  }

  /** What was proven, and what of surround sound was measured by now. */
  get capabilities(): HostCapabilities {
    return { ...this.#proven, surround: this.#surround.known };
  }

  capabilitiesOf(appId: number): HostCapabilities {
    return { ...this.capabilities, isSourceHdr: this.#media.planeFor(appId).isSourceHdr };
  }

  /** @returns why streams with so many channels are not possible, for the client, or undefined */
  async prepareSound(channels: 2 | OpusLayout['channels']): Promise<string | undefined> {
    return channels === 2 ? undefined : this.#surround.prepare(channels);
  }

  /** @returns what keeps a stream from starting. What is not offered is left to the negotiation, which has its own words. */
  async verify({ appId, logger }: Session, format: VideoFormat): Promise<string | undefined> {
    if (!hasFormat(this.#proven.video, format)) return undefined;
    return this.#media.planeFor(appId).verify(logger, format);
  }

  createStream(plan: StreamPlan, events: MediaStreamEvents, { appId, id, logger }: Session): MediaStream {
    return this.#media.planeFor(appId).createStream(plan, events, logger, id);
  }

  /** Closes what a session that has ended was shown from. */
  release({ appId, id }: Session): void {
    this.#media.release(appId, id);
  }
}
