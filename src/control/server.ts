/**
 * The control port: owns the ENet host, finds out which session a connection belongs to, opens and seals its messages
 * and notices when it goes silent. What a message means is the session's business.
 * Source: `protocol/control.md` §1 and §2.
 *
 * ENet's own handshake is in clear, so a connection counts only once its first message passed the session's cipher;
 * until then it can neither replace a live connection nor make the session believe that its client is there.
 */
import { normaliseAddress } from '../support/address.js';
import { delay } from '../support/lifecycle.js';
import { type Logger, RateLimitedWarning } from '../support/logger.js';
import { ControlCipher } from './cipher.js';
import { CONTROL_CHANNELS, EnetHost, type PeerId } from './enet.js';
import { formatHostMessage, type HostMessage, parseClientMessage } from './message.js';
import type { ControlPeer, ControlSession } from './session.js';
import { Tombstone } from './tombstone.js';

/** Counters of one session, over all its connections. */
export interface ControlCounters {
  messages: number;
  unknown: number;
  malformed: number;
  unencrypted: number;
  replays: number;
  badTags: number;
}

export interface ControlServerOptions {
  /** Numeric; see `EnetListenOptions`. */
  readonly address: string;
  readonly port: number;
  readonly logger: Logger;
  /** Without an authenticated message for so long a connection is over; 10 s by default. */
  readonly livenessMs?: number;
}

const MAX_PEERS = 64;
const PEERS_PER_ADDRESS = 16;
const LIVENESS_MS = 10_000;
const TERMINATE_WAIT_MS = 300;
const TERMINATE_POLL_MS = 10;
const HOST_CHANNEL = 0;
/** From here on bad messages of a session are only counted. */
const LOGGED_BAD_MESSAGES = 100;
/** A connection that has proved nothing yet is dropped after so many bad messages. */
const CANDIDATE_BAD_MESSAGES = 16;

/** How long a client that had no control connection may still ask why its session ended. */
const TOMBSTONE_MS = 10_000;
const MAX_TOMBSTONES = 16;
/** What `EnetHost.setExpected` takes; far more than there ever are. */
const MAX_EXPECTED = 256;

interface SessionEntry {
  readonly session: ControlSession;
  readonly counters: ControlCounters;
  cipher: ControlCipher | undefined;
  active: Connection | undefined;
}

interface Connection {
  readonly peerId: PeerId;
  /** Changes once, from a session's to its tombstone's. */
  entry: SessionEntry;
  /** Follows the client: authentic messages may come from a new one. */
  address: string;
  lastMessageMs: number;
  badMessages: number;
  isClosing: boolean;
}

const createCounters = (): ControlCounters => ({
  messages: 0,
  unknown: 0,
  malformed: 0,
  unencrypted: 0,
  replays: 0,
  badTags: 0,
});

const createEntry = (session: ControlSession, cipher?: ControlCipher): SessionEntry => ({
  session,
  counters: createCounters(),
  cipher,
  active: undefined,
});

const COUNTER_OF = {
  malformed: 'malformed',
  unencrypted: 'unencrypted',
  replay: 'replays',
  'bad-tag': 'badTags',
} as const;

export class ControlServer {
  readonly #logger: Logger;
  readonly #warning: RateLimitedWarning;
  readonly #livenessMs: number;
  readonly #host: EnetHost;
  readonly #entries = new Map<ControlSession, SessionEntry>();
  /** Also entries, but only where no living session fits. */
  readonly #tombstones = new Set<Tombstone>();
  readonly #connections = new Map<PeerId, Connection>();
  readonly #livenessTimer: NodeJS.Timeout;
  #unmatchedCount = 0;
  #loggedUnmatchedCount = 0;

