/**
 * The composition root: makes every part of a running host, connects them and takes them down in reverse order.
 * Ports: `protocol/http.md` §1.
 */

import type { AdminReply, AdminRequest } from '../admin/messages.js';
import { startAdminServer } from '../admin/server.js';
import { type AppRunOptions, recoverRuns } from '../apps/app-run.js';
import { createBackends } from '../capture/detect.js';
import { DesktopSound } from '../capture/sound/desktop-sound.js';
import type { Config } from '../config/config.js';
import { ensurePrivateDir, type LumenPaths, resolvePaths } from '../config/paths.js';
import { PORT_OFFSET, type PortUse, SEND_BUFFER_BYTES } from '../config/ports.js';
import type { EncryptionPolicy } from '../config/settings.js';
import { ControlServer } from '../control/server.js';
import { advertise } from '../discovery/advertise.js';
import { EndpointWatcher } from '../endpoints/watcher.js';
import { ClientStore } from '../identity/client-store.js';
import { loadHostIdentity } from '../identity/host-identity.js';
import { MediaStandby } from '../media/standby.js';
import { findMacAddress } from '../nvhttp/address.js';
import { PairingDesk } from '../nvhttp/pairing.js';
import { startNvhttp } from '../nvhttp/server.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import type { RtspSession } from '../rtsp/handshake.js';
import { RtspServer } from '../rtsp/server.js';
import { END_REASONS } from '../session/end-reasons.js';
import { SessionRegistry } from '../session/registry.js';
import type { Session, SessionContext, SessionState } from '../session/session.js';
import { type HostCapabilities, hasFormat, type VideoFormat } from '../session/stream-plan.js';
import { isLanAddress } from '../support/address.js';
import { toBindError } from '../support/bind-error.js';
import { Closers } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { bindUdp, hasIpv6 } from '../support/sockets.js';
import { AppMedia } from './app-media.js';
import { Captures } from './captures.js';
import { answerClientsRequest, isClientsRequest } from './client-requests.js';
import { describeHost } from './describe.js';
import { formatGreeting } from './greeting.js';
import { PairingNotifier } from './pairing-notifier.js';
import { answerPairingRequest } from './pairing-requests.js';
import { type ProtocolServers, SessionWiring } from './session-wiring.js';
import { SleepInhibitor } from './sleep-inhibitor.js';
import { StageProofs } from './stage-proofs.js';
import { HostStatus } from './status.js';
import { Streaming } from './streaming.js';
import { SurroundLayouts } from './surround-layouts.js';

const PING_BUFFER_BYTES = 256 * 1024;
const REFILL_DELAY_MS = 3000;
const HANDSHAKE_MS = 15_000;
const CONNECT_MS = 10_000;
/** Apps may take their time to end, and what was prepared for them is undone. */
const APPS_CLOSE_MS = 75_000;

/** A host that serves. */
export interface RunningHost {
  /** For the person who started it. */
  readonly greeting: string;
  readonly pairing: PairingDesk;
  /** Ends all sessions (clients are told), then everything else. */
  close(): Promise<void>;
}

interface StreamingDependencies {
  readonly media: AppMedia;
  readonly servers: ProtocolServers;
  readonly clients: ClientStore;
}

/** What stands for every address on this machine: a kernel without IPv6 knows no `::`. */
const toBindAddress = (address: string): string => (address === '::' && !hasIpv6() ? '0.0.0.0' : address);

class Host {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #paths: LumenPaths = resolvePaths();
  readonly #closers = new Closers();
  readonly #appRuns: AppRunOptions;
  readonly #registry: SessionRegistry;
  readonly #wirings = new Map<Session, SessionWiring>();
  readonly #rtspSessions = new Set<RtspSession>();
  /** Known before anybody can ask. */
  #proven: HostCapabilities = { video: [], surround: [], isSourceHdr: false };
  #surround: SurroundLayouts | undefined;
  readonly #sleepInhibitor: SleepInhibitor;

