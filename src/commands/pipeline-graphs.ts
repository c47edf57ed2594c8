/** What the verbs of `lumen pipelines` share: where descriptions are, what is missing here, graphs to try one in. */
import { resolvePaths } from '../config/paths.js';
import { type MediaProcess, spawnMediaProcess } from '../media/media-process.js';
import { type Catalog, type Described, requireDescription } from '../pipeline/catalog.js';
import type { DescriptionKind, EncoderDescription } from '../pipeline/description.js';
import { buildGraphs, type ChosenSource, type GraphRequest } from '../pipeline/graphs.js';
import { COMMON_FORMAT, sampleFormatOf } from '../pipeline/sample.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import type { StreamPlan, VideoFormat } from '../session/stream-plan.js';
import { createSilentLogger } from '../support/logger.js';
import { requireSockets } from '../support/sockets.js';

export const KINDS: readonly DescriptionKind[] = ['encoders', 'sources', 'audio'];

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** The shipped folder, and the user's own. */
export const folders = (): readonly [string, string] => [SHIPPED_PIPELINES, resolvePaths().pipelinesDir];

export const spawnInspector = (): MediaProcess =>
  spawnMediaProcess({ descriptors: [], logger: createSilentLogger(), environment: process.env });

/** Which of `names` are not installed. @throws LumenError LUMEN_NATIVE_MISSING */
export const findMissing = async (names: readonly string[]): Promise<readonly string[]> => {
  // A media process without it ends at once, and could only say so on its standard error.
  requireSockets();
  const media = spawnInspector();
  try {
    return await media.inspect(names);
  } finally {
    await media.stop();
  }
};

/** The commonest that a stage makes; beside a source the picture is 8-bit H.264. */
export const formatFor = (description: Described): VideoFormat =>
  'codec' in description ? sampleFormatOf(description) : COMMON_FORMAT;

/** The launch string that contains `description`, completed by the test sources and the first encoders. */
export const sampleLaunch = (
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

/**
 * A description by its name, or KIND/NAME.
 * @throws LumenError LUMEN_PIPELINE_INVALID naming the nearest, or with what is wrong with the file of that name
 */
export const findDescription = (
  catalog: Catalog,
  name: string,
): { kind: DescriptionKind; description: Described } => {
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
