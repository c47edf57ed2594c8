/** `lumen pipelines`: which pipeline descriptions there are, what they become, and whether they work here. */
import net from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { PORT_OFFSET } from '../config/ports.js';
import { tryStage } from '../host/stage-trial.js';
import { mediaEnvironment } from '../media/media-process.js';
import {
  type BrokenDescription,
  type Described,
  findLacking,
  findOwnMissing,
  listRequirements,
  loadCatalog,
} from '../pipeline/catalog.js';
import type { EncoderDescription } from '../pipeline/description.js';
import { toFormatWord } from '../pipeline/format.js';
import type { GraphRequest } from '../pipeline/graphs.js';
import { type Mode, samplePlan } from '../pipeline/sample.js';
import { formatLaunchCommand } from '../pipeline/shell.js';
import { PLACEHOLDERS } from '../pipeline/template.js';
import type { LumenError } from '../support/errors.js';
import { createSilentLogger } from '../support/logger.js';
import { benchStage } from './bench-stage.js';
import { checkPipelines } from './check-pipelines.js';
import {
  findDescription,
  findMissing,
  folders,
  formatFor,
  KINDS,
  print,
  sampleLaunch,
} from './pipeline-graphs.js';

const DEFAULT_MODE = '1920x1080@60';
const AUDIO_ABOVE_VIDEO = PORT_OFFSET.audio - PORT_OFFSET.video;
const DEFAULT_CLIENT = '127.0.0.1:47998';

const parseMode = (text: string): Mode => {
  const match = /^(\d{2,5})x(\d{2,5})@(\d{1,3})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write it as 1920x1080@60.');
  return { width: Number(match[1]), height: Number(match[2]), fps: Number(match[3]) };
};

const parseBitrate = (text: string): number => {
  if (!/^\d{3,6}$/.test(text)) throw new InvalidArgumentError('Write it in kbit/s, 100 to 999999.');
  return Number(text);
};

const parseClient = (text: string): NonNullable<GraphRequest['preview']> => {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text);
  const address = match?.[1] ?? '';
  const videoPort = Number(match?.[2]);
  if (net.isIP(address) === 0 || !(videoPort > 0 && videoPort + AUDIO_ABOVE_VIDEO <= 65535))
    throw new InvalidArgumentError('Write it as ADDRESS:PORT with a numeric address.');
  return { address, videoPort, audioPort: videoPort + AUDIO_ABOVE_VIDEO };
};

const printStage = (name: string, text: string): void => print(`  ${name.padEnd(14)} ${text}`);

const printBroken = ({ name, error, replacement }: BrokenDescription): void => {
  const instead = replacement === undefined ? '' : '; the shipped one is used';
  printStage(name, `broken: ${error.details['file']} ${error.details['problem']}${instead}`);
  print(`  ${' '.repeat(14)} Try: ${error.remedy}`);
};

/** What a stage was proven to make here, or the one reason why it cannot be used. */
const tryEncoder = async (encoder: EncoderDescription): Promise<string> => {
  const { proven, faults } = await tryStage(encoder, {
    logger: createSilentLogger(),
    environment: process.env,
  });
  if (proven.length === 0) return `not usable: ${faults[0]}`;
  return `usable: ${proven.map(toFormatWord).join(', ')}`;
};

const describeState = async (
  description: Described,
  missing: readonly string[],
  own: LumenError | undefined,
): Promise<string> => {
  if (own !== undefined) return "not usable: Lumen's own elements are missing";
  const [lacking] = findLacking(description, missing);
  if (lacking !== undefined) return `not usable: ${lacking} not installed`;
  return 'codec' in description && description.codec !== 'opus' ? tryEncoder(description) : 'usable';
};

const list = async (): Promise<void> => {
  const catalog = loadCatalog(...folders());
  const missing = await findMissing(listRequirements(catalog));
  const own = findOwnMissing(missing);
  for (const kind of KINDS) {
    print(kind);
    for (const description of catalog[kind].values()) {
      const state = await describeState(description, missing, own);
      const isReplaced = kind === 'encoders' && catalog.shadowed.has(description.name);
      const instead = isReplaced && state.startsWith('not usable') ? '; the shipped one takes its place' : '';
      const rank = 'rank' in description ? `, rank ${description.rank}` : '';
      printStage(description.name, `${description.title}${rank}: ${state}${instead}`);
    }
    catalog.broken.filter((one) => one.kind === kind).forEach(printBroken);
  }
  if (own === undefined) return;
  print(`${own.message}.\nTry: ${own.remedy}`);
};

interface ShowOptions {
  readonly mode: Mode;
  readonly bitrate: number;
  readonly client: NonNullable<GraphRequest['preview']>;
}

const show = async (name: string, options: ShowOptions): Promise<void> => {
  const catalog = loadCatalog(...folders());
  const { kind, description } = findDescription(catalog, name);
  const plan = samplePlan(options.mode, options.bitrate, formatFor(description));
  const launch = sampleLaunch(catalog, kind, description, plan, options.client);
  const pluginPath = mediaEnvironment(process.env)['GST_PLUGIN_PATH'] ?? '';
  print(formatLaunchCommand(launch, pluginPath));
  const lacking = await findMissing(description.requires);
  if (lacking.length === 0) return;
  process.stderr.write(
    `This command does not run here: ${lacking.join(', ')} not installed.\nTry: run: lumen pipelines list\n`,
  );
};

const addModeOptions = (command: Command): Command =>
  command
    .addOption(
      command
        .createOption('--mode <mode>', 'WIDTHxHEIGHT@FPS')
        .argParser(parseMode)
        .default(parseMode(DEFAULT_MODE), DEFAULT_MODE),
    )
    .option('--bitrate <kbps>', 'encoder bitrate in kbit/s', parseBitrate, 20_000);

export const addPipelinesCommand = (program: Command): void => {
  const command = program
    .command('pipelines')
    .description('list, show, check and measure pipeline descriptions');
  command
    .command('list')
    .description('which descriptions are usable here, and why the others are not')
    .action(list);
  command
    .command('check')
    .description(
      'hold files against the elements that are installed, and against tables of those that are not',
    )
    .argument('[files...]', 'the files to check; without any, all that are shipped and all of your own')
    .action(checkPipelines);
  addModeOptions(
    command
      .command('bench')
      .description('measure frames a second and the latency of an encoder stage on this machine')
      .argument('<name>', 'name of an encoder stage'),
  ).action(benchStage);
  const placeholders = Object.entries(PLACEHOLDERS).map(
    ([name, meaning]) => `  ${name.padEnd(16)} ${meaning}`,
  );
  addModeOptions(
    command
      .command('show')
      .description('print a gst-launch-1.0 command that runs as pasted')
      .argument('<name>', 'name of a description, or KIND/NAME such as audio/test'),
  )
    .addOption(
      command
        .createOption('--client <address:port>', 'where the datagrams go: video there, sound 2 ports above')
        .argParser(parseClient)
        .default(parseClient(DEFAULT_CLIENT), DEFAULT_CLIENT),
    )
    .addHelpText('after', `\nPlaceholders of a description:\n${placeholders.join('\n')}`)
    .action(show);
};
