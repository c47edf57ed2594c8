/**
 * The query string of a request: where this protocol carries all its arguments. Names are case-insensitive
 * (`protocol/http.md` §3). Everything is bounded, and what is ambiguous is refused. Pure.
 */

/** Parameters by lower-case name. */
export class Query {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** @param name in any case */
  get(name: string): string | undefined {
    return this.#values.get(name.toLowerCase());
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }
}

export type QueryResult =
  | { readonly ok: true; readonly query: Query }
  | { readonly ok: false; readonly reason: string };

/** The path and the query text of a request target such as `/pair?uniqueid=1`. */
export interface RequestTarget {
  readonly path: string;
  readonly queryText: string;
}

/** Stock clients send at most about 25 parameters. */
const MAX_PARAMETERS = 64;
const MAX_NAME_LENGTH = 64;
/** A PEM certificate in hex: up to 8 KiB in stock clients, doubled by percent signs at worst. */
const MAX_VALUE_LENGTH = 16 * 1024;

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined; // a broken percent sequence: the caller refuses the request
  }
};

/** Splits a request target at its first question mark. Nothing is decoded: paths are compared exactly. */
export const splitTarget = (target: string): RequestTarget => {
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, queryText: '' };
  return { path: target.slice(0, mark), queryText: target.slice(mark + 1) };
};

const findPairProblem = (name: string, value: string): string | undefined => {
  if (name.length > MAX_NAME_LENGTH) return `a parameter name is longer than ${MAX_NAME_LENGTH} characters`;
  if (value.length > MAX_VALUE_LENGTH)
    return `parameter ${name} is longer than ${MAX_VALUE_LENGTH} characters`;
  return undefined;
};

/**
 * Reads a query string. A parameter given twice with one value counts once; with two values the request is refused,
 * for a check and a use might otherwise see different ones.
 */
export const parseQuery = (text: string): QueryResult => {
  const parts = text.split('&', MAX_PARAMETERS + 1).filter((part) => part !== '');
  if (parts.length > MAX_PARAMETERS)
    return { ok: false, reason: `there are more than ${MAX_PARAMETERS} parameters` };
  const values = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals))?.toLowerCase();
    const value = decode(equals < 0 ? '' : part.slice(equals + 1));
    if (name === undefined || value === undefined)
      return { ok: false, reason: 'a percent sequence is broken' };
    const problem = findPairProblem(name, value);
    if (problem !== undefined) return { ok: false, reason: problem };
    const earlier = values.get(name);
    if (earlier !== undefined && earlier !== value) {
      return { ok: false, reason: `parameter ${name} is given twice with different values` };
    }
    values.set(name, value);
  }
  return { ok: true, query: new Query(values) };
};

/**
 * Reads hex digits of either case.
 * @returns undefined for an odd number of digits or for anything that is not hex; an empty buffer for no digits
 */
export const parseHex = (text: string): Buffer | undefined =>
  text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? Buffer.from(text, 'hex') : undefined;

/** Reads a decimal integer in `min`…`max`; anything else, empty text included, is undefined. */
export const parseInteger = (text: string, min: number, max: number): number | undefined => {
  if (!/^-?\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
};
