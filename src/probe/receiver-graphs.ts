/**
 * The receiving graphs of the probe (which datagrams, which decoder) and the reading of their counters. Pure.
 */
import type { FrameFecStatus } from '../control/message.js';
import type { Fields, FieldValue, GraphDescription } from '../media/messages.js';
import { COLORIMETRY } from '../pipeline/template.js';
import type { BitDepth, ColorSpace } from '../session/stream-plan.js';
import type { ProbeCodec } from './options.js';

/** One media port of the host, from its SETUP reply. */
export interface MediaPort {
  readonly port: number;
  /** 16 characters, or null for the legacy ping. */
  readonly pingPayload: string | null;
}

/** What the video graph is built from. */
export interface VideoGraphOptions {
  /** Numeric. */
  readonly hostAddress: string;
  readonly codec: ProbeCodec;
  /** Name of the decoder element. */
  readonly decoder: string;
  /** As announced, so less 32 with encryption. */
  readonly packetSize: number;
  /** What the colour patches are measured by: what the client asked for, as GStreamer writes it. */
  readonly colorimetry: string;
  /** AES key as hex; null for plain video. */
  readonly key: string | null;
  readonly dropPercent: number;
  readonly dropSeed: number;
  readonly saveFile: string | null;
  readonly snapshotFile: string | null;
}

/** What the audio graph is built from. */
export interface AudioGraphOptions {
  readonly hostAddress: string;
  readonly media: MediaPort;
  readonly packetDurationMs: number;
  /** As a client decodes it: see `chooseLayout`. */
  readonly layout: string;
  readonly key: string | null;
  /** `rikeyid` as unsigned 32 bit. */
  readonly keyId: number;
  readonly dropPercent: number;
  readonly dropSeed: number;
}

type GraphProperty = GraphDescription['properties'][number];

const CODECS: Readonly<Record<ProbeCodec, { depay: string; parser: string; decoders: readonly string[] }>> = {
  h264: { depay: 'h264', parser: 'h264parse', decoders: ['avdec_h264', 'openh264dec'] },
  hevc: { depay: 'h265', parser: 'h265parse', decoders: ['avdec_h265', 'libde265dec'] },
  av1: { depay: 'av1', parser: 'av1parse', decoders: ['dav1ddec', 'av1dec'] },
};

/** Decoder elements for a codec, best first. */
export const decodersFor = (codec: ProbeCodec): readonly string[] => CODECS[codec].decoders;

/** The other elements that the graphs for a codec cannot do without. */
export const elementsFor = (codec: ProbeCodec): readonly string[] => [
  'moonlightsrc',
  'moonlightdepay',
  'framecounter',
  CODECS[codec].parser,
  'opusdec',
  'channeltones',
];

/** Frames that may wait for the decoder: four seconds at 60, so that a slow machine costs delay and not datagrams. */
const DECODE_QUEUE_FRAMES = 240;
const QUEUE = `queue max-size-buffers=${DECODE_QUEUE_FRAMES} max-size-bytes=0 max-size-time=0`;
/** Frame threading would hold back one frame for each thread. */
const LIBAV_OPTIONS = ' thread-type=slice';

const property = (element: string, name: string, value: string | number | boolean): GraphProperty => ({
  element,
  property: name,
  value,
});

/** Ten bits are needed for Rec.2020: hosts fall back to Rec.709 (`protocol/rtsp.md` §5.5). */
export const toColorimetry = (bitDepth: BitDepth, colorSpace: ColorSpace, fullRange: boolean): string =>
  COLORIMETRY[colorSpace === 'bt2020' && bitDepth === 8 ? 'bt709' : colorSpace][
    fullRange ? 'full' : 'limited'
  ];

/** Where to receive what a host of this address sends. */
const listenAddress = (hostAddress: string): string => (hostAddress.includes(':') ? '::' : '0.0.0.0');

/**
 * The video graph. It pings nobody until {@link pingProperties} names the host: video pings come after the control
 * connection.
 */
export const buildVideoGraph = (options: VideoGraphOptions): GraphDescription => {
  const codec = CODECS[options.codec];
  const decoderOptions = options.decoder.startsWith('avdec_') ? LIBAV_OPTIONS : '';
  const stages = [
    `moonlightsrc name=src address=${listenAddress(options.hostAddress)} media=video drop-percent=${options.dropPercent} drop-seed=${options.dropSeed}`,
    `moonlightdepay name=depay codec=${codec.depay} packet-size=${options.packetSize}`,
    ...(options.saveFile === null ? [] : ['tee name=coded']),
    QUEUE,
    codec.parser,
    `${options.decoder}${decoderOptions}`,
    `framecounter name=counter mode=read colorimetry=${options.colorimetry}`,
    ...(options.snapshotFile === null ? [] : ['tee name=pictures', 'queue']),
    'fakesink sync=false async=false',
  ];
  const branches = [
    ...(options.saveFile === null ? [] : [`coded. ! ${QUEUE} ! filesink name=save async=false`]),
    // The valve opens at the end of the run; the newest picture replaces the file each time.
    ...(options.snapshotFile === null
      ? []
      : [
          'pictures. ! valve name=shutter drop=true ! queue max-size-buffers=1 leaky=downstream ! videoconvert ! ' +
            'pngenc compression-level=1 ! multifilesink name=snapshot async=false sync=false',
        ]),
  ];
  const properties = [
    ...(options.key === null ? [] : [property('depay', 'key', options.key)]),
    ...(options.saveFile === null ? [] : [property('save', 'location', options.saveFile)]),
    // A file name is a printf pattern to this sink.
    ...(options.snapshotFile === null
      ? []
      : [property('snapshot', 'location', options.snapshotFile.replaceAll('%', '%%'))]),
  ];
  return {
    name: 'video',
    launch: [stages.join(' ! '), ...branches].join(' '),
    properties,
    isOptional: false,
  };
};

