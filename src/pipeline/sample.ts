/** A stream plan that no client asked for: to show or check a description with. Pure. */
import type { StreamPlan, VideoFormat } from '../session/stream-plan.js';
import type { EncoderDescription } from './description.js';
import { FORMAT_WORDS, toVideoFormat } from './format.js';

export interface Mode {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** What every client can show, and every host encodes. */
export const COMMON_FORMAT: VideoFormat = { codec: 'h264', bitDepth: 8, chroma: '420' };

/** All that a stage says it makes, the commonest first; none for sound. */
export const formatsOf = ({ codec, formats = {} }: EncoderDescription): VideoFormat[] =>
  codec === 'opus'
    ? []
    : FORMAT_WORDS.filter((word) => word in formats).map((word) => toVideoFormat(codec, word));

/** The commonest that a stage makes; beside a stage of sound the picture is 8-bit H.264. */
export const sampleFormatOf = (encoder: EncoderDescription): VideoFormat =>
  formatsOf(encoder)[0] ?? COMMON_FORMAT;

export const samplePlan = (mode: Mode, encoderKbps: number, format: VideoFormat): StreamPlan => ({
  video: {
    ...mode,
    ...format,
    colorSpace: 'bt709',
    fullRange: false,
    slices: 1,
    references: 1,
    encoderKbps,
    wireKbps: encoderKbps,
    packetSize: 1024,
    fecPercentage: 20,
    minFecPackets: 2,
    encrypted: false,
    ipUdpHeaderBytes: 28,
    dscp: 0,
  },
  audio: {
    channels: 2,
    highQuality: false,
    bitrateKbps: 96,
    packetDurationMs: 5,
    encrypted: false,
    dscp: 0,
    playsOnHost: false,
  },
  linkKbps: 800_000,
  riKey: Buffer.alloc(16),
  riKeyId: 0,
  controlV2: false,
  hasSessionId: false,
});
