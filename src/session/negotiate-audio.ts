/**
 * The sound's part of the negotiation: which layouts, qualities and packet lengths are granted, and what they take.
 * Pure. Source: `protocol/audio.md` §4.
 */
import type { AudioPlan, HostCapabilities } from './stream-plan.js';

/** What the client asked for, as parsed from its ANNOUNCE and its launch request. */
export interface AudioWishes {
  readonly audioChannels: number;
  readonly wantsSurroundHighQuality: boolean;
  /** Stereo quality is told by the RTSP Host header (`protocol/rtsp.md` §4). */
  readonly wantsStereoHighQuality: boolean;
  readonly audioPacketDurationMs: number;
  readonly encryptsAudio: boolean;
  readonly wantsAudioQos: boolean;
}

/**
 * Opus bitrates by channels, kbit/s. High-quality surround would be 1536 and 2048 with other hosts; GStreamer's encoder
 * ends at 650 for all channels together.
 */
const KBPS = {
  2: { normal: 96, high: 512 },
  6: { normal: 256, high: 650 },
  8: { normal: 450, high: 650 },
} as const;
/** DSCP code point of `protocol/audio.md` §6. */
const AUDIO_DSCP = 48;
const RTP_HEADER_BYTES = 12;
const PARITY_HEADER_BYTES = 12;
const CIPHER_BLOCK_BYTES = 16;

type Channels = AudioPlan['channels'];

const isChannels = (count: number): count is Channels => count === 2 || count === 6 || count === 8;

/** Why the sound cannot be granted, or undefined. */
export const audioProblem = (
  wishes: AudioWishes,
  { surround }: Pick<HostCapabilities, 'surround'>,
): string | undefined => {
  const { audioChannels, audioPacketDurationMs } = wishes;
  if (audioChannels !== 2 && !surround.some(({ channels }) => channels === audioChannels))
    return `${audioChannels} audio channels are not offered`;
  if (audioPacketDurationMs !== 5 && audioPacketDurationMs !== 10)
    return `audio packets of ${audioPacketDurationMs} ms are not offered`;
  return undefined;
};

/**
 * The plan for wishes that have no {@link audioProblem}.
 * @param playsOnHost the client asked for the sound to stay audible at the host
 */
export const toAudioPlan = (wishes: AudioWishes, playsOnHost: boolean): AudioPlan => {
  const channels = isChannels(wishes.audioChannels) ? wishes.audioChannels : 2;
  const highQuality = channels === 2 ? wishes.wantsStereoHighQuality : wishes.wantsSurroundHighQuality;
  return {
    channels,
    highQuality,
    bitrateKbps: KBPS[channels][highQuality ? 'high' : 'normal'],
    packetDurationMs: wishes.audioPacketDurationMs === 10 ? 10 : 5,
    encrypted: wishes.encryptsAudio,
    dscp: wishes.wantsAudioQos ? AUDIO_DSCP : 0,
    playsOnHost,
  };
};

/**
 * What audio takes on the wire, kbit/s: RTP, UDP and IP headers, cipher padding and the 4+2 parity included.
 * Example: 96 kbit/s in 5 ms packets, encrypted: 60 B → 64 B cipher, 104 B data and 116 B parity datagrams with IP/UDP
 * headers (IPv4); 50 blocks a second of 4 data and 2 parity make 260 kbit/s.
 * @param ipUdpHeaderBytes of a datagram to this client: 28, or 48 over IPv6
 */
export const audioWireKbps = (
  audio: Pick<AudioPlan, 'bitrateKbps' | 'packetDurationMs' | 'encrypted'>,
  ipUdpHeaderBytes: number,
): number => {
  const opusBytes = Math.floor((audio.bitrateKbps * audio.packetDurationMs) / 8);
  const payloadBytes = audio.encrypted
    ? CIPHER_BLOCK_BYTES * (Math.floor(opusBytes / CIPHER_BLOCK_BYTES) + 1)
    : opusBytes;
  const dataBytes = payloadBytes + RTP_HEADER_BYTES + ipUdpHeaderBytes;
  const blockBytes = 4 * dataBytes + 2 * (dataBytes + PARITY_HEADER_BYTES);
  return (blockBytes * 8) / (4 * audio.packetDurationMs);
};
