/** `lumen pipelines check`: what is wrong with description files, with line and remedy. */
import fs from 'node:fs';
import path from 'node:path';
import { mediaEnvironment } from '../media/media-process.js';
import {
  type Catalog,
  type Described,
  findLacking,
  findOwnMissing,
  listDescriptionFiles,
  listRequirements,
  loadCatalog,
  readDescription,
} from '../pipeline/catalog.js';
import { locateProblem, readComplaint } from '../pipeline/complaint.js';
import type { DescriptionKind } from '../pipeline/description.js';
import { type ElementTable, parseElementTables, readInspection } from '../pipeline/element-table.js';
import { readElements } from '../pipeline/launch-text.js';
import { samplePlan } from '../pipeline/sample.js';
import { SHIPPED_PIPELINES } from '../pipeline/shipped.js';
import { type ElementKnowledge, findStageProblems, type StageProblem } from '../pipeline/stage-problems.js';
import { toAudioValues, toVideoValues } from '../pipeline/template.js';
import { describeError, LumenError } from '../support/errors.js';
import { runTool } from '../support/tool.js';
import {
  findMissing,
  folders,
  formatFor,
  KINDS,
  print,
  sampleLaunch,
  spawnInspector,
} from './pipeline-graphs.js';

const EXIT_INVALID = 6;
const MODE = { width: 1280, height: 720, fps: 60 } as const;
const SAMPLE_KBPS = 10_000;
const PREVIEW = { address: '127.0.0.1', videoPort: 47998, audioPort: 48000 } as const;

interface Input {
  readonly kind: DescriptionKind;
  readonly file: string;
}
interface Readable extends Input {
  readonly description: Described;
}

/** What GStreamer, or GLib on its way, has against a launch string. */
const findLaunchProblem = async (launch: string): Promise<string | null> => {
  const media = spawnInspector();
  try {
    const problem = await media.check(launch);
    await media.stop();
    // A value out of its range is no error to GStreamer: GLib complains on standard error and keeps the old value.
    const complaints = media.standardError.split('\n').map(readComplaint);
    return problem ?? complaints.find((complaint) => complaint !== undefined) ?? null;
  } finally {
    await media.stop();
  }
};

/** `x264:  x264enc: x264 H.264 Encoder` */
const LISTED_ELEMENT = /^\S+: +([\w-]+): /gm;

const inspect = async (words: readonly string[]): Promise<string> => {
  const environment = mediaEnvironment(process.env);
  const answer = await runTool(['gst-inspect-1.0', '--no-colors', ...words], environment);
  if (answer !== undefined) return answer.status === 0 ? answer.output : '';
  throw new LumenError('LUMEN_USAGE', {
    problem: 'gst-inspect-1.0 is not installed: run: npm run setup',
  });
};

/** Tables of everything that the descriptions use: as installed, or else from the tables of GStreamer's releases. */
const gatherKnowledge = async (descriptions: readonly Described[]): Promise<ElementKnowledge> => {
  const installed = [...(await inspect([])).matchAll(LISTED_ELEMENT)].map((match) => match[1] ?? '');
  const data = parseElementTables(fs.readFileSync(path.join(SHIPPED_PIPELINES, 'elements.toml'), 'utf8'));
  const fragments = descriptions.flatMap((one) =>
    'encode' in one ? [one.convert, one.encode] : [one.source],
  );
  const used = new Set(fragments.flatMap(readElements).map(({ element }) => element));
  const tables = new Map<string, readonly ElementTable[]>();
  for (const name of used) {
    const isInstalled = installed.includes(name);
    const ofReleases = data.filter((table) => table.name === name);
    tables.set(name, isInstalled ? [readInspection(name, await inspect([name]))] : ofReleases);
  }
  return {
    tablesOf: (element) => tables.get(element) ?? [],
    names: [...installed, ...data.map(({ name }) => name)],
  };
};

