// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${name}" is the syntax of the templates, not of JavaScript
/**
 * Launch fragments with placeholders: `bitrate=${encoder_kbps}`. Pure. Only numbers and a few fixed words are ever put
 * in, so nothing that came from a network or a file name can change the shape of a graph.
 */
import { nearestName } from '../config/nearest-name.js';
import type { AudioPlan, ColorSpace, VideoPlan } from '../session/stream-plan.js';
import { type FormatWord, toFormatWord } from './format.js';

/** Every placeholder, with what it stands for; `lumen pipelines show` prints this table. */
export const PLACEHOLDERS = {
  width: 'picture width in pixels',
  height: 'picture height in pixels',
  fps: 'frames a second',
  format: 'raw format of the picture as `formats` of the stage names it, such as I420 or P010_10LE',
  encoder_kbps:
    'video bitrate in kbit/s, what is left of the client’s figure after parity, headers and audio',
  encoder_bps: 'the same in bit/s',
  vbv_kbits: 'rate buffer of one frame, in kbit',
  vbv_ms: 'rate buffer of one frame, in milliseconds',
  slices: 'slices per frame that the client asked for',
  tile_columns_log2:
    'columns of AV1 tiles that make at least so many slices, as a power of two: 0 is one column',
  tile_rows_log2: 'rows of the same tiles, likewise',
  refs: 'reference frames, 1 where the client leaves it to the host',
  colorimetry: 'colour space and range as GStreamer caps write them, such as 2:3:5:1',
  color_primaries: 'colour primaries, number of ITU-T H.273',
  color_transfer: 'transfer function, number of ITU-T H.273',
  color_matrix: 'colour matrix, number of ITU-T H.273',
  color_range: 'limited or full',
  first_frame: 'number of the first frame that a counting test source draws',
  channels: 'audio channels: 2, 6 or 8',
  channel_mask: 'speaker positions of those channels as a GStreamer bitmask, such as 0x3',
  opus_mask: 'the same as the Opus encoder is told: 0x0 for surround, so that it pairs no channels',
  audio_bps: 'audio bitrate in bit/s',
  packet_ms: 'length of an Opus packet in milliseconds',
} as const;

export type Placeholder = keyof typeof PLACEHOLDERS;
/** What the placeholders of one session stand for: numbers and fixed words. */
export type PlaceholderValues = Readonly<
  Partial<Record<Exclude<Placeholder, 'format'>, number | ColorWord>> & {
    /** From a description, which was checked to have nothing but a word there. */
    format?: string;
  }
>;

/** GStreamer's `range:matrix:transfer:primaries` for each colour space, by range. */
export const COLORIMETRY = {
  bt601: { limited: '2:4:16:4', full: '1:4:16:4' },
  bt709: { limited: '2:3:5:1', full: '1:3:5:1' },
  bt2020: { limited: '2:6:13:7', full: '1:6:13:7' },
  'bt2100-pq': { limited: '2:6:14:7', full: '1:6:14:7' },
} as const satisfies Record<ColorSpace, Record<'limited' | 'full', string>>;

/** Primaries, transfer and matrix by ITU-T H.273; `protocol/video.md` §8. */
const CODE_POINTS = {
  bt601: [6, 6, 6],
  bt709: [1, 1, 1],
  bt2020: [9, 14, 9],
  'bt2100-pq': [9, 16, 9],
} as const satisfies Record<ColorSpace, readonly [number, number, number]>;

/** Speaker positions as GStreamer numbers them: the side speakers of 7.1 are not where WAVE's 0x63f has them. */
const CHANNEL_MASKS = { 2: '0x3', 6: '0x3f', 8: '0xc3f' } as const satisfies Record<
  AudioPlan['channels'],
  string
>;

const NO_POSITIONS = '0x0';

type ColorWord =
  | typeof NO_POSITIONS
  | 'limited'
  | 'full'
  | (typeof COLORIMETRY)[ColorSpace]['limited' | 'full']
  | (typeof CHANNEL_MASKS)[AudioPlan['channels']];

/** What else a video graph's values depend on. */
export interface VideoValueSources {
  readonly firstFrameNumber: number;
  /** The stage that encodes, for the fragments that are its own. */
  readonly encoder?: {
    readonly formats?: Readonly<Partial<Record<FormatWord, string>>> | undefined;
    readonly max_kbps?: number | undefined;
  };
}

/** More rows than columns: 2 slices are two rows, 4 are 2 × 2, 8 are four rows of two (`protocol/video.md` §6.2). */
const toTiles = (slices: number): PlaceholderValues => {
  const tilesLog2 = Math.ceil(Math.log2(slices));
  return {
    tile_columns_log2: Math.floor(tilesLog2 / 2),
    tile_rows_log2: Math.ceil(tilesLog2 / 2),
  };
};

