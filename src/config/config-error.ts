/** The words for what is wrong with a setting: where it stands, what was found, the nearest name, what to do. */
import type { z } from 'zod';
import { LumenError } from '../support/errors.js';
import { nearestName } from './nearest-name.js';

export const COMMAND_LINE = 'the command line';
export const ENVIRONMENT = 'the environment';

/** @param place where the value stands: {@link COMMAND_LINE}, {@link ENVIRONMENT} or a file */
const remedyFor = (key: string, place: string): string => {
  if (place === COMMAND_LINE) return `give ${key} another value; lumen serve --help lists them`;
  if (place === ENVIRONMENT) return `set ${key} to another value, or unset it`;
  return `correct ${place}, or remove the line to get the default`;
};

/** @param key as the person wrote it */
export const invalid = (key: string, problem: string, place: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_CONFIG_INVALID', { key, problem, file: place, remedy: remedyFor(key, place) }, cause);

/** @param prefix what stands before the name, where it is part of something that has a name */
export const unknownKey = (name: string, known: readonly string[], place: string, prefix = ''): LumenError =>
  invalid(
    `${prefix}${name.slice(0, 80)}`,
    `there is no such setting; the nearest name is ${nearestName(name, known) ?? 'none'}`,
    place,
  );

const describeValue = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
};

/** The schema's own words for a wrong type or range name its notions, not a person's: what is accepted says it better. */
const isSchemaTalk = (message: string): boolean => /^(Invalid|Too|Unrecognized)/.test(message);

/** @param accepted the accepted values, for people */
export const notAccepted = (
  key: string,
  value: unknown,
  accepted: string,
  place: string,
  error: z.ZodError,
): LumenError => {
  const message = error.issues[0]?.message ?? '';
  const why = isSchemaTalk(message) ? '' : `: ${message}`;
  return invalid(key, `${describeValue(value)} is not accepted${why} (accepted: ${accepted})`, place);
};