/** By its folder, or by what stands in it. */
const toInput = (file: string): Input => {
  const folder = path.basename(path.dirname(path.resolve(file)));
  const kind = KINDS.find((one) => one === folder);
  if (kind !== undefined) return { kind, file };
  let text = '';
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch {
    // Reading it as a description says why it cannot be read.
  }
  if (/^\s*encode\s*=/m.test(text) || !/^\s*source\s*=/m.test(text)) return { kind: 'encoders', file };
  return { kind: /\baudio\//.test(text) ? 'audio' : 'sources', file };
};

const report = (file: string, problem: string, remedy: string): void => {
  process.exitCode = EXIT_INVALID;
  print(`${file}: ${problem}\n  Try: ${remedy}`);
};

/** Says what is wrong with a file that cannot be read as a description. */
const readOrReport = (input: Input): Readable[] => {
  try {
    return [{ ...input, description: readDescription(input.kind, input.file) }];
  } catch (error) {
    if (!(error instanceof LumenError) || error.code !== 'LUMEN_PIPELINE_INVALID') throw error;
    report(String(error.details['file']), String(error.details['problem']), error.remedy);
    return [];
  }
};

/** What the tables say against a description. */
const findTableProblems = (
  { kind, file, description }: Readable,
  knowledge: ElementKnowledge,
): StageProblem[] => {
  const plan = samplePlan(MODE, SAMPLE_KBPS, formatFor(description));
  const isOpus = 'codec' in description && description.codec === 'opus';
  const values =
    kind === 'audio' || isOpus
      ? toAudioValues(plan.audio)
      : toVideoValues(plan.video, {
          firstFrameNumber: 0,
          ...('codec' in description && { encoder: description }),
        });
  return findStageProblems(description, fs.readFileSync(file, 'utf8'), knowledge, values);
};

/** What GStreamer says against a description all of whose elements are here, or null. */
const findParseProblem = (
  { kind, description }: Readable,
  shipped: Catalog,
): Promise<string | null> | string => {
  const plan = samplePlan(MODE, SAMPLE_KBPS, formatFor(description));
  try {
    return findLaunchProblem(sampleLaunch(shipped, kind, description, plan, PREVIEW));
  } catch (error) {
    return describeError(error);
  }
};

const checkOne = async (
  readable: Readable,
  knowledge: ElementKnowledge,
  shipped: Catalog,
  missing: readonly string[],
): Promise<void> => {
  const { file, description } = readable;
  const found = findTableProblems(readable, knowledge);
  for (const { line, problem, remedy } of found) report(`${file}:${line}`, problem, remedy);
  if (found.length > 0) return;
  const [lacking] = findLacking(description, missing);
  if (lacking !== undefined) {
    print(
      `${file}: not usable here: ${lacking} not installed; the tables of GStreamer's releases have nothing against it`,
    );
    return;
  }
  const problem = await findParseProblem(readable, shipped);
  if (problem === null) {
    print(`${file}: ok`);
    return;
  }
  const at = locateProblem(problem, [description], (one) => fs.readFileSync(one, 'utf8'));
  report(at, problem, 'correct the fragment; gst-inspect-1.0 ELEMENT lists properties and ranges');
};

/** @param files to check; all that are shipped and all of the user's own where there are none */
export const checkPipelines = async (files: readonly string[]): Promise<void> => {
  // Graphs are completed by shipped parts, so that one broken file of the user does not spoil the others.
  const shipped = loadCatalog(SHIPPED_PIPELINES, '');
  const inputs =
    files.length > 0
      ? files.map(toInput)
      : KINDS.flatMap((kind) => listDescriptionFiles(kind, folders()).map((file) => ({ kind, file })));
  const readable = inputs.flatMap(readOrReport);
  const descriptions = readable.map(({ description }) => description);
  const required = [...listRequirements(shipped), ...descriptions.flatMap(({ requires }) => requires)];
  const missing = await findMissing([...new Set(required)]);
  const own = findOwnMissing(missing);
  if (own !== undefined) throw own;
  const knowledge = await gatherKnowledge(descriptions);
  for (const one of readable) await checkOne(one, knowledge, shipped, missing);
};
