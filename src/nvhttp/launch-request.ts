/** The parameters of `/launch` and `/resume`, checked (`protocol/http.md` §10). Pure. */
import { parseHex, parseInteger, type Query } from './query.js';

export type LaunchVerb = 'launch' | 'resume';

/** The display mode that a client asks for. What is streamed in the end comes from ANNOUNCE. */
export interface DisplayMode {
  /** Pixels, even. */
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
}

/** What of a launch or resume is used; the rest comes from ANNOUNCE or is not there yet. */
export interface LaunchRequest {
  /** 1–2147483647; null on a resume that names none. */
  readonly appId: number | null;
  /** null when the client sent none. */
  readonly mode: DisplayMode | null;
  /** AES-128 key of the session, 16 bytes. */
  readonly riKey: Buffer;
  /** Key id as unsigned 32 bit; its big-endian bytes begin the IVs. */
  readonly riKeyId: number;
  /** 1 or more: the client can encrypt RTSP, so `rtspenc://` may be offered. */
  readonly coreVersion: number;
  /** The host plays the sound too. */
  readonly playsAudioOnHost: boolean;
  readonly audioChannels: 2 | 6 | 8;
}

/** `message` is shown to the person at the client. */
export type LaunchRequestResult =
  | { readonly ok: true; readonly request: LaunchRequest }
  | { readonly ok: false; readonly statusCode: number; readonly message: string };

/** Accepted display modes. */
export const MODE_LIMITS = { minSide: 64, maxSide: 8192, minFps: 1, maxFps: 480 } as const;

/** `channelMask << 16 | channelCount` of stereo. */
const STEREO = 196_610;
const MAX_INT32 = 0x7fff_ffff;

type Checked<Value> = { readonly value: Value } | { readonly problem: string };

const parseMode = (text: string | undefined): Checked<DisplayMode | null> => {
  if (text === undefined) return { value: null };
  const match = /^(\d{1,6})x(\d{1,6})x(\d{1,6})$/.exec(text);
  if (match === null) return { problem: `The display mode "${text.slice(0, 40)}" is not WIDTHxHEIGHTxFPS` };
  const [width = 0, height = 0, fps = 0] = match.slice(1).map(Number);
  const { minSide, maxSide, minFps, maxFps } = MODE_LIMITS;
  const sides = [width, height];
  if (sides.some((side) => side < minSide || side > maxSide)) {
    return { problem: `${width}x${height} is not possible: choose sides of ${minSide} to ${maxSide} pixels` };
  }
  if (sides.some((side) => side % 2 !== 0)) {
    return { problem: `${width}x${height} is not possible: choose an even width and an even height` };
  }
  if (fps < minFps || fps > maxFps) {
    return { problem: `${fps} frames per second are not possible: choose ${minFps} to ${maxFps}` };
  }
  return { value: { width, height, fps } };
};

const parseKey = (query: Query): Checked<Pick<LaunchRequest, 'riKey' | 'riKeyId'>> => {
  const riKey = parseHex(query.get('rikey') ?? '');
  if (riKey?.length !== 16) return { problem: 'The session key (rikey) must be 32 hex digits' };
  // Stock clients print a signed number; the unsigned spelling of the same bits is accepted too.
  const keyId = parseInteger(query.get('rikeyid') ?? '', -0x8000_0000, 0xffff_ffff);
  if (keyId === undefined) return { problem: 'The key id (rikeyid) must be a 32-bit integer' };
  return { value: { riKey, riKeyId: keyId >>> 0 } };
};

const parseAppId = (query: Query, verb: LaunchVerb): Checked<number | null> => {
  const text = query.get('appid');
  if (text === undefined && verb === 'resume') return { value: null };
  const appId = parseInteger(text ?? '', 1, MAX_INT32);
  return appId === undefined ? { problem: 'The app (appid) is missing or not a number' } : { value: appId };
};

const parseAudio = (query: Query): Checked<LaunchRequest['audioChannels']> => {
  const info = parseInteger(query.get('surroundAudioInfo') ?? String(STEREO), 0, 0xffff_ffff);
  const channels = info === undefined ? 0 : info & 0xffff;
  if (info === undefined || (channels !== 2 && channels !== 6 && channels !== 8)) {
    return { problem: 'The speaker layout (surroundAudioInfo) must have 2, 6 or 8 channels' };
  }
  return { value: channels };
};

const parsePlayMode = (query: Query, verb: LaunchVerb): Checked<boolean> => {
  const text = query.get('localAudioPlayMode');
  if (text === undefined && verb === 'resume') return { value: false };
  if (text !== '0' && text !== '1') return { problem: 'localAudioPlayMode must be 0 or 1' };
  return { value: text === '1' };
};

/** Reads the parameters. Older clients send only the key on a resume, so the rest is optional there. */
export const parseLaunchRequest = (verb: LaunchVerb, query: Query): LaunchRequestResult => {
  const key = parseKey(query);
  const appId = parseAppId(query, verb);
  const mode = parseMode(query.get('mode'));
  const audio = parseAudio(query);
  const playMode = parsePlayMode(query, verb);
  const refuse = (message: string): LaunchRequestResult => ({ ok: false, statusCode: 400, message });
  if ('problem' in key) return refuse(key.problem);
  if ('problem' in appId) return refuse(appId.problem);
  if ('problem' in mode) return refuse(mode.problem);
  if ('problem' in audio) return refuse(audio.problem);
  if ('problem' in playMode) return refuse(playMode.problem);
  return {
    ok: true,
    request: {
      appId: appId.value,
      mode: mode.value,
      playsAudioOnHost: playMode.value,
      audioChannels: audio.value,
      coreVersion: parseInteger(query.get('corever') ?? '', 0, MAX_INT32) ?? 0,
      ...key.value,
    },
  };
};