  constructor(config: Config, logger: Logger) {
    this.#config = { ...config, bindAddress: toBindAddress(config.bindAddress) };
    this.#logger = logger;
    this.#registry = new SessionRegistry(config.maxSessions);
    this.#sleepInhibitor = new SleepInhibitor({
      environment: process.env,
      logger: logger.child({ module: 'sleep' }),
    });
    this.#appRuns = { folder: this.#paths.appsDir, environment: process.env };
  }

  async start(): Promise<RunningHost> {
    try {
      return await this.#start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #start(): Promise<RunningHost> {
    const { stateDir, runtimeDir } = this.#paths;
    ensurePrivateDir(stateDir);
    ensurePrivateDir(runtimeDir);
    const identity = await loadHostIdentity(stateDir);
    const clients = new ClientStore(stateDir, this.#logger);
    const pairing = new PairingDesk(identity, clients, this.#logger);
    this.#notifyOfPairing(pairing);
    await recoverRuns(this.#appRuns, this.#logger);
    const { media, servers } = await this.#openMedia();
    const { reason, capabilities, capture } = await media.hostPlane.check();
    this.#proven = capabilities;
    this.#logger.info({ capture: capture.backend.name, why: capture.reason }, 'capture chosen');
    media.hostPlane.prepare(capture);
    const rtsp = await this.#startRtsp();
    const streaming = this.#createStreaming({ media, servers, clients });
    const nvhttp = await this.#startNvhttp({ identity, clients, pairing, host: streaming });
    const status = new HostStatus(() => ({
      http: nvhttp.counters(),
      rtsp: rtsp.counters,
      videoPings: servers.videoPings.counters,
      audioPings: servers.audioPings.counters,
      unmatchedControl: servers.control.unmatchedCount,
      halfOpenControl: servers.control.halfOpenCount,
      strayControl: servers.control.strayCount,
    }));
    this.#closers.add('status', () => status.close());
    await this.#startAdmin(pairing, clients, status);
    this.#closers.add('sleep lock', () => this.#sleepInhibitor.close());
    this.#closers.add('sessions', () => this.#endSessions());
    this.#advertise();
    return {
      greeting: formatGreeting(this.#config, capture.backend.title, reason),
      pairing,
      close: () => this.close(),
    };
  }

  #notifyOfPairing(pairing: PairingDesk): void {
    const { name, port } = this.#config;
    const logger = this.#logger.child({ module: 'notifications' });
    const notifier = new PairingNotifier({ environment: process.env, logger, hostName: name, port });
    pairing.onWaiting((client, outcome) => notifier.onWaiting(client, outcome));
    this.#closers.add('notifications', () => notifier.close());
  }

  get #capabilities(): HostCapabilities {
    return { ...this.#proven, surround: this.#surround?.known ?? [] };
  }

  close(): Promise<void> {
    return this.#closers.close(this.#logger);
  }

  #port(use: PortUse): number {
    return this.#config.port + PORT_OFFSET[use];
  }

  #encryptionFor(peerAddress: string): EncryptionPolicy {
    return isLanAddress(peerAddress) ? this.#config.encryptionLan : this.#config.encryptionWan;
  }

  async #openMedia(): Promise<{ media: AppMedia; servers: ProtocolServers }> {
    const control = this.#listenControl();
    const video = this.#bindMediaPort('video');
    const audio = this.#bindMediaPort('audio');
    const type = this.#config.bindAddress.includes(':') ? 'udp6' : 'udp4';
    const logger = this.#logger.child({ module: 'endpoints' });
    const videoPings = await EndpointWatcher.open({ fd: video.fd, type, media: 'video', logger });
    this.#closers.add('video port', () => videoPings.close());
    const audioPings = await EndpointWatcher.open({ fd: audio.fd, type, media: 'audio', logger });
    this.#closers.add('audio port', () => audioPings.close());
    const standby = new MediaStandby({
      videoSocketFd: video.fd,
      audioSocketFd: audio.fd,
      logger: this.#logger,
      environment: process.env,
      refillDelayMs: REFILL_DELAY_MS,
    });
    this.#closers.add('media process', () => standby.close());
    const media = await this.#createMedia(standby);
    this.#surround = new SurroundLayouts({
      stage: () => media.hostPlane.soundEncoder(),
      environment: process.env,
      logger: this.#logger.child({ module: 'sound' }),
    });
    const ports = { video: video.port, audio: audio.port, control: control.port };
    const describe = (peerAddress: string): string =>
      describeHost(this.#capabilities, this.#encryptionFor(peerAddress));
    // What is not offered is refused by the negotiation, with its own words.
    const verifyMedia = async (
      { appId, logger }: Session,
      format: VideoFormat,
    ): Promise<string | undefined> =>
      hasFormat(this.#capabilities.video, format) ? media.planeFor(appId).verify(logger, format) : undefined;
    const rtspSessions = this.#rtspSessions;
    const adaptsToLoss = this.#config.adaptToLoss;
    const servers = {
      control,
      videoPings,
      audioPings,
      rtspSessions,
      ports,
      verifyMedia,
      describe,
      adaptsToLoss,
      logsStages: this.#config.perfLog,
    };
    return { media, servers };
  }

  async #createMedia(standby: MediaStandby): Promise<AppMedia> {
    const logger = this.#logger.child({ module: 'capture' });
    const { stateDir, pipelinesDir } = this.#paths;
    const backends = createBackends({ environment: process.env, stateDir, logger });
    const captures = new Captures({ source: this.#config.source, backends, logger });
    const stageLogger = this.#logger.child({ module: 'pipelines' });
    const desktopSound = new DesktopSound({
      environment: process.env,
      stateDir,
      port: this.#config.port,
      logger: this.#logger.child({ module: 'sound' }),
    });
    const options = {
      config: this.#config,
      standby,
      captures,
      logger: stageLogger,
      userPipelines: pipelinesDir,
      desktopSound,
      proofs: new StageProofs({
        shippedFolder: SHIPPED_PIPELINES,
        environment: process.env,
        logger: stageLogger,
      }),
    };
    const media = new AppMedia(options, this.#config.apps, backends);
    this.#closers.add('captures', () => media.close());
    this.#closers.add('sound', () => desktopSound.close());
    desktopSound.removeStale();
    await captures.removeStale();
    return media;
  }

  #listenControl(): ControlServer {
    const port = this.#port('control');
    const address = this.#config.bindAddress;
    try {
      const control = ControlServer.listen({
        address,
        port,
        logger: this.#logger.child({ module: 'control' }),
      });
      this.#closers.add('control port', () => control.close());
      return control;
    } catch (error) {
      throw toBindError(error, { port, use: 'UDP control', address });
    }
  }

  #bindMediaPort(use: 'video' | 'audio'): ReturnType<typeof bindUdp> {
    const port = this.#port(use);
    const address = this.#config.bindAddress;
    try {
      const bound = bindUdp({
        address,
        port,
        sendBufferBytes: SEND_BUFFER_BYTES,
        receiveBufferBytes: PING_BUFFER_BYTES,
      });
      this.#logger.debug({ use, port, sendBufferBytes: bound.sendBufferBytes }, 'media port bound');
      return bound;
    } catch (error) {
      throw toBindError(error, { port, use: `UDP ${use}`, address });
    }
  }

  async #startRtsp(): Promise<RtspServer> {
    const address = this.#config.bindAddress;
    const port = this.#port('rtsp');
    const sessions = { candidates: () => [...this.#rtspSessions] };
    try {
      const rtsp = await RtspServer.listen({
        address,
        port,
        sessions,
        logger: this.#logger.child({ module: 'rtsp' }),
      });
      this.#closers.add('rtsp', () => rtsp.close());
      return rtsp;
    } catch (error) {
      throw toBindError(error, { port, use: 'TCP RTSP', address });
    }
  }

  #createStreaming(parts: StreamingDependencies): Streaming {
    const { media, servers, clients } = parts;
    const { name, suspendMinutes, fecPercentage, linkKbps } = this.#config;
    const sessionContext: SessionContext = {
      capabilities: (appId) => ({
        ...this.#capabilities,
        isSourceHdr: media.planeFor(appId).isSourceHdr,
      }),
      settingsFor: (client, peerAddress) => ({
        fecPercentage,
        linkKbps: clients.linkKbps(client) ?? linkKbps,
        requiresEncryption: this.#encryptionFor(peerAddress) === 'required',
      }),
      deadlines: { handshakeMs: HANDSHAKE_MS, connectMs: CONNECT_MS, suspendMs: suspendMinutes * 60_000 },
      logger: this.#logger,
      createMediaStream: (plan, events, session) =>
        media.planeFor(session.appId).createStream(plan, events, session.logger, session.id),
      onState: (session, state) => this.#onSessionState(servers, session, state),
      onFinished: (session) => {
        media.release(session.appId, session.id);
        this.#onSessionFinished(session);
      },
      onKeyFrameOwed: (session) => this.#wirings.get(session)?.oweKeyFrame(),
      onStages: (session, stages) => this.#wirings.get(session)?.onStages(stages),
    };
    const streaming = new Streaming({
      registry: this.#registry,
      apps: this.#config.apps,
      appRuns: this.#appRuns,
      sessionContext,
      prepareSound: async (channels) =>
        channels === 2 ? undefined : await this.#surround?.prepare(channels),
      onLaunched: (session) => this.#onSessionState(servers, session, 'launched'),
      rtspPort: this.#port('rtsp'),
      encryptionFor: (peerAddress) => this.#encryptionFor(peerAddress),
      isPaired: (client) => clients.has(client),
      describe: () => ({
        hostname: name,
        videoFormats: this.#capabilities.video,
        macFor: findMacAddress,
      }),
    });
    this.#closers.add('apps', () => streaming.close(), APPS_CLOSE_MS);
    return streaming;
  }

  #onSessionState(servers: ProtocolServers, session: Session, state: SessionState): void {
    if (state === 'launched') {
      this.#onSessionFinished(session);
      this.#wirings.set(session, new SessionWiring(session, servers));
    }
    if (state !== 'suspended' && state !== 'ended') {
      this.#sleepInhibitor.hold(session);
      return;
    }
    this.#sleepInhibitor.release(session);
    this.#wirings.get(session)?.detach();
    if (state === 'suspended') this.#onSessionFinished(session);
    else this.#registry.remove(session);
  }

  #onSessionFinished(session: Session): void {
    const wiring = this.#wirings.get(session);
    wiring?.detach();
    wiring?.dropControl(session.endReason === undefined ? undefined : END_REASONS[session.endReason].code);
    this.#wirings.delete(session);
  }

  async #startNvhttp(
    parts: Omit<Parameters<typeof startNvhttp>[0], 'bindAddress' | 'httpPort' | 'httpsPort' | 'logger'>,
  ) {
    const nvhttp = await startNvhttp({
      ...parts,
      bindAddress: this.#config.bindAddress,
      httpPort: this.#port('http'),
      httpsPort: this.#port('https'),
      logger: this.#logger.child({ module: 'nvhttp' }),
    });
    this.#closers.add('nvhttp', () => nvhttp.close());
    return nvhttp;
  }

  async #startAdmin(pairing: PairingDesk, clients: ClientStore, status: HostStatus): Promise<void> {
    const handle = async (request: AdminRequest): Promise<AdminReply> => {
      if (request.command === 'status') return status.report(this.#sessionViews(), pairing.waitingClients);
      if (!isClientsRequest(request)) return answerPairingRequest(pairing, request);
      const reply = answerClientsRequest(clients, request);
      // Another host of this user may have been asked first, and may have removed the client from the list of both.
      const unpaired = this.#registry.all().filter((session) => !clients.has(session.clientFingerprint));
      await Promise.all(unpaired.map((session) => session.end('client-removed')));
      return reply;
    };
    const path = this.#paths.adminSocket(this.#config.port);
    this.#closers.add('administration socket', await startAdminServer(path, handle, this.#logger));
  }

  #sessionViews() {
    return this.#registry.all().map((session) => {
      const wiring = this.#wirings.get(session);
      const title = this.#config.apps.find(({ id }) => id === session.appId)?.title ?? '';
      const { counts, roundTripTimeMs, controlAddress } = wiring ?? {};
      return { session, title, counts, roundTripTimeMs, controlAddress };
    });
  }

  async #endSessions(): Promise<void> {
    await Promise.all(this.#registry.all().map((session) => session.end('host-stopping')));
  }

  #advertise(): void {
    if (!this.#config.discovery) return;
    const advertisement = advertise({
      name: this.#config.name,
      httpPort: this.#port('http'),
      bindAddress: this.#config.bindAddress,
      logger: this.#logger.child({ module: 'discovery' }),
    });
    this.#closers.add('discovery', () => advertisement.close());
  }
}

/**
 * Starts to serve.
 * @throws LumenError for a port that is taken, a part that is missing, a state folder that cannot be used
 */
export const startHost = (config: Config, logger: Logger): Promise<RunningHost> =>
  new Host(config, logger).start();
