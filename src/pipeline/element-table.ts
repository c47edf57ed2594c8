/**
 * What an element's properties take: from `pipelines/elements.toml` for elements that are not here, from the words of
 * `gst-inspect-1.0` for those that are. Pure.
 */
import { parse } from 'smol-toml';
import { z } from 'zod';
import { nearestName } from '../config/nearest-name.js';

/** What a property takes; of a kind that is not told apart, anything. */
export type PropertyKind =
  | { readonly kind: 'boolean' | 'string' | 'any' }
  | { readonly kind: 'range'; readonly min: number; readonly max: number }
  | { readonly kind: 'words'; readonly words: readonly string[] };

export interface PropertyTable {
  readonly takes: PropertyKind;
  /** First release that has it, where that is not the first of the element. */
  readonly since?: string;
}

/** One element over a span of releases in which it means the same. */
export interface ElementTable {
  readonly name: string;
  /** First and last release, such as `1.22`; what is installed has neither. */
  readonly since?: string;
  readonly until?: string;
  readonly properties: ReadonlyMap<string, PropertyTable>;
}

const RELEASE = z.string().regex(/^1\.\d+$/);
const dataSchema = z.strictObject({
  element: z.array(
    z.strictObject({
      name: z.string(),
      since: RELEASE,
      until: RELEASE.optional(),
      properties: z.record(z.string(), z.string()),
    }),
  ),
});

const RANGE = /^(-?[\d.]+?)\.\.(-?[\d.]+)$/;

const toKind = (text: string): PropertyKind => {
  if (text === 'boolean' || text === 'string') return { kind: text };
  const range = RANGE.exec(text);
  if (range !== null) return { kind: 'range', min: Number(range[1]), max: Number(range[2]) };
  return { kind: 'words', words: text.split(' ') };
};

const toProperty = (text: string): PropertyTable => {
  const [values = '', since] = text.split(' since ');
  return { takes: toKind(values), ...(since !== undefined && { since }) };
};

/** @throws where the text is no such table: it is a file of the package */
export const parseElementTables = (text: string): ElementTable[] =>
  dataSchema.parse(parse(text)).element.map(({ name, since, until, properties }) => ({
    name,
    since,
    ...(until !== undefined && { until }),
    properties: new Map(Object.entries(properties).map(([key, value]) => [key, toProperty(value)])),
  }));

/** `  bitrate  : Bitrate in kbit/sec` */
const PROPERTY_LINE = /^ {2}([a-zA-Z][\w-]*) *: /;
const INSPECTED_RANGE = /^ +(?:Unsigned )?(?:Integer|Integer64|Long|Double|Float)\. Range: +(\S+) - +(\S+) /;
const WORD_LINE = /^ +\(-?\d+\): (.+?) +- /;

const toInspectedKind = (lines: readonly string[]): PropertyKind => {
  for (const line of lines) {
    const range = INSPECTED_RANGE.exec(line);
    if (range !== null) return { kind: 'range', min: Number(range[1]), max: Number(range[2]) };
    if (/^ +Boolean\./.test(line)) return { kind: 'boolean' };
    if (/^ +String\./.test(line)) return { kind: 'string' };
    if (/^ +Enum "/.test(line))
      return { kind: 'words', words: lines.flatMap((one) => WORD_LINE.exec(one)?.[1] ?? []) };
  }
  return { kind: 'any' };
};

/** @param text what `gst-inspect-1.0 NAME` prints */
export const readInspection = (name: string, text: string): ElementTable => {
  const all = text.split('\n');
  const start = all.findIndex((line) => line.startsWith('Element Properties:'));
  const lines = start < 0 ? [] : all.slice(start + 1);
  const heads = lines.flatMap((line, index) => (PROPERTY_LINE.test(line) ? [index] : []));
  const properties = heads.map((head, index): [string, PropertyTable] => {
    const block = lines.slice(head, heads[index + 1] ?? lines.length);
    return [PROPERTY_LINE.exec(block[0] ?? '')?.[1] ?? '', { takes: toInspectedKind(block.slice(1)) }];
  });
  return { name, properties: new Map(properties) };
};

const BOOLEANS = ['true', 'false', 'yes', 'no', '0', '1'];

/** What is wrong with a value, with what would be right; undefined where nothing is known against it. */
export const findValueProblem = (takes: PropertyKind, value: string): string | undefined => {
  if (takes.kind === 'boolean')
    return BOOLEANS.includes(value.toLowerCase()) ? undefined : `"${value}" is neither true nor false`;
  if (takes.kind === 'words') {
    if (takes.words.includes(value) || /^-?\d+$/.test(value)) return undefined;
    return `there is no "${value}"; the nearest is "${nearestName(value, takes.words)}"`;
  }
  if (takes.kind !== 'range') return undefined;
  const number = value === '' ? Number.NaN : Number(value);
  if (Number.isNaN(number)) return `"${value}" is no number`;
  if (number >= takes.min && number <= takes.max) return undefined;
  return `${value} is out of its range, ${takes.min} to ${takes.max}`;
};
