/** Between the control port and a session: what each needs of the other. Types alone. */
import type { ClientMessage, HostMessage } from './message.js';

/** What the control server needs from a session. The properties are read again at each connection. */
export interface ControlSession {
  /** Expected in ENet's CONNECT, 1 to 2^32 − 1. */
  readonly connectData: number;
  /** Where the launch came from: matches clients that do not know connect data. */
  readonly peerAddress: string;
  readonly hasSessionId: boolean;
  /** 16 bytes. */
  readonly riKey: Buffer;
  /** The client enabled the 12-byte IV scheme. */
  readonly isV2: boolean;
  /** The first authenticated message of a connection came; it is passed on next. */
  onConnected(peer: ControlPeer): void;
  onMessage(message: ClientMessage): void;
  /** The client went or fell silent. Not called after `terminate`, `removeSession` or a replacement. */
  onDisconnected(reason: 'disconnect' | 'timeout'): void;
}

/** One authenticated connection. */
export interface ControlPeer {
  /** Numeric, normalised. Changes when the client roams. */
  readonly address: string;
  /** Sends reliably on channel 0. @returns false if the connection is gone */
  send(message: HostMessage): boolean;
  /** Tells the client why (`TERMINATION_CODE`), waits up to 300 ms for its acknowledgement, and disconnects. */
  terminate(code: number): Promise<void>;
  /** Milliseconds, undefined once the connection is gone. */
  roundTripTimeMs(): number | undefined;
}
