/** What the commands that talk to a running `lumen serve` share: which one is meant, and how its answer is shown. */
import { type Command, InvalidArgumentError } from 'commander';
import { askServe } from '../admin/client.js';
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import { resolvePaths } from '../config/paths.js';
import { DEFAULT_BASE_PORT } from '../config/settings.js';

const parsePort = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new InvalidArgumentError('not a port number');
  return port;
};

/** Adds `--port`, which tells apart hosts that run beside each other. */
export const addPortOption = (command: Command): Command =>
  command.option('--port <n>', 'base port of the serve that is meant', parsePort, DEFAULT_BASE_PORT);

/** Asks the serve on that base port. @throws LumenError LUMEN_CONTROL_SOCKET when none runs */
export const ask = (port: number, request: AdminRequest): Promise<AdminReply> =>
  askServe(resolvePaths().adminSocket(port), request);

/** Prints the answer; one that says no sets exit status 1. */
export const show = (reply: AdminReply): void => {
  if (reply.ok) {
    process.stdout.write(`${reply.text}\n`);
    return;
  }
  process.stderr.write(`${reply.problem}.\nTry: ${reply.remedy}\n`);
  process.exitCode = 1;
};
