/**
 * How an Opus stage codes surround sound: the graph that finds out, and what it found. Nothing is taken on trust: a tone
 * goes into each channel, and it is looked where it comes out. Pure. Source: `protocol/audio.md` §4.1.
 */
import type { Fields, GraphDescription } from '../media/messages.js';
import type { OpusLayout } from '../session/stream-plan.js';
import type { EncoderDescription } from './description.js';
import { fillFragment } from './graphs.js';
import { toAudioValues } from './template.js';

/** What `channeltones` writes into the channels, in their order: docs/architecture.md. */
const TONES_HZ: readonly number[] = [440, 1300, 660, 80, 900, 1800, 500, 1500];
/** At 10 ms and these rates every tone passes clearly; which channel is coded where depends on neither. */
const PACKET_MS = 10;
const KBPS_PER_CHANNEL = 80;
/** Half a second for the decoder to settle, half a second to look for the tones, and a rest. */
const BUFFERS = 260;

/**
 * A graph that ends by itself; then `pay` and `reader` have the answer in their `stats`.
 * @throws LumenError LUMEN_PIPELINE_INVALID for a placeholder that has no value in a sound graph
 */
export const buildLayoutGraph = (
  encoder: EncoderDescription,
  channels: OpusLayout['channels'],
): GraphDescription => {
  const values = toAudioValues({
    channels,
    bitrateKbps: channels * KBPS_PER_CHANNEL,
    packetDurationMs: PACKET_MS,
  });
  const launch = [
    `audiotestsrc wave=silence num-buffers=${BUFFERS} samplesperbuffer=240`,
    `audio/x-raw,format=S16LE,rate=48000,channels=${values.channels},channel-mask=(bitmask)${values.channel_mask}`,
    'channeltones',
    fillFragment(encoder, encoder.convert, values),
    fillFragment(encoder, encoder.encode, values),
    `moonlightaudiopay name=pay packet-duration=${PACKET_MS}`,
    `moonlightdepay packet-duration=${PACKET_MS}`,
    'opusdec',
    'channeltones name=reader mode=read',
    'fakesink sync=false async=false',
  ].join(' ! ');
  return { name: 'layout', launch, properties: [], isOptional: false };
};

const numbers = (fields: Fields | undefined, name: string): number => Number(fields?.[name] ?? 0);

/**
 * The layout that the graph found.
 * @param stats of the graph, by element
 * @returns undefined where a channel went missing, came twice, or is not coded in the way that clients decode
 */
export const readLayout = (
  stats: Readonly<Record<string, Fields>>,
  channels: OpusLayout['channels'],
): OpusLayout | undefined => {
  const { pay, reader } = stats;
  const coded = Array.from({ length: channels }, (_, index) =>
    TONES_HZ.indexOf(numbers(reader, `hz-${index}`)),
  );
  const mapping = TONES_HZ.slice(0, channels).map((_, channel) => coded.indexOf(channel));
  const streams = numbers(pay, 'streams');
  const coupled = numbers(pay, 'coupled');
  const isWhole = numbers(pay, 'channels') === channels && streams + coupled === channels;
  const isConstant = numbers(pay, 'size-changes') === 0 && numbers(pay, 'packets-refused') === 0;
  if (!isWhole || !isConstant || mapping.includes(-1)) return undefined;
  return { channels, streams, coupled, mapping };
};
