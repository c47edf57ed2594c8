/**
 * Launch, resume and cancel: what the HTTP endpoints ask of the host, turned into sessions. One session per client
 * certificate; a second client never touches the first one's.
 */
import { createHash } from 'node:crypto';
import { AppRun, type AppRunOptions } from '../apps/app-run.js';
import { readBoxArt } from '../apps/box-art.js';
import { type AppConfig, DESKTOP } from '../config/app-settings.js';
import type { EncryptionPolicy } from '../config/settings.js';
import type { LaunchRequest } from '../nvhttp/launch-request.js';
import type {
  App,
  ClientConnection,
  HostDescription,
  LaunchReply,
  StreamingHost,
} from '../nvhttp/streaming-host.js';
import type { SessionRegistry } from '../session/registry.js';
import { Session, type SessionConnection, type SessionContext } from '../session/session.js';
import { toUrlHost } from '../support/address.js';
import { describeError, LumenError } from '../support/errors.js';
import { runTask } from '../support/lifecycle.js';
import { RateLimitedWarning } from '../support/logger.js';

const REPEATED_KEY = 'The session key was used before: start the stream again';
const TOO_MANY = 'The host has as many sessions as it may: raise max_sessions or quit one';
const REMOVED = 'This client was removed from the paired clients: pair it again';
const MAX_USED_KEYS = 1024;
const UNENCRYPTED =
  'This host requires encryption, which this client is too old for: update Moonlight, or change encryption_lan or encryption_wan of the host';

export interface StreamingParts {
  readonly registry: SessionRegistry;
  readonly sessionContext: SessionContext;
  /** Desktop first. */
  readonly apps: readonly AppConfig[];
  readonly appRuns: AppRunOptions;
  /** Called once for a new session, before the client is answered. */
  onLaunched(session: Session): void;
  /** Makes a stream with so many channels possible. @returns why it is not, for the client, or undefined */
  prepareSound(channels: LaunchRequest['audioChannels']): Promise<string | undefined>;
  readonly rtspPort: number;
  encryptionFor(peerAddress: string): EncryptionPolicy;
  isPaired(clientFingerprint: string): boolean;
  describe(): HostDescription;
}

type Refusal = Extract<LaunchReply, { readonly ok: false }>;

const refuse = (statusCode: number, message: string): Refusal => ({ ok: false, statusCode, message });

/** What the commands of an app may know of the stream that is asked for. */
const toVariables = (app: AppConfig, request: LaunchRequest, connection: ClientConnection) => ({
  LUMEN_APP_ID: String(app.id),
  LUMEN_APP_TITLE: app.title,
  LUMEN_CLIENT_ADDRESS: connection.peerAddress,
  LUMEN_CLIENT_AUDIO_CHANNELS: String(request.audioChannels),
  ...(request.mode === null
    ? {}
    : {
        LUMEN_CLIENT_WIDTH: String(request.mode.width),
        LUMEN_CLIENT_HEIGHT: String(request.mode.height),
        LUMEN_CLIENT_FPS: String(request.mode.fps),
      }),
});

const toSessionConnection = (
  request: LaunchRequest,
  { peerAddress, localAddress }: ClientConnection,
): SessionConnection => ({
  peerAddress,
  localAddress,
  riKey: request.riKey,
  riKeyId: request.riKeyId,
  encryptsRtsp: request.coreVersion >= 1,
  playsAudioOnHost: request.playsAudioOnHost,
});

export class Streaming implements StreamingHost {
  readonly #parts: StreamingParts;
  readonly #warnings: RateLimitedWarning;
  /** Digests of the latest session keys, oldest first. */
  readonly #usedKeys = new Set<string>();
  /** The last thing that was begun for each client: launches, resumes and cancels do not overlap. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** The app of each client that is being ended: what it changed is undone before the next is prepared. */
  readonly #endingApps = new Map<string, Promise<void>>();

  constructor(parts: StreamingParts) {
    this.#parts = parts;
    this.#warnings = new RateLimitedWarning(parts.sessionContext.logger);
  }

  describe(): HostDescription {
    return this.#parts.describe();
  }

  apps(): readonly App[] {
    return this.#parts.apps.map(({ id, title }) => ({ id, title }));
  }

  async boxArt(appId: number): Promise<Buffer | undefined> {
    const app = this.#findApp(appId);
    if (app?.boxArt === undefined) return undefined;
    const art = await readBoxArt(app.boxArt);
    if (art.ok) return art.png;
    const details = { app: app.title, file: app.boxArt, problem: art.reason, remedy: 'run: lumen apps' };
    this.#warnings.warn(app.title, details, 'the box art of an app cannot be used');
    return undefined;
  }

  runningApp(clientFingerprint: string): number {
    return this.#parts.registry.find(clientFingerprint)?.appId ?? 0;
  }

