/** The asking end of the administration socket. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describeError, LumenError } from '../support/errors.js';
import { type AdminReply, type AdminRequest, MAX_ADMIN_BYTES } from './messages.js';

const REPLY_MS = 5000;

const exchange = (socketPath: string, request: AdminRequest): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let received = '';
    socket.setEncoding('utf8');
    socket.setTimeout(REPLY_MS, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (received.length > MAX_ADMIN_BYTES) socket.destroy(new Error('the answer is too long'));
    });
    socket.on('end', () => resolve(received));
  });

/** File name of a serve's socket; see `LumenPaths.adminSocket`. */
const SOCKET_NAME = /^serve-(\d{1,5})\.sock$/;

const isAnswering = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/**
 * Base ports of every `lumen serve` of this user that runs, in order; sockets left behind by a killed one do not count.
 * @param runtimeDir need not exist
 */
export const findServePorts = async (runtimeDir: string): Promise<number[]> => {
  let names: string[];
  try {
    names = fs.readdirSync(runtimeDir);
  } catch {
    return [];
  }
  const found = await Promise.all(
    names.map(async (name) => {
      const port = Number(SOCKET_NAME.exec(name)?.[1] ?? 0);
      return port > 0 && (await isAnswering(path.join(runtimeDir, name))) ? [port] : [];
    }),
  );
  return found.flat().sort((a, b) => a - b);
};

/**
 * Asks the `lumen serve` that listens at `socketPath`.
 * @throws LumenError LUMEN_CONTROL_SOCKET when none answers
 */
export const askServe = async (socketPath: string, request: AdminRequest): Promise<AdminReply> => {
  try {
    return JSON.parse(await exchange(socketPath, request)) as AdminReply;
  } catch (error) {
    const problem = describeError(error);
    const remedy = 'start it with: lumen serve, as the same user';
    throw new LumenError('LUMEN_CONTROL_SOCKET', { path: socketPath, problem, remedy }, error);
  }
};
