/**
 * The serving end of the administration socket. Created with mode 0600 in the user's runtime directory; a socket file
 * that nobody answers on any more is replaced, one that answers is left alone.
 */
import fs from 'node:fs';
import net from 'node:net';
import { describeError, LumenError } from '../support/errors.js';
import { listen } from '../support/listen.js';
import { type Logger, RateLimitedWarning } from '../support/logger.js';
import { type AdminReply, type AdminRequest, adminRequestSchema } from './messages.js';

const MAX_REQUEST_BYTES = 4096;
const IDLE_MS = 5000;
const MAX_CONNECTIONS = 8;

export type AdminHandler = (request: AdminRequest) => Promise<AdminReply>;

const answersAlready = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const refuse = (problem: string): AdminReply => ({ ok: false, problem, remedy: 'run: lumen --help' });

const answer = async (line: string, handler: AdminHandler): Promise<AdminReply> => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse('the request is not JSON');
  }
  const request = adminRequestSchema.safeParse(value);
  return request.success ? handler(request.data) : refuse('the request is not one of the known commands');
};

const serveConnection = (socket: net.Socket, handler: AdminHandler, logger: Logger): void => {
  let received = '';
  socket.setEncoding('utf8');
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', (error) => logger.debug({ err: error }, 'administration connection broke'));
  socket.on('data', (chunk: string) => {
    received += chunk;
    const end = received.indexOf('\n');
    if (end < 0 && received.length <= MAX_REQUEST_BYTES) return;
    socket.pause();
    const reply =
      end < 0 ? Promise.resolve(refuse('the request is too long')) : answer(received.slice(0, end), handler);
    reply.then(
      (value) => socket.end(`${JSON.stringify(value)}\n`),
      (error: unknown) => socket.end(`${JSON.stringify(refuse(describeError(error)))}\n`),
    );
  });
};

/**
 * Listens at `path` (its directory must exist and be private).
 * @returns a function that stops listening and removes the socket file
 * @throws LumenError LUMEN_PORT_BUSY when another process answers there
 */
export const startAdminServer = async (
  path: string,
  handler: AdminHandler,
  logger: Logger,
): Promise<() => Promise<void>> => {
  if (await answersAlready(path)) {
    throw new LumenError('LUMEN_PORT_BUSY', {
      port: path,
      use: 'administration socket',
      address: 'this machine',
    });
  }
  fs.rmSync(path, { force: true });
  const server = net.createServer((socket) => serveConnection(socket, handler, logger));
  server.maxConnections = MAX_CONNECTIONS;
  const warning = new RateLimitedWarning(logger);
  const previousMask = process.umask(0o177);
  try {
    await listen(server, { path }, (error) =>
      warning.warn('socket', { err: error }, 'the administration socket reported an error'),
    );
  } finally {
    process.umask(previousMask);
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      fs.rmSync(path, { force: true });
    });
};
