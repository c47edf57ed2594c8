/**
 * What a probe run is asked to do, and the reading of the texts a person types for it. Pure.
 */
import type { HostMessage } from '../control/message.js';
import type { AudioPlan, BitDepth, Chroma, ColorSpace } from '../session/stream-plan.js';
import type { Logger } from '../support/logger.js';
import type { HostAddress } from './address.js';

export const PROBE_CODECS = ['h264', 'hevc', 'av1'] as const;
/** Those that a client can ask for, in the order of their numbers on the wire. */
export const PROBE_COLOR_SPACES = ['bt601', 'bt709', 'bt2020'] as const satisfies readonly ColorSpace[];
export type ProbeCodec = (typeof PROBE_CODECS)[number];

/** A picture size and rate. */
export interface Mode {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** Bits of `x-ss-general.encryptionEnabled` (`protocol/control.md` §7). */
export const ENCRYPT = { control: 1, video: 2, audio: 4 } as const;

/** Where the host is and with which identity the probe meets it. */
export interface HostOptions {
  readonly address: HostAddress;
  /** Folder of the probe's certificate and of the hosts it paired with. */
  readonly stateDir: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** What happens in a run, for whoever follows it. */
export type ProbeEvent =
  /** RTSP is done, the control channel is up and the video pings have begun. */
  | { readonly type: 'playing' }
  | { readonly type: 'first-frame'; readonly launchToFirstFrameMs: number }
  | { readonly type: 'key-frame'; readonly frameIndex: number }
  | { readonly type: 'frame-lost'; readonly first: number; readonly last: number }
  /** A control message of the host other than its termination. */
  | { readonly type: 'control'; readonly message: HostMessage };

/** What is streamed, and how. */
export interface StreamOptions extends HostOptions {
  /** Name or id of the app; null takes the first of the list. */
  readonly app: string | null;
  readonly mode: Mode;
  /** The figure a person sets in a client: parity, audio and headers included. */
  readonly bitrateKbps: number;
  readonly codec: ProbeCodec;
  readonly bitDepth: BitDepth;
  readonly chroma: Chroma;
  readonly colorSpace: (typeof PROBE_COLOR_SPACES)[number];
  readonly fullRange: boolean;
  /** Slices (AV1: tiles) of a frame, 1–255. */
  readonly slices: number;
  /** Reference frames that the decoder allows; 0 leaves it to the host. */
  readonly references: number;
  /** `x-nv-video[0].packetSize` before encryption takes 32 from it: bytes, a multiple of 16. */
  readonly packetSize: number;
  /** The streams the client would have encrypted where the host can: {@link ENCRYPT} bits. */
  readonly encryption: number;
  /** `corever=0`: the host may not offer encrypted RTSP. */
  readonly plainRtsp: boolean;
  readonly audio: boolean;
  readonly audioChannels: AudioPlan['channels'];
  readonly audioPacketDurationMs: AudioPlan['packetDurationMs'];
  /** The host is to play the sound too. */
  readonly playsAudioOnHost: boolean;
  /** `auto` resumes when the wanted app already runs, as clients do. */
  readonly verb: 'auto' | 'launch' | 'resume';
  /** Datagrams thrown away on purpose, percent, and the seed that makes the choice repeatable. */
  readonly dropPercent: number;
  readonly dropSeed: number;
  /** The coded video as it arrives is written here. */
  readonly saveFile: string | null;
  /** A picture from the end of the stream is written here, PNG. */
  readonly snapshotFile: string | null;
  /** Where a host on this machine can be asked for its own figures; null where there is none. */
  readonly adminSocket: string | null;
  /** For the receiving process, as `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onEvent?: ((event: ProbeEvent) => void) | undefined;
}

/** A whole run with its plan. */
export interface ProbeOptions extends StreamOptions {
  /** How long to stream, counted from the first decoded frame. */
  readonly seconds: number;
  /** Moments of a key-frame request, in seconds from the first decoded frame. */
  readonly requestIdrAt: readonly number[];
  /** How the client goes: properly, without a word, or ending the app too. */
  readonly ending: 'disconnect' | 'vanish' | 'quit';
}

export const DEFAULT_MODE: Mode = { width: 1920, height: 1080, fps: 60 };
/** Packet size that stock clients ask for on a local network (`protocol/rtsp.md` §5.3). */
export const DEFAULT_PACKET_SIZE = 1392;
export const DEFAULT_BITRATE_KBPS = 20_000;

/** All options but the host's and the identity's, as the command line has them by default. */
export const DEFAULT_PROBE_OPTIONS = {
  app: null,
  mode: DEFAULT_MODE,
  bitrateKbps: DEFAULT_BITRATE_KBPS,
  codec: 'h264',
  bitDepth: 8,
  chroma: '420',
  colorSpace: 'bt709',
  fullRange: false,
  slices: 1,
  references: 1,
  packetSize: DEFAULT_PACKET_SIZE,
  encryption: ENCRYPT.control | ENCRYPT.audio,
  plainRtsp: false,
  audio: true,
  audioChannels: 2,
  audioPacketDurationMs: 5,
  playsAudioOnHost: false,
  verb: 'auto',
  dropPercent: 0,
  dropSeed: 1,
  saveFile: null,
  snapshotFile: null,
  adminSocket: null,
  seconds: 10,
  requestIdrAt: [],
  ending: 'disconnect',
} as const satisfies Omit<ProbeOptions, keyof HostOptions | 'environment'>;

/**
 * Reads `WIDTHxHEIGHT@FPS`, or `WIDTHxHEIGHT` for 60 frames a second.
 * @returns the mode, or null when it is not one; odd and absurd sizes pass, since hosts must be tested with them
 */
export const parseMode = (text: string): Mode | null => {
  const match = /^(\d{1,6})x(\d{1,6})(?:@(\d{1,6}))?$/.exec(text);
  if (match === null) return null;
  return { width: Number(match[1]), height: Number(match[2]), fps: Number(match[3] ?? DEFAULT_MODE.fps) };
};

/** Reads a decimal number of a range, both ends included; null for anything else. */
export const parseNumber = (text: string, min: number, max: number): number | null => {
  if (!/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return null;
  const value = Number(text);
  return value >= min && value <= max ? value : null;
};

/** Reads a decimal integer of a range, both ends included; null for anything else. */
export const parseInteger = (text: string, min: number, max: number): number | null => {
  const value = parseNumber(text, min, max);
  return value !== null && Number.isInteger(value) ? value : null;
};

/** Reads a list of moments in seconds, separated by commas; null when one is not a number. */
export const parseMoments = (text: string): readonly number[] | null => {
  const moments = text.split(',').map((part) => parseNumber(part.trim(), 0, 86_400));
  return moments.every((moment): moment is number => moment !== null) ? moments : null;
};

/**
 * Reads what to encrypt: `none`, `all` or names of {@link ENCRYPT} separated by commas, or the bits as a number 0–7.
 * @returns the bits, or null
 */
export const parseEncryption = (text: string): number | null => {
  if (text === 'none') return 0;
  if (text === 'all') return 7;
  const bits = parseInteger(text, 0, 7);
  if (bits !== null) return bits;
  let sum = 0;
  for (const name of text.split(',')) {
    if (!Object.hasOwn(ENCRYPT, name)) return null;
    sum |= ENCRYPT[name as keyof typeof ENCRYPT];
  }
  return sum;
};