  private constructor(options: ControlServerOptions) {
    this.#logger = options.logger;
    this.#warning = new RateLimitedWarning(options.logger);
    this.#livenessMs = options.livenessMs ?? LIVENESS_MS;
    this.#host = EnetHost.listen(
      {
        address: options.address,
        port: options.port,
        maxPeers: MAX_PEERS,
        peersPerAddress: PEERS_PER_ADDRESS,
        channelLimit: CONTROL_CHANNELS,
      },
      {
        onConnect: (event) => this.#onConnect(event.peerId, event.address, event.data),
        onMessage: (event) => this.#onMessage(event.peerId, event.data),
        onDisconnect: (event) => this.#onDisconnect(event.peerId),
        mayMove: (event) => this.#mayMove(event.peerId, event.data, event.address),
      },
    );
    this.#expectClients();
    this.#livenessTimer = setInterval(() => this.#onTick(), Math.max(10, this.#livenessMs / 10));
    this.#livenessTimer.unref();
  }

  /** Opens the port. @throws Error with `code` (`EADDRINUSE`, …) */
  static listen(options: ControlServerOptions): ControlServer {
    return new ControlServer(options);
  }

  get port(): number {
    return this.#host.port;
  }

  /** Connections, and attempts at one, that belonged to no session, since the start. */
  get unmatchedCount(): number {
    return this.#unmatchedCount + this.#host.unexpectedCount;
  }

  /** Connections that were begun and not completed, since the start. */
  get halfOpenCount(): number {
    return this.#host.halfOpenCount;
  }

  /** Datagrams that named a connection but came from elsewhere without an authentic message, since the start. */
  get strayCount(): number {
    return this.#host.strayCount;
  }

  /** The counters of a session, undefined if it is not registered. */
  countersOf(session: ControlSession): Readonly<ControlCounters> | undefined {
    return this.#entries.get(session)?.counters;
  }

  /** Lets a session's client connect. Cipher state is kept per session object until its key changes. */
  addSession(session: ControlSession): void {
    if (this.#entries.has(session)) return;
    this.#entries.set(session, createEntry(session));
    this.#expectClients();
  }

  /** Forgets a session and drops its connections without a word to the session. */
  removeSession(session: ControlSession): void {
    this.#entries.delete(session);
    this.#expectClients();
    for (const connection of [...this.#connections.values()]) {
      if (connection.entry.session === session) this.#drop(connection);
    }
  }

  /**
   * Tells the client of a session that ends without a control connection why, should it still come within `ms`
   * milliseconds: its first authentic message is answered with `code`. To be called before {@link removeSession}, so
   * that a connection under way is not dropped and no sequence number repeats. The 16 latest are kept.
   */
  leaveTombstone(session: ControlSession, code: number, ms = TOMBSTONE_MS): void {
    const tombstone = new Tombstone(session, code, () => this.#removeTombstone(tombstone));
    const former = this.#entries.get(session);
    const entry = createEntry(tombstone, former?.cipher);
    for (const connection of this.#connections.values()) {
      if (connection.entry === former && former?.active !== connection) connection.entry = entry;
    }
    this.#tombstones.add(tombstone);
    this.#entries.set(tombstone, entry);
    tombstone.expireAfter(ms, () => this.#removeTombstone(tombstone));
    const [oldest] = this.#tombstones;
    if (oldest !== undefined && this.#tombstones.size > MAX_TOMBSTONES) this.#removeTombstone(oldest);
    this.#expectClients();
  }

  #removeTombstone(tombstone: Tombstone): void {
    tombstone.clear();
    this.#tombstones.delete(tombstone);
    this.removeSession(tombstone);
  }

  /** Drops every connection and gives the port back. Sessions are not told. */
  close(): void {
    clearInterval(this.#livenessTimer);
    for (const tombstone of this.#tombstones) tombstone.clear();
    this.#tombstones.clear();
    for (const connection of [...this.#connections.values()]) this.#drop(connection);
    this.#entries.clear();
    this.#host.close();
  }

  /** By connect data, else by address: the latest such session, as its client has just launched. */
  #findSession(address: string, connectData: number): SessionEntry | undefined {
    const matches = [...this.#entries.values()].filter(({ session }) =>
      session.hasSessionId
        ? session.connectData === connectData
        : normaliseAddress(session.peerAddress) === address,
    );
    return matches.findLast(({ session }) => !(session instanceof Tombstone)) ?? matches.at(-1);
  }

  /** Every other attempt to connect is thrown away before it costs anything. */
  #expectClients(): void {
    const sessions = [...this.#entries.keys()].slice(-MAX_EXPECTED);
    const modern = sessions.filter((session) => session.hasSessionId);
    const legacy = sessions.filter((session) => !session.hasSessionId);
    this.#host.setExpected(
      modern.map((session) => session.connectData),
      legacy.map((session) => normaliseAddress(session.peerAddress)),
    );
  }

  #onConnect(peerId: PeerId, address: string, connectData: number): void {
    const entry = this.#findSession(address, connectData);
    if (entry === undefined) {
      this.#unmatchedCount += 1;
      this.#host.disconnect(peerId, 0, 'now');
      return;
    }
    const { riKey, isV2 } = entry.session;
    if (!entry.cipher?.isFor(riKey, isV2)) entry.cipher = new ControlCipher(riKey, isV2, 'host');
    // ENet must not be the first to notice silence: its word for that is the same as for a farewell.
    this.#host.setPeerTimeout(peerId, 32, 2 * this.#livenessMs, 2 * this.#livenessMs);
    const lastMessageMs = performance.now();
    this.#connections.set(peerId, {
      peerId,
      entry,
      address,
      lastMessageMs,
      badMessages: 0,
      isClosing: false,
    });
  }

  /**
   * A client that roams goes on where its next message comes from. The message must be newer than all before, so that
   * one that was recorded or delayed on its way cannot move anything.
   */
  #mayMove(peerId: PeerId, packet: Buffer, address: string): boolean {
    const connection = this.#connections.get(peerId);
    if (connection === undefined || connection.isClosing) return false;
    if (connection.entry.active !== connection || !connection.entry.cipher?.isNewest(packet)) return false;
    this.#logger.info(
      { from: connection.address, to: address },
      'a client roamed: its control connection moved',
    );
    connection.address = address;
    return true;
  }

  #onMessage(peerId: PeerId, packet: Buffer): void {
    const connection = this.#connections.get(peerId);
    const cipher = connection?.entry.cipher;
    if (connection === undefined || cipher === undefined || connection.isClosing) return;
    const opened = cipher.open(packet);
    if (!opened.ok) {
      this.#countBadMessage(connection, COUNTER_OF[opened.reason], opened.reason);
      return;
    }
    connection.lastMessageMs = performance.now();
    if (connection.entry.active !== connection) this.#activate(connection);
    const parsed = parseClientMessage(opened.plaintext);
    if (!parsed.ok) {
      this.#countBadMessage(connection, 'malformed', parsed.reason);
      return;
    }
    connection.entry.counters.messages += 1;
    if (parsed.message.kind === 'unknown') connection.entry.counters.unknown += 1;
    connection.entry.session.onMessage(parsed.message);
  }

  #activate(connection: Connection): void {
    const { entry } = connection;
    const previous = entry.active;
    entry.active = connection;
    if (previous !== undefined) {
      this.#logger.info({ address: connection.address }, 'a new control connection replaces the old one');
      this.#drop(previous);
    }
    entry.session.onConnected(this.#createPeer(connection));
  }

  #countBadMessage(connection: Connection, counter: keyof ControlCounters, reason: string): void {
    const { counters } = connection.entry;
    counters[counter] += 1;
    connection.badMessages += 1;
    const total = counters.badTags + counters.replays + counters.malformed + counters.unencrypted;
    if (total <= LOGGED_BAD_MESSAGES) {
      const fields = { address: connection.address, reason, ...counters };
      this.#warning.warn(counter, fields, 'a control message was rejected');
    }
    if (connection.entry.active !== connection && connection.badMessages >= CANDIDATE_BAD_MESSAGES) {
      this.#drop(connection);
    }
  }

  #onDisconnect(peerId: PeerId): void {
    const connection = this.#connections.get(peerId);
    if (connection !== undefined) this.#end(connection, 'disconnect');
  }

  #onTick(): void {
    this.#checkLiveness();
    const count = this.unmatchedCount;
    if (count === this.#loggedUnmatchedCount) return;
    this.#loggedUnmatchedCount = count;
    this.#warning.warn('unmatched', { count }, 'control connections belong to no session');
  }

  #checkLiveness(): void {
    const oldestMs = performance.now() - this.#livenessMs;
    for (const connection of [...this.#connections.values()]) {
      if (connection.lastMessageMs > oldestMs || connection.isClosing) continue;
      this.#host.disconnect(connection.peerId, 0, 'now');
      this.#end(connection, 'timeout');
    }
  }

  #end(connection: Connection, reason: 'disconnect' | 'timeout'): void {
    this.#connections.delete(connection.peerId);
    if (connection.entry.active !== connection) return;
    connection.entry.active = undefined;
    if (!connection.isClosing) connection.entry.session.onDisconnected(reason);
  }

  #drop(connection: Connection): void {
    this.#host.disconnect(connection.peerId, 0, 'now');
    this.#connections.delete(connection.peerId);
    if (connection.entry.active === connection) connection.entry.active = undefined;
  }

  #createPeer(connection: Connection): ControlPeer {
    return {
      get address() {
        return connection.address;
      },
      send: (message) => this.#send(connection, message),
      terminate: (code) => this.#terminate(connection, code),
      roundTripTimeMs: () => this.#host.roundTripTimeMs(connection.peerId),
    };
  }

  #send(connection: Connection, message: HostMessage): boolean {
    const cipher = connection.entry.cipher;
    if (cipher === undefined || this.#connections.get(connection.peerId) !== connection) return false;
    const packet = cipher.seal(formatHostMessage(message));
    return this.#host.send(connection.peerId, HOST_CHANNEL, packet, 'reliable');
  }

  async #terminate(connection: Connection, code: number): Promise<void> {
    if (connection.isClosing) return;
    const wasSent = this.#send(connection, { kind: 'termination', code });
    connection.isClosing = true;
    if (!wasSent) return;
    this.#host.flush();
    const deadlineMs = performance.now() + TERMINATE_WAIT_MS;
    while (performance.now() < deadlineMs && this.#host.hasUnacknowledged(connection.peerId)) {
      await delay(TERMINATE_POLL_MS);
    }
    if (this.#connections.get(connection.peerId) === connection) this.#drop(connection);
  }
}
