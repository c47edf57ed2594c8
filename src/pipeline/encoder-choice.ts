/** Which encoder stage makes a codec here: by rank, by what is installed, and by what whoever asks found out. */
import { LumenError } from '../support/errors.js';
import { type Catalog, findLacking, requireDescription } from './catalog.js';
import type { EncoderDescription } from './description.js';

export interface EncoderChoice {
  readonly encoder: EncoderDescription;
  /** For people: `x264enc (H.264 in software): the best of 2 installed stages; openh264enc is there too`. */
  readonly reason: string;
}

export interface EncoderSearch {
  readonly codec: EncoderDescription['codec'];
  /** What is not installed, of `listRequirements`. */
  readonly missing: readonly string[];
  /** Names of the only stages to consider, at most one a codec; a codec without a name takes the best. */
  readonly wanted?: readonly string[];
  /** Why an installed stage cannot be used all the same; undefined where nothing is known against it. */
  judge?(encoder: EncoderDescription): Promise<StageFault | undefined>;
}

/** What keeps a stage from being used. */
export interface StageFault {
  /** The stage's file, with the line where that can be told. */
  readonly file: string;
  readonly problem: string;
}

/** The element that encodes, which people know better than the file's name. */
const nameOf = (encoder: EncoderDescription): string => encoder.requires[0] ?? encoder.name;

const explain = (
  encoder: EncoderDescription,
  others: readonly EncoderDescription[],
  rejected: ReadonlyMap<EncoderDescription, StageFault>,
): string => {
  const why =
    others.length > 0 ? `the best of ${others.length + 1} installed stages` : 'the only installed stage';
  const also =
    others.length > 0
      ? [`${others.map(nameOf).join(', ')} ${others.length === 1 ? 'is' : 'are'} there too`]
      : [];
  const faults = [...rejected].map(([stage, fault]) =>
    // A file of the user's own that the shipped one of its name stands in for: only the file tells them apart.
    stage.name === encoder.name
      ? `${fault.file} is not used: ${fault.problem}`
      : explainFault([stage, fault]),
  );
  return [`${nameOf(encoder)} (${encoder.title}): ${why}`, ...also, ...faults].join('; ');
};

const explainFault = ([{ name }, { problem }]: [EncoderDescription, StageFault]): string =>
  `${name} is not usable: ${problem}`;

/**
 * Refuses names that no stage has.
 * @throws LumenError LUMEN_PIPELINE_INVALID naming the nearest, or with what is wrong with the file of that name
 */
export const requireStages = ({ encoders, broken }: Catalog, wanted: readonly string[]): void => {
  const ofVideo = new Map([...encoders].filter(([, { codec }]) => codec !== 'opus'));
  const codecs = wanted.map((name) => requireDescription('encoders', ofVideo, name, broken).codec);
  const twice = codecs.find((codec, index) => codecs.indexOf(codec) !== index);
  if (twice === undefined) return;
  const problem = `encoder names two stages of ${twice}: ${wanted.join(', ')}`;
  throw new LumenError('LUMEN_PIPELINE_INVALID', {
    file: 'encoders',
    problem,
    remedy: 'name one stage for each codec; see: lumen pipelines list',
  });
};

/** A stage of the user's own is followed by the shipped one that it stands in for. */
const listCandidates = (catalog: Catalog, { codec, wanted = [] }: EncoderSearch): EncoderDescription[] => {
  const ofCodec = [...catalog.encoders.values()].filter((encoder) => encoder.codec === codec);
  const named = ofCodec.filter(({ name }) => wanted.includes(name));
  return (named.length > 0 ? named : ofCodec)
    .sort((a, b) => b.rank - a.rank || a.name.localeCompare(b.name))
    .flatMap((encoder) => {
      const shipped = catalog.shadowed.get(encoder.name);
      return shipped?.codec === codec ? [encoder, shipped] : [encoder];
    });
};

/** A stage that was asked for by name is to be corrected; otherwise something is to be installed. */
const toError = (
  { codec, wanted = [] }: EncoderSearch,
  rejected: ReadonlyMap<EncoderDescription, StageFault>,
  absent: readonly string[],
): LumenError => {
  const named = [...rejected].find(([{ name }]) => wanted.includes(name));
  if (named !== undefined)
    return new LumenError('LUMEN_PIPELINE_INVALID', { ...named[1], remedy: 'run: lumen pipelines check' });
  const faults = [...rejected].map(explainFault);
  const notInstalled = absent.length > 0 ? [`not installed: ${[...new Set(absent)].join(', ')}`] : [];
  const problem = [...faults, ...notInstalled].join('; ') || 'no description';
  return new LumenError('LUMEN_ENCODER_MISSING', { codec, problem });
};

/**
 * Chooses the encoder stage of a codec: the highest rank whose requirements are met and that nothing is known against.
 * @throws LumenError LUMEN_ENCODER_MISSING with what each stage lacks; LUMEN_PIPELINE_INVALID where one was asked for by
 * name that cannot be used
 */
export const chooseEncoder = async (catalog: Catalog, search: EncoderSearch): Promise<EncoderChoice> => {
  const candidates = listCandidates(catalog, search);
  const lackingOf = (encoder: EncoderDescription) => findLacking(encoder, search.missing);
  const installed = candidates.filter((encoder) => lackingOf(encoder).length === 0);
  const rejected = new Map<EncoderDescription, StageFault>();
  for (const [index, encoder] of installed.entries()) {
    const fault = await search.judge?.(encoder);
    if (fault === undefined) {
      const others = installed.slice(index + 1).filter(({ name }) => name !== encoder.name);
      const isNamed = search.wanted?.includes(encoder.name) ?? false;
      if (!isNamed || rejected.size > 0) return { encoder, reason: explain(encoder, others, rejected) };
      return { encoder, reason: `${nameOf(encoder)} (${encoder.title}): as configured` };
    }
    rejected.set(encoder, fault);
  }
  throw toError(
    search,
    rejected,
    candidates.flatMap((encoder) => lackingOf(encoder).slice(0, 1)),
  );
};
