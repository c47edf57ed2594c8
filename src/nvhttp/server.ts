/**
 * The two listeners: HTTP for strangers and HTTPS for clients with a certificate. Every connection carries one request
 * and is bounded in count, size and time; XML always travels under HTTP 200 (`protocol/http.md` §3).
 */
import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { fingerprintOf } from '../identity/certificate.js';
import { normaliseAddress } from '../support/address.js';
import { toBindError } from '../support/bind-error.js';
import { Closers, runTask } from '../support/lifecycle.js';
import { listen } from '../support/listen.js';
import { RateLimitedWarning } from '../support/logger.js';
import { ConnectionGuard, type ConnectionLimits } from './connection-guard.js';
import type { PairingCounters } from './pairing.js';
import { type NvReply, type NvRequest, Router, type RouterParts } from './router.js';
import { formatReply } from './xml.js';

/** Bounds of the listeners. Times in milliseconds. */
export interface NvhttpLimits extends ConnectionLimits {
  /** Longest request line and headers together, in bytes; pairing needs 16 KiB. */
  readonly maxHeaderBytes: number;
  /** Longest wait for a whole request head after connecting. */
  readonly requestTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
}

export const DEFAULT_NVHTTP_LIMITS: NvhttpLimits = {
  maxConnections: 128,
  maxConnectionsPerAddress: 32,
  maxHeaderBytes: 32 * 1024,
  requestTimeoutMs: 5000,
  handshakeTimeoutMs: 5000,
};

/** What the endpoints are started with. */
export interface NvhttpOptions extends Omit<RouterParts, 'ports'> {
  /** Numeric address to listen on. */
  readonly bindAddress: string;
  /** 0 takes a free port. */
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly limits?: Partial<NvhttpLimits>;
}

/** Counts since the start. */
export interface NvhttpCounters {
  readonly httpRequests: number;
  readonly httpsRequests: number;
  readonly unauthorised: number;
  readonly malformed: number;
  readonly failed: number;
  readonly tlsErrors: number;
  readonly refusedConnections: number;
  readonly openConnections: number;
  readonly pairing: PairingCounters;
}

/** The running endpoints. */
export interface Nvhttp {
  readonly httpPort: number;
  readonly httpsPort: number;
  counters(): NvhttpCounters;
  /** Answers waiting pairings, then closes every connection. */
  close(): Promise<void>;
}

interface Listener {
  readonly server: http.Server;
  readonly guard: ConnectionGuard;
}

const CLIENT_ERROR_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const send = (response: http.ServerResponse, reply: NvReply): void => {
  const isPng = reply.kind === 'png';
  const body = isPng ? reply.bytes : Buffer.from(formatReply(reply.reply), 'utf8');
  response.writeHead(200, {
    'Content-Type': isPng ? 'image/png' : 'application/xml; charset=utf-8',
    'Content-Length': body.length,
    Connection: 'close',
  });
  response.end(body);
};

const readTransport = (socket: net.Socket): NvRequest['transport'] => {
  if (!(socket instanceof TLSSocket)) return { kind: 'http' };
  const certificate = socket.getPeerX509Certificate();
  return { kind: 'https', fingerprint: certificate === undefined ? null : fingerprintOf(certificate.raw) };
};

const readRequest = (request: http.IncomingMessage, response: http.ServerResponse): NvRequest => {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    peerAddress: normaliseAddress(request.socket.remoteAddress),
    localAddress: normaliseAddress(request.socket.localAddress),
    signal: gone.signal,
    transport: readTransport(request.socket),
  };
};

