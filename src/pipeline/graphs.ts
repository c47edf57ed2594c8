/**
 * Builds the graphs of a session from a stream plan and pipeline descriptions. Pure. Secrets and descriptors go into
 * properties, never into a launch string; the element names are those of `docs/architecture.md`.
 */
import type { GraphDescription, PropertyValue } from '../media/messages.js';
import type { StreamPlan, StreamTuning, VideoPlan } from '../session/stream-plan.js';
import { LumenError } from '../support/errors.js';
import type { EncoderDescription, SourceDescription } from './description.js';
import { readElements } from './launch-text.js';
import { fillTemplate, type PlaceholderValues, toAudioValues, toVideoValues } from './template.js';

/** A source and what is particular about it this time. */
export interface ChosenSource {
  readonly description: SourceDescription;
  /** Properties of the element `source`: a PipeWire node's serial number, a Pulse device's name. */
  readonly properties: Readonly<Record<string, PropertyValue>>;
}

/** Numbers that descriptors have inside the media process; see `childDescriptor`. */
export interface GraphDescriptors {
  readonly videoSocket: number;
  readonly audioSocket: number;
  readonly sessionPage: number;
}

export interface GraphRequest {
  readonly plan: StreamPlan;
  readonly videoSource: ChosenSource;
  readonly videoEncoder: EncoderDescription;
  /** Null streams without sound. */
  readonly audio: { readonly source: ChosenSource; readonly encoder: EncoderDescription } | null;
  readonly descriptors: GraphDescriptors;
  /** Where a counting test source goes on; the first session's first process begins at 0. */
  readonly firstFrameNumber: number;
  /** For a graph that a person runs by hand: nothing is held back, and the datagrams go here. */
  readonly preview?: { readonly address: string; readonly videoPort: number; readonly audioPort: number };
}

type Properties = GraphDescription['properties'];

const AUDIO_QUEUE_BURSTS = 8;

/**
 * Fills a fragment of a description in.
 * @throws LumenError LUMEN_PIPELINE_INVALID for a placeholder that has no value in this kind of graph
 */
export const fillFragment = (
  description: { readonly file: string },
  template: string,
  values: PlaceholderValues,
): string => {
  const filled = fillTemplate(template, values);
  if (filled.ok) return filled.launch;
  throw new LumenError('LUMEN_PIPELINE_INVALID', {
    file: description.file,
    problem: filled.reason,
    remedy: 'correct the placeholder; lumen pipelines show lists them',
  });
};

const sourceProperties = (source: ChosenSource): Properties =>
  Object.entries(source.properties).map(([property, value]) => ({ element: 'source', property, value }));

/** The key of an encrypted stream, as the payloaders take it. */
const keyProperties = (isEncrypted: boolean, riKey: Buffer): Properties =>
  isEncrypted ? [{ element: 'pay', property: 'key', value: riKey.toString('hex') }] : [];

const toEndpoint = ({ preview }: GraphRequest, port: 'videoPort' | 'audioPort'): string =>
  preview === undefined ? 'port=0' : `host=${preview.address} port=${preview[port]}`;

/** A client that was told of HDR must not be shown anything else as such. */
const requireRange = ({ colorSpace }: VideoPlan, source: SourceDescription): void => {
  if (colorSpace !== 'bt2100-pq' || source.hdr === true) return;
  const problem = 'its picture is not HDR any more';
  const remedy = 'start the stream again, or write hdr = true';
  throw new LumenError('LUMEN_PIPELINE_INVALID', { file: source.file, problem, remedy });
};

