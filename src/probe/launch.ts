/**
 * Starting or resuming an app: the launch request of a stock client and the host's answer (`protocol/http.md` §10).
 */
import { randomBytes, randomInt } from 'node:crypto';
import { parseSessionUrl, type SessionUrl } from './address.js';
import {
  type App,
  fetchApps,
  type PairedHost,
  requestPaired,
  requireStatus200,
  stageError,
} from './host-info.js';
import type { StreamOptions } from './options.js';

/** QT waits two minutes: the host may have to start an app. */
const LAUNCH_TIMEOUT_MS = 120_000;
/** WAVE speaker positions by channels: what clients put above the count in `surroundAudioInfo`. */
export const CHANNEL_MASKS = { 2: 0x3, 6: 0x3f, 8: 0x63f } as const;

/** The keys that a client makes up anew for each launch and resume. */
export interface LaunchKeys {
  /** AES-128 key, 16 bytes. */
  readonly riKey: Buffer;
  /** Key id as signed 32 bit, the way it is sent. */
  readonly riKeyId: number;
}

/** An accepted launch. */
export interface Launch extends LaunchKeys {
  readonly app: App;
  readonly verb: 'launch' | 'resume';
  readonly sessionUrl: SessionUrl;
}

/** Fresh random keys. */
export const createLaunchKeys = (): LaunchKeys => ({
  riKey: randomBytes(16),
  riKeyId: randomInt(-0x8000_0000, 0x8000_0000),
});

/**
 * Chooses the app by name (case does not matter) or id; null takes the one that runs, or else the first.
 * @throws LumenError `LUMEN_PROBE_FAILED` when the host has no such app
 */
export const chooseApp = (apps: readonly App[], wanted: string | null, currentGame: number): App => {
  const running = apps.find(({ id }) => id === currentGame);
  const found =
    wanted === null
      ? (running ?? apps[0])
      : apps.find(({ id, title }) => title.toLowerCase() === wanted.toLowerCase() || String(id) === wanted);
  if (found !== undefined) return found;
  const titles = apps.map(({ title }) => `"${title}"`).join(', ') || 'none';
  throw stageError(
    'applist',
    `the host has no app ${wanted ?? ''}`.trim(),
    `choose one of its apps: ${titles}`,
  );
};

/**
 * Launch or resume, as clients decide it from serverinfo.
 * @throws LumenError `LUMEN_PROBE_FAILED` when another app runs
 */
export const chooseVerb = (
  wanted: StreamOptions['verb'],
  app: App,
  currentGame: number,
): 'launch' | 'resume' => {
  if (wanted !== 'auto') return wanted;
  if (currentGame === 0) return 'launch';
  if (currentGame === app.id) return 'resume';
  throw stageError(
    'launch',
    `app ${currentGame} already runs on the host`,
    'end it first: lumen probe quit HOST',
  );
};

/** The query of `/launch` and `/resume`, which is the same (`protocol/http.md` §10). */
export const buildLaunchQuery = (
  options: Pick<StreamOptions, 'mode' | 'plainRtsp' | 'bitDepth' | 'audioChannels' | 'playsAudioOnHost'>,
  app: App,
  keys: LaunchKeys,
): Readonly<Record<string, string | number>> => ({
  appid: app.id,
  mode: `${options.mode.width}x${options.mode.height}x${options.mode.fps}`,
  additionalStates: 1,
  sops: 0,
  rikey: keys.riKey.toString('hex'),
  rikeyid: keys.riKeyId,
  localAudioPlayMode: options.playsAudioOnHost ? 1 : 0,
  surroundAudioInfo: (CHANNEL_MASKS[options.audioChannels] << 16) | options.audioChannels,
  remoteControllersBitmap: 0,
  gcmap: 0,
  gcpersist: 0,
  corever: options.plainRtsp ? 0 : 1,
  ...(options.bitDepth === 10 ? { hdrMode: 1 } : {}),
});

/**
 * Asks the host to start or resume.
 * @param onSend called when everything is known and the request is about to leave: the zero of all start-up times
 * @throws LumenError `LUMEN_PROBE_FAILED`
 */
export const launchApp = async (
  options: StreamOptions,
  host: PairedHost,
  app: App,
  onSend: () => void,
): Promise<Launch> => {
  const verb = chooseVerb(options.verb, app, host.info.currentGame);
  const keys = createLaunchKeys();
  const query = buildLaunchQuery(options, app, keys);
  onSend();
  const request = requestPaired(options, host, `/${verb}`, { query, timeoutMs: LAUNCH_TIMEOUT_MS });
  const reply = requireStatus200(await request, verb);
  const isAccepted = reply.integer(verb === 'launch' ? 'gamesession' : 'resume') !== 0;
  if (!isAccepted)
    throw stageError(verb, 'the host answered without starting a session', "see the host's log");
  const sessionUrl = parseSessionUrl(reply.text('sessionUrl0'), options.address.host);
  return { ...keys, app, verb, sessionUrl };
};

/** {@link fetchApps} and {@link chooseApp} in one. */
export const findApp = async (options: StreamOptions, host: PairedHost): Promise<App> =>
  chooseApp(await fetchApps(options, host), options.app, host.info.currentGame);
