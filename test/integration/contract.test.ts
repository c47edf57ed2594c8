/** docs/architecture.md against the elements as GStreamer sees them: every property and every field of `stats` exists. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from '../support/reference-pages.js';

const PLUGINS = process.env['LUMEN_PLUGIN_DIR'] ?? fileURLToPath(new URL('build/gst-plugins', CHECKOUT));
const VERSION = (
  JSON.parse(fs.readFileSync(new URL('package.json', CHECKOUT), 'utf8')) as { version: string }
).version;

interface ElementContract {
  readonly element: string;
  readonly properties: readonly string[];
  /** Fields of `stats`; the ones that depend on the media are in it, too. */
  readonly fields: readonly string[];
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');

/** `queue-ns-p50/p99 (uint64), eagain` → `queue-ns-p50`, `queue-ns-p99`, `eagain`. */
const readFields = (cell: string): string[] =>
  quoted(cell)
    .flatMap((text) => text.replace(/\([^)]*\)/g, '').split(','))
    .map((name) => name.trim())
    .flatMap((name) => (name.endsWith('-p50/p99') ? [name.slice(0, -4), `${name.slice(0, -7)}p99`] : [name]))
    .filter((name) => /^[a-z][a-z0-9-]+$/.test(name));

const readContracts = (): readonly ElementContract[] => {
  const page = fs.readFileSync(new URL('docs/architecture.md', CHECKOUT), 'utf8');
  return page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const rows = section
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .map((line) => line.split(' | '));
      const properties = rows.flatMap(([names]) => quoted(names ?? ''));
      const stats = rows.find(([names]) => names?.includes('`stats`'));
      return {
        element: section.split('\n')[0]?.trim() ?? '',
        properties: properties.filter((name) => /^[a-z-]+$/.test(name)),
        fields: readFields(stats?.[2] ?? ''),
      };
    })
    .filter(({ element }) => /^[a-z]+$/.test(element));
};

describe('the contract in docs/architecture.md', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-contract-'));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const inspect = (name: string): string =>
    execFileSync('gst-inspect-1.0', ['--no-colors', name], {
      env: {
        ...process.env,
        GST_PLUGIN_PATH: PLUGINS,
        GST_REGISTRY: path.join(folder, 'registry.bin'),
        LC_ALL: 'C.UTF-8',
      },
      encoding: 'utf8',
      timeout: 30_000,
    });

  const contracts = readContracts();

  it('describes all nine elements', () => {
    assert.equal(contracts.length, 9);
    for (const { element, properties } of contracts) assert.ok(properties.includes('stats'), element);
  });

  it(`is kept by a plugin of this version`, () => {
    assert.match(inspect('moonlight'), new RegExp(`Version\\s+${VERSION.replaceAll('.', '\\.')}\\s`));
  });

  for (const { element, properties, fields } of contracts) {
    it(`${element} has the properties and stats that are written down`, function () {
      this.timeout(35_000);
      const text = inspect(element);
      const has = (name: string): boolean => new RegExp(`^\\s+${name}\\s*: `, 'm').test(text);
      assert.deepEqual(
        properties.filter((name) => !has(name)),
        [],
      );
      // The depayloader's fields depend on its media: which of them it has shows only in a stream.
      if (element !== 'moonlightdepay') {
        assert.deepEqual(
          fields.filter((name) => !has(name)),
          [],
        );
      }
    });
  }
});
