/**
 * A client's HTTP and HTTPS requests (`protocol/http.md` §3): GET only, a fresh connection each, no redirects, no
 * proxies. Over HTTPS the host's certificate must be the pinned one, byte for byte, before a request is sent: the
 * launch request carries the session key.
 */
import { randomBytes, X509Certificate } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { toUrlHost } from '../support/address.js';
import { describeError, LumenError } from '../support/errors.js';
import { type HostReply, parseReply } from './reply.js';

/** The largest reply that is read, in bytes. A long app list has some ten thousand. */
const MAX_REPLY_BYTES = 1024 * 1024;
/** Every stock client but one sends this instead of an identity; the identity is the certificate. */
const UNIQUE_ID = '0123456789ABCDEF';
/** QT's limit for all but launch and cancel (`protocol/http.md` §12). */
export const DEFAULT_TIMEOUT_MS = 5000;

/** What a TLS request needs. */
export interface TlsIdentity {
  /** The probe's own certificate and key, PEM. */
  readonly certPem: string;
  readonly keyPem: string;
  /** The host's certificate from pairing, PEM. */
  readonly hostCertPem: string;
}

/** One request. */
export interface RequestOptions {
  /** Numeric address or name. */
  readonly host: string;
  readonly port: number;
  /** With leading slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  /** Present: HTTPS; absent: plain HTTP. */
  readonly tls?: TlsIdentity;
  /** Limit for the whole exchange; 0 waits for ever (the pairing request waits for a person). */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const connectPlain = (options: RequestOptions): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect({ host: options.host, port: options.port });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
    abortSocket(socket, options.signal);
  });

const abortSocket = (socket: net.Socket, signal: AbortSignal | undefined): void => {
  const abort = (): void => {
    const isLate = signal?.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
    socket.destroy(new Error(isLate ? 'no answer in time' : 'the request was given up'));
  };
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', abort));
};

const connectTls = (options: RequestOptions, identity: TlsIdentity): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const pinned = new X509Certificate(identity.hostCertPem).raw;
    const socket = tls.connect({
      host: options.host,
      port: options.port,
      cert: identity.certPem,
      key: identity.keyPem,
      // The pin below replaces chain and name checks: hosts use self-signed certificates with any name and date.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    });
    socket.once('secureConnect', () => {
      const presented: unknown = socket.getPeerCertificate(false).raw;
      if (Buffer.isBuffer(presented) && presented.equals(pinned)) resolve(socket);
      else socket.destroy(new Error('the host shows another certificate than the one it paired with'));
    });
    socket.once('error', reject);
    abortSocket(socket, options.signal);
  });

const readBody = (response: http.IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_REPLY_BYTES)
        response.destroy(new Error(`the reply is longer than ${MAX_REPLY_BYTES} bytes`));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', reject);
  });

const toPath = (options: RequestOptions): string => {
  const query = new URLSearchParams({ uniqueid: UNIQUE_ID, uuid: randomBytes(16).toString('hex') });
  for (const [name, value] of Object.entries(options.query ?? {})) query.set(name, String(value));
  return `${options.path}?${query.toString()}`;
};

/** An HTTP answer as it came. */
interface Answer {
  readonly status: number;
  readonly body: string;
}

const exchange = async (options: RequestOptions): Promise<Answer> => {
  const socket =
    options.tls === undefined ? await connectPlain(options) : await connectTls(options, options.tls);
  return await new Promise<Answer>((resolve, reject) => {
    const request = http.request({
      createConnection: () => socket,
      path: toPath(options),
      headers: { host: `${toUrlHost(options.host)}:${options.port}`, connection: 'close' },
    });
    request.on('response', (response) => {
      readBody(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    request.on('error', reject);
    request.end();
  }).finally(() => socket.destroy());
};

const withTimeout = (options: RequestOptions): { signal: AbortSignal | undefined } => {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  if (timeoutMs === 0) return { signal: options.signal };
  const deadline = AbortSignal.timeout(timeoutMs);
  return { signal: options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]) };
};

/**
 * Sends one request and reads its reply. An XML status other than 200 is a reply like any other.
 * @throws LumenError `LUMEN_PROBE_FAILED` when there is no readable reply; `details.stage` is the path
 */
export const requestHost = async (options: RequestOptions): Promise<HostReply> => {
  const stage = options.path.slice(1);
  const where = `${toUrlHost(options.host)}:${options.port}`;
  const remedy = `is a host running at ${where}, and is TCP port ${options.port} open?`;
  let answer: Answer;
  try {
    answer = await exchange({ ...options, ...withTimeout(options) });
  } catch (error) {
    const problem = `${where} does not answer ${options.path}: ${describeError(error)}`;
    throw new LumenError('LUMEN_PROBE_FAILED', { stage, problem, remedy }, error);
  }
  if (answer.status >= 400) {
    const problem = `${where} answers ${options.path} with HTTP status ${answer.status}`;
    throw new LumenError('LUMEN_PROBE_FAILED', { stage, problem, remedy: 'is this a GameStream host?' });
  }
  const result = parseReply(answer.body);
  if (result.ok) return result.reply;
  throw new LumenError('LUMEN_PROBE_FAILED', {
    stage,
    problem: result.reason,
    remedy: 'is this a GameStream host?',
  });
};
