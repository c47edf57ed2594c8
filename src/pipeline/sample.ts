/** A stream plan that no client asked for: to show or check a description with. Pure. */
import type { StreamPlan } from '../session/stream-plan.js';
import type { EncoderDescription } from './description.js';

export interface Mode {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** @param codec of the stage in question; beside a sound stage the picture is H.264 */
export const samplePlan = (
  mode: Mode,
  encoderKbps: number,
  codec: EncoderDescription['codec'],
): StreamPlan => ({
  video: {
    ...mode,
    codec: codec === 'opus' ? 'h264' : codec,
    bitDepth: 8,
    chroma: '420',
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
    dscp: 0,
  },
  audio: { channels: 2, highQuality: false, bitrateKbps: 96, packetDurationMs: 5, encrypted: false, dscp: 0 },
  linkKbps: 800_000,
  riKey: Buffer.alloc(16),
  riKeyId: 0,
  controlV2: false,
  hasSessionId: false,
});
