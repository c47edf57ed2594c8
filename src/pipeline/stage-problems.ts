/**
 * What is wrong with the elements and properties of a description: against tables of what is installed, or of what
 * hardware elsewhere has. Pure.
 */
import { nearestName } from '../config/nearest-name.js';
import type { Described } from './catalog.js';
import { type ElementTable, findValueProblem, type PropertyTable } from './element-table.js';
import { type ElementUse, type PropertyUse, readElements } from './launch-text.js';
import { fillTemplate, type PlaceholderValues } from './template.js';

export interface StageProblem {
  /** Of the description's file. */
  readonly line: number;
  readonly problem: string;
  readonly remedy: string;
}

/** What is known of elements. */
export interface ElementKnowledge {
  /** Tables of an element, none where nothing is known of it. */
  tablesOf(element: string): readonly ElementTable[];
  /** Names to look for the nearest in. */
  readonly names: readonly string[];
}

/** Every GObject element and encoder has these. */
const COMMON: ReadonlyMap<string, PropertyTable> = new Map([
  ['name', { takes: { kind: 'string' } }],
  ['qos', { takes: { kind: 'boolean' } }],
  ['min-force-key-unit-interval', { takes: { kind: 'any' } }],
]);

type Found = Omit<StageProblem, 'line'> & { readonly offset: number };

const findElementProblem = ({ element, offset }: ElementUse, { names }: ElementKnowledge): Found => {
  const near = nearestName(element, names);
  const problem = `there is no element "${element}"${near === undefined ? '' : `; the nearest is "${near}"`}`;
  return { offset, problem, remedy: 'correct the name; gst-inspect-1.0 lists what is installed' };
};

const findPropertyProblem = (
  element: string,
  { name, value, offset }: PropertyUse,
  table: ElementTable,
  requires: readonly string[],
  values: PlaceholderValues,
): Found | undefined => {
  const release = table.since === undefined ? '' : ` of GStreamer ${table.since}`;
  const known = table.properties.get(name) ?? COMMON.get(name);
  if (known === undefined) {
    const near = nearestName(name, [...table.properties.keys()]);
    const problem = `no property "${name}" in element "${element}"${release}; the nearest is "${near}"`;
    return { offset, problem, remedy: 'correct the name; gst-inspect-1.0 ELEMENT lists the properties' };
  }
  const needed = `${element}.${name}`;
  if (known.since !== undefined && !requires.includes(needed)) {
    const problem = `"${name}" is in "${element}" from GStreamer ${known.since} on only`;
    return { offset, problem, remedy: `add "${needed}" to requires` };
  }
  const filled = fillTemplate(value, values);
  const wrong = filled.ok ? findValueProblem(known.takes, filled.launch) : undefined;
  if (wrong === undefined) return undefined;
  return { offset, problem: `${name}: ${wrong}`, remedy: `correct the value of ${name}` };
};

/** The spans of releases in which an element has all that is required of it. */
const findMatching = (
  element: string,
  tables: readonly ElementTable[],
  requires: readonly string[],
): ElementTable[] => {
  const prefix = `${element}.`;
  const needed = requires.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return tables.filter(({ properties }) => needed.every((name) => properties.has(name)));
};

const findUseProblems = (
  use: ElementUse,
  knowledge: ElementKnowledge,
  requires: readonly string[],
  values: PlaceholderValues,
): Found[] => {
  const { element, offset } = use;
  const tables = knowledge.tablesOf(element);
  if (tables.length === 0) return [findElementProblem(use, knowledge)];
  const matching = findMatching(element, tables, requires);
  if (matching.length === 0) {
    const problem = `no "${element}" has all that requires asks of it`;
    return [{ offset, problem, remedy: `correct the "${element}.PROPERTY" in requires` }];
  }
  return use.properties.flatMap((property) => {
    const found = matching
      .map((table) => findPropertyProblem(element, property, table, requires, values))
      .find((problem) => problem !== undefined);
    return found === undefined ? [] : [found];
  });
};

const lineOf = (text: string, fragment: string, offset: number): number =>
  text.slice(0, Math.max(0, text.indexOf(fragment)) + offset).split('\n').length;

/**
 * @param text the description's whole file
 * @param values to fill placeholders with: those of some stream
 */
export const findStageProblems = (
  description: Described,
  text: string,
  knowledge: ElementKnowledge,
  values: PlaceholderValues,
): StageProblem[] => {
  const fragments =
    'encode' in description ? [description.convert, description.encode] : [description.source];
  return fragments.flatMap((fragment) =>
    readElements(fragment).flatMap((use) =>
      findUseProblems(use, knowledge, description.requires, values).map(({ offset, problem, remedy }) => ({
        line: lineOf(text, fragment, offset),
        problem,
        remedy,
      })),
    ),
  );
};
