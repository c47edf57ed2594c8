/**
 * Launch, resume and cancel: what the HTTP endpoints ask of the host, turned into sessions. One session per client
 * certificate; a second client never touches the first one's.
 */
import { createHash } from 'node:crypto';
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
import { Session, type SessionContext } from '../session/session.js';
import { toUrlHost } from '../support/address.js';
import { describeError } from '../support/errors.js';

/** Until apps can be configured there is one. Its id never changes: clients key shortcuts and box art by it. */
const DESKTOP: App = { id: 881_448_767, title: 'Desktop', isHdrSupported: false };

const REPEATED_KEY = 'The session key was used before: start the stream again';
const MAX_USED_KEYS = 1024;
const UNENCRYPTED =
  'This host requires encryption, which this client is too old for: update Moonlight, or change encryption_lan or encryption_wan of the host';

export interface StreamingParts {
  readonly registry: SessionRegistry;
  readonly sessionContext: SessionContext;
  /** Called once for a new session, before the client is answered. */
  onLaunched(session: Session): void;
  readonly rtspPort: number;
  encryptionFor(peerAddress: string): EncryptionPolicy;
  describe(): HostDescription;
}

const refuse = (statusCode: number, message: string): LaunchReply => ({ ok: false, statusCode, message });

export class Streaming implements StreamingHost {
  readonly #parts: StreamingParts;
  /** Digests of the latest session keys, oldest first. */
  readonly #usedKeys = new Set<string>();

  constructor(parts: StreamingParts) {
    this.#parts = parts;
  }

  describe(): HostDescription {
    return this.#parts.describe();
  }

  apps(): readonly App[] {
    return [DESKTOP];
  }

  runningApp(clientFingerprint: string): number {
    return this.#parts.registry.find(clientFingerprint)?.appId ?? 0;
  }

  /**
   * A client that launches again has given its earlier session up, unless that one still streams: two launches at once
   * leave the later one.
   */
  async launch(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply> {
    const { registry, sessionContext } = this.#parts;
    if (this.#lacksEncryption(request, connection)) return refuse(403, UNENCRYPTED);
    if (!this.#isFreshKey(request.riKey)) return refuse(400, REPEATED_KEY);
    const running = registry.find(connection.clientFingerprint);
    if (running?.state === 'playing') {
      return refuse(400, 'This client is streaming already: quit the running app first');
    }
    if (running === undefined && registry.isFull) {
      return refuse(503, 'The host has as many sessions as it may: raise max_sessions or quit one');
    }
    const ended = running?.end('replaced');
    const session = new Session(
      {
        appId: request.appId ?? DESKTOP.id,
        clientFingerprint: connection.clientFingerprint,
        peerAddress: connection.peerAddress,
        localAddress: connection.localAddress,
        riKey: request.riKey,
        riKeyId: request.riKeyId,
        encryptsRtsp: request.coreVersion >= 1,
      },
      sessionContext,
    );
    registry.add(session);
    this.#parts.onLaunched(session);
    await ended;
    return { ok: true, sessionUrl: this.#sessionUrl(request, connection) };
  }

  async resume(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply> {
    const session = this.#parts.registry.find(connection.clientFingerprint);
    if (session === undefined) return refuse(503, 'There is nothing to resume: launch the app again');
    if (this.#lacksEncryption(request, connection)) return refuse(403, UNENCRYPTED);
    if (!this.#isFreshKey(request.riKey)) return refuse(400, REPEATED_KEY);
    try {
      await session.resume({
        riKey: request.riKey,
        riKeyId: request.riKeyId,
        peerAddress: connection.peerAddress,
        localAddress: connection.localAddress,
        encryptsRtsp: request.coreVersion >= 1,
      });
    } catch (error) {
      session.logger.info({ problem: describeError(error) }, 'a resume was overtaken');
      return refuse(503, 'The session was ended or resumed from elsewhere meanwhile');
    }
    return { ok: true, sessionUrl: this.#sessionUrl(request, connection) };
  }

  async cancel(clientFingerprint: string): Promise<boolean> {
    await this.#parts.registry.find(clientFingerprint)?.end('cancelled');
    return true;
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
