/** `lumen pipelines`: which pipeline descriptions there are, what they become, and whether they work here. */
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { resolvePaths } from '../config/paths.js';
import { type MediaProcess, mediaEnvironment, spawnMediaProcess } from '../media/media-process.js';
import {
  type Catalog,
  listDescriptionFiles,
  listRequirements,
  loadCatalog,
  readDescription,
  requireDescription,
} from '../pipeline/catalog.js';
import type { DescriptionKind, EncoderDescription, SourceDescription } from '../pipeline/description.js';
import { buildGraphs, type ChosenSource, type GraphRequest } from '../pipeline/graphs.js';
import { formatLaunchCommand } from '../pipeline/shell.js';
import { PLACEHOLDERS } from '../pipeline/template.js';
import type { StreamPlan } from '../session/stream-plan.js';
import { describeError, LumenError } from '../support/errors.js';
import { createSilentLogger } from '../support/logger.js';

const SHIPPED = fileURLToPath(new URL('../../../pipelines', import.meta.url));
const KINDS: readonly DescriptionKind[] = ['encoders', 'sources', 'audio'];
const EXIT_INVALID = 6;
const GLIB_COMPLAINT = /(WARNING|CRITICAL) \*\*.*: (.*)/;

interface Mode {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}
type Described = EncoderDescription | SourceDescription;

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const folders = (): readonly [string, string] => [SHIPPED, resolvePaths().pipelinesDir];

const spawnInspector = (): MediaProcess =>
  spawnMediaProcess({ descriptors: [], logger: createSilentLogger(), environment: process.env });

const findMissing = async (names: readonly string[]): Promise<ReadonlySet<string>> => {
  const media = spawnInspector();
  try {
    return new Set(await media.inspect(names));
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

const samplePlan = (mode: Mode, encoderKbps: number, codec: EncoderDescription['codec']): StreamPlan => ({
  video: {
    ...mode,
    codec: codec === 'opus' ? 'h264' : codec,
    bitDepth: 8,
    chroma: '4:2:0',
    colorSpace: 'bt709',
    fullRange: false,
    slices: 1,
    references: 1,
    encoderKbps,
    packetSize: 1024,
    fecPercentage: 20,
    minFecPackets: 2,
    encrypted: false,
    dscp: 0,
  },
  audio: { channels: 2, highQuality: false, bitrateKbps: 96, packetDurationMs: 5, encrypted: false, dscp: 0 },
  riKey: Buffer.alloc(16),
  riKeyId: 0,
  controlV2: false,
  hasSessionId: false,
});

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
    linkKbps: 800_000,
    preview,
  });
  return (kind === 'audio' || isOpus ? audio : video)?.launch ?? '';
};

const list = async (): Promise<void> => {
  const catalog = loadCatalog(...folders());
  const missing = await findMissing(listRequirements(catalog));
  for (const kind of KINDS) {
    print(kind);
    for (const description of catalog[kind].values()) {
      const lacking = description.requires.filter((name) => missing.has(name));
      const state = lacking.length === 0 ? 'usable' : `not usable: ${lacking.join(', ')} not installed`;
      const rank = 'rank' in description ? `, rank ${description.rank}` : '';
      print(`  ${description.name.padEnd(12)} ${description.title}${rank}: ${state}`);
    }
  }
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
  const all = new Map<string, Described>(KINDS.flatMap((kind) => [...catalog[kind]]));
  return { kind: 'encoders', description: requireDescription('encoders', all, wantedName ?? '') };
};

const show = (name: string, options: ShowOptions): void => {
  const catalog = loadCatalog(...folders());
  const { kind, description } = find(catalog, name);
  const codec = 'codec' in description ? description.codec : 'h264';
  const plan = samplePlan(options.mode, options.bitrate, codec);
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
    const complaints = media.standardError.split('\n').map((line) => GLIB_COMPLAINT.exec(line)?.[2]);
    return problem ?? complaints.find((complaint) => complaint !== undefined) ?? null;
  } finally {
    await media.stop();
  }
};

/** What is wrong with one file, or null. */
const findProblem = async (kind: DescriptionKind, file: string, catalog: Catalog): Promise<string | null> => {
  const description = readDescription(kind, file);
  const missing = await findMissing(description.requires);
  if (missing.size > 0) return `not usable here: ${[...missing].join(', ')} not installed`;
  const plan = samplePlan({ width: 1280, height: 720, fps: 60 }, 10_000, 'h264');
  const preview = { address: '127.0.0.1', videoPort: 47998, audioPort: 48000 };
  const problem = await findLaunchProblem(sampleLaunch(catalog, kind, description, plan, preview));
  if (problem === null) return null;
  const remedy = 'correct the fragment; gst-inspect-1.0 ELEMENT lists properties and ranges';
  throw new LumenError('LUMEN_PIPELINE_INVALID', { file, problem, remedy });
};

const check = async (): Promise<void> => {
  // Graphs are completed by shipped parts, so that one broken file of the user does not spoil the others.
  const catalog = loadCatalog(SHIPPED, '');
  for (const kind of KINDS) {
    for (const file of listDescriptionFiles(kind, folders())) {
      try {
        print(`${file}: ${(await findProblem(kind, file, catalog)) ?? 'ok'}`);
      } catch (error) {
        process.exitCode = EXIT_INVALID;
        const remedy = error instanceof LumenError ? `\n  Try: ${error.remedy}` : '';
        print(`${file}: ${describeError(error)}${remedy}`);
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