/* The state behind both listeners. */
class NvhttpServer {
  readonly #options: NvhttpOptions;
  readonly #limits: NvhttpLimits;
  readonly #router: Router;
  readonly #warnings: RateLimitedWarning;
  readonly #listeners: Listener[] = [];
  readonly #closers = new Closers();
  readonly #counts = {
    http: 0,
    https: 0,
    answered: 0,
    unauthorised: 0,
    malformed: 0,
    failed: 0,
    tlsErrors: 0,
  };
  #ports = { httpPort: 0, httpsPort: 0 };

  constructor(options: NvhttpOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_NVHTTP_LIMITS, ...options.limits };
    this.#router = new Router({ ...options, ports: () => this.#ports });
    this.#warnings = new RateLimitedWarning(options.logger);
  }

  get ports(): { readonly httpPort: number; readonly httpsPort: number } {
    return this.#ports;
  }

  async start(): Promise<void> {
    const { httpPort, httpsPort } = this.#options;
    // HTTPS first: serverinfo over HTTP names its port.
    const secure = this.#createHttps();
    this.#ports = { ...this.#ports, httpsPort: await this.#listen(secure, httpsPort, 'HTTPS') };
    const plain = this.#createHttp();
    this.#ports = { ...this.#ports, httpPort: await this.#listen(plain, httpPort, 'HTTP') };
  }

  async #listen(server: net.Server, port: number, use: string): Promise<number> {
    const { bindAddress: address } = this.#options;
    try {
      await listen(server, { host: address, port, exclusive: true }, (error) =>
        this.#warnings.warn('port', { err: error, use }, 'a port reported an error'),
      );
    } catch (error) {
      throw toBindError(error, { port, use, address });
    }
    return (server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#options.pairing.close();
    // The answers that this caused are written by tasks that are already queued: let them go first.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#closers.close(this.#options.logger);
  }

  counters(): NvhttpCounters {
    const {
      http: httpRequests,
      https: httpsRequests,
      unauthorised,
      malformed,
      failed,
      tlsErrors,
    } = this.#counts;
    const sum = (read: (guard: ConnectionGuard) => number) =>
      this.#listeners.reduce((total, { guard }) => total + read(guard), 0);
    return {
      httpRequests,
      httpsRequests,
      unauthorised,
      malformed,
      failed,
      tlsErrors,
      refusedConnections: sum((guard) => guard.refused),
      openConnections: sum((guard) => guard.open),
      pairing: this.#options.pairing.counters,
    };
  }

  #createHttp(): http.Server {
    return this.#prepare('http', http.createServer(this.#serverOptions()));
  }

  #createHttps(): https.Server {
    const { identity } = this.#options;
    const server = https.createServer({
      ...this.#serverOptions(),
      key: identity.privateKeyPem,
      cert: identity.certificate.pem,
      minVersion: 'TLSv1.2',
      // Any certificate completes the handshake, so that a stranger can be told so in XML (`protocol/http.md` §6.5).
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: this.#limits.handshakeTimeoutMs,
      ALPNProtocols: ['http/1.1'],
    });
    server.on('tlsClientError', (error, socket) => {
      this.#counts.tlsErrors += 1;
      this.#warnings.warn('tls', { reason: error.message }, 'a tls handshake failed');
      socket.destroy();
    });
    return this.#prepare('https', server);
  }

  #serverOptions(): http.ServerOptions {
    const { maxHeaderBytes, requestTimeoutMs } = this.#limits;
    return {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
      keepAlive: false,
      requireHostHeader: false,
    };
  }

  #prepare<Server extends http.Server>(kind: 'http' | 'https', server: Server): Server {
    const guard = new ConnectionGuard(server, this.#limits);
    // Stock clients never reuse a connection; whoever pipelines requests gets one answer.
    server.maxRequestsPerSocket = 1;
    this.#listeners.push({ server, guard });
    server.on('request', (request, response) => {
      this.#counts[kind] += 1;
      runTask(this.#options.logger, `${kind} request`, () => this.#answer(request, response));
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket));
    this.#closers.add(kind, () => this.#closeListener(server, guard));
    return server;
  }

  #closeListener(server: http.Server, guard: ConnectionGuard): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      guard.destroyAll();
    });
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { reply, verdict } = await this.#router.answer(readRequest(request, response));
    this.#counts[verdict] += 1;
    if (verdict === 'unauthorised' || verdict === 'malformed') {
      const peerAddress = normaliseAddress(request.socket.remoteAddress);
      this.#warnings.warn(verdict, { peerAddress, verdict }, 'a request was refused');
    }
    if (!response.destroyed) send(response, reply);
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const code = error.code ?? '';
    // After the first error the same connection reports one for every further piece.
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    // Closing without a request is how clients probe ports: not worth a word.
    if (code !== 'ECONNRESET') {
      this.#counts.malformed += 1;
      this.#warnings.warn('http', { reason: code }, 'bytes that are no http request');
    }
    const status = CLIENT_ERROR_STATUS[code] ?? '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () =>
      socket.destroy(),
    );
  }
}

/**
 * Starts both listeners.
 * @throws LumenError LUMEN_PORT_BUSY when a port is taken, LUMEN_BIND_FAILED when no interface has the address
 */
export const startNvhttp = async (options: NvhttpOptions): Promise<Nvhttp> => {
  const server = new NvhttpServer(options);
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return { ...server.ports, counters: () => server.counters(), close: () => server.close() };
};
