import assert from 'node:assert/strict';
import fs from 'node:fs';
import { DESCRIPTION_KEYS, type DescriptionKind } from '../../../src/pipeline/description.js';
import { END_REASONS } from '../../../src/session/end-reasons.js';
import { ERROR_KINDS } from '../../../src/support/errors.js';
import { CHECKOUT, readMadePart, referencePages } from '../../support/reference-pages.js';

/** The text of all sources but the table itself. */
const sourcesWithout = (table: string): string =>
  fs
    .readdirSync(new URL('src/', CHECKOUT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== table)
    .map((name) => fs.readFileSync(new URL(`src/${name}`, CHECKOUT), 'utf8'))
    .join('\n');

describe('reference pages', () => {
  for (const { file, table } of referencePages()) {
    it(`${file} is what npm run docs makes`, () => {
      assert.equal(readMadePart(file), table);
    });
  }

  it('docs/pipelines.md names every key of a pipeline file, where it may stand, and no other', () => {
    const page = fs.readFileSync(new URL('docs/pipelines.md', CHECKOUT), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| ([\w, ]+) \|/gm)];
    const named = (kind: DescriptionKind): string[] =>
      rows.filter(([, , where]) => where === 'all' || where?.includes(kind)).map(([, key]) => key ?? '');
    for (const kind of ['encoders', 'sources', 'audio'] as const)
      assert.deepEqual(named(kind).sort(), [...DESCRIPTION_KEYS[kind]].sort(), kind);
  });

  it('every error code is used by the sources', () => {
    const text = sourcesWithout('support/errors.ts');
    const unused = Object.keys(ERROR_KINDS).filter((code) => !text.includes(`'${code}'`));
    assert.deepEqual(unused, []);
  });

  it('every reason for the end of a stream is used by the sources', () => {
    const text = sourcesWithout('session/end-reasons.ts');
    const unused = Object.keys(END_REASONS).filter((reason) => !text.includes(`'${reason}'`));
    assert.deepEqual(unused, []);
  });

  it('every end of a stream has a code of protocol/rtsp.md §8, a cause and a remedy', () => {
    for (const [reason, { code, text, remedy }] of Object.entries(END_REASONS)) {
      assert.ok([0x80030023, 0x800e9302, 0x800e9403].includes(code), reason);
      assert.ok(text.length > 10 && remedy.length > 10, reason);
    }
  });

  it('every message names its parts with words that a caller can fill', () => {
    for (const [code, kind] of Object.entries(ERROR_KINDS)) {
      const braces = `${kind.message}${kind.remedy}`.replace(/\{\w+\}/g, '');
      assert.doesNotMatch(braces, /[{}]/, code);
    }
  });
});
