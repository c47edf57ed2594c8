/**
 * Every setting of Lumen in one table: the zod schema of its value, its default, and the words for help and the
 * reference page. Types, parsing and documentation are made from this table alone.
 */
import os from 'node:os';
import { z } from 'zod';
import { LINK_KBPS_RANGE, LINK_RATE_WORDS, parseLinkRate } from '../support/link-rate.js';
import type { LogLevel } from '../support/logger.js';

/** The HTTP port that clients try first (`protocol/http.md` §1). */
export const DEFAULT_BASE_PORT = 47989;
/** All other ports are offsets of −5…+21 from the base port, and none may be privileged or above 65535. */
export const BASE_PORT_RANGE = { min: 1029, max: 65514 } as const;

/** The ways to get pictures, in the order in which `auto` tries them. */
export const SOURCE_KINDS = [
  'mutter',
  'kwin',
  'sway',
  'hyprland',
  'gamescope',
  'portal',
  'pipewire',
  'test',
] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** Where the picture comes from; `target` is a monitor, an output, or a PipeWire node's name or numeric id. */
export interface VideoSource {
  readonly kind: SourceKind | 'auto';
  readonly target?: string;
}

/** Where the sound comes from. `device` is a PulseAudio source name. */
export type AudioSource =
  | { readonly kind: 'auto' | 'desktop' | 'test' | 'none' }
  | { readonly kind: 'pulse'; readonly device: string };

/** Whether video is offered encrypted, and whether a stream that is not encrypted whole is refused. */
const ENCRYPTION_POLICIES = ['off', 'opportunistic', 'required'] as const;
export type EncryptionPolicy = (typeof ENCRYPTION_POLICIES)[number];
const ENCRYPTION_VALUES = ENCRYPTION_POLICIES.map((policy) => `\`${policy}\``).join(', ');

const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const satisfies readonly LogLevel[];
/** Shapes of a burst that `moonlightsink` knows; see its `pacing` property. */
const PACING_SHAPES = ['auto', 'rate', 'spread', 'kernel', 'none'] as const;

const SOURCE_WORDS =
  'auto, test, mutter, mutter:MONITOR, kwin, kwin:SCREEN, sway, sway:OUTPUT, hyprland, hyprland:OUTPUT, gamescope, portal, portal:virtual, pipewire:NAME, pipewire:ID';

/* Names of nodes and devices end up in launch strings: no quotes, spaces, exclamation marks or control characters. */
const NODE_NAME = /^[\w.:@+-]{1,200}$/;

/** Sources that have only one picture to show. */
const UNTARGETED: readonly string[] = ['auto', 'gamescope', 'test'];

const isSourceKind = (text: string): text is VideoSource['kind'] =>
  text === 'auto' || SOURCE_KINDS.some((kind) => kind === text);

const videoSource = z.string().transform((text, context): VideoSource => {
  const [kind = '', target] = text.split(/:(.*)/s, 2);
  const isComplete =
    target === undefined ? kind !== 'pipewire' : NODE_NAME.test(target) && !UNTARGETED.includes(kind);
  if (isSourceKind(kind) && isComplete) return target === undefined ? { kind } : { kind, target };
  context.addIssue('Invalid source');
  return z.NEVER;
});

const audioSource = z.string().transform((text, context): AudioSource => {
  if (text === 'auto' || text === 'desktop' || text === 'test' || text === 'none') return { kind: text };
  const device = text.startsWith('pulse:') ? text.slice('pulse:'.length) : '';
  if (NODE_NAME.test(device)) return { kind: 'pulse', device };
  context.addIssue('Invalid audio source');
  return z.NEVER;
});

/* None for `auto`. */
const stageNames = z
  .string()
  .regex(/^[a-z][\w-]{0,63}(,[a-z][\w-]{0,63})*$/, 'not names of stages (see: lumen pipelines list)')
  .transform((text): readonly string[] => (text === 'auto' ? [] : text.split(',')));

