/** The asking end of the administration socket. */
import net from 'node:net';
import { describeError, LumenError } from '../support/errors.js';
import { type AdminReply, type AdminRequest, MAX_ADMIN_BYTES } from './messages.js';

const REPLY_MS = 5000;

const exchange = (path: string, request: AdminRequest): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(path);
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

/**
 * Asks the `lumen serve` that listens at `path`.
 * @throws LumenError LUMEN_CONTROL_SOCKET when none answers
 */
export const askServe = async (path: string, request: AdminRequest): Promise<AdminReply> => {
  try {
    return JSON.parse(await exchange(path, request)) as AdminReply;
  } catch (error) {
    throw new LumenError('LUMEN_CONTROL_SOCKET', { path, problem: describeError(error) }, error);
  }
};
