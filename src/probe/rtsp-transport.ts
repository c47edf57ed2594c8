/**
 * One RTSP request on a connection of its own: connect, send, read until the host's FIN (`protocol/rtsp.md` §1).
 * Knows bytes only.
 */
import net from 'node:net';
import { delay } from '../support/lifecycle.js';

/** Deadlines of the stock client (`protocol/rtsp.md` §7.1). */
const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 15_000;
/** A refused connection is tried again: the host may still be opening the port. */
const REFUSED_RETRY_MS = 500;
const REFUSED_TRIES = 21;
const MAX_REPLY_BYTES = 1024 * 1024;

/** Where RTSP is spoken. */
export interface RtspEndpoint {
  /** Numeric address. */
  readonly address: string;
  readonly port: number;
  readonly signal?: AbortSignal | undefined;
}

const connect = ({ address, port, signal }: RtspEndpoint): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new Error('given up'));
      return;
    }
    const socket = net.connect({ host: address, port, noDelay: true, allowHalfOpen: false });
    const timer = setTimeout(
      () => socket.destroy(new Error('no connection within 10 s')),
      CONNECT_TIMEOUT_MS,
    );
    const abort = (): void => void socket.destroy(new Error('given up'));
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal?.removeEventListener('abort', abort));
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });

const connectWithRetries = async (endpoint: RtspEndpoint): Promise<net.Socket> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await connect(endpoint);
    } catch (error) {
      const isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
      if (!isRefused || tries >= REFUSED_TRIES || endpoint.signal?.aborted === true) throw error;
      await delay(REFUSED_RETRY_MS);
    }
  }
};

const readToEnd = (socket: net.Socket): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    socket.setTimeout(SILENCE_TIMEOUT_MS, () => socket.destroy(new Error('no reply within 15 s')));
    socket.on('data', (chunk) => {
      size += chunk.length;
      if (size > MAX_REPLY_BYTES) socket.destroy(new Error('the reply is longer than 1 MiB'));
      else chunks.push(chunk);
    });
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection closed without a reply')));
  });

/**
 * Sends `request` and returns all bytes up to the host's FIN.
 * @throws Error of the socket, or with a text of its own at a deadline
 */
export const exchangeRtsp = async (endpoint: RtspEndpoint, request: Buffer): Promise<Buffer> => {
  const socket = await connectWithRetries(endpoint);
  try {
    const reply = readToEnd(socket);
    socket.write(request);
    return await reply;
  } finally {
    socket.destroy();
  }
};
