/** Reads which elements a launch fragment has and what it sets in them, without GStreamer. Pure. */

export interface PropertyUse {
  readonly name: string;
  /** As written, without quotes; placeholders are not filled in. */
  readonly value: string;
  /** Characters from the start of the fragment. */
  readonly offset: number;
}

export interface ElementUse {
  readonly element: string;
  readonly offset: number;
  readonly properties: readonly PropertyUse[];
}

const SPACE = /\s+/y;
const LINK = /!/y;
/** Caps stand between two links, with spaces behind their commas or not. */
const CAPS = /[a-z]+\/[^!]*/y;
const PAD = /[A-Za-z][\w-]*\.\S*/y;
const PROPERTY = /([A-Za-z][\w:-]*)\s*=\s*("(?:\\.|[^"\\])*"|'[^']*'|[^\s"'](?:[^\s"]|"(?:\\.|[^"\\])*")*)/y;
const ELEMENT = /[A-Za-z][\w-]*(?=\s|$)/y;

const unquote = (value: string): string => /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value;

/**
 * The elements of a fragment in their order. What it cannot make out (bins in brackets) it passes over: GStreamer's own
 * parser has the last word.
 */
export const readElements = (fragment: string): ElementUse[] => {
  const uses: { element: string; offset: number; properties: PropertyUse[] }[] = [];
  let current: PropertyUse[] | undefined;
  for (let at = 0; at < fragment.length; ) {
    const match = (pattern: RegExp): RegExpExecArray | null => {
      pattern.lastIndex = at;
      return pattern.exec(fragment);
    };
    const separator = match(SPACE) ?? match(LINK) ?? match(CAPS);
    const property = separator === null && current !== undefined ? match(PROPERTY) : null;
    const pad = separator === null && property === null ? match(PAD) : null;
    const element = separator === null && property === null && pad === null ? match(ELEMENT) : null;
    if (property !== null)
      current?.push({ name: property[1] ?? '', value: unquote(property[2] ?? ''), offset: at });
    if (element !== null) {
      current = [];
      uses.push({ element: element[0], offset: at, properties: current });
    }
    const isBetween = separator !== null && separator[0].trim() !== '';
    if (isBetween || pad !== null) current = undefined;
    at += (separator ?? property ?? pad ?? element)?.[0].length ?? 1;
  }
  return uses;
};
