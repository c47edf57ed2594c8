/**
 * What GStreamer, or GLib on its way, says against a property, and where the description sets it. Pure. GStreamer takes
 * a value out of its range without an error: GLib complains on standard error and the old value stays.
 */
import type { Described } from './catalog.js';
import { findPropertyLine } from './description.js';

const GLIB_COMPLAINT = /GLib\S*-(?:WARNING|CRITICAL) \*\*.*?: (?:[\d:.]+: )?(.*)/;
/** GLib's words for a value out of range, and gst-launch's for a property that an element does not have. */
const PROPERTY_NAMES = [/for property '([\w-]+)'/, /no property "([\w-]+)"/, /set property "([\w-]+)"/];

/** The text of a complaint of GLib, or undefined where a line of standard error is none. */
export const readComplaint = (line: string): string | undefined => GLIB_COMPLAINT.exec(line)?.[1];

/** The name of the property that `problem` is about, or undefined. */
export const propertyOf = (problem: string): string | undefined => {
  for (const pattern of PROPERTY_NAMES) {
    const name = pattern.exec(problem)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
};

/**
 * The description that a problem comes from, as `FILE:LINE` where the line can be told.
 * @param suspects what the graph was made of, the likeliest first
 * @param readText the text of a file, empty where it cannot be read
 */
export const locateProblem = (
  problem: string,
  suspects: readonly Described[],
  readText: (file: string) => string,
): string => {
  const property = propertyOf(problem);
  for (const { file } of suspects) {
    const line = property === undefined ? undefined : findPropertyLine(readText(file), property);
    if (line !== undefined) return `${file}:${line}`;
  }
  return suspects.map(({ file }) => file).join(' or ');
};
