/**
 * The composition root: makes every part of a running host, connects them and takes them down in reverse order.
 * Ports: `protocol/http.md` §1.
 */

import { startAdminServer } from '../admin/server.js';
import { type AppRunOptions, recoverRuns } from '../apps/app-run.js';
import type { Config } from '../config/config.js';
import { ensurePrivateDir, resolvePaths } from '../config/paths.js';
import { advertise } from '../discovery/advertise.js';
import { ClientStore } from '../identity/client-store.js';
import { type HostIdentity, loadHostIdentity } from '../identity/host-identity.js';
import { findMacAddress } from '../nvhttp/address.js';
import { PairingDesk } from '../nvhttp/pairing.js';
import { startNvhttp } from '../nvhttp/server.js';
import type { RtspSession } from '../rtsp/handshake.js';
import { RtspServer } from '../rtsp/server.js';
import { Closers } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { hasIpv6 } from '../support/sockets.js';
import { createAdminHandler } from './admin-requests.js';
import { describeHost } from './describe.js';
import { formatGreeting } from './greeting.js';
import { encryptionFor, type HostContext, openPort, portOf } from './host-context.js';
import { HostMedia } from './host-media.js';
import { type HostPorts, openPorts } from './host-ports.js';
import { LiveSessions } from './live-sessions.js';
import { PairingNotifier } from './pairing-notifier.js';
import { createSessionContext } from './session-context.js';
import { SleepInhibitor } from './sleep-inhibitor.js';
import { HostStatus } from './status.js';
import { Streaming } from './streaming.js';

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

/** What was stored of this host and its clients. */
interface Identities {
  readonly identity: HostIdentity;
  readonly clients: ClientStore;
  readonly pairing: PairingDesk;
}

/** What stands for every address on this machine: a kernel without IPv6 knows no `::`. */
const toBindAddress = (address: string): string => (address === '::' && !hasIpv6() ? '0.0.0.0' : address);

const loadIdentities = async (context: HostContext): Promise<Identities> => {
  const { config, paths, logger, closers } = context;
  const identity = await loadHostIdentity(paths.stateDir);
  const clients = new ClientStore(paths.stateDir, logger);
  const pairing = new PairingDesk(identity, clients, logger);
  const notifier = new PairingNotifier({
    environment: process.env,
    logger: logger.child({ module: 'notifications' }),
    hostName: config.name,
    port: config.port,
  });
  pairing.onWaiting((client, outcome) => notifier.onWaiting(client, outcome));
  closers.add('notifications', () => notifier.close());
  return { identity, clients, pairing };
};

const startRtsp = async (
  { config, logger, closers }: HostContext,
  sessions: ReadonlySet<RtspSession>,
): Promise<RtspServer> => {
  const rtsp = await openPort(config, 'rtsp', (where) =>
    RtspServer.listen({
      ...where,
      sessions: { candidates: () => [...sessions] },
      logger: logger.child({ module: 'rtsp' }),
    }),
  );
  closers.add('rtsp', () => rtsp.close());
  return rtsp;
};

const createLiveSessions = (
  { config }: HostContext,
  { control, video, audio }: HostPorts,
  media: HostMedia,
  rtspSessions: Set<RtspSession>,
  sleepInhibitor: SleepInhibitor,
): LiveSessions =>
  new LiveSessions({
    maxSessions: config.maxSessions,
    sleepInhibitor,
    servers: {
      control,
      videoPings: video.pings,
      audioPings: audio.pings,
      rtspSessions,
      ports: { video: video.port, audio: audio.port, control: control.port },
      verifyMedia: (session, format) => media.verify(session, format),
      describe: (peerAddress) => describeHost(media.capabilities, encryptionFor(config, peerAddress)),
      adaptsToLoss: config.adaptToLoss,
      logsStages: config.perfLog,
    },
  });