/** The audio graph; it pings from its start. Without sound there is still a stream, so it is optional. */
export const buildAudioGraph = (options: AudioGraphOptions): GraphDescription => {
  const stages = [
    `moonlightsrc name=src address=${listenAddress(options.hostAddress)} media=audio drop-percent=${options.dropPercent} drop-seed=${options.dropSeed}`,
    `moonlightdepay name=depay opus-layout=${options.layout} packet-duration=${options.packetDurationMs} key-id=${options.keyId}`,
    'queue',
    'opusdec plc=true',
    'channeltones name=tones mode=read',
    'fakesink sync=false async=false',
  ];
  const properties = [
    ...(options.key === null ? [] : [property('depay', 'key', options.key)]),
    ...pingProperties(options.hostAddress, options.media).map(({ name, value }) =>
      property('src', name, value),
    ),
  ];
  return { name: 'audio', launch: stages.join(' ! '), properties, isOptional: true };
};

/** Properties of `moonlightsrc` that make it ping, in the order in which they are set: the port starts it. */
export const pingProperties = (
  hostAddress: string,
  media: MediaPort,
): readonly { readonly name: string; readonly value: string | number }[] => [
  { name: 'ping-payload', value: media.pingPayload ?? '' },
  { name: 'remote-host', value: hostAddress },
  { name: 'remote-port', value: media.port },
];

/** All counters of both graphs, as they were at one moment. Times are CLOCK_MONOTONIC, 0 stands for "not yet". */
export interface ReceiverStats {
  readonly source: Counters;
  readonly depay: Counters;
  readonly counter: Counters;
  readonly audioDepay: Counters | null;
  readonly tones: Counters;
}

/** Reads named fields of one `stats` structure. */
export interface Counters {
  /** The field as a number; 0 when it is absent or not a number. */
  number(name: string): number;
  /** The field in nanoseconds, exact. */
  ns(name: string): bigint;
  /** The field as it is; empty when it is absent or not a text. */
  text(name: string): string;
  /** True when the structure has the field at all. */
  has(name: string): boolean;
}

const toNumber = (value: FieldValue | undefined): number => {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : 0;
};

const toBigInt = (value: FieldValue | undefined): bigint => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : 0n;
};

/** Wraps one structure; an absent one reads as zeros. */
export const readCounters = (fields: Fields | undefined): Counters => ({
  number: (name) => toNumber(fields?.[name]),
  ns: (name) => toBigInt(fields?.[name]),
  text: (name) => {
    const value = fields?.[name];
    return typeof value === 'string' ? value : '';
  },
  has: (name) => fields !== undefined && Object.hasOwn(fields, name),
});

/** The message `moonlight-fec-status` as what a client sends (`protocol/control.md` §6.5). */
export const readFecStatus = (fields: Counters): FrameFecStatus => ({
  kind: 'frameFecStatus',
  frameIndex: fields.number('frame-index'),
  highestReceivedSequence: fields.number('highest-sequence'),
  nextContiguousSequence: fields.number('next-sequence'),
  missingBeforeHighest: fields.number('missing'),
  dataPackets: fields.number('data-shards'),
  parityPackets: fields.number('parity-shards'),
  dataReceived: fields.number('data-received'),
  parityReceived: fields.number('parity-received'),
  fecPercentage: fields.number('fec-percentage'),
  blockIndex: fields.number('block'),
  blockCount: fields.number('blocks'),
});

/** Picks the probe's elements out of a stats report. */
export const readReceiverStats = (
  graphs: Readonly<Record<string, Readonly<Record<string, Fields>>>>,
): ReceiverStats => {
  const { video, audio } = graphs as Readonly<Record<string, Readonly<Record<string, Fields>> | undefined>>;
  return {
    source: readCounters(video?.['src']),
    depay: readCounters(video?.['depay']),
    counter: readCounters(video?.['counter']),
    tones: readCounters(audio?.['tones']),
    audioDepay: audio?.['depay'] === undefined ? null : readCounters(audio['depay']),
  };
};
