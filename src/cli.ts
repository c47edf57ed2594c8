/** The `lumen` command: its verbs, and one place where what went wrong becomes text and an exit status. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addAppsCommand } from './commands/apps.js';
import { addClientsCommand } from './commands/clients.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addPairCommand } from './commands/pair.js';
import { addPipelinesCommand } from './commands/pipelines.js';
import { addProbeCommand } from './commands/probe.js';
import { addServeCommand } from './commands/serve.js';
import { addSourcesCommand } from './commands/sources.js';
import { addStatusCommand } from './commands/status.js';
import { LumenError } from './support/errors.js';

const readVersion = (): string => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
};

const createProgram = (): Command => {
  const program = new Command('lumen')
    .description('Stream this machine to any Moonlight client.')
    .version(readVersion())
    .showSuggestionAfterError()
    .exitOverride();
  addServeCommand(program);
  addPairCommand(program);
  addClientsCommand(program);
  addAppsCommand(program);
  addStatusCommand(program);
  addSourcesCommand(program);
  addPipelinesCommand(program);
  addDoctorCommand(program);
  addProbeCommand(program);
  return program;
};

/** A reader such as `head` that has seen enough is no error. A host, which takes signals, goes on without its reader. */
const endWithReader = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGTERM') === 0) process.exit(0);
};

/** Unexpected errors keep their stack: they are bugs, not the user's. */
const report = (error: unknown): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof LumenError) {
    process.stderr.write(`${error.message}.\nTry: ${error.remedy}\n`);
    return error.exitCode;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
};

/**
 * Runs one command line.
 * @param argv as in `process.argv`
 * @returns the exit status: 0, or that of the error table, or 1 for a bug
 */
export const main = async (argv: readonly string[]): Promise<number> => {
  process.stdout.on('error', endWithReader);
  try {
    await createProgram().parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
};
