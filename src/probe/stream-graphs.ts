/** The receiving graphs of one stream: what was agreed with the host, as the graphs take it. Pure. */
import type { GraphDescription } from '../media/messages.js';
import type { Launch } from './launch.js';
import { ENCRYPT, type StreamOptions } from './options.js';
import { buildAudioGraph, buildVideoGraph, type MediaPort, toColorimetry } from './receiver-graphs.js';
import type { Agreement } from './rtsp-client.js';

/** What is known when the host has answered the SETUP of audio. */
export interface StreamGraphParts {
  /** Numeric. */
  readonly hostAddress: string;
  /** Name of the element. */
  readonly decoder: string;
  readonly launch: Launch;
  readonly agreement: Agreement;
  readonly audio: MediaPort;
}

/** The video graph, and that of sound where the client wants it. */
export const buildStreamGraphs = (
  options: StreamOptions,
  { hostAddress, decoder, launch, agreement, audio }: StreamGraphParts,
): GraphDescription[] => {
  const { codec, bitDepth, packetSize, encryption, audioLayout, isAudioEncrypted } = agreement;
  const { colorSpace, fullRange } = options;
  const key = launch.riKey.toString('hex');
  const video = buildVideoGraph({
    ...options,
    codec,
    decoder,
    hostAddress,
    packetSize,
    colorimetry: toColorimetry(bitDepth, colorSpace, fullRange),
    key: (encryption & ENCRYPT.video) === 0 ? null : key,
  });
  if (!options.audio) return [video];
  const sound = buildAudioGraph({
    ...options,
    hostAddress,
    media: audio,
    packetDurationMs: options.audioPacketDurationMs,
    layout: audioLayout.layout,
    key: isAudioEncrypted ? key : null,
    keyId: launch.riKeyId >>> 0,
  });
  return [video, sound];
};
