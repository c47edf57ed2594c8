/**
 * Pipeline descriptions: TOML files with launch fragments (`pipelines/sources`, `encoders`, `audio`). Pure: text in,
 * checked description out, with the line of whatever is wrong.
 */
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { nearestName } from '../config/nearest-name.js';
import { describeError, LumenError } from '../support/errors.js';
import { FORMAT_WORDS, isOnTheWire } from './format.js';
import { findTemplateProblem } from './template.js';

const fragment = z.string().trim().min(1).max(4000);
const common = {
  /** What a person calls it, such as `H.264 in software`. */
  title: z.string().min(1).max(100),
  /** `element` or `element.property` that must be installed. */
  requires: z
    .array(z.string().regex(/^[\w-]+(\.[\w-]+)?$/, 'must be "element" or "element.property"'))
    .max(50),
};

const encoderSchema = z.strictObject({
  ...common,
  codec: z.enum(['h264', 'hevc', 'av1', 'opus']),
  /** The highest rank whose requirements are met wins. */
  rank: z.number().int().min(0).max(1000),
  /** What it can make of a picture, and the raw format (`${format}`) in which it takes each. */
  formats: z
    .partialRecord(
      z.enum(FORMAT_WORDS),
      z.string().regex(/^[A-Za-z]\w{1,30}$/, 'must be a raw format such as I420'),
    )
    .optional(),
  /** The highest bitrate that the element takes: beyond it a property would silently keep its default. */
  max_kbps: z.number().int().min(1000).max(10_000_000).optional(),
  convert: fragment,
  encode: fragment,
  /** What of the element `encoder` may change while it runs, in place: by property. Without it the bitrate stays. */
  live: z.record(z.string().regex(/^[a-z][\w-]*$/, 'must be the name of a property'), fragment).optional(),
});
const sourceSchema = z.strictObject({
  ...common,
  source: fragment,
  /** The picture is HDR: BT.2020 with PQ. The caps in `source` must insist on it. */
  hdr: z.boolean().optional(),
});

const SCHEMAS = { encoders: encoderSchema, sources: sourceSchema, audio: sourceSchema } as const;

/** The folders of descriptions. */
export type DescriptionKind = keyof typeof SCHEMAS;

/** The keys of a file of each folder; `docs/pipelines.md` says what they mean. */
export const DESCRIPTION_KEYS: Readonly<Record<DescriptionKind, readonly string[]>> = {
  encoders: Object.keys(SCHEMAS.encoders.shape),
  sources: Object.keys(SCHEMAS.sources.shape),
  audio: Object.keys(SCHEMAS.audio.shape),
};

interface Named {
  /** File name without `.toml`. */
  readonly name: string;
  /** Path, for messages. */
  readonly file: string;
}
/** An encoder stage: `convert` brings raw media to what `encode` takes. */
export type EncoderDescription = Named & Readonly<z.infer<typeof encoderSchema>>;
/** Where pictures or sound come from: a fragment whose element `source` takes the properties of the session. */
export type SourceDescription = Named & Readonly<z.infer<typeof sourceSchema>>;
export type Description<K extends DescriptionKind> = K extends 'encoders'
  ? EncoderDescription
  : SourceDescription;

const lineOfOffset = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

const lineOfKey = (text: string, key: string): number => {
  const index = text.split('\n').findIndex((line) => line.trimStart().startsWith(key));
  return index < 0 ? 1 : index + 1;
};

const invalid = (file: string, line: number, problem: string, remedy: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_PIPELINE_INVALID', { file: `${file}:${line}`, problem, remedy }, cause);

const parseToml = (text: string, file: string): Record<string, unknown> => {
  try {
    return parse(text);
  } catch (error) {
    const line = error instanceof TomlError ? error.line : 1;
    const problem = describeError(error).split('\n')[0] ?? '';
    throw invalid(
      file,
      line,
      problem,
      "correct the TOML; launch fragments stand in '''three quotes'''",
      error,
    );
  }
};

const toProblem = (error: z.ZodError, kind: DescriptionKind, text: string, file: string): LumenError => {
  // A key that is misspelt is also one that is missing; the first says more.
  const issue = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const [parent] = issue.path;
    const key = issue.keys[0] ?? '';
    const known = parent === 'formats' ? FORMAT_WORDS : DESCRIPTION_KEYS[kind];
    const near = nearestName(key, known);
    return invalid(
      file,
      lineOfKey(text, String(parent ?? key)),
      `unknown key "${key}"`,
      `remove it, or write "${near}"`,
      error,
    );
  }
  const key = String(issue?.path[0] ?? '');
  const problem = `${key}: ${issue?.message ?? 'not valid'}`;
  return invalid(file, lineOfKey(text, key), problem, `correct the value of ${key}`, error);
};

