/**
 * Negotiation: what the client asked for, what this host can do and what its owner configured → a {@link StreamPlan},
 * or a refusal with the RTSP status that the client shows. Pure. Source: `protocol/rtsp.md` §5.3–5.5.
 */

import { toFormatWord } from '../pipeline/format.js';
import { ipUdpHeaderBytes } from '../support/address.js';
import { type AudioWishes, audioProblem, audioWireKbps, toAudioPlan } from './negotiate-audio.js';
import {
  type AudioPlan,
  type BitDepth,
  type ColorSpace,
  type HostCapabilities,
  hasFormat,
  type StreamPlan,
  type VideoCodec,
  type VideoFormat,
  type VideoPlan,
} from './stream-plan.js';

/** What the client asked for, as parsed from its ANNOUNCE and its launch request. */
export interface StreamWishes extends AudioWishes {
  readonly codec: VideoCodec;
  /** Picture size in pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly fps: number;
  /** `x-nv-video[0].packetSize` in bytes. */
  readonly packetSize: number;
  /** The user's figure for everything on the wire, kbit/s; 0 when the client is too old to say. */
  readonly configuredKbps: number;
  /** `bw.maximumBitrateKbps`: already reduced by the client; the fallback. */
  readonly maximumKbps: number;
  readonly minFecPackets: number;
  readonly slices: number;
  readonly references: number;
  /** `(colour space << 1) | full range`. */
  readonly encoderCscMode: number;
  readonly isTenBit: boolean;
  readonly isYuv444: boolean;
  readonly wantsVideoQos: boolean;
  readonly encryptsControlV2: boolean;
  readonly encryptsVideo: boolean;
  readonly hasSessionId: boolean;
}

/** What the owner configured. */
export interface StreamSettings {
  /** Parity percent, 0–255. */
  readonly fecPercentage: number;
  /** The client's link in kbit/s. */
  readonly linkKbps: number;
  /** A stream of which control, video or sound would travel in clear is refused. */
  readonly requiresEncryption: boolean;
}

/** What the launch or resume decided. */
export interface NegotiatedLaunch {
  /** AES-128 key, 16 bytes. */
  readonly riKey: Buffer;
  /** Key id as unsigned 32 bit. */
  readonly riKeyId: number;
  readonly playsAudioOnHost: boolean;
  /** Numeric address of the client, without `::ffff:`: its family decides how long the headers of datagrams are. */
  readonly peerAddress: string;
}

/** Why there is no stream, and what a person can do. */
export interface Refusal {
  readonly ok: false;
  /** RTSP status code. */
  readonly status: number;
  readonly reason: string;
  readonly remedy: string;
}

export type Negotiation = { readonly ok: true; readonly plan: StreamPlan } | Refusal;

/** Limits of what is accepted; beyond them no software or hardware encoder of today works. */
export const LIMITS = {
  minSide: 16,
  maxSide: 8192,
  maxFps: 480,
  /** The smallest that clients send, 288, less 32 for encryption. */
  minPacketSize: 256,
  /** With encryption and all headers it still fits a jumbo frame of 9000 bytes. */
  maxPacketSize: 8912,
} as const;

const RTP_AND_NV_HEADER_BYTES = 32;
const ENCRYPTION_PREFIX_BYTES = 32;
const FRAME_HEADER_BYTES = 8;
/** DSCP code point of `protocol/video.md` §9. */
const VIDEO_DSCP = 40;
/** Clients of old take a fifth off for parity before they say what they want (`protocol/rtsp.md` §5.3). */
const LEGACY_SHARE = 0.8;
const MIN_ENCODER_KBPS = 200;
const MAX_ENCODER_KBPS = 800_000;
/** Clients ask for one to four; none gains by more. */
const MAX_SLICES = 8;
/** Side of HEVC's largest coding tree block, in pixels. */
const LARGEST_BLOCK = 64;
const COLOR_SPACES: readonly ColorSpace[] = ['bt601', 'bt709', 'bt2020'];

const BAD_REQUEST = 400;
const FORBIDDEN = 403;

const refuse = (reason: string, remedy: string, status = BAD_REQUEST): Refusal => ({
  ok: false,
  status,
  reason,
  remedy,
});

