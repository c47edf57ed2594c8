/** docs/architecture.md names every C and C++ file that ships. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { CHECKOUT } from '../../support/reference-pages.js';

const read = (name: string): string => fs.readFileSync(new URL(name, CHECKOUT), 'utf8');

describe('docs/architecture.md', () => {
  for (const folder of ['gst-plugins', 'native']) {
    it(`says what each file of ${folder}/ is for`, () => {
      const files = fs.readdirSync(new URL(`${folder}/`, CHECKOUT)).filter((name) => /\.cc?$/.test(name));
      const page = read('docs/architecture.md');
      assert.deepEqual(
        files.filter((name) => !page.includes(`| \`${name}\` |`)),
        [],
      );
    });
  }
});
