/**
 * Reads one media port and tells sessions where their client is. The media processes send from the same socket but
 * never read it. Source: `protocol/video.md` §1.1, `protocol/rtsp.md` §5.1.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { normaliseAddress, routableAddress } from '../support/address.js';
import { type Logger, RateLimitedWarning } from '../support/logger.js';
import { denyAddressReuse } from '../support/sockets.js';
import { EndpointRule } from './endpoint-rule.js';
import { type Ping, parsePing } from './ping.js';

/** What a watcher needs from a session. The properties are read again at each ping. */
export interface EndpointSession {
  /** The 16 characters that the client echoes. */
  readonly pingPayload: string;
  /** Clients without it send legacy pings, matched by `peerAddress`. */
  readonly hasSessionId: boolean;
  /** Where the launch came from: until there is a control connection, pings from elsewhere are rejected. */
  readonly peerAddress: string;
  /** Address of the authenticated control connection, undefined while there is none. */
  readonly controlAddress: string | undefined;
  /** The client's endpoint for this port is known, or has changed. The address has its zone, if it needs one. */
  onEndpoint(address: string, port: number): void;
}

export interface EndpointCounters {
  pings: number;
  /** Datagrams that are no pings. */
  junk: number;
  /** Pings that name no session. */
  unmatched: number;
  /** Pings of a session from a place that may not have its media. */
  rejected: number;
}

export interface EndpointWatcherOptions {
  /** A bound UDP socket (`bindUdp`); the watcher owns it from now on and closes it. */
  readonly fd: number;
  /** Family of that socket: `udp6` for a dual-stack one. */
  readonly type: 'udp4' | 'udp6';
  readonly media: 'video' | 'audio';
  readonly logger: Logger;
}

interface SessionEntry {
  readonly session: EndpointSession;
  readonly payload: string;
  readonly rule: EndpointRule;
}

export class EndpointWatcher {
  readonly #socket: dgram.Socket;
  readonly #logger: Logger;
  readonly #warning: RateLimitedWarning;
  readonly #media: string;
  readonly #entries = new Map<EndpointSession, SessionEntry>();
  readonly #byPayload = new Map<string, SessionEntry>();
  readonly #counters: EndpointCounters = { pings: 0, junk: 0, unmatched: 0, rejected: 0 };

  private constructor(options: EndpointWatcherOptions, socket: dgram.Socket) {
    this.#socket = socket;
    this.#media = options.media;
    this.#logger = options.logger;
    this.#warning = new RateLimitedWarning(options.logger);
    // ICMP errors of what was sent from this socket also arrive here; whether a client is gone is ENet's to say.
    socket.on('error', (error) =>
      this.#warning.warn('socket', { err: error }, 'a media port reported an error'),
    );
    socket.on('message', (datagram, from) => this.#onDatagram(datagram, from.address, from.port));
  }

  /** Starts to read. @throws Error if `fd` is not a bound UDP socket */
  static async open(options: EndpointWatcherOptions): Promise<EndpointWatcher> {
    const socket = dgram.createSocket({ type: options.type });
    const listening = once(socket, 'listening');
    socket.bind({ fd: options.fd });
    await listening;
    denyAddressReuse(options.fd);
    return new EndpointWatcher(options, socket);
  }

  get counters(): Readonly<EndpointCounters> {
    return this.#counters;
  }

  /** Watches for a session's pings. Add it again after its payload changed: the endpoint is then learnt anew. */
  add(session: EndpointSession): void {
    this.remove(session);
    const entry = { session, payload: session.pingPayload, rule: new EndpointRule() };
    this.#entries.set(session, entry);
    this.#byPayload.set(entry.payload, entry);
  }

  remove(session: EndpointSession): void {
    const entry = this.#entries.get(session);
    if (entry === undefined) return;
    this.#entries.delete(session);
    if (this.#byPayload.get(entry.payload) === entry) this.#byPayload.delete(entry.payload);
  }

  /** Stops reading and closes the descriptor. */
  async close(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #onDatagram(datagram: Buffer, rawAddress: string, port: number): void {
    const ping = parsePing(datagram);
    if (ping === undefined) {
      this.#counters.junk += 1;
      return;
    }
    this.#counters.pings += 1;
    const entry = this.#findEntry(ping, normaliseAddress(rawAddress));
    if (entry === undefined) {
      this.#counters.unmatched += 1;
      return;
    }
    this.#judge(entry, ping, rawAddress, port);
  }

  #findEntry(ping: Ping, address: string): SessionEntry | undefined {
    if (ping.kind === 'session') return this.#byPayload.get(ping.payload);
    let found: SessionEntry | undefined;
    for (const entry of this.#entries.values()) {
      const { session } = entry;
      if (!session.hasSessionId && normaliseAddress(session.peerAddress) === address) found = entry;
    }
    return found;
  }

  #judge(entry: SessionEntry, ping: Ping, rawAddress: string, port: number): void {
    const address = normaliseAddress(rawAddress);
    const counter = ping.kind === 'session' ? ping.counter : undefined;
    const judged = { address, port, counter, nowMs: performance.now() };
    const { peerAddress, controlAddress } = entry.session;
    const decision = entry.rule.judge(judged, { peerAddress: normaliseAddress(peerAddress), controlAddress });
    if (decision === 'rejected') {
      this.#counters.rejected += 1;
      const fields = { media: this.#media, address, port };
      this.#warning.warn('rejected', fields, 'a ping from elsewhere may not direct the stream');
    } else if (decision !== 'kept') {
      this.#logger.info({ media: this.#media, address, port, decision }, 'the client pinged a media port');
      entry.session.onEndpoint(routableAddress(rawAddress), port);
    }
  }
}