/** The kind of picture that the client asked for. */
export const toFormat = ({ codec, isTenBit, isYuv444 }: StreamWishes): VideoFormat => ({
  codec,
  bitDepth: isTenBit ? 10 : 8,
  chroma: isYuv444 ? '444' : '420',
});

const nameFormat = (format: VideoFormat): string => `${format.codec} ${toFormatWord(format)}`;

const formatRefusal = (wishes: StreamWishes, { video }: HostCapabilities): Refusal | undefined => {
  const format = toFormat(wishes);
  if (hasFormat(video, format)) return undefined;
  const offered = video.map(nameFormat).join(', ');
  const isCodecOffered = hasFormat(video, { codec: format.codec });
  return refuse(
    isCodecOffered ? `${nameFormat(format)} is not offered` : `codec ${format.codec} is not offered`,
    `choose in the client one of ${offered}; why there is no other: lumen pipelines list`,
  );
};

const refusalOf = (wishes: StreamWishes, capabilities: HostCapabilities): Refusal | undefined => {
  const { width, height, fps, packetSize } = wishes;
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < LIMITS.minSide || side > LIMITS.maxSide || side % 2 !== 0) {
      return refuse(
        `picture size ${width}x${height} is not possible`,
        `choose in the client even sides from ${LIMITS.minSide} to ${LIMITS.maxSide} pixels`,
      );
    }
  }
  if (!Number.isInteger(fps) || fps < 1 || fps > LIMITS.maxFps)
    return refuse(`frame rate ${fps} is not possible`, `choose in the client 1 to ${LIMITS.maxFps}`);
  if (packetSize % 16 !== 0 || packetSize < LIMITS.minPacketSize || packetSize > LIMITS.maxPacketSize) {
    return refuse(
      `packet size ${packetSize} is not possible`,
      `leave it to the client, or set a multiple of 16 from ${LIMITS.minPacketSize} to ${LIMITS.maxPacketSize}`,
    );
  }
  if (Math.max(wishes.configuredKbps, wishes.maximumKbps) <= 0)
    return refuse('no bitrate was asked for', 'set a bitrate in the client');
  const problem = audioProblem(wishes, capabilities);
  if (problem !== undefined) return refuse(problem, 'choose stereo in the client');
  return formatRefusal(wishes, capabilities);
};

/** Whether nothing of a stream travels in clear. */
export const isEncryptedWhole = ({ controlV2, video, audio }: StreamPlan): boolean =>
  controlV2 && video.encrypted && audio.encrypted;

/** The video's share of the client's figure: what audio leaves, but at least half. */
const videoWireKbps = (configuredKbps: number, audioKbps: number): number =>
  Math.max(configuredKbps - audioKbps, configuredKbps / 2);

/**
 * The encoder's share of the client's figure, kbit/s. Everything that goes onto the wire lives inside the figure: IP,
 * UDP and stream headers, parity, the zero padding of each frame's last shard (half a shard on average), audio.
 *
 * @param configuredKbps the client's figure, kbit/s
 * Example: 20 000 kbit/s, 60 fps, packet size 1392, 20 % parity, high-quality stereo, IPv4 → about 15 000.
 */
export const encoderKbps = (
  configuredKbps: number,
  video: Pick<
    VideoPlan,
    'fps' | 'packetSize' | 'fecPercentage' | 'minFecPackets' | 'encrypted' | 'ipUdpHeaderBytes'
  >,
  audioKbps: number,
): number => {
  const videoKbps = videoWireKbps(configuredKbps, audioKbps);
  const prefixBytes = video.encrypted ? ENCRYPTION_PREFIX_BYTES : 0;
  const datagramBytes = video.packetSize + 16 + prefixBytes + video.ipUdpHeaderBytes;
  const shardsPerFrame = (videoKbps * 1000) / 8 / video.fps / datagramBytes;
  const byPercentage = shardsPerFrame / (1 + video.fecPercentage / 100);
  const hasMinimumParity =
    video.fecPercentage > 0 && (byPercentage * video.fecPercentage) / 100 < video.minFecPackets;
  const dataShards = hasMinimumParity ? shardsPerFrame - video.minFecPackets : byPercentage;
  const payloadBytes = video.packetSize + 16 - RTP_AND_NV_HEADER_BYTES;
  // A frame fills one shard at the least: less would only be padded to it.
  const frameBytes = Math.max((dataShards - 0.5) * payloadBytes, payloadBytes) - FRAME_HEADER_BYTES;
  const kbps = Math.floor((frameBytes * 8 * video.fps) / 1000);
  return Math.min(Math.max(kbps, MIN_ENCODER_KBPS), MAX_ENCODER_KBPS);
};

