/**
 * The keys of an `[[apps]]` table in one list, as `settings.ts` has those of the host: schema, accepted values and
 * words. Types, parsing and the reference page are made from it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SETTINGS } from './settings.js';

const MAX_ARGUMENTS = 256;
const MAX_COMMANDS = 32;

const argument = z
  .string()
  .max(4096)
  .refine((text) => !text.includes('\0'), 'NUL characters are not possible');
const commandLine = z.array(argument).min(1).max(MAX_ARGUMENTS);
const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a name of letters, digits and _ is needed'),
  argument,
);
const absolutePath = argument.regex(/^\//, 'it is no absolute path');
const preparation = z
  .array(z.strictObject({ run: commandLine.optional(), undo: commandLine.optional() }))
  .max(MAX_COMMANDS);

/** The words for one key; a key without `fallback` may be left out. */
const key = <Schema extends z.ZodType>(schema: Schema, values: string, description: string) => ({
  schema,
  values,
  description,
});

/** The keys of one app. */
export const APP_SETTINGS = {
  title: key(
    SETTINGS.name.schema,
    'text of 1–63 characters',
    'What clients show. `Desktop` amends the app that is always there.',
  ),
  id: key(
    z.int().min(1).max(0x7fff_ffff).optional(),
    '1–2147483647',
    'What clients know the app by. Default: made from the title; set it to keep shortcuts and box art when you change the title.',
  ),
  command: key(
    argument.min(1).optional(),
    'program',
    'Started when a client launches the app, without a shell, in a process group of its own. Left out: nothing is started.',
  ),
  arguments: key(
    z.array(argument).max(MAX_ARGUMENTS).default([]),
    'list of texts',
    'Arguments of the program.',
  ),
  environment: key(
    environment.default({}),
    'table of texts',
    'Further variables for the program and its preparation.',
  ),
  working_directory: key(
    absolutePath.optional(),
    'absolute path',
    'Where the program and its preparation run. Default: where `lumen serve` runs.',
  ),
  preparation: key(
    preparation.default([]),
    'list of `{ run = [...], undo = [...] }`',
    'Commands that run before the program, in order, and those that undo them after it, in reverse order, even after a crash of the host.',
  ),
  box_art: key(
    absolutePath.optional(),
    'absolute path of a PNG',
    'Picture that clients show, best of 600×800 pixels.',
  ),
  source: key(SETTINGS.source.schema.optional(), SETTINGS.source.values, '`source` for streams of this app.'),
  audio_source: key(
    SETTINGS.audio_source.schema.optional(),
    SETTINGS.audio_source.values,
    '`audio_source` for streams of this app.',
  ),
  encoder: key(
    SETTINGS.encoder.schema.optional(),
    SETTINGS.encoder.values,
    '`encoder` for streams of this app.',
  ),
  exit_ends_stream: key(
    z.boolean().default(true),
    '`true` (default), `false`',
    'Whether the stream ends when the program does; `false` for launchers that hand over to another process.',
  ),
  stop_seconds: key(
    z.number().min(0).max(60).default(5),
    '0–60 s (default 5)',
    'How long the program may take to end at quit (SIGTERM) before it is killed.',
  ),
} as const;

export type AppKey = keyof typeof APP_SETTINGS;
export const APP_KEYS = Object.keys(APP_SETTINGS) as readonly AppKey[];

/** The keys of a `preparation` entry. */
export const PREPARATION_KEYS = ['run', 'undo'] as const;

type Output<Key extends AppKey> = z.output<(typeof APP_SETTINGS)[Key]['schema']>;

/** Commands around an app, each program and arguments. */
export type Preparation = Output<'preparation'>[number];

/** One app, checked. */
export interface AppConfig {
  /** 1–2147483647, the same for as long as the title, or `id`, stays. */
  readonly id: number;
  readonly title: string;
  /** Program and arguments; undefined starts nothing. */
  readonly command: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string | undefined;
  readonly preparation: readonly Preparation[];
  readonly boxArt: string | undefined;
  /** Values that replace those of the host for streams of this app. */
  readonly overrides: {
    readonly source?: NonNullable<Output<'source'>>;
    readonly audioSource?: NonNullable<Output<'audio_source'>>;
    readonly encoder?: NonNullable<Output<'encoder'>>;
  };
  readonly exitEndsStream: boolean;
  readonly stopMs: number;
}

/** The title of the app that every host has, and its id, which hosts before this one gave it too. */
export const DESKTOP_TITLE = 'Desktop';
const DESKTOP_ID = 881_448_767;

/** @returns 1–2147483647, made from the title alone */
export const appIdOf = (title: string): number => {
  if (title === DESKTOP_TITLE) return DESKTOP_ID;
  const digest = createHash('sha256').update(`lumen app ${title}`).digest();
  return digest.readUInt32BE(0) & 0x7fff_ffff || 1;
};

/** The app that shows the screen as it is. */
export const DESKTOP: AppConfig = {
  id: DESKTOP_ID,
  title: DESKTOP_TITLE,
  command: undefined,
  environment: {},
  workingDirectory: undefined,
  preparation: [],
  boxArt: undefined,
  overrides: {},
  exitEndsStream: true,
  stopMs: 5000,
};
