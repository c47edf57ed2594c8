/** The pages do not send their readers to files, commands or scripts that are not there. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { CHECKOUT } from '../../support/reference-pages.js';

const pages = [
  ...fs.readdirSync(CHECKOUT, { encoding: 'utf8' }).filter((name) => name.endsWith('.md')),
  ...fs
    .readdirSync(new URL('docs/', CHECKOUT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const read = (page: string): string => fs.readFileSync(new URL(page, CHECKOUT), 'utf8');

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

describe('the pages', () => {
  for (const page of pages) {
    it(`${page} links to files that exist`, () => {
      const targets = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
      const dead = targets.filter((target) => !fs.existsSync(new URL(target, new URL(page, CHECKOUT))));
      assert.deepEqual(dead, []);
    });

    it(`${page} names npm scripts that exist`, () => {
      const names = [...read(page).matchAll(/\bnpm run ([a-z]+(?:[:-][a-z]+)*)/g)].map(
        (match) => match[1] ?? '',
      );
      assert.deepEqual(
        names.filter((name) => !(name in scripts)),
        [],
      );
    });
  }

  it('name every decision in the list of decisions', () => {
    const list = read('docs/decisions/README.md');
    const unlisted = pages.filter(
      (page) => /decisions\/\d/.test(page) && !list.includes(page.slice('docs/decisions/'.length)),
    );
    assert.deepEqual(unlisted, []);
  });
});
