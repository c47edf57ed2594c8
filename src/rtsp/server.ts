/**
 * The RTSP port: one request per TCP connection, plain or encrypted, bounded in number, size and time. Which session a
 * connection belongs to is the matcher's business (`request-matcher.ts`). Source: `protocol/rtsp.md` §1.
 */
import net from 'node:net';
import { normaliseAddress } from '../support/address.js';
import { ConnectionLimit } from '../support/connection-limit.js';
import { runTask } from '../support/lifecycle.js';
import { listen } from '../support/listen.js';
import { type Logger, RateLimitedWarning } from '../support/logger.js';
import { createReply } from './handshake.js';
import { formatReply, MAX_REQUEST_BYTES } from './message.js';
import { type MatchOutcome, RequestMatcher, type RtspSessions } from './request-matcher.js';

export type { AnnounceAnswer, RtspSession } from './handshake.js';
export type { RtspSessions } from './request-matcher.js';

export interface RtspServerOptions {
  /** Numeric; `::` takes IPv4 too. */
  readonly address: string;
  readonly port: number;
  readonly sessions: RtspSessions;
  readonly logger: Logger;
  /** From connection to complete request; 5 s by default. */
  readonly readDeadlineMs?: number;
  readonly maxConnections?: number;
  /** Per IPv4 address, or /64 of IPv6 ones. */
  readonly maxConnectionsPerAddress?: number;
}

/** Why connections ended without a reply, since the start. */
export interface RtspCounters {
  requests: number;
  /** Closed without a byte: port probes. */
  probes: number;
  refusedConnections: number;
  timeouts: number;
  invalid: number;
  unmatched: number;
  replays: number;
}

const READ_DEADLINE_MS = 5000;
/** For the client to take its reply and close. */
const LINGER_MS = 5000;
const MAX_CONNECTIONS = 64;
const MAX_CONNECTIONS_PER_ADDRESS = 16;
/** Frame header and tag. */
const FRAME_OVERHEAD_BYTES = 24;

type Matched = Extract<MatchOutcome, { kind: 'matched' }>;

export class RtspServer {
  readonly #options: RtspServerOptions;
  readonly #logger: Logger;
  readonly #warning: RateLimitedWarning;
  readonly #server: net.Server;
  readonly #matcher: RequestMatcher;
  readonly #limit: ConnectionLimit;
  readonly #sockets = new Set<net.Socket>();
  readonly #counters: RtspCounters = {
    requests: 0,
    probes: 0,
    refusedConnections: 0,
    timeouts: 0,
    invalid: 0,
    unmatched: 0,
    replays: 0,
  };

  private constructor(options: RtspServerOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#warning = new RateLimitedWarning(options.logger);
    this.#limit = new ConnectionLimit(
      options.maxConnections ?? MAX_CONNECTIONS,
      options.maxConnectionsPerAddress ?? MAX_CONNECTIONS_PER_ADDRESS,
    );
    this.#matcher = new RequestMatcher(options.sessions, options.logger);
    // Half open: a client that ends its side after the request still gets the reply.
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#onConnection(socket),
    );
  }

  /** Opens the port. Rejects with an Error with `code` (`EADDRINUSE`, …). */
  static async listen(options: RtspServerOptions): Promise<RtspServer> {
    const server = new RtspServer(options);
    await listen(server.#server, { host: options.address, port: options.port }, (error) =>
      server.#warning.warn('port', { err: error }, 'the RTSP port reported an error'),
    );
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get counters(): Readonly<RtspCounters> {
    return this.#counters;
  }

  /** Closes the port and every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #onConnection(socket: net.Socket): void {
    const address = normaliseAddress(socket.remoteAddress);
    socket.on('error', () => socket.destroy());
    if (!this.#limit.take(address)) {
      this.#reject(socket, address, 'refusedConnections', 'too many connections');
      return;
    }
    this.#sockets.add(socket);
    const deadline = setTimeout(
      () => this.#reject(socket, address, 'timeouts', 'no complete request in time'),
      this.#options.readDeadlineMs ?? READ_DEADLINE_MS,
    );
    socket.on('close', () => {
      clearTimeout(deadline);
      this.#sockets.delete(socket);
      this.#limit.release(address);
    });
    this.#read(socket, address, () => clearTimeout(deadline));
  }

  /** Collects bytes until they are a request; what comes after it is thrown away. */
  #read(socket: net.Socket, address: string, onComplete: () => void): void {
    let bytes: Buffer = Buffer.alloc(0);
    let isDone = false;
    socket.on('data', (chunk: Buffer) => {
      if (isDone) return;
      bytes = Buffer.concat([bytes, chunk]);
      const outcome = this.#matcher.take(bytes, address);
      if (outcome.kind === 'incomplete' && bytes.length <= MAX_REQUEST_BYTES + FRAME_OVERHEAD_BYTES) return;
      isDone = true;
      onComplete();
      this.#handle(socket, address, outcome);
    });
    socket.on('end', () => {
      if (isDone) return;
      isDone = true;
      this.#counters[bytes.length === 0 ? 'probes' : 'invalid'] += 1;
      socket.end();
    });
  }

  #handle(socket: net.Socket, address: string, outcome: MatchOutcome): void {
    switch (outcome.kind) {
      case 'matched':
        runTask(this.#logger, 'rtsp', () => this.#answer(socket, outcome));
        return;
      case 'unmatched':
        this.#counters.unmatched += 1;
        this.#warning.warn('unmatched', { address }, 'an RTSP request belongs to no session');
        this.#end(socket, formatReply(createReply(outcome.request, 454)));
        return;
      case 'rejected':
        this.#reject(socket, address, outcome.counter, outcome.reason);
        return;
      case 'incomplete':
        this.#reject(socket, address, 'invalid', 'the request is too long');
    }
  }

  async #answer(socket: net.Socket, { request, handshake, seal }: Matched): Promise<void> {
    this.#counters.requests += 1;
    this.#logger.debug({ method: request.method, target: request.target }, 'RTSP request');
    this.#end(socket, seal(formatReply(await handshake.answer(request))));
  }

  /** Sends the reply and FIN. Never destroys at once: an RST could overtake the reply. */
  #end(socket: net.Socket, bytes: Buffer): void {
    socket.end(bytes);
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.on('close', () => clearTimeout(linger));
  }

  #reject(socket: net.Socket, address: string, counter: keyof RtspCounters, reason: string): void {
    this.#counters[counter] += 1;
    this.#warning.warn(counter, { address, reason }, 'an RTSP connection was closed');
    socket.destroy();
  }
}