const videoGraph = (request: GraphRequest): GraphDescription => {
  const { plan, videoSource, videoEncoder, descriptors } = request;
  const { video } = plan;
  requireRange(video, videoSource.description);
  const { firstFrameNumber } = request;
  const values = toVideoValues(video, { firstFrameNumber, encoder: videoEncoder });
  const launch = [
    fillFragment(videoSource.description, videoSource.description.source, values),
    fillFragment(videoEncoder, videoEncoder.convert, values),
    // Behind the conversion, so that a repeated frame is not converted again; held until the client has pinged.
    `framesampler name=sampler framerate=${video.fps}/1 hold=${request.preview === undefined}`,
    fillFragment(videoEncoder, videoEncoder.encode, values),
    `moonlightpay name=pay packet-size=${video.packetSize} fec-percentage=${video.fecPercentage} ` +
      `min-fec-packets=${video.minFecPackets}`,
    `moonlightsink name=sink ${toEndpoint(request, 'videoPort')} dscp=${video.dscp} link-kbps=${plan.linkKbps}`,
  ].join(' ! ');
  const properties = [
    ...sourceProperties(videoSource),
    { element: 'pay', property: 'session-page-fd', value: descriptors.sessionPage },
    ...keyProperties(video.encrypted, plan.riKey),
    { element: 'sink', property: 'fd', value: descriptors.videoSocket },
  ];
  return { name: 'video', launch, properties, isOptional: false };
};

const audioGraph = (request: GraphRequest, audio: NonNullable<GraphRequest['audio']>): GraphDescription => {
  const { plan, descriptors } = request;
  const { source, encoder } = audio;
  const values = toAudioValues(plan.audio);
  const launch = [
    fillFragment(source.description, source.description.source, values),
    fillFragment(encoder, encoder.convert, values),
    fillFragment(encoder, encoder.encode, values),
    `moonlightaudiopay name=pay packet-duration=${plan.audio.packetDurationMs}`,
    `moonlightsink name=sink ${toEndpoint(request, 'audioPort')} dscp=${plan.audio.dscp} max-bursts=${AUDIO_QUEUE_BURSTS} pacing=none`,
  ].join(' ! ');
  const properties = [
    ...sourceProperties(source),
    { element: 'pay', property: 'session-page-fd', value: descriptors.sessionPage },
    { element: 'pay', property: 'key-id', value: plan.riKeyId },
    ...keyProperties(plan.audio.encrypted, plan.riKey),
    { element: 'sink', property: 'fd', value: descriptors.audioSocket },
  ];
  return { name: 'audio', launch, properties, isOptional: true };
};

/** What `encode` writes as a figure of its own, and not as a placeholder, is what the owner of the file wants it to be. */
const isFixed = ({ encode }: EncoderDescription, property: string): boolean =>
  readElements(encode)
    .filter(({ properties }) => properties.some(({ name, value }) => name === 'name' && value === 'encoder'))
    .some(({ properties }) =>
      properties.some(({ name, value }) => name === property && !value.includes('${')),
    );

/**
 * What to set in a playing video graph so that it follows `tuning`.
 * @returns nothing where the encoder cannot change its bitrate in place, or its file fixes it: more parity would then
 * exceed the client's figure
 * @throws LumenError LUMEN_PIPELINE_INVALID as {@link buildGraphs}
 */
export const toLiveProperties = (
  encoder: EncoderDescription,
  video: VideoPlan,
  tuning: StreamTuning,
): Properties => {
  const live = Object.entries(encoder.live ?? {});
  if (live.length === 0 || live.some(([property]) => isFixed(encoder, property))) return [];
  const values = toVideoValues({ ...video, ...tuning }, { firstFrameNumber: 0, encoder });
  return [
    { element: 'pay', property: 'fec-percentage', value: tuning.fecPercentage },
    { element: 'pay', property: 'min-fec-packets', value: tuning.minFecPackets },
    ...live.map(([property, template]) => ({
      element: 'encoder',
      property,
      value: fillFragment(encoder, template, values),
    })),
  ];
};

/**
 * The graphs of one session: `video`, and `audio` (optional, so that its failure never stops the picture). Both sinks
 * start without an endpoint (`port=0`) and the sampler holds; set `host`, `port` and then `hold` when the pings came.
 * @throws LumenError LUMEN_PIPELINE_INVALID for a placeholder that has no value in its kind of graph
 */
export const buildGraphs = (request: GraphRequest): GraphDescription[] => {
  const video = videoGraph(request);
  return request.audio === null ? [video] : [video, audioGraph(request, request.audio)];
};
