/** scripts/check.sh in a small checkout of its own, with stand-ins for the tools that it runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from '../support/reference-pages.js';

const SCRIPTS = fileURLToPath(new URL('scripts/', CHECKOUT));
const TOOLS = ['biome', 'tsc', 'mocha', 'knip', 'shellcheck', 'codespell', 'clang-format-19'];

describe('scripts/check.sh', function () {
  this.timeout(20_000);
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-check-'));
    fs.cpSync(SCRIPTS, path.join(folder, 'scripts'), { recursive: true });
    for (const name of ['gst-plugins', 'native', 'test/elements', 'node_modules/.bin'])
      fs.mkdirSync(path.join(folder, name), { recursive: true });
    for (const tool of TOOLS) {
      const body = `#!/bin/sh\necho '${tool}'\n[ "$BROKEN" != '${tool}' ]\n`;
      fs.writeFileSync(path.join(folder, 'node_modules/.bin', tool), body, { mode: 0o755 });
    }
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const run = (command: string, broken = '') =>
    spawnSync('bash', ['-c', command], {
      cwd: folder,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', BROKEN: broken },
      encoding: 'utf8',
      timeout: 15_000,
    });

  it('runs every check, and ends with the number of those that failed', () => {
    const { stdout, stderr, status } = run('bash scripts/check.sh', 'knip');
    assert.equal(status, 1, stderr);
    assert.deepEqual(stdout.trim().split('\n'), TOOLS.slice(0, 6).concat('clang-format-19'));
  });

  for (const tool of TOOLS) {
    it(`names a command that runs the failed check of ${tool} alone`, () => {
      const { stderr } = run('bash scripts/check.sh', tool);
      const command = /FAILED \(run it alone with: (.*)\)/.exec(stderr)?.[1];
      assert.ok(command, stderr);
      const alone = run(command, tool);
      assert.equal(alone.stdout, `${tool}\n`);
      assert.equal(alone.status, 1, alone.stderr);
    });
  }

  it('refuses the name of a check that does not exist, and lists them', () => {
    const { stderr, status } = run('bash scripts/check.sh c_format');
    assert.equal(status, 1);
    assert.match(stderr, /no check named c_format\n.*format types .* c\n/);
  });
});
