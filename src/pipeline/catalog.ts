/** The pipeline descriptions there are: the shipped ones, shadowed by name by the user's own. */
import fs from 'node:fs';
import path from 'node:path';
import { nearestName } from '../config/nearest-name.js';
import { describeError, LumenError } from '../support/errors.js';
import {
  type Description,
  type DescriptionKind,
  type EncoderDescription,
  parseDescription,
  type SourceDescription,
} from './description.js';

/** No description is longer; what is would only be a mistake in the folder. */
const MAX_FILE_BYTES = 64 * 1024;

export interface Catalog {
  readonly encoders: ReadonlyMap<string, EncoderDescription>;
  readonly sources: ReadonlyMap<string, SourceDescription>;
  readonly audio: ReadonlyMap<string, SourceDescription>;
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

const listFiles = (folder: string): string[] => {
  try {
    return fs
      .readdirSync(folder)
      .filter((name) => name.endsWith('.toml'))
      .sort()
      .map((name) => path.join(folder, name));
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw new LumenError(
      'LUMEN_PIPELINE_INVALID',
      { file: folder, problem: describeError(error), remedy: 'make the folder readable' },
      error,
    );
  }
};

/**
 * Reads one description file.
 * @throws LumenError LUMEN_PIPELINE_INVALID with file and line
 */
export const readDescription = <K extends DescriptionKind>(kind: K, file: string): Description<K> => {
  let text: string;
  try {
    const { size } = fs.statSync(file);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_FILE_BYTES}`);
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    const details = {
      file,
      problem: describeError(error),
      remedy: 'make it a readable small file, or remove it',
    };
    throw new LumenError('LUMEN_PIPELINE_INVALID', details, error);
  }
  return parseDescription(kind, file, text);
};

/** The files of one kind; of two with one name the later folder's counts. Folders need not exist. */
export const listDescriptionFiles = (kind: DescriptionKind, folders: readonly string[]): string[] => {
  const byName = new Map<string, string>();
  for (const folder of folders)
    for (const file of listFiles(path.join(folder, kind))) byName.set(path.basename(file), file);
  return [...byName.values()];
};

const loadKind = <K extends DescriptionKind>(
  kind: K,
  folders: readonly string[],
): Map<string, Description<K>> => {
  const found = new Map<string, Description<K>>();
  for (const file of listDescriptionFiles(kind, folders)) {
    const description = readDescription(kind, file);
    found.set(description.name, description);
  }
  return found;
};

/**
 * Reads all descriptions. Folders need not exist.
 * @param shippedFolder the package's `pipelines/`
 * @param userFolder `$XDG_CONFIG_HOME/lumen/pipelines`: its files replace shipped ones of the same name
 * @throws LumenError LUMEN_PIPELINE_INVALID for the first file that cannot be used
 */
export const loadCatalog = (shippedFolder: string, userFolder: string): Catalog => {
  const folders = [shippedFolder, userFolder];
  return {
    encoders: loadKind('encoders', folders),
    sources: loadKind('sources', folders),
    audio: loadKind('audio', folders),
  };
};

/**
 * A description by name.
 * @throws LumenError LUMEN_PIPELINE_INVALID naming the nearest one that exists
 */
export const requireDescription = <T>(
  kind: DescriptionKind,
  descriptions: ReadonlyMap<string, T>,
  name: string,
): T => {
  const description = descriptions.get(name);
  if (description !== undefined) return description;
  const near = nearestName(name, [...descriptions.keys()]);
  throw new LumenError('LUMEN_PIPELINE_INVALID', {
    file: `${kind}/${name}.toml`,
    problem: 'there is no such description',
    remedy: near === undefined ? 'run: npm run setup' : `the nearest is "${near}"; see: lumen pipelines list`,
  });
};

/** Everything that the descriptions require, for one question to a media process. */
export const listRequirements = (catalog: Catalog): string[] => {
  const all = [...catalog.encoders.values(), ...catalog.sources.values(), ...catalog.audio.values()];
  return [...new Set(all.flatMap((description) => description.requires))].sort();
};

export interface EncoderChoice {
  readonly encoder: EncoderDescription;
  /** For people: what was chosen and what would have come first, such as `x264enc: H.264 in software, rank 100`. */
  readonly reason: string;
}

/**
 * Chooses the encoder stage of a codec: the highest rank whose requirements are met.
 * @param missing what is not installed, of {@link listRequirements}
 * @param wanted name of the only stage to consider
 * @throws LumenError LUMEN_ENCODER_MISSING with what each stage lacks
 */
export const chooseEncoder = (
  catalog: Catalog,
  codec: EncoderDescription['codec'],
  missing: readonly string[],
  wanted?: string,
): EncoderChoice => {
  const absent = new Set(missing);
  const candidates = [...catalog.encoders.values()]
    .filter((encoder) => encoder.codec === codec && (wanted === undefined || encoder.name === wanted))
    .sort((a, b) => b.rank - a.rank || a.name.localeCompare(b.name));
  const rejected: string[] = [];
  for (const encoder of candidates) {
    const lacking = encoder.requires.filter((name) => absent.has(name));
    if (lacking.length === 0) {
      const reason = [
        `${encoder.requires[0] ?? encoder.name}: ${encoder.title}, rank ${encoder.rank}`,
        ...rejected,
      ].join('; ');
      return { encoder, reason };
    }
    rejected.push(`${encoder.name} is not usable: ${lacking.join(', ')} not installed`);
  }
  const problem =
    rejected.length > 0 ? rejected.join('; ') : `no description${wanted ? ` named "${wanted}"` : ''}`;
  throw new LumenError('LUMEN_ENCODER_MISSING', { codec, problem });
};
