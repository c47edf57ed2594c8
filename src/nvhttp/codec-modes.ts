/** Video formats in the numbers of serverinfo. Pure. Source: `protocol/http.md` §5.2. */
import { hasFormat, type VideoFormat } from '../session/stream-plan.js';

const MODES: readonly (readonly [bit: number, format: VideoFormat])[] = [
  [0x00_0001, { codec: 'h264', bitDepth: 8, chroma: '420' }],
  [0x00_0100, { codec: 'hevc', bitDepth: 8, chroma: '420' }],
  [0x00_0200, { codec: 'hevc', bitDepth: 10, chroma: '420' }],
  [0x01_0000, { codec: 'av1', bitDepth: 8, chroma: '420' }],
  [0x02_0000, { codec: 'av1', bitDepth: 10, chroma: '420' }],
  [0x04_0000, { codec: 'h264', bitDepth: 8, chroma: '444' }],
  [0x08_0000, { codec: 'hevc', bitDepth: 8, chroma: '444' }],
  [0x10_0000, { codec: 'hevc', bitDepth: 10, chroma: '444' }],
  [0x20_0000, { codec: 'av1', bitDepth: 8, chroma: '444' }],
  [0x40_0000, { codec: 'av1', bitDepth: 10, chroma: '444' }],
];
/** The figure of NVIDIA's own host: clients only look whether it is 0. */
const MAX_LUMA_PIXELS_HEVC = 1_869_449_984;

/** `ServerCodecModeSupport`: a bit for each format that a client could ask for. */
export const codecModeSupport = (formats: readonly VideoFormat[]): number =>
  MODES.reduce((bits, [bit, format]) => (hasFormat(formats, format) ? bits | bit : bits), 0);

/** The formats that `ServerCodecModeSupport` stands for. */
export const formatsOf = (codecModes: number): VideoFormat[] =>
  MODES.filter(([bit]) => (codecModes & bit) !== 0).map(([, format]) => format);

/** `MaxLumaPixelsHEVC`: 0 where there is no HEVC. */
export const maxLumaPixelsHevc = (formats: readonly VideoFormat[]): number =>
  hasFormat(formats, { codec: 'hevc' }) ? MAX_LUMA_PIXELS_HEVC : 0;
