/** `lumen pipelines`: which pipeline descriptions there are, what they become, and whether they work here. */
import fs from 'node:fs';
import net from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { resolvePaths } from '../config/paths.js';
import { type MediaProcess, mediaEnvironment, spawnMediaProcess } from '../media/media-process.js';
import {
  type BrokenDescription,
  type Catalog,
  type Described,
  findLacking,
  findOwnMissing,
  listDescriptionFiles,
  listRequirements,
  loadCatalog,
  readDescription,
  requireDescription,
} from '../pipeline/catalog.js';
import { locateProblem, readComplaint } from '../pipeline/complaint.js';
import type { DescriptionKind, EncoderDescription } from '../pipeline/description.js';
import { buildGraphs, type ChosenSource, type GraphRequest } from '../pipeline/graphs.js';
import { COMMON_FORMAT, type Mode, sampleFormatOf, samplePlan } from '../pipeline/sample.js';
import { formatLaunchCommand } from '../pipeline/shell.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import { PLACEHOLDERS } from '../pipeline/template.js';
import type { StreamPlan, VideoFormat } from '../session/stream-plan.js';
import { LumenError } from '../support/errors.js';
import { createSilentLogger } from '../support/logger.js';
import { requireSockets } from '../support/sockets.js';

const KINDS: readonly DescriptionKind[] = ['encoders', 'sources', 'audio'];
const EXIT_INVALID = 6;

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const folders = (): readonly [string, string] => [SHIPPED_PIPELINES, resolvePaths().pipelinesDir];

const spawnInspector = (): MediaProcess =>
  spawnMediaProcess({ descriptors: [], logger: createSilentLogger(), environment: process.env });

const findMissing = async (names: readonly string[]): Promise<readonly string[]> => {
  // A media process without it ends at once, and could only say so on its standard error.
  requireSockets();
  const media = spawnInspector();
  try {
    return await media.inspect(names);
  } finally {
    await media.stop();
  }
};

const parseMode = (text: string): Mode => {
  const match = /^(\d{2,5})x(\d{2,5})@(\d{1,3})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('write it as 1920x1080@60');
  return { width: Number(match[1]), height: Number(match[2]), fps: Number(match[3]) };
};

const parseBitrate = (text: string): number => {
  if (!/^\d{3,6}$/.test(text)) throw new InvalidArgumentError('write it in kbit/s, 100 to 999999');
  return Number(text);
};

const parseClient = (text: string): NonNullable<GraphRequest['preview']> => {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text);
  const address = match?.[1] ?? '';
  const videoPort = Number(match?.[2]);
  if (net.isIP(address) === 0 || !(videoPort > 0 && videoPort < 65535))
    throw new InvalidArgumentError('write it as ADDRESS:PORT with a numeric address');
  return { address, videoPort, audioPort: videoPort + 1 };
};

/** The commonest that a stage makes; beside a source the picture is 8-bit H.264. */
const formatFor = (description: Described): VideoFormat =>
  'codec' in description ? sampleFormatOf(description) : COMMON_FORMAT;

/** The launch string that contains `description`, completed by the test sources and the first encoders. */
const sampleLaunch = (
  catalog: Catalog,
  kind: DescriptionKind,
  description: Described,
  plan: StreamPlan,
  preview: NonNullable<GraphRequest['preview']>,
): string => {
  const encoder = 'codec' in description ? description : undefined;
  const given = 'source' in description ? description : undefined;
  const isOpus = encoder?.codec === 'opus';
  const source = (of: 'sources' | 'audio'): ChosenSource => ({
    description: given !== undefined && kind === of ? given : requireDescription(of, catalog[of], 'test'),
    properties: {},
  });
  const stage = (wanted: boolean, name: string): EncoderDescription =>
    encoder !== undefined && wanted ? encoder : requireDescription('encoders', catalog.encoders, name);
  const [video, audio] = buildGraphs({
    plan,
    videoSource: source('sources'),
    videoEncoder: stage(!isOpus, 'x264'),
    audio: { source: source('audio'), encoder: stage(isOpus, 'opus') },
    descriptors: { videoSocket: -1, audioSocket: -1, sessionPage: -1 },
    firstFrameNumber: 0,
    preview,
  });
  return (kind === 'audio' || isOpus ? audio : video)?.launch ?? '';
};

const printStage = (name: string, text: string): void => print(`  ${name.padEnd(12)} ${text}`);

const describeState = (lacking: readonly string[], own: LumenError | undefined): string => {
  if (own !== undefined) return "not usable: Lumen's own elements are missing";
  return lacking.length === 0 ? 'usable' : `not usable: ${lacking.join(', ')} not installed`;
};

const printBroken = ({ name, error, replacement }: BrokenDescription): void => {
  const instead = replacement === undefined ? '' : '; the shipped one is used';
  printStage(name, `broken: ${error.details['file']} ${error.details['problem']}${instead}`);
  print(`  ${' '.repeat(12)} Try: ${error.remedy}`);
};

