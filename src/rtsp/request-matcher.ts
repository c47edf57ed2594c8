/**
 * Bytes of one RTSP connection → the request in them and the session that it belongs to: by trying the pending
 * sessions' keys, for plain clients by address. No sockets here. Source: `protocol/rtsp.md` §2.
 */
import { normaliseAddress } from '../support/address.js';
import type { Logger } from '../support/logger.js';
import { isEncryptedStart, openFrame, readFrame, sealFrame } from './cipher.js';
import { RtspHandshake, type RtspSession } from './handshake.js';
import { MAX_REQUEST_BYTES, type RtspRequest, readRequest } from './message.js';

/** Where the sessions are that may be in their handshake. */
export interface RtspSessions {
  /** Sessions that a connection from this address may belong to: all pending ones where addresses cannot be trusted. */
  candidates(peerAddress: string): readonly RtspSession[];
}

export type RtspRejection = 'invalid' | 'unmatched' | 'replays';

export type MatchOutcome =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'rejected'; readonly counter: RtspRejection; readonly reason: string }
  /** A plain request that belongs to no session. */
  | { readonly kind: 'unmatched'; readonly request: RtspRequest }
  | {
      readonly kind: 'matched';
      readonly request: RtspRequest;
      readonly handshake: RtspHandshake;
      /** What goes on the wire for a reply; to be called once. */
      seal(reply: Buffer): Buffer;
    };

/** Keys tried on one frame: more sessions than this are never pending. */
const MAX_CANDIDATES = 32;

/** What is remembered of a session as long as its key is the same. */
interface KeyState {
  readonly key: Buffer;
  readonly handshake: RtspHandshake;
  /** The client's counter runs on over its sessions, so it need not begin at 1: §2.2. */
  lastClientSequence: number;
  nextHostSequence: number;
}

const rejected = (counter: RtspRejection, reason: string): MatchOutcome => ({
  kind: 'rejected',
  counter,
  reason,
});

export class RequestMatcher {
  readonly #sessions: RtspSessions;
  readonly #logger: Logger;
  readonly #states = new WeakMap<RtspSession, KeyState>();

  constructor(sessions: RtspSessions, logger: Logger) {
    this.#sessions = sessions;
    this.#logger = logger;
  }

  /**
   * Judges all bytes that a connection has sent so far.
   * @param address the peer's, normalised
   */
  take(bytes: Buffer, address: string): MatchOutcome {
    return isEncryptedStart(bytes) ? this.#takeEncrypted(bytes, address) : this.#takePlain(bytes, address);
  }

  #takePlain(bytes: Buffer, address: string): MatchOutcome {
    const read = readRequest(bytes);
    if (read.state === 'incomplete') return { kind: 'incomplete' };
    if (read.state === 'invalid') return rejected('invalid', read.reason);
    const { request } = read;
    const token = request.headers.get('session')?.split(';')[0]?.trim();
    const sessions = this.#candidates(address).filter(
      (session) => !session.isEncrypted && normaliseAddress(session.peerAddress) === address,
    );
    // Of several the one that the client names, else the latest: its client has just launched.
    const session = sessions.find((candidate) => candidate.token === token) ?? sessions.at(-1);
    if (session === undefined) return { kind: 'unmatched', request };
    return { kind: 'matched', request, handshake: this.#stateOf(session).handshake, seal: (reply) => reply };
  }

  #takeEncrypted(bytes: Buffer, address: string): MatchOutcome {
    const read = readFrame(bytes, MAX_REQUEST_BYTES);
    if (read.state === 'incomplete') return { kind: 'incomplete' };
    if (read.state === 'invalid') return rejected('invalid', read.reason);
    for (const session of this.#candidates(address).filter((candidate) => candidate.isEncrypted)) {
      const plaintext = openFrame(session.riKey, 'client', read.frame);
      if (plaintext !== undefined)
        return this.#takeDecrypted(this.#stateOf(session), read.sequence, plaintext);
    }
    return rejected('unmatched', 'no pending session has the key of this request');
  }

  #takeDecrypted(state: KeyState, sequence: number, plaintext: Buffer): MatchOutcome {
    if (sequence <= state.lastClientSequence)
      return rejected('replays', 'the sequence number was used before');
    state.lastClientSequence = sequence;
    const read = readRequest(plaintext);
    if (read.state === 'incomplete') return rejected('invalid', 'the decrypted request is not complete');
    if (read.state === 'invalid') return rejected('invalid', read.reason);
    const seal = (reply: Buffer): Buffer => {
      const hostSequence = state.nextHostSequence;
      state.nextHostSequence += 1;
      return sealFrame(state.key, 'host', hostSequence, reply);
    };
    return { kind: 'matched', request: read.request, handshake: state.handshake, seal };
  }

  #candidates(address: string): readonly RtspSession[] {
    return this.#sessions.candidates(address).slice(-MAX_CANDIDATES);
  }

  #stateOf(session: RtspSession): KeyState {
    const known = this.#states.get(session);
    if (known?.key.equals(session.riKey)) return known;
    const handshake = new RtspHandshake(session, this.#logger);
    const state = { key: Buffer.from(session.riKey), handshake, lastClientSequence: -1, nextHostSequence: 1 };
    this.#states.set(session, state);
    return state;
  }
}
