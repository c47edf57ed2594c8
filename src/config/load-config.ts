/**
 * Reads the configuration once at start: flag before environment (`LUMEN_*`) before file before default. Anything
 * that is not understood ends the start with the place, the value and the nearest known name.
 */
import fs from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { LumenError } from '../support/errors.js';
import type { Config } from './config.js';
import { COMMAND_LINE, ENVIRONMENT, invalid, notAccepted, unknownKey } from './config-error.js';
import { loadApps } from './load-apps.js';
import { editDistance, nearestName } from './nearest-name.js';
import { type Environment, resolvePaths } from './paths.js';
import {
  BASE_PORT_RANGE,
  defaultOf,
  type HostSettings,
  SETTING_KEYS,
  SETTINGS,
  type SettingKey,
  toCamelCase,
  toFlag,
  translateAlias,
  variablesOf,
} from './settings.js';

/** Where values may come from. All parts are optional. */
export interface ConfigSources {
  /** Parsed command-line options by camel-case name, as commander gives them; other names are ignored. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** Default: the environment of this process. */
  readonly env?: Environment;
  /** Path of the file, which must then exist. Default: the file in the configuration folder, which need not. */
  readonly file?: string;
}

/** A value before it is checked, and the words for where it came from. */
interface RawValue {
  readonly value: unknown;
  /** The key as the person wrote it: `port`, `--port`, `LUMEN_PORT`. */
  readonly key: string;
  readonly place: string;
}

/** The one key of the file that has neither flag nor variable. */
const APPS = 'apps';
const MAX_FILE_BYTES = 256 * 1024;

const readFileText = (file: string, mayBeMissing: boolean): string | undefined => {
  try {
    const text = fs.readFileSync(file, 'utf8');
    if (text.length > MAX_FILE_BYTES) throw invalid('(whole file)', 'it is larger than 256 KiB', file);
    return text;
  } catch (error) {
    if (error instanceof LumenError) throw error;
    if (mayBeMissing && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalid('(whole file)', `it cannot be read: ${String(error)}`, file, error);
  }
};

const readFile = (file: string, mayBeMissing: boolean): ReadonlyMap<string, unknown> => {
  const text = readFileText(file, mayBeMissing);
  if (text === undefined) return new Map();
  try {
    return new Map(Object.entries(parse(text)));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const problem = error.message.split('\n')[0] ?? 'not TOML';
    throw invalid(`${file}, line ${error.line}`, problem, file, error);
  }
};

/* Flags and variables are text: numbers and booleans are read as a TOML file would spell them, and 1 and 0 as yes and no. */
const fromText = (key: SettingKey, value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  const kind = typeof SETTINGS[key].fallback;
  if (kind === 'number' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (kind === 'boolean' && /^(true|false|1|0)$/.test(value)) return value === 'true' || value === '1';
  return value;
};

const check = (key: SettingKey, raw: RawValue): unknown => {
  const result = SETTINGS[key].schema.safeParse(raw.value);
  if (result.success) return result.data;
  if (key === 'port' && typeof raw.value === 'number') {
    throw new LumenError('LUMEN_PORT_RANGE', { port: raw.value, ...BASE_PORT_RANGE });
  }
  throw notAccepted(raw.key, raw.value, SETTINGS[key].values, raw.place, result.error);
};

/* A misspelt variable is an error; one of another purpose, far from every setting's name, is left alone. */
const checkVariableNames = (env: Environment): void => {
  const known = SETTING_KEYS.flatMap(variablesOf);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('LUMEN_') || known.includes(name)) continue;
    const nearest = nearestName(name, known) ?? '';
    if (editDistance(name.slice(0, 64), nearest) <= 2) throw unknownKey(name, known, ENVIRONMENT);
  }
};

const deepFreeze = <Value>(value: Value): Value => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
};

/**
 * Merges and checks all settings.
 * @returns deep-frozen
 * @throws LumenError LUMEN_CONFIG_INVALID or LUMEN_PORT_RANGE for the first value that is wrong
 */
export const loadConfig = (sources: ConfigSources = {}): Config => {
  const env = sources.env ?? process.env;
  const flags = sources.flags ?? {};
  const file = sources.file ?? resolvePaths(env).configFile;
  const fileValues = readFile(file, sources.file === undefined);
  for (const key of fileValues.keys()) {
    if (key !== APPS && !Object.hasOwn(SETTINGS, key)) throw unknownKey(key, [...SETTING_KEYS, APPS], file);
  }
  checkVariableNames(env);

  const choose = (key: SettingKey): RawValue => {
    const flag = flags[toCamelCase(key)];
    if (flag !== undefined) return { value: fromText(key, flag), key: toFlag(key), place: COMMAND_LINE };
    const variable = variablesOf(key).find((name) => env[name] !== undefined);
    if (variable !== undefined) {
      const text = translateAlias(key, variable, env[variable] ?? '');
      return { value: fromText(key, text), key: variable, place: ENVIRONMENT };
    }
    if (fileValues.has(key)) return { value: fileValues.get(key), key, place: file };
    return { value: defaultOf(key), key, place: 'the defaults' };
  };
  const entries = SETTING_KEYS.map((key) => [toCamelCase(key), check(key, choose(key))]);
  const settings = Object.fromEntries(entries) as HostSettings;
  return deepFreeze({ ...settings, apps: loadApps(fileValues.get(APPS), file) });
};
