import assert from 'node:assert/strict';
import fs from 'node:fs';
import { ERROR_KINDS } from '../../../src/support/errors.js';
import { CHECKOUT, readMadePart, referencePages } from '../../support/reference-pages.js';

const sourceFiles = (): URL[] =>
  fs
    .readdirSync(new URL('src/', CHECKOUT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => new URL(`src/${name}`, CHECKOUT));

describe('reference pages', () => {
  for (const { file, table } of referencePages()) {
    it(`${file} is what npm run docs makes`, () => {
      assert.equal(readMadePart(file), table);
    });
  }

  it('every error code is used by the sources', () => {
    const text = sourceFiles()
      .filter((file) => !file.pathname.endsWith('/support/errors.ts'))
      .map((file) => fs.readFileSync(file, 'utf8'))
      .join('\n');
    const unused = Object.keys(ERROR_KINDS).filter((code) => !text.includes(`'${code}'`));
    assert.deepEqual(unused, []);
  });

  it('every message names its parts with words that a caller can fill', () => {
    for (const [code, kind] of Object.entries(ERROR_KINDS)) {
      const braces = `${kind.message}${kind.remedy}`.replace(/\{\w+\}/g, '');
      assert.doesNotMatch(braces, /[{}]/, code);
    }
  });
});
