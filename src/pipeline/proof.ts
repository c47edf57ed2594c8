/** What an encoder stage must do before it is offered to clients, judged by what it wrote. Pure. */
import type { VideoFormat } from '../session/stream-plan.js';
import type { Recording } from './recording.js';

/** Frames behind a request within which the key frame must come. */
export const KEY_FRAME_WITHIN = 3;

export interface Trial {
  readonly format: VideoFormat;
  /** Slices a frame that were asked for. */
  readonly slices: number;
  /** Frames that had gone into the encoder when a key frame was asked for. */
  readonly askedAfter: number;
}

const isReordered = ({ pictures }: Recording): boolean =>
  pictures.some(({ timeNs }, index) => timeNs <= (pictures[index - 1]?.timeNs ?? -1n));

/** A profile that says less than the format: the encoder would have converted in silence. */
const isOfLesserProfile = ({ codec, bitDepth, chroma }: VideoFormat, profile: string): boolean => {
  const words = profile.replaceAll(':', '');
  if (codec === 'av1') return false;
  return (bitDepth === 10 && !words.includes('10')) || (chroma === '444' && !words.includes('444'));
};

/** The key frame that was asked for, by its place in the recording. */
export const findAnswer = ({ pictures }: Recording, { askedAfter }: Trial): number =>
  pictures.findIndex(({ isKey }, index) => isKey && index >= Math.max(1, askedAfter - 1));

/**
 * Why the stage is not proven to encode, or undefined where it is: the first frame is a key frame; one that is asked for
 * comes within three frames with parameter sets; slices as asked; no reordering.
 */
export const findFault = (recording: Recording, trial: Trial): string | undefined => {
  const { pictures, profile } = recording;
  const [first] = pictures;
  if (first === undefined) return 'no picture came out of it';
  if (!first.isKey || !first.hasParameterSets)
    return 'it does not begin with a key frame that a client can begin with';
  if (isReordered(recording)) return 'it reorders frames';
  if (profile !== undefined && isOfLesserProfile(trial.format, profile)) return `it makes ${profile} instead`;
  const slices = pictures.find((picture) => picture.slices !== trial.slices)?.slices;
  if (trial.format.codec !== 'av1' && slices !== undefined)
    return `it makes ${slices} slices a frame where ${trial.slices} ${trial.slices === 1 ? 'was' : 'were'} asked for`;
  const answer = findAnswer(recording, trial);
  if (answer < 0) return 'a key frame that was asked for does not come';
  // The frame in the encoder while it was asked is not counted, nor the one that waits for it.
  if (answer - trial.askedAfter > KEY_FRAME_WITHIN)
    return `a key frame that was asked for comes ${answer - trial.askedAfter} frames later`;
  if (pictures.some(({ isKey, hasParameterSets }) => isKey && !hasParameterSets))
    return 'a key frame that was asked for comes without parameter sets';
  return undefined;
};
