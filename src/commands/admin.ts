/** What the commands that talk to a running `lumen serve` share: which one is meant, and how its answer is shown. */
import { type Command, InvalidArgumentError } from 'commander';
import { askServe, findServePorts } from '../admin/client.js';
import type { AdminReply, AdminRequest } from '../admin/messages.js';
import { loadConfig } from '../config/load-config.js';
import { resolvePaths } from '../config/paths.js';
import { LumenError } from '../support/errors.js';

const parsePort = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new InvalidArgumentError('Expected a port number.');
  return port;
};

/** Adds `--port`, which tells apart hosts that run beside each other. */
export const addPortOption = (command: Command): Command =>
  command.option(
    '--port <n>',
    'base port of the serve that is meant (default: the configured one)',
    parsePort,
  );

/** Whether an error says that no serve answered. */
export const isUnanswered = (error: unknown): error is LumenError =>
  error instanceof LumenError && error.code === 'LUMEN_CONTROL_SOCKET';

const describeOthers = (ports: readonly number[]): string =>
  ports.length === 1
    ? `add --port ${ports[0]}: that is where a lumen serve runs`
    : `add --port and one of ${ports.join(', ')}: that is where a lumen serve runs`;

/**
 * Asks the serve on that base port.
 * @param port default: as `lumen serve` itself would choose it, from environment, file and default
 * @throws LumenError LUMEN_CONTROL_SOCKET when none answers there, naming those that run elsewhere
 */
export const ask = async (port: number | undefined, request: AdminRequest): Promise<AdminReply> => {
  const { adminSocket, runtimeDir } = resolvePaths();
  const basePort = port ?? loadConfig().port;
  try {
    return await askServe(adminSocket(basePort), request);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    const others = (await findServePorts(runtimeDir)).filter((other) => other !== basePort);
    if (others.length === 0) throw error;
    const details = { ...error.details, remedy: describeOthers(others) };
    throw new LumenError('LUMEN_CONTROL_SOCKET', details, error);
  }
};

/**
 * Asks every serve of this user, one after the other; those that do not answer are left out.
 * @param first base port of the one that is asked first, if it runs
 */
export const askEvery = async (first: number | undefined, request: AdminRequest): Promise<AdminReply[]> => {
  const { adminSocket, runtimeDir } = resolvePaths();
  const replies: AdminReply[] = [];
  const ports = await findServePorts(runtimeDir);
  for (const port of ports.sort((a, b) => Number(b === first) - Number(a === first))) {
    try {
      replies.push(await askServe(adminSocket(port), request));
    } catch (error) {
      if (!isUnanswered(error)) throw error;
    }
  }
  return replies;
};

/** Prints the answer; one that says no sets exit status 1. */
export const show = (reply: AdminReply): void => {
  if (reply.ok) {
    process.stdout.write(`${reply.text}\n`);
    return;
  }
  const problem = reply.problem.charAt(0).toUpperCase() + reply.problem.slice(1);
  process.stderr.write(`${problem}.\nTry: ${reply.remedy}\n`);
  process.exitCode = 1;
};
