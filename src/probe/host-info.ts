/**
 * What a client asks a host before it streams: serverinfo, the app list, and the end of a running app
 * (`protocol/http.md` §5, §8, §11).
 */
import { formatsOf } from '../nvhttp/codec-modes.js';
import type { VideoFormat } from '../session/stream-plan.js';
import { LumenError } from '../support/errors.js';
import { type RequestOptions, requestHost, type TlsIdentity } from './http-client.js';
import { findPinnedHost, loadIdentity } from './identity.js';
import type { HostOptions } from './options.js';
import type { HostReply } from './reply.js';

const DEFAULT_HTTPS_PORT = 47984;
const CANCEL_TIMEOUT_MS = 30_000;
/** AES-GCM control and one request per RTSP connection begin here (`protocol/http.md` §5.1). */
const FIRST_SUPPORTED_VERSION = [7, 1, 431] as const;

/** A reply to `/serverinfo`. */
export interface ServerInfo {
  readonly hostname: string;
  readonly uniqueId: string;
  readonly appVersion: string;
  readonly httpsPort: number;
  readonly videoFormats: readonly VideoFormat[];
  readonly isPaired: boolean;
  /** Id of the running app; 0 when none runs. */
  readonly currentGame: number;
}

export interface App {
  readonly id: number;
  readonly title: string;
}

/** A paired host: what every HTTPS request needs. */
export interface PairedHost {
  readonly info: ServerInfo;
  readonly tls: TlsIdentity;
}

/** The failure of one stage, in the words of the error table. */
export const stageError = (stage: string, problem: string, remedy: string): LumenError =>
  new LumenError('LUMEN_PROBE_FAILED', { stage, problem, remedy });

/**
 * Passes a reply on if the host agreed.
 * @throws LumenError `LUMEN_PROBE_FAILED` with the host's own words otherwise
 */
export const requireStatus200 = (reply: HostReply, stage: string): HostReply => {
  if (reply.status === 200) return reply;
  const remedy = reply.status === 401 ? 'pair first: lumen probe pair HOST --pin PIN' : "see the host's log";
  throw stageError(
    stage,
    `the host refused: ${reply.message || 'no reason given'} (${reply.status})`,
    remedy,
  );
};

const requestOptions = (options: HostOptions, path: string): RequestOptions => ({
  host: options.address.host,
  port: options.address.port,
  path,
  signal: options.signal,
});

/** Sends an HTTPS request to a paired host. */
export const requestPaired = (
  options: HostOptions,
  host: PairedHost,
  path: string,
  extra: Partial<RequestOptions> = {},
): Promise<HostReply> =>
  requestHost({ ...requestOptions(options, path), ...extra, port: host.info.httpsPort, tls: host.tls });

const toServerInfo = (reply: HostReply): ServerInfo => ({
  hostname: reply.text('hostname') || 'UNKNOWN',
  uniqueId: reply.text('uniqueid'),
  appVersion: reply.text('appversion'),
  httpsPort: reply.integer('HttpsPort') || DEFAULT_HTTPS_PORT,
  videoFormats: formatsOf(reply.integer('ServerCodecModeSupport')),
  isPaired: reply.text('PairStatus') === '1',
  currentGame: reply.text('state').endsWith('_SERVER_BUSY') ? reply.integer('currentgame') : 0,
});

/** Asks over plain HTTP: what anybody may know, with `isPaired` false and no running app. */
export const fetchServerInfo = async (options: HostOptions): Promise<ServerInfo> => {
  const reply = await requestHost(requestOptions(options, '/serverinfo'));
  return toServerInfo(requireStatus200(reply, 'serverinfo'));
};

/** True when the host speaks the generation of the protocol that this client does. */
export const isSupportedVersion = (appVersion: string): boolean => {
  const parts = appVersion.split('.').map(Number);
  for (const [index, wanted] of FIRST_SUPPORTED_VERSION.entries()) {
    const part = parts[index] ?? Number.NaN;
    if (Number.isNaN(part) || part < wanted) return false;
    if (part > wanted) return true;
  }
  return true;
};

/**
 * Finds the pinned certificate of the host at this address and asks it, over HTTPS, for what it tells its clients.
 * @throws LumenError `LUMEN_PROBE_FAILED` when it is not paired, on either side, or too old
 */
export const openPairedHost = async (options: HostOptions): Promise<PairedHost> => {
  const publicInfo = await fetchServerInfo(options);
  const pinned = findPinnedHost(options.stateDir, publicInfo.uniqueId);
  const remedy = `lumen probe pair ${options.address.host}:${options.address.port} --pin PIN`;
  if (pinned === undefined) throw stageError('serverinfo', 'the probe is not paired with this host', remedy);
  if (!isSupportedVersion(publicInfo.appVersion)) {
    const problem = `the host speaks version ${publicInfo.appVersion || '(none)'} of the protocol`;
    throw stageError('serverinfo', problem, 'the probe needs a host with appversion 7.1.431 or later');
  }
  const tls = { ...(await loadIdentity(options.stateDir)), hostCertPem: pinned.certPem };
  const reply = await requestPaired(options, { info: publicInfo, tls }, '/serverinfo');
  const info = toServerInfo(requireStatus200(reply, 'serverinfo'));
  if (!info.isPaired) throw stageError('serverinfo', 'the host does not know the probe any more', remedy);
  return { info, tls };
};

/** The host's apps in its own order; entries without a usable id are left out. */
export const fetchApps = async (options: HostOptions, host: PairedHost): Promise<readonly App[]> => {
  const reply = requireStatus200(await requestPaired(options, host, '/applist'), 'applist');
  return reply
    .list('App')
    .map((app) => ({ id: Number(app['ID']), title: app['AppTitle'] ?? '' }))
    .filter(({ id }) => Number.isSafeInteger(id) && id > 0);
};

/**
 * Ends the running app.
 * @throws LumenError `LUMEN_PROBE_FAILED` when the host refuses
 */
export const cancelApp = async (options: HostOptions, host: PairedHost): Promise<void> => {
  const extra = { timeoutMs: CANCEL_TIMEOUT_MS };
  const reply = requireStatus200(await requestPaired(options, host, '/cancel', extra), 'cancel');
  if (reply.text('cancel') === '0')
    throw stageError('cancel', 'the host did not end the app', "see the host's log");
};

/** {@link fetchApps} for callers who have no host open yet. */
export const listApps = async (options: HostOptions): Promise<readonly App[]> =>
  fetchApps(options, await openPairedHost(options));

/** {@link cancelApp} for callers who have no host open yet. */
export const quitApp = async (options: HostOptions): Promise<void> =>
  cancelApp(options, await openPairedHost(options));
