/** `lumen serve`: runs the host in this terminal until it is interrupted. */
import type { Command } from 'commander';
import { loadConfig } from '../config/load-config.js';
import { SETTING_KEYS, SETTINGS, toFlag } from '../config/settings.js';
import { startHost } from '../host/host.js';
import { chooseLogStyle, createLogger } from '../support/logger.js';
import { askForPins } from './pin-prompt.js';

/** Flags come from the table of settings, so that help, file and variables cannot drift apart. */
const addSettingOptions = (command: Command): void => {
  for (const key of SETTING_KEYS) {
    const { values, description, fallback } = SETTINGS[key];
    const value = typeof fallback === 'boolean' ? '[yes]' : '<value>';
    command.option(`${toFlag(key)} ${value}`, `${description} (${values.replaceAll('`', '')})`);
  }
  command.option('--no-discovery', 'do not announce this host on the local network');
  command.option('--no-adapt-to-loss', 'leave bitrate and parity as agreed, whatever is lost');
};

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
const untilInterrupted = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (!isFirst) process.exit(1);
        isFirst = false;
        resolve(signal);
      });
    }
  });

const serve = async (flags: Record<string, unknown>): Promise<void> => {
  const interrupted = untilInterrupted();
  const config = loadConfig({ flags });
  const logger = createLogger(config.logLevel, chooseLogStyle({ environment: process.env }));
  const host = await startHost(config, logger);
  process.stdout.write(`${host.greeting}\n`);
  if (process.stdin.isTTY) process.stdout.write('The PIN can be typed here, too.\n');
  const prompt = process.stdin.isTTY ? askForPins(host.pairing, logger) : undefined;
  const signal = await interrupted;
  logger.info({ signal }, 'stopping');
  prompt?.close();
  await host.close();
};

export const addServeCommand = (program: Command): void => {
  const command = program.command('serve').description('stream this machine to paired Moonlight clients');
  addSettingOptions(command);
  command.action(async (flags: Record<string, unknown>) => {
    await serve(flags);
    // Nothing that is left open may keep a host alive that was told to stop.
    process.exit(0);
  });
};