const list = async (): Promise<void> => {
  const catalog = loadCatalog(...folders());
  const missing = await findMissing(listRequirements(catalog));
  const own = findOwnMissing(missing);
  for (const kind of KINDS) {
    print(kind);
    for (const description of catalog[kind].values()) {
      const state = describeState(findLacking(description, missing), own);
      const rank = 'rank' in description ? `, rank ${description.rank}` : '';
      printStage(description.name, `${description.title}${rank}: ${state}`);
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

const find = (catalog: Catalog, name: string): { kind: DescriptionKind; description: Described } => {
  const [wantedKind, wantedName] = name.includes('/') ? name.split('/', 2) : [undefined, name];
  for (const kind of KINDS) {
    const description = catalog[kind].get(wantedName ?? '');
    if (description !== undefined && (wantedKind === undefined || wantedKind === kind))
      return { kind, description };
  }
  const broken = catalog.broken.find(
    (one) => one.name === wantedName && (wantedKind ?? one.kind) === one.kind,
  );
  if (broken !== undefined) throw broken.error;
  const all = new Map<string, Described>(KINDS.flatMap((kind) => [...catalog[kind]]));
  return { kind: 'encoders', description: requireDescription('encoders', all, wantedName ?? '') };
};

const show = (name: string, options: ShowOptions): void => {
  const catalog = loadCatalog(...folders());
  const { kind, description } = find(catalog, name);
  const plan = samplePlan(options.mode, options.bitrate, formatFor(description));
  const launch = sampleLaunch(catalog, kind, description, plan, options.client);
  const pluginPath = mediaEnvironment(process.env)['GST_PLUGIN_PATH'] ?? '';
  print(formatLaunchCommand(launch, pluginPath));
};

/** What GStreamer, or GLib on its way, has against a launch string. */
const findLaunchProblem = async (launch: string): Promise<string | null> => {
  const media = spawnInspector();
  try {
    const problem = await media.check(launch);
    await media.stop();
    // A value out of its range is no error to GStreamer: GLib complains on standard error and keeps the old value.
    const complaints = media.standardError.split('\n').map(readComplaint);
    return problem ?? complaints.find((complaint) => complaint !== undefined) ?? null;
  } finally {
    await media.stop();
  }
};

/**
 * What keeps one file from being usable here, or null.
 * @param catalog the shipped parts that complete a graph
 * @throws LumenError LUMEN_PIPELINE_INVALID
 */
const findProblem = async (
  kind: DescriptionKind,
  file: string,
  catalog: Catalog,
  missing: readonly string[],
): Promise<string | null> => {
  const description = readDescription(kind, file);
  const lacking = findLacking(description, missing);
  if (lacking.length > 0) return `not usable here: ${lacking.join(', ')} not installed`;
  const plan = samplePlan({ width: 1280, height: 720, fps: 60 }, 10_000, formatFor(description));
  const preview = { address: '127.0.0.1', videoPort: 47998, audioPort: 48000 };
  const problem = await findLaunchProblem(sampleLaunch(catalog, kind, description, plan, preview));
  if (problem === null) return null;
  throw new LumenError('LUMEN_PIPELINE_INVALID', {
    file: locateProblem(problem, [description], (one) => fs.readFileSync(one, 'utf8')),
    problem,
    remedy: 'correct the fragment; gst-inspect-1.0 ELEMENT lists properties and ranges',
  });
};

const check = async (): Promise<void> => {
  // Graphs are completed by shipped parts, so that one broken file of the user does not spoil the others.
  const catalog = loadCatalog(SHIPPED_PIPELINES, '');
  const wanted = [catalog, loadCatalog(...folders())].flatMap(listRequirements);
  const missing = await findMissing([...new Set(wanted)]);
  const own = findOwnMissing(missing);
  if (own !== undefined) throw own;
  for (const kind of KINDS) {
    for (const file of listDescriptionFiles(kind, folders())) {
      try {
        print(`${file}: ${(await findProblem(kind, file, catalog, missing)) ?? 'ok'}`);
      } catch (error) {
        if (!(error instanceof LumenError) || error.code !== 'LUMEN_PIPELINE_INVALID') throw error;
        process.exitCode = EXIT_INVALID;
        print(`${error.details['file']}: ${error.details['problem']}\n  Try: ${error.remedy}`);
      }
    }
  }
};

export const addPipelinesCommand = (program: Command): void => {
  const command = program.command('pipelines').description('list, show and check pipeline descriptions');
  command.command('list').description('which descriptions are usable here').action(list);
  command.command('check').description('parse every file against the installed elements').action(check);
  const placeholders = Object.entries(PLACEHOLDERS).map(
    ([name, meaning]) => `  ${name.padEnd(16)} ${meaning}`,
  );
  command
    .command('show')
    .description('print a gst-launch-1.0 command that runs as pasted')
    .argument('<name>', 'name of a description, or KIND/NAME such as audio/test')
    .option('--mode <mode>', 'WIDTHxHEIGHT@FPS', parseMode, { width: 1920, height: 1080, fps: 60 })
    .option('--bitrate <kbps>', 'encoder bitrate in kbit/s', parseBitrate, 20_000)
    .option('--client <address:port>', 'where the datagrams go', parseClient, {
      address: '127.0.0.1',
      videoPort: 47998,
      audioPort: 48000,
    })
    .addHelpText('after', `\nPlaceholders of a description:\n${placeholders.join('\n')}`)
    .action(show);
};
