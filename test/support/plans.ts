/** Stream plans to start tests from. */
import type { AudioPlan, StreamPlan, VideoFormat, VideoPlan } from '../../src/session/stream-plan.js';

export const H264: VideoFormat = { codec: 'h264', bitDepth: 8, chroma: '420' };

export const VIDEO_PLAN: VideoPlan = {
  ...H264,
  width: 1280,
  height: 720,
  fps: 60,
  colorSpace: 'bt709',
  fullRange: false,
  slices: 1,
  references: 1,
  encoderKbps: 8000,
  wireKbps: 10_000,
  packetSize: 1024,
  fecPercentage: 20,
  minFecPackets: 2,
  encrypted: false,
  ipUdpHeaderBytes: 28,
  dscp: 0,
};

export const AUDIO_PLAN: AudioPlan = {
  channels: 2,
  highQuality: false,
  bitrateKbps: 96,
  packetDurationMs: 5,
  encrypted: true,
  dscp: 0,
  playsOnHost: false,
};

export const STREAM_PLAN: StreamPlan = {
  video: VIDEO_PLAN,
  audio: AUDIO_PLAN,
  linkKbps: 800_000,
  riKey: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
  riKeyId: 0xfffffffe,
  controlV2: true,
  hasSessionId: true,
};
