/** The graph in which an encoder stage shows what it can do: a test pattern in, a recording out. Pure. */
import type { GraphDescription } from '../media/messages.js';
import type { VideoFormat } from '../session/stream-plan.js';
import type { EncoderDescription } from './description.js';
import { fillFragment } from './graphs.js';
import { samplePlan } from './sample.js';
import { toVideoValues } from './template.js';

/** Large enough for every hardware encoder and for four slices, small enough for every processor. */
const MODE = { width: 384, height: 256, fps: 60 } as const;
const ENCODER_KBPS = 4000;

/**
 * @param fd descriptor inside the media process that the recording goes to; see `recording.ts`
 * @throws LumenError LUMEN_PIPELINE_INVALID for a placeholder that has no value
 */
export const buildTrialGraph = (
  name: string,
  encoder: EncoderDescription,
  { format, slices }: { readonly format: VideoFormat; readonly slices: number },
  fd: number,
): GraphDescription => {
  const plan = { ...samplePlan(MODE, ENCODER_KBPS, format).video, slices };
  const values = toVideoValues(plan, { firstFrameNumber: 0, encoder });
  const launch = [
    'videotestsrc is-live=true horizontal-speed=4',
    `video/x-raw,width=${MODE.width},height=${MODE.height},framerate=${MODE.fps}/1`,
    fillFragment(encoder, encoder.convert, values),
    `framesampler name=sampler framerate=${MODE.fps}/1`,
    fillFragment(encoder, encoder.encode, values),
    'gdppay',
    `fdsink fd=${fd} sync=false`,
  ].join(' ! ');
  return { name, launch, properties: [], isOptional: false };
};