/** What the fragments of a stage have besides: none where the stage does not make the plan's format. */
const toFormatValue = (plan: VideoPlan, encoder: VideoValueSources['encoder']): PlaceholderValues => {
  const format = encoder?.formats?.[toFormatWord(plan)];
  return format === undefined ? {} : { format };
};

/**
 * The values for a video graph. 8-bit BT.2020 does not exist on this wire and becomes BT.709.
 * Example: 20 000 kbit/s at 60 frames a second is a buffer of 333 kbit, 17 ms.
 */
export const toVideoValues = (plan: VideoPlan, more: VideoValueSources): PlaceholderValues => {
  const space = plan.colorSpace === 'bt2020' && plan.bitDepth === 8 ? 'bt709' : plan.colorSpace;
  const range = plan.fullRange ? 'full' : 'limited';
  const [primaries, transfer, matrix] = CODE_POINTS[space];
  const encoderKbps = Math.min(plan.encoderKbps, more.encoder?.max_kbps ?? plan.encoderKbps);
  return {
    width: plan.width,
    height: plan.height,
    fps: plan.fps,
    ...toFormatValue(plan, more.encoder),
    encoder_kbps: encoderKbps,
    encoder_bps: encoderKbps * 1000,
    vbv_kbits: Math.max(1, Math.round(encoderKbps / plan.fps)),
    vbv_ms: Math.max(1, Math.round(1000 / plan.fps)),
    slices: plan.slices,
    ...toTiles(plan.slices),
    refs: Math.max(1, plan.references),
    colorimetry: COLORIMETRY[space][range],
    color_primaries: primaries,
    color_transfer: transfer,
    color_matrix: matrix,
    color_range: range,
    first_frame: more.firstFrameNumber,
  };
};

/** The values for an audio graph. */
export const toAudioValues = (
  plan: Pick<AudioPlan, 'channels' | 'bitrateKbps' | 'packetDurationMs'>,
): PlaceholderValues => ({
  channels: plan.channels,
  channel_mask: CHANNEL_MASKS[plan.channels],
  opus_mask: plan.channels === 2 ? CHANNEL_MASKS[2] : NO_POSITIONS,
  audio_bps: plan.bitrateKbps * 1000,
  packet_ms: plan.packetDurationMs,
});

/** A placeholder that cannot be filled, with the text position where it stands. */
export interface TemplateProblem {
  readonly ok: false;
  readonly reason: string;
  /** Characters from the start of the template. */
  readonly offset: number;
}

const PLACEHOLDER_PATTERN = /\$\{([^}]*)\}?|\$/g;

const isPlaceholder = (name: string): name is Placeholder => Object.hasOwn(PLACEHOLDERS, name);

/** The first `$` of a template that is not a placeholder of the table, or null. */
export const findTemplateProblem = (template: string): TemplateProblem | null => {
  for (const match of template.matchAll(PLACEHOLDER_PATTERN)) {
    const offset = match.index;
    const name = match[1];
    if (name === undefined)
      return { ok: false, offset, reason: 'a "$" must begin a placeholder such as ${width}' };
    if (!match[0].endsWith('}'))
      return { ok: false, offset, reason: `the placeholder "${match[0].slice(0, 40)}" has no "}"` };
    if (isPlaceholder(name)) continue;
    const near = nearestName(name, Object.keys(PLACEHOLDERS));
    return {
      ok: false,
      offset,
      reason: `unknown placeholder \${${name.slice(0, 40)}}; the nearest is \${${near}}`,
    };
  }
  return null;
};

/**
 * Fills a template in. White space, line ends included, becomes single spaces.
 * @returns the launch fragment, or the first placeholder that is unknown or has no value in this kind of graph
 */
export const fillTemplate = (
  template: string,
  values: PlaceholderValues,
): { readonly ok: true; readonly launch: string } | TemplateProblem => {
  const problem = findTemplateProblem(template);
  if (problem !== null) return problem;
  for (const match of template.matchAll(PLACEHOLDER_PATTERN)) {
    if (values[match[1] as Placeholder] === undefined)
      return {
        ok: false,
        offset: match.index,
        reason: `the placeholder ${match[0]} has no value in this kind of graph`,
      };
  }
  const launch = template.replace(PLACEHOLDER_PATTERN, (_, name: Placeholder) => String(values[name]));
  return { ok: true, launch: launch.replace(/\s+/g, ' ').trim() };
};