const createStreaming = (
  context: HostContext,
  appRuns: AppRunOptions,
  media: HostMedia,
  clients: ClientStore,
  sessions: LiveSessions,
): Streaming => {
  const { config, closers } = context;
  const streaming = new Streaming({
    registry: sessions.registry,
    apps: config.apps,
    appRuns,
    sessionContext: createSessionContext(context, media, clients, sessions),
    prepareSound: (channels) => media.prepareSound(channels),
    onLaunched: (session) => sessions.onLaunched(session),
    rtspPort: portOf(config, 'rtsp'),
    encryptionFor: (peerAddress) => encryptionFor(config, peerAddress),
    isPaired: (client) => clients.has(client),
    describe: () => ({
      hostname: config.name,
      videoFormats: media.capabilities.video,
      macFor: findMacAddress,
    }),
  });
  closers.add('apps', () => streaming.close(), APPS_CLOSE_MS);
  return streaming;
};

const startHttp = async (
  { config, logger, closers }: HostContext,
  parts: Identities & { host: Streaming },
) => {
  const nvhttp = await startNvhttp({
    ...parts,
    bindAddress: config.bindAddress,
    httpPort: portOf(config, 'http'),
    httpsPort: portOf(config, 'https'),
    logger: logger.child({ module: 'nvhttp' }),
  });
  closers.add('nvhttp', () => nvhttp.close());
  return nvhttp;
};

const createStatus = (
  { closers }: HostContext,
  { control, video, audio }: HostPorts,
  { rtsp, nvhttp }: { readonly rtsp: RtspServer; readonly nvhttp: Awaited<ReturnType<typeof startNvhttp>> },
): HostStatus => {
  const status = new HostStatus(() => ({
    http: nvhttp.counters(),
    rtsp: rtsp.counters,
    videoPings: video.pings.counters,
    audioPings: audio.pings.counters,
    unmatchedControl: control.unmatchedCount,
    halfOpenControl: control.halfOpenCount,
    strayControl: control.strayCount,
  }));
  closers.add('status', () => status.close());
  return status;
};

const startDiscovery = ({ config, logger, closers }: HostContext): void => {
  if (!config.discovery) return;
  const advertisement = advertise({
    name: config.name,
    httpPort: portOf(config, 'http'),
    bindAddress: config.bindAddress,
    logger: logger.child({ module: 'discovery' }),
  });
  closers.add('discovery', () => advertisement.close());
};

const serve = async (context: HostContext): Promise<RunningHost> => {
  const { config, paths, logger, closers } = context;
  ensurePrivateDir(paths.stateDir);
  ensurePrivateDir(paths.runtimeDir);
  const identities = await loadIdentities(context);
  const { clients, pairing } = identities;
  const appRuns = { folder: paths.appsDir, environment: process.env };
  await recoverRuns(appRuns, logger);
  const ports = await openPorts(context);
  const media = await HostMedia.open(context, ports);
  const { source, encoders } = await media.check(context);
  const rtspSessions = new Set<RtspSession>();
  const rtsp = await startRtsp(context, rtspSessions);
  const sleepInhibitor = new SleepInhibitor({
    environment: process.env,
    logger: logger.child({ module: 'sleep' }),
  });
  const sessions = createLiveSessions(context, ports, media, rtspSessions, sleepInhibitor);
  const host = createStreaming(context, appRuns, media, clients, sessions);
  const nvhttp = await startHttp(context, { ...identities, host });
  const status = createStatus(context, ports, { rtsp, nvhttp });
  const answer = createAdminHandler({ pairing, clients, sessions, status, apps: config.apps });
  closers.add(
    'administration socket',
    await startAdminServer(paths.adminSocket(config.port), answer, logger),
  );
  closers.add('sleep lock', () => sleepInhibitor.close());
  closers.add('sessions', () => sessions.end('host-stopping'));
  startDiscovery(context);
  return {
    greeting: formatGreeting(config, source, encoders),
    pairing,
    close: () => closers.close(logger),
  };
};

/**
 * Starts to serve.
 * @throws LumenError for a port that is taken, a part that is missing, a state folder that cannot be used
 */
export const startHost = async (config: Config, logger: Logger): Promise<RunningHost> => {
  const context: HostContext = {
    config: { ...config, bindAddress: toBindAddress(config.bindAddress) },
    paths: resolvePaths(),
    logger,
    closers: new Closers(),
  };
  try {
    return await serve(context);
  } catch (error) {
    await context.closers.close(logger);
    throw error;
  }
};
