/**
 * Where the media of one port goes, and when it may follow the client to another address. The ping's payload travels
 * in clear: whoever saw one could otherwise aim the stream at a victim. Pure: the time is passed in.
 *
 * The first valid ping from where the client must be sets the endpoint: from the address of the authenticated control
 * connection, before there is one from the address of the launch. A different one is accepted only at the address of
 * the control connection, and only if its counter went up or the old endpoint has been silent for 1.5 s, and four
 * times a second at most. An endpoint at another address than the control connection's is forgotten.
 */

export interface Endpoint {
  /** Numeric, without v4-mapped prefix. */
  readonly address: string;
  readonly port: number;
}

export interface EndpointPing extends Endpoint {
  /** Undefined for legacy pings. */
  readonly counter: number | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: number;
}

/** Where the client of a session must be. Numeric, without v4-mapped prefix. */
export interface ClientPlace {
  /** Where the launch came from. */
  readonly peerAddress: string;
  /** Address of the authenticated control connection, undefined while there is none. */
  readonly controlAddress: string | undefined;
}

/** `set` the first, `moved` to another, `kept` the same, `rejected` a different one that may not have it. */
export type EndpointDecision = 'set' | 'moved' | 'kept' | 'rejected';

/** Pings come every 500 ms: after three missing ones the old endpoint counts as silent. */
const SILENCE_MS = 1500;
/** Each move is told to the media process and the log. A client that moves with a ping moves every 500 ms at most. */
const MOVE_INTERVAL_MS = 250;

/** The rule and its memory for one port of one session. */
export class EndpointRule {
  #endpoint: Endpoint | undefined;
  #counter = 0;
  #lastPingMs = 0;
  #lastMoveMs = Number.NEGATIVE_INFINITY;

  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** Forgets the endpoint: for a client that comes back with a new launch. */
  reset(): void {
    this.#endpoint = undefined;
    this.#counter = 0;
  }

  /**
   * Judges a ping whose payload is right.
   * @param place read anew for each ping
   */
  judge(ping: EndpointPing, place: ClientPlace): EndpointDecision {
    const { peerAddress, controlAddress } = place;
    // Whoever is not where the control connection is may have set it with any counter: the client starts afresh.
    if (controlAddress !== undefined && this.#endpoint?.address !== controlAddress) this.reset();
    const current = this.#endpoint;
    if (current === undefined) {
      return ping.address === (controlAddress ?? peerAddress) ? this.#accept(ping, 'set') : 'rejected';
    }
    const hasNewCounter = ping.counter !== undefined && ping.counter > this.#counter;
    if (current.address === ping.address && current.port === ping.port) {
      // An old ping, sent again by somebody else from a forged address, must not keep a dead endpoint alive.
      return hasNewCounter || ping.counter === undefined ? this.#accept(ping, 'kept') : 'kept';
    }
    const isSilent = ping.nowMs - this.#lastPingMs >= SILENCE_MS;
    const isTooSoon = ping.nowMs - this.#lastMoveMs < MOVE_INTERVAL_MS;
    if (ping.address !== controlAddress || !(hasNewCounter || isSilent) || isTooSoon) return 'rejected';
    this.#lastMoveMs = ping.nowMs;
    return this.#accept(ping, 'moved');
  }

  #accept(ping: EndpointPing, decision: EndpointDecision): EndpointDecision {
    this.#endpoint = { address: ping.address, port: ping.port };
    this.#counter = ping.counter ?? this.#counter;
    this.#lastPingMs = ping.nowMs;
    return decision;
  }
}
