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

export type Described = EncoderDescription | SourceDescription;

/** A file that cannot be used, kept beside those that can: it must not take them along. */
export interface BrokenDescription {
  readonly kind: DescriptionKind;
  /** File name without `.toml`. */
  readonly name: string;
  readonly file: string;
  /** LUMEN_PIPELINE_INVALID with file and line. */
  readonly error: LumenError;
  /** A file of the same name in an earlier folder, which the catalog has in its place. */
  readonly replacement: string | undefined;
}

export interface Catalog {
  readonly encoders: ReadonlyMap<string, EncoderDescription>;
  readonly sources: ReadonlyMap<string, SourceDescription>;
  readonly audio: ReadonlyMap<string, SourceDescription>;
  /** Shipped encoder stages that a file of the user stands in for, for when that one does not work. */
  readonly shadowed: ReadonlyMap<string, EncoderDescription>;
  readonly broken: readonly BrokenDescription[];
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
  broken: BrokenDescription[],
  shadowed?: Map<string, Description<K>>,
): Map<string, Description<K>> => {
  const found = new Map<string, Description<K>>();
  for (const file of folders.flatMap((folder) => listFiles(path.join(folder, kind)))) {
    const name = path.basename(file, '.toml');
    try {
      const description = readDescription(kind, file);
      const earlier = found.get(name);
      if (earlier !== undefined) shadowed?.set(name, earlier);
      found.set(name, description);
    } catch (error) {
      if (!(error instanceof LumenError)) throw error;
      broken.push({ kind, name, file, error, replacement: found.get(name)?.file });
    }
  }
  return found;
};

/**
 * Reads all descriptions. Folders need not exist; a file that cannot be used is listed in {@link Catalog.broken}.
 * @param shippedFolder the package's `pipelines/`
 * @param userFolder `$XDG_CONFIG_HOME/lumen/pipelines`: its files replace shipped ones of the same name
 * @throws LumenError LUMEN_PIPELINE_INVALID for a folder that cannot be read
 */
export const loadCatalog = (shippedFolder: string, userFolder: string): Catalog => {
  const folders = [shippedFolder, userFolder];
  const broken: BrokenDescription[] = [];
  const shadowed = new Map<string, EncoderDescription>();
  return {
    encoders: loadKind('encoders', folders, broken, shadowed),
    sources: loadKind('sources', folders, broken),
    audio: loadKind('audio', folders, broken),
    shadowed,
    broken,
  };
};

/**
 * A description by name.
 * @param broken the catalog's files that cannot be used
 * @throws LumenError LUMEN_PIPELINE_INVALID with what is wrong with the file of that name, or naming the nearest one
 */
export const requireDescription = <T>(
  kind: DescriptionKind,
  descriptions: ReadonlyMap<string, T>,
  name: string,
  broken: readonly BrokenDescription[] = [],
): T => {
  const description = descriptions.get(name);
  if (description !== undefined) return description;
  const unusable = broken.find((one) => one.kind === kind && one.name === name);
  if (unusable !== undefined) throw unusable.error;
  const near = nearestName(name, [...descriptions.keys()]);
  throw new LumenError('LUMEN_PIPELINE_INVALID', {
    file: `${kind}/${name}.toml`,
    problem: 'there is no such description',
    remedy: near === undefined ? 'run: npm run setup' : `the nearest is "${near}"; see: lumen pipelines list`,
  });
};

/** The project's own elements that every graph needs. */
const GRAPH_ELEMENTS = ['framesampler', 'moonlightpay', 'moonlightaudiopay', 'moonlightsink'] as const;
const OWN_ELEMENTS: ReadonlySet<string> = new Set([...GRAPH_ELEMENTS, 'channeltones', 'framecounter']);

/** Everything that graphs and descriptions require, for one question to a media process. */
export const listRequirements = (catalog: Catalog): string[] => {
  const all = [...catalog.encoders.values(), ...catalog.sources.values(), ...catalog.audio.values()];
  return [...new Set([...GRAPH_ELEMENTS, ...all.flatMap((description) => description.requires)])].sort();
};

/** What a description requires and this machine lacks. @param missing of {@link listRequirements} */
export const findLacking = (description: Described, missing: readonly string[]): string[] =>
  description.requires.filter((name) => missing.includes(name));

/**
 * Why no graph can play here, whatever its stages, or undefined.
 * @param missing of {@link listRequirements}
 * @returns LUMEN_NATIVE_MISSING
 */
export const findOwnMissing = (missing: readonly string[]): LumenError | undefined => {
  const own = missing.filter((name) => OWN_ELEMENTS.has(name));
  if (own.length === 0) return undefined;
  const problem = `GStreamer does not find ${own.join(', ')}`;
  return new LumenError('LUMEN_NATIVE_MISSING', { name: 'libgstmoonlight.so', problem });
};

/**
 * Refuses a source of picture or sound whose elements are not here.
 * @param missing of {@link listRequirements}
 * @throws LumenError LUMEN_PIPELINE_INVALID
 */
export const requireUsable = (description: Described, missing: readonly string[]): void => {
  const lacking = findLacking(description, missing);
  if (lacking.length === 0) return;
  throw new LumenError('LUMEN_PIPELINE_INVALID', {
    file: description.file,
    problem: `${lacking.join(', ')} not installed`,
    remedy: 'run: npm run setup, which installs what the shipped files need; see: lumen pipelines list',
  });
};
