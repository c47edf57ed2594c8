/** The kinds of coded picture, in the words that descriptions and messages use: `10-bit 4:2:0`. Pure. */
import type { VideoFormat } from '../session/stream-plan.js';

/** A bit depth and a chroma sampling; a codec that has no name on the wire for one cannot have it. */
export const FORMAT_WORDS = ['8-bit 4:2:0', '10-bit 4:2:0', '8-bit 4:4:4', '10-bit 4:4:4'] as const;
export type FormatWord = (typeof FORMAT_WORDS)[number];

/** H.264 in ten bits has no bit in `ServerCodecModeSupport` (`protocol/http.md` §5.2). */
export const isOnTheWire = (codec: VideoFormat['codec'], word: FormatWord): boolean =>
  codec !== 'h264' || word.startsWith('8-bit');

export const toFormatWord = ({ bitDepth, chroma }: Omit<VideoFormat, 'codec'>): FormatWord =>
  `${bitDepth}-bit ${chroma === '444' ? '4:4:4' : '4:2:0'}`;

export const toVideoFormat = (codec: VideoFormat['codec'], word: FormatWord): VideoFormat => ({
  codec,
  bitDepth: word.startsWith('10-bit') ? 10 : 8,
  chroma: word.endsWith('4:4:4') ? '444' : '420',
});
