/**
 * What the HTTP endpoints need of the host behind them. They know nothing of sessions beyond this, and the host knows
 * nothing of HTTP.
 */
import type { VideoFormat } from '../session/stream-plan.js';
import type { LaunchRequest } from './launch-request.js';

/** Something that can be streamed. */
export interface App {
  /** 1–2147483647, the same for as long as the app exists: clients key caches by it. */
  readonly id: number;
  readonly title: string;
}

/** What serverinfo says of the host. */
export interface HostDescription {
  /** Shown by clients. */
  readonly hostname: string;
  /** What can be streamed, never empty. */
  readonly videoFormats: readonly VideoFormat[];
  /** MAC of the card with this local address; `findMacAddress` for a real host. */
  readonly macFor: (localAddress: string) => string;
}

/** The authenticated connection that a request came over. */
export interface ClientConnection {
  /** SHA-256 of the client's certificate in lower-case hex. */
  readonly clientFingerprint: string;
  /** Numeric address without `::ffff:`. */
  readonly peerAddress: string;
  /** Address of this host that the client reached: what `sessionUrl0` names. */
  readonly localAddress: string;
}

/** Answer to a launch or resume. `message` is shown to the person at the client. */
export type LaunchReply =
  | { readonly ok: true; readonly sessionUrl: string }
  | { readonly ok: false; readonly statusCode: number; readonly message: string };

/** The host, as its HTTP endpoints see it. A promise that rejects is answered with 503. */
export interface StreamingHost {
  describe(): HostDescription;
  apps(): readonly App[];
  /** The PNG that an app has of its own, undefined for none. */
  boxArt(appId: number): Promise<Buffer | undefined>;
  /** Id of the app that this client's session runs or keeps suspended; 0 when there is none. */
  runningApp(clientFingerprint: string): number;
  /** Starts `request.appId`, which is one of `apps()`. RTSP must be listening when the promise resolves. */
  launch(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply>;
  /** Goes on with the client's session, whatever app the request names, under the new key. */
  resume(request: LaunchRequest, connection: ClientConnection): Promise<LaunchReply>;
  /** Ends the client's session if it has one; when the promise resolves, `runningApp` says 0. @returns false when that failed */
  cancel(clientFingerprint: string): Promise<boolean>;
}