/* A file may have the number as a number. */
const linkRate = z.union([z.string(), z.number()]).transform((value, context): number => {
  const kbps = parseLinkRate(String(value));
  if (kbps !== undefined) return kbps;
  context.addIssue(`it is no rate of a link: ${LINK_RATE_WORDS}`);
  return z.NEVER;
});

/* Clients show the name as it is: any text of one line. */
const displayName = z
  .string()
  .trim()
  .min(1)
  .max(63)
  .regex(/^\P{Cc}*$/u, 'control characters are not allowed');

interface SettingTexts {
  /** The value used when nobody gives one, as it would be written in the file. */
  readonly fallback: string | number | boolean;
  /** Accepted values with their unit, for people. */
  readonly values: string;
  readonly description: string;
  /** A second variable that sets it: the name that the project before this one used. */
  readonly alias?: string;
  /** Words that it knew for values that have another name here. */
  readonly aliasWords?: Readonly<Record<string, string>>;
}

const setting = <Schema extends z.ZodType>(
  schema: Schema,
  texts: SettingTexts,
): SettingTexts & { readonly schema: Schema } => ({ schema, ...texts });

/** The settings by their name in the file; flags are `--link-kbps`, variables `LUMEN_LINK_KBPS`. */
export const SETTINGS = {
  name: setting(displayName, {
    fallback: '',
    values: 'text of 1–63 characters',
    description: 'Name that clients show. Default: the host name of the machine.',
  }),
  port: setting(z.int().min(BASE_PORT_RANGE.min).max(BASE_PORT_RANGE.max), {
    fallback: DEFAULT_BASE_PORT,
    values: `${BASE_PORT_RANGE.min}–${BASE_PORT_RANGE.max}`,
    description: 'Base port: HTTP; every other port is at a fixed offset from −5 to +21.',
  }),
  bind_address: setting(z.union([z.ipv4(), z.ipv6()], 'not an IPv4 or IPv6 address'), {
    fallback: '::',
    values: 'IPv4 or IPv6 address',
    description:
      'Local address that all ports are bound to; `::` is every one of both families, `0.0.0.0` every IPv4 one.',
  }),
  source: setting(videoSource, {
    fallback: 'auto',
    values: SOURCE_WORDS.replaceAll(/[^ ,]+/g, '`$&`'),
    description:
      'What the picture shows: a virtual output of the compositor at the client’s mode, one of its monitors, what a person chooses in the desktop portal’s dialog, a PipeWire video node, or a moving test pattern. `auto` takes what this session has; `lumen sources` lists it.',
    alias: 'LUMEN_VIDEO_SOURCE',
    aliasWords: { virtual: 'auto' },
  }),
  audio_source: setting(audioSource, {
    fallback: 'auto',
    values: '`auto`, `desktop`, `test`, `none`, `pulse:DEVICE`',
    description:
      'What is heard: the sound of the desktop, a test tone in each channel, nothing, or a PulseAudio source (a sink’s sound is `SINK.monitor`). `auto`: the tones with the test picture, the desktop with any other.',
  }),
  encoder: setting(stageNames, {
    fallback: 'auto',
    values: '`auto`, or stage names: `x264` or `x264,x265`',
    description:
      'Encoder stages (files of `pipelines/encoders`), at most one for each codec; for a codec without one, and with `auto`, the best that works here is taken.',
  }),
  fec_percentage: setting(z.int().min(0).max(255), {
    fallback: 20,
    values: '0–255 %',
    description: 'Parity shards in percent of the data shards of a video frame.',
    alias: 'LUMEN_FEC_PCT',
  }),
  video_drop_percent: setting(z.number().min(0).max(100), {
    fallback: 0,
    values: '0–100 %',
    description: 'Video datagrams lost on purpose, to see what parity and clients make of it.',
    alias: 'LUMEN_VIDEO_DROP',
  }),
  adapt_to_loss: setting(z.boolean(), {
    fallback: true,
    values: '`true`, `false`',
    description:
      'Follow the losses that a client reports with more parity and a lower bitrate, inside the figure that the client asked for, and go back when they end. Needs an encoder that changes its bitrate in place.',
  }),
  link_kbps: setting(linkRate, {
    fallback: 800_000,
    values: `${LINK_KBPS_RANGE.min}–${LINK_KBPS_RANGE.max} kbit/s, or the speed of a port: \`100M\`, \`1G\`, \`2500M\``,
    description:
      'Slowest link on the way to the client: datagrams leave at no more than 0.9 of this rate. Of a port’s speed four fifths count: `1G` is 800000. For one client alone: `lumen clients link`.',
  }),
  pacing: setting(z.enum(PACING_SHAPES), {
    fallback: 'auto',
    values: PACING_SHAPES.map((shape) => `\`${shape}\``).join(', '),
    description: 'How the datagrams of a frame are spread in time; see `moonlightsink`.',
  }),
  encryption_lan: setting(z.enum(ENCRYPTION_POLICIES), {
    fallback: 'off',
    values: ENCRYPTION_VALUES,
    description:
      'Encryption of the video for clients on the local network (private, link-local and unique local addresses): `opportunistic` offers it, and most computers and phones then use it; `required` also turns away who does not encrypt everything. Control and sound are offered encrypted always.',
  }),
  encryption_wan: setting(z.enum(ENCRYPTION_POLICIES), {
    fallback: 'opportunistic',
    values: ENCRYPTION_VALUES,
    description: 'The same for clients with any other address.',
  }),
  suspend_minutes: setting(z.number().min(0).max(10_080), {
    fallback: 30,
    values: '0–10080 minutes',
    description: 'How long the session of a client that left is kept for it to resume.',
  }),
  max_sessions: setting(z.int().min(1).max(64), {
    fallback: 4,
    values: '1–64',
    description: 'Sessions at one time, suspended ones included.',
  }),
  discovery: setting(z.boolean(), {
    fallback: true,
    values: '`true`, `false`',
    description: 'Announce this host on the local network (mDNS `_nvstream._tcp`).',
  }),
  perf_log: setting(z.boolean(), {
    fallback: false,
    values: '`true`, `false`',
    description: 'Log the times of each stage of every stream, as in `lumen status`, every second.',
    alias: 'LUMEN_PERF',
  }),
  log_level: setting(z.enum(LOG_LEVELS), {
    fallback: 'info',
    values: LOG_LEVELS.map((level) => `\`${level}\``).join(', '),
    description: 'Lowest level that is logged.',
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

type CamelCase<Text extends string> = Text extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Text;

/** The settings of the table, checked, by their name in camel case; units end the names. */
export type HostSettings = {
  readonly [Key in SettingKey as CamelCase<Key>]: z.output<(typeof SETTINGS)[Key]['schema']>;
};

/** `link_kbps` → `linkKbps`: the name in {@link HostSettings} and among parsed flags. */
export const toCamelCase = (key: string): string =>
  key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
/** `link_kbps` → `--link-kbps`. */
export const toFlag = (key: string): string => `--${key.replaceAll('_', '-')}`;
/** `link_kbps` → `LUMEN_LINK_KBPS`. */
const toVariable = (key: string): string => `LUMEN_${key.toUpperCase()}`;

/** The variables that set it, the one that wins first. */
export const variablesOf = (key: SettingKey): readonly string[] => {
  const { alias }: SettingTexts = SETTINGS[key];
  return alias === undefined ? [toVariable(key)] : [toVariable(key), alias];
};

/** What a variable says, in the words of the setting. */
export const translateAlias = (key: SettingKey, variable: string, value: string): string => {
  const { alias, aliasWords }: SettingTexts = SETTINGS[key];
  return (variable === alias ? aliasWords?.[value] : undefined) ?? value;
};

/** The default of a setting on this machine. */
export const defaultOf = (key: SettingKey): string | number | boolean =>
  key === 'name' ? os.hostname().slice(0, 63) || 'Lumen' : SETTINGS[key].fallback;
