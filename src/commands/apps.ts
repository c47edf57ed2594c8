/** `lumen apps`: what clients can launch, as it is configured. */
import type { Command } from 'commander';
import { readBoxArt } from '../apps/box-art.js';
import { APP_KEYS, APP_SETTINGS, type AppConfig } from '../config/app-settings.js';
import { loadConfig } from '../config/load-config.js';
import { resolvePaths } from '../config/paths.js';

const describeArt = async ({ boxArt }: AppConfig): Promise<string | undefined> => {
  if (boxArt === undefined) return undefined;
  const art = await readBoxArt(boxArt);
  if (!art.ok) return `box art ${boxArt}: not usable: ${art.reason}`;
  return art.warning === undefined ? `box art ${boxArt}` : `box art ${boxArt}: ${art.warning}`;
};

const formatApp = async (app: AppConfig): Promise<string> => {
  const overrides = Object.keys(app.overrides);
  const lines = [
    app.command === undefined ? 'starts nothing' : `starts ${app.command.join(' ')}`,
    ...app.preparation.map(({ run, undo }) =>
      [
        run === undefined ? undefined : `before it ${run.join(' ')}`,
        undo === undefined ? undefined : `after it ${undo.join(' ')}`,
      ]
        .filter((part) => part !== undefined)
        .join(', '),
    ),
    overrides.length === 0 ? undefined : `with its own ${overrides.join(', ')}`,
    await describeArt(app),
  ].filter((line) => line !== undefined);
  return [`${app.title} (${app.id})`, ...lines.map((line) => `  ${line}`)].join('\n');
};

const list = async (options: { json?: boolean }): Promise<void> => {
  const { apps } = loadConfig();
  if (options.json) {
    process.stdout.write(`${JSON.stringify(apps)}\n`);
    return;
  }
  const texts = await Promise.all(apps.map(formatApp));
  const { configFile } = resolvePaths();
  process.stdout.write(
    `${texts.join('\n')}\n\nMore are written as [[apps]] in ${configFile}; see: lumen apps --help\n`,
  );
};

export const addAppsCommand = (program: Command): void => {
  const keys = APP_KEYS.map((key) => {
    const { values, description } = APP_SETTINGS[key];
    return `  ${key.padEnd(18)} ${description} (${values.replaceAll('`', '')})`;
  });
  program
    .command('apps')
    .description('list what clients can launch')
    .option('--json', 'for machines')
    .addHelpText('after', `\nKeys of an [[apps]] table in the configuration file:\n${keys.join('\n')}`)
    .action(list);
};
