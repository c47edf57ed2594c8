/** What stays of a session that ended before its client had a control connection: the word why it ended. */
import type { ControlPeer, ControlSession } from './session.js';

/** Stands in for `session`, with its keys as they are now: its first authentic message is answered with `code`. */
export class Tombstone implements ControlSession {
  readonly connectData: number;
  readonly peerAddress: string;
  readonly hasSessionId: boolean;
  readonly riKey: Buffer;
  readonly isV2: boolean;
  readonly #code: number;
  readonly #onTold: () => void;
  #expiry: NodeJS.Timeout | undefined;

  /** @param onTold the client knows, or did not acknowledge it in time */
  constructor(session: ControlSession, code: number, onTold: () => void) {
    this.connectData = session.connectData;
    this.peerAddress = session.peerAddress;
    this.hasSessionId = session.hasSessionId;
    this.riKey = Buffer.from(session.riKey);
    this.isV2 = session.isV2;
    this.#code = code;
    this.#onTold = onTold;
  }

  /** Runs `onExpired` after `ms` milliseconds, unless cleared before. */
  expireAfter(ms: number, onExpired: () => void): void {
    this.#expiry = setTimeout(onExpired, ms).unref();
  }

  clear(): void {
    clearTimeout(this.#expiry);
  }

  onConnected(peer: ControlPeer): void {
    void peer.terminate(this.#code).then(this.#onTold, this.#onTold);
  }

  onMessage(): void {
    // Nobody is left whom it could concern.
  }

  onDisconnected(): void {
    // The client came back in vain or not at all: the tombstone stays until it expires.
  }
}
