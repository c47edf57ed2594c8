/**
 * The body of the DESCRIBE reply: what this host can do. The client does not parse it, it searches for substrings.
 * Pure, both directions. Source: `protocol/rtsp.md` §5.2.
 */

import type { OpusLayout } from '../session/stream-plan.js';

export interface HostDescription {
  readonly canHevc: boolean;
  readonly canAv1: boolean;
  /** 0x1 pen and touch events, 0x2 controller touchpad and motion events. */
  readonly featureFlags: number;
  /** 0x1 control v2, 0x2 video, 0x4 audio. */
  readonly encryptionSupported: number;
  /** The same bits; forces clients that did not opt in. */
  readonly encryptionRequested: number;
  /** Opus layouts `n S C m0…` that can be streamed, normal quality before high; `protocol/rtsp.md` §5.2. */
  readonly surroundParams: readonly string[];
}

/** How a client decodes a sound: as advertised, with the mapping in its own order of channels. */
export interface FoundLayout {
  /** Digits for channels, streams, coupled streams and each channel's place. */
  readonly layout: string;
  readonly isHighQuality: boolean;
}

/** What a client finds in a DESCRIBE body. */
export interface FoundDescription extends HostDescription {
  readonly canInvalidateReferences: boolean;
}

const HEVC_MARK = 'sprop-parameter-sets=AAAAAU';
const AV1_MARK = 'AV1/90000';
const SURROUND_MARK = 'a=fmtp:97 surround-params=';

/** What clients assume of a host that offers 5.1 without saying how. */
const UNTOLD_5_1 = '642041523';
const LAYOUT_HEAD_DIGITS = 3;

/** The Opus layout of stereo, which clients know without the line: one coupled stream. */
export const STEREO_PARAMS = '21101';

/**
 * The two entries of a surround layout, normal quality first. In that one clients take the last channel to stand fourth
 * (`protocol/rtsp.md` §5.2).
 */
export const formatSurroundParams = ({ channels, streams, coupled, mapping }: OpusLayout): string[] => {
  const [first, fourth, rest] = [mapping.slice(0, 3), mapping.slice(3, 4), mapping.slice(4)];
  const head = `${channels}${streams}${coupled}`;
  return [head + [...first, ...rest, ...fourth].join(''), head + mapping.join('')];
};

/**
 * The layout that a stock client decodes with, given the entries it found.
 * @param wantsHighQuality it would take the second entry of its channel count
 * @returns undefined where it gives up: no entry for 7.1
 */
export const chooseLayout = (
  surroundParams: readonly string[],
  channels: number,
  wantsHighQuality: boolean,
): FoundLayout | undefined => {
  if (channels === 2) return { layout: STEREO_PARAMS, isHighQuality: false };
  const [normal, high] = surroundParams.filter(
    (entry) => entry.startsWith(String(channels)) && entry.length === channels + 3,
  );
  if (wantsHighQuality && high !== undefined) return { layout: high, isHighQuality: true };
  if (normal !== undefined) {
    const digits = [...normal];
    const last = digits.pop() ?? '';
    digits.splice(LAYOUT_HEAD_DIGITS + 3, 0, last);
    return { layout: digits.join(''), isHighQuality: false };
  }
  return channels === 6 ? { layout: UNTOLD_5_1, isHighQuality: false } : undefined;
};

/**
 * Writes the body. Reference invalidation is not offered: the encoders here cannot do it, and clients then ask for key
 * frames instead.
 */
export const formatDescription = (description: HostDescription): string =>
  [
    `a=x-ss-general.featureFlags:${description.featureFlags}`,
    `a=x-ss-general.encryptionSupported:${description.encryptionSupported}`,
    `a=x-ss-general.encryptionRequested:${description.encryptionRequested}`,
    ...(description.canHevc ? [HEVC_MARK] : []),
    ...(description.canAv1 ? [`a=rtpmap:98 ${AV1_MARK}`] : []),
    ...description.surroundParams.map((layout) => `${SURROUND_MARK}${layout}`),
    '',
  ].join('\r\n');

/** The integer after `name` and a colon, as the client reads it; 0 if absent. */
const findInteger = (body: string, name: string): number => {
  const start = body.indexOf(name);
  const match = start < 0 ? null : /^[^:\n]*:(0x[0-9a-f]{1,8}|\d{1,10})/i.exec(body.slice(start));
  return Number(match?.[1] ?? 0);
};

/** Reads a body the way the stock client does. */
export const parseDescription = (body: string): FoundDescription => ({
  canHevc: body.includes(HEVC_MARK),
  canAv1: body.includes(AV1_MARK),
  canInvalidateReferences: body.includes('x-nv-video[0].refPicInvalidation'),
  featureFlags: findInteger(body, 'x-ss-general.featureFlags'),
  encryptionSupported: findInteger(body, 'x-ss-general.encryptionSupported'),
  encryptionRequested: findInteger(body, 'x-ss-general.encryptionRequested'),
  surroundParams: [...body.matchAll(/a=fmtp:97 surround-params=(\d+)/g)].map((match) => match[1] ?? ''),
});