  /**
   * A client that launches again has given its earlier session up, unless that one still streams: two launches at once
   * leave the later one.
   */
  launch(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply> {
    return this.#inTurn(connection.clientFingerprint, () => this.#launch(request, connection));
  }

  async #launch(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply> {
    const { registry } = this.#parts;
    if (this.#lacksEncryption(request, connection)) return refuse(403, UNENCRYPTED);
    const mute = await this.#parts.prepareSound(request.audioChannels);
    if (mute !== undefined) return refuse(503, mute);
    if (!this.#isFreshKey(request.riKey)) return refuse(400, REPEATED_KEY);
    const running = registry.find(connection.clientFingerprint);
    if (running?.state === 'playing') {
      return refuse(400, 'This client is streaming already: quit the running app first');
    }
    await running?.end('replaced');
    await this.#endingApps.get(connection.clientFingerprint);
    if (registry.isFull) return refuse(503, TOO_MANY);
    const app = this.#findApp(request.appId ?? DESKTOP.id) ?? DESKTOP;
    const started = await this.#startApp(app, request, connection);
    if (!started.ok) return started;
    const overtaken = this.#overtakenBy(connection);
    if (overtaken !== undefined) {
      await started.run.stop();
      return overtaken;
    }
    this.#addSession(app, request, connection, started.run);
    return { ok: true, sessionUrl: this.#sessionUrl(request, connection) };
  }

  /** While an app is prepared another client may be faster, and this one may be removed. */
  #overtakenBy({ clientFingerprint }: ClientConnection): Refusal | undefined {
    if (!this.#parts.isPaired(clientFingerprint)) return refuse(401, REMOVED);
    return this.#parts.registry.isFull ? refuse(503, TOO_MANY) : undefined;
  }

  async #startApp(
    app: AppConfig,
    request: LaunchRequest,
    connection: ClientConnection,
  ): Promise<{ readonly ok: true; readonly run: AppRun } | Refusal> {
    const { appRuns, sessionContext } = this.#parts;
    const logger = sessionContext.logger.child({ module: 'apps' });
    const variables = toVariables(app, request, connection);
    try {
      return { ok: true, run: await AppRun.start(appRuns, { app, variables, logger }) };
    } catch (error) {
      if (!(error instanceof LumenError)) throw error;
      logger.error({ problem: error.message, remedy: error.remedy }, 'an app cannot be started');
      return refuse(500, `${error.message}. Try: ${error.remedy}`);
    }
  }

  /** The app ends with its session, and the session with its app. */
  #addSession(app: AppConfig, request: LaunchRequest, connection: ClientConnection, run: AppRun): void {
    const { registry, sessionContext, onLaunched } = this.#parts;
    const { clientFingerprint } = connection;
    const context: SessionContext = {
      ...sessionContext,
      onState: (session, state) => {
        sessionContext.onState(session, state);
        if (state === 'ended') this.#endApp(clientFingerprint, run);
      },
    };
    const session = new Session(
      {
        appId: app.id,
        clientFingerprint,
        ...toSessionConnection(request, connection),
      },
      context,
    );
    registry.add(session);
    onLaunched(session);
    run.onExit(() => runTask(session.logger, 'end session', () => session.end('app-exited')));
  }

  #endApp(clientFingerprint: string, run: AppRun): void {
    const ending = run.stop().finally(() => {
      if (this.#endingApps.get(clientFingerprint) === ending) this.#endingApps.delete(clientFingerprint);
    });
    this.#endingApps.set(clientFingerprint, ending);
  }

  resume(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply> {
    return this.#inTurn(connection.clientFingerprint, () => this.#resume(request, connection));
  }

  async #resume(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply> {
    const session = this.#parts.registry.find(connection.clientFingerprint);
    if (session === undefined) return refuse(503, 'There is nothing to resume: launch the app again');
    if (this.#lacksEncryption(request, connection)) return refuse(403, UNENCRYPTED);
    const mute = await this.#parts.prepareSound(request.audioChannels);
    if (mute !== undefined) return refuse(503, mute);
    if (!this.#isFreshKey(request.riKey)) return refuse(400, REPEATED_KEY);
    try {
      await session.resume(toSessionConnection(request, connection));
    } catch (error) {
      session.logger.info({ problem: describeError(error) }, 'a resume was overtaken');
      return refuse(503, 'The session was ended or resumed from elsewhere meanwhile');
    }
    return { ok: true, sessionUrl: this.#sessionUrl(request, connection) };
  }

  cancel(clientFingerprint: string): Promise<boolean> {
    return this.#inTurn(clientFingerprint, async () => {
      await this.#parts.registry.find(clientFingerprint)?.end('cancelled');
      return true;
    });
  }

  /** Waits until every app has ended and what was prepared for it is undone. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
    await Promise.allSettled(this.#endingApps.values());
  }

  #findApp(appId: number): AppConfig | undefined {
    return this.#parts.apps.find(({ id }) => id === appId);
  }

  /** Runs `work` once all that was begun before for this client is done. */
  #inTurn<Result>(clientFingerprint: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(clientFingerprint) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(clientFingerprint, turn);
    const forget = () => {
      if (this.#turns.get(clientFingerprint) === turn) this.#turns.delete(clientFingerprint);
    };
    turn.then(forget, forget);
    return turn;
  }

  /** A client that cannot encrypt RTSP is told here, where it shows the words (`protocol/http.md` §10). */
  #lacksEncryption({ coreVersion }: LaunchRequest, { peerAddress }: ClientConnection): boolean {
    return coreVersion < 1 && this.#parts.encryptionFor(peerAddress) === 'required';
  }

  /** A key that comes again would repeat the AES-GCM nonces of its first use. */
  #isFreshKey(riKey: Buffer): boolean {
    const digest = createHash('sha256').update(riKey).digest('hex');
    if (this.#usedKeys.has(digest)) return false;
    this.#usedKeys.add(digest);
    const [oldest] = this.#usedKeys;
    if (this.#usedKeys.size > MAX_USED_KEYS && oldest !== undefined) this.#usedKeys.delete(oldest);
    return true;
  }

  #sessionUrl(request: LaunchRequest, connection: ClientConnection): string {
    const scheme = request.coreVersion >= 1 ? 'rtspenc' : 'rtsp';
    return `${scheme}://${toUrlHost(connection.localAddress)}:${this.#parts.rtspPort}`;
  }
}
