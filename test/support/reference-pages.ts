/** The tables in docs/ that are made from the code: what a page must hold, for the test and for `npm run docs`. */
import fs from 'node:fs';
import { formatConfigReference } from '../../src/config/reference.js';
import { END_REASONS } from '../../src/session/end-reasons.js';
import { ERROR_KINDS } from '../../src/support/errors.js';

/** A page with one made part between two marks; everything around it is written by hand. */
export interface ReferencePage {
  /** Path from the root of the checkout. */
  readonly file: string;
  /** The made part, without a line break at its end. */
  readonly table: string;
}

const BEGIN = '<!-- made by `npm run docs`: begin -->';
const END = '<!-- made by `npm run docs`: end -->';

/** The root of the checkout, from the compiled file's place in dist/test/support/. */
export const CHECKOUT = new URL('../../../', import.meta.url);

const formatErrorReference = (): string =>
  [
    '| code | exit | message | what to do |',
    '|---|---|---|---|',
    ...Object.entries(ERROR_KINDS).map(
      ([code, kind]) => `| \`${code}\` | ${kind.exitCode} | ${kind.message} | ${kind.remedy} |`,
    ),
  ].join('\n');

/** What stock clients show (`protocol/rtsp.md` §8), by code. */
const SHOWN_BY_CLIENTS: Readonly<Record<number, string>> = {
  2147680291: 'its list of apps; before the first frame error −102, that something went wrong on the host',
  2148439043: 'error −104, a fatal error of the video encoder',
};

const END_HEADING = `## Ends of a stream

Whenever the host ends a stream it tells the client a code, and its log one line with reason, cause and remedy. The table is made from \`src/session/end-reasons.ts\`.`;

const formatEndReference = (): string =>
  [
    '| reason | code | cause | what to do | what the client shows |',
    '|---|---|---|---|---|',
    ...Object.entries(END_REASONS).map(
      ([reason, { code, text, remedy }]) =>
        `| \`${reason}\` | \`0x${code.toString(16)}\` | ${text} | ${remedy} | ${SHOWN_BY_CLIENTS[code]} |`,
    ),
  ].join('\n');

/** All pages with a made part. */
export const referencePages = (): readonly ReferencePage[] => [
  { file: 'docs/configuration.md', table: formatConfigReference() },
  { file: 'docs/errors.md', table: `${formatErrorReference()}\n\n${END_HEADING}\n\n${formatEndReference()}` },
];

const readPage = (file: string): string => fs.readFileSync(new URL(file, CHECKOUT), 'utf8');

/** The part between the marks as it is in the file. @throws Error when the page lacks a mark */
export const readMadePart = (file: string): string => {
  const text = readPage(file);
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${file} lacks the marks of its made part`);
  return text.slice(begin + BEGIN.length, end).trim();
};

/** Puts the made parts into the files. */
export const writeReferencePages = (): void => {
  for (const { file, table } of referencePages()) {
    const text = readPage(file);
    const [head] = text.split(BEGIN);
    const [, tail] = text.split(END);
    if (head === undefined || tail === undefined) throw new Error(`${file} lacks the marks of its made part`);
    fs.writeFileSync(new URL(file, CHECKOUT), `${head}${BEGIN}\n\n${table}\n\n${END}${tail}`);
  }
};