const checkFragment = (text: string, file: string, key: string, value: string): void => {
  const start = Math.max(0, text.indexOf(value));
  const problem = findTemplateProblem(value);
  if (problem !== null)
    throw invalid(
      file,
      lineOfOffset(text, start + problem.offset),
      problem.reason,
      'correct the placeholder',
    );
  // gst-launch has no comments: the rest of the graph would become part of the syntax error.
  const hash = value.search(/(^|\s)#/);
  if (hash >= 0)
    throw invalid(
      file,
      lineOfOffset(text, start + hash + 1),
      `a "#" in ${key}`,
      'put comments outside the quotes',
    );
};

/** A key-frame request goes to the element of this name; only video has key frames. */
const ENCODER_NAME = /(^|\s)name\s*=\s*(["']?)encoder\2(\s|$)/;

const checkEncoder = (text: string, file: string, encoder: z.infer<typeof encoderSchema>): void => {
  const { codec, encode, formats = {} } = encoder;
  if (codec === 'opus') return;
  if (!ENCODER_NAME.test(encode)) {
    const remedy =
      'write name=encoder behind the encoder element: key frames are asked of the element of that name';
    throw invalid(file, lineOfKey(text, 'encode'), 'no element in encode has the name "encoder"', remedy);
  }
  const words = FORMAT_WORDS.filter((word) => word in formats);
  const line = lineOfKey(text, 'formats');
  if (words.length === 0)
    throw invalid(file, line, 'formats: it names none', 'write formats = { "8-bit 4:2:0" = "I420" }');
  const impossible = words.find((word) => !isOnTheWire(codec, word));
  if (impossible !== undefined)
    throw invalid(file, line, `formats: clients have no ${impossible} ${codec}`, `remove "${impossible}"`);
};

/** Only caps that insist on it make sure that a picture of another range is not shown as HDR. */
const HDR_CAPS = /colorimetry\s*=\s*(\(string\))?\s*"?bt2100-pq/;

const checkSource = (text: string, file: string, { hdr, source }: z.infer<typeof sourceSchema>): void => {
  if (hdr !== true || HDR_CAPS.test(source)) return;
  const remedy = 'write colorimetry=bt2100-pq into the caps of source, or remove hdr';
  throw invalid(file, lineOfKey(text, 'hdr'), 'hdr: the caps of source do not insist on it', remedy);
};

/**
 * The line on which a fragment sets `property`, comments left out; undefined where none does.
 * @param text the whole file
 */
export const findPropertyLine = (text: string, property: string): number | undefined => {
  const pattern = new RegExp(`(^|[\\s'"])${property.replace(/[^\w-]/g, '')}\\s*=`);
  const index = text.split('\n').findIndex((line) => !line.trimStart().startsWith('#') && pattern.test(line));
  return index < 0 ? undefined : index + 1;
};

/**
 * Parses one description.
 * @param file path for messages; its last part without `.toml` is the description's name
 * @throws LumenError LUMEN_PIPELINE_INVALID with file and line
 */
export const parseDescription = <K extends DescriptionKind>(
  kind: K,
  file: string,
  text: string,
): Description<K> => {
  const result = SCHEMAS[kind].safeParse(parseToml(text, file));
  if (!result.success) throw toProblem(result.error, kind, text, file);
  for (const key of ['source', 'convert', 'encode'] as const) {
    const value = (result.data as Record<string, unknown>)[key];
    if (typeof value === 'string') checkFragment(text, file, key, value);
  }
  const live = 'live' in result.data ? (result.data.live ?? {}) : {};
  for (const value of Object.values(live)) checkFragment(text, file, 'live', value);
  if ('encode' in result.data) checkEncoder(text, file, result.data);
  if ('source' in result.data) checkSource(text, file, result.data);
  const name = (file.split('/').pop() ?? file).replace(/\.toml$/, '');
  return { ...result.data, name, file } as unknown as Description<K>;
};