/**
 * Rec.2020 needs ten bits; in eight it falls back to Rec.709. Ten bits carry an HDR picture as it is, and another one in
 * the colour space that was asked for (`protocol/rtsp.md` §5.5).
 */
const toColorSpace = (encoderCscMode: number, bitDepth: BitDepth, isSourceHdr: boolean): ColorSpace => {
  if (bitDepth === 10 && isSourceHdr) return 'bt2100-pq';
  const asked = COLOR_SPACES[encoderCscMode >> 1] ?? 'bt601';
  return asked === 'bt2020' && bitDepth === 8 ? 'bt709' : asked;
};

/** Fewer than asked for are always right; x265 ends its process with eleven, or with more than it has rows of blocks. */
const toSlices = ({ slices, height }: StreamWishes): number =>
  Math.max(1, Math.min(slices, MAX_SLICES, Math.floor(height / LARGEST_BLOCK)));

const toVideoPlan = (
  wishes: StreamWishes,
  { isSourceHdr }: HostCapabilities,
  settings: StreamSettings,
  audio: AudioPlan,
  peerAddress: string,
): VideoPlan => {
  const format = toFormat(wishes);
  const headerBytes = ipUdpHeaderBytes(peerAddress);
  const audioKbps = audioWireKbps(audio, headerBytes);
  const shape = {
    fps: wishes.fps,
    packetSize: wishes.packetSize,
    fecPercentage: settings.fecPercentage,
    minFecPackets: Math.min(Math.max(wishes.minFecPackets, 0), 255),
    encrypted: wishes.encryptsVideo,
    ipUdpHeaderBytes: headerBytes,
  };
  return {
    ...shape,
    ...format,
    width: wishes.width,
    height: wishes.height,
    colorSpace: toColorSpace(wishes.encoderCscMode, format.bitDepth, isSourceHdr),
    fullRange: (wishes.encoderCscMode & 1) === 1,
    slices: toSlices(wishes),
    references: Math.min(Math.max(wishes.references, 0), 16),
    encoderKbps:
      wishes.configuredKbps > 0
        ? encoderKbps(wishes.configuredKbps, shape, audioKbps)
        : Math.min(Math.max(wishes.maximumKbps, MIN_ENCODER_KBPS), MAX_ENCODER_KBPS),
    wireKbps: videoWireKbps(wishes.configuredKbps || wishes.maximumKbps / LEGACY_SHARE, audioKbps),
    dscp: wishes.wantsVideoQos ? VIDEO_DSCP : 0,
  };
};

/**
 * Decides what is streamed. Never throws on the client's values: a refusal carries the reason.
 * @param launch of the stream, or its resume
 */
export const negotiate = (
  wishes: StreamWishes,
  capabilities: HostCapabilities,
  settings: StreamSettings,
  launch: NegotiatedLaunch,
): Negotiation => {
  const refusal = refusalOf(wishes, capabilities);
  if (refusal !== undefined) return refusal;
  const audio = toAudioPlan(wishes, launch.playsAudioOnHost);
  const plan = {
    video: toVideoPlan(wishes, capabilities, settings, audio, launch.peerAddress),
    audio,
    linkKbps: settings.linkKbps,
    riKey: launch.riKey,
    riKeyId: launch.riKeyId,
    controlV2: wishes.encryptsControlV2,
    hasSessionId: wishes.hasSessionId,
  };
  if (!settings.requiresEncryption || isEncryptedWhole(plan)) return { ok: true, plan };
  const remedy = 'update the client, or change encryption_lan or encryption_wan of the host';
  return refuse('the host requires encryption, and the client did not turn all of it on', remedy, FORBIDDEN);
};
