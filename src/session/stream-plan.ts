/**
 * What was agreed with one client: the result of `negotiate`, and all that the media plane needs to know. Plain data;
 * the wire names are in `protocol/rtsp.md` §5.3.
 */

export type VideoCodec = 'h264' | 'hevc' | 'av1';
export type BitDepth = 8 | 10;
/** 4:2:0 or 4:4:4 sampling. */
export type Chroma = '420' | '444';
/** Matrix, primaries and transfer of the picture; `bt2100-pq` is HDR: BT.2020 with the transfer function PQ. */
export type ColorSpace = 'bt601' | 'bt709' | 'bt2020' | 'bt2100-pq';

/** A kind of coded picture: what a client asks for one of, and what an encoder is proven to produce. */
export interface VideoFormat {
  readonly codec: VideoCodec;
  readonly bitDepth: BitDepth;
  readonly chroma: Chroma;
}

/** How the channels of a sound lie in the coded packets (`protocol/audio.md` §4.1). */
export interface OpusLayout {
  readonly channels: 6 | 8;
  readonly streams: number;
  /** Of the streams, how many carry two channels. */
  readonly coupled: number;
  /** For each channel in the client's order, FL FR FC LFE BL BR SL SR, the coded channel that it is. */
  readonly mapping: readonly number[];
}

/** What this host can do: all that is advertised and granted comes from here. */
export interface HostCapabilities {
  /** Proven to encode here and now; 8-bit 4:2:0 H.264 among them. */
  readonly video: readonly VideoFormat[];
  /** The captured picture is HDR (BT.2100 PQ): a stream of ten bits passes it on as it is. */
  readonly isSourceHdr: boolean;
  /** How surround sound is coded, of what was asked for so far; both qualities of one channel count have one layout. */
  readonly surround: readonly OpusLayout[];
}

/** Whether `formats` has one with these values. */
export const hasFormat = (formats: readonly VideoFormat[], wanted: Partial<VideoFormat>): boolean =>
  formats.some(
    ({ codec, bitDepth, chroma }) =>
      codec === (wanted.codec ?? codec) &&
      bitDepth === (wanted.bitDepth ?? bitDepth) &&
      chroma === (wanted.chroma ?? chroma),
  );

/** How the picture is coded and cut into datagrams. */
export interface VideoPlan extends VideoFormat {
  /** Picture size in pixels, both even. */
  readonly width: number;
  readonly height: number;
  /** Frames a second, 1–480. */
  readonly fps: number;
  readonly colorSpace: ColorSpace;
  readonly fullRange: boolean;
  /** Slices per frame that the client asked for, at least 1. */
  readonly slices: number;
  /** Reference frames the client allows; 0 leaves it to the host. */
  readonly references: number;
  /** The encoder's bitrate: the client's figure less parity, headers and audio, in kbit/s (`protocol/rtsp.md` §5.4). */
  readonly encoderKbps: number;
  /** What the video may take on the wire with headers and parity, kbit/s: the client's figure less audio. */
  readonly wireKbps: number;
  /** Shard size less 16, as in `x-nv-video[0].packetSize`: bytes, a multiple of 16. */
  readonly packetSize: number;
  /** Parity in percent of the data shards, 0–255. */
  readonly fecPercentage: number;
  /** Fewest parity shards of a block. */
  readonly minFecPackets: number;
  readonly encrypted: boolean;
  /** What IP and UDP put before each datagram, bytes: 28, or 48 over IPv6. */
  readonly ipUdpHeaderBytes: number;
  /** DSCP code point for the datagrams, 0–63; 0 leaves them unmarked. */
  readonly dscp: number;
}

/** What changes in a stream while it runs. */
export interface StreamTuning {
  /** The encoder's bitrate, kbit/s. */
  readonly encoderKbps: number;
  /** Parity in percent of the data shards, 0–255. */
  readonly fecPercentage: number;
  /** Fewest parity shards of a block. */
  readonly minFecPackets: number;
}

/** How the sound is coded and cut into datagrams. */
export interface AudioPlan {
  readonly channels: 2 | 6 | 8;
  readonly highQuality: boolean;
  readonly bitrateKbps: number;
  /** Length of one Opus packet in milliseconds. */
  readonly packetDurationMs: 5 | 10;
  readonly encrypted: boolean;
  readonly dscp: number;
  /** The sound stays audible at the host. */
  readonly playsOnHost: boolean;
}

/** Everything one session streams with. */
export interface StreamPlan {
  readonly video: VideoPlan;
  readonly audio: AudioPlan;
  /** The client's link in kbit/s: what the datagrams are spread by. */
  readonly linkKbps: number;
  /** AES-128 key of the launch or resume (16 bytes). */
  readonly riKey: Buffer;
  /** Key id of the launch or resume, as unsigned 32 bit. */
  readonly riKeyId: number;
  /** Control messages use the 12-byte IV scheme (`protocol/control.md` §2.1). */
  readonly controlV2: boolean;
  /** The client understands ping payloads and connect data (`ML_FF_SESSION_ID_V1`). */
  readonly hasSessionId: boolean;
}
