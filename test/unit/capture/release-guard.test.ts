import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReleaseGuard } from '../../../src/capture/release-guard.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const GUARD_MODULE = new URL('../../../src/capture/release-guard.js', import.meta.url).href;

describe('ReleaseGuard', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-guard-'));
    file = path.join(folder, 'released');
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  const context = { environment: process.env, stateDir: '', logger: createSilentLogger() };

  it('runs its command when it is told to, once', async () => {
    const guard = new ReleaseGuard('echo "$1" >>"$2"', ['HEADLESS-2', file], context);
    await sleep(50);
    assert(!fs.existsSync(file));
    await guard.release();
    await guard.release();
    assert.equal(fs.readFileSync(file, 'utf8'), 'HEADLESS-2\n');
  });

  it('runs its command when its process is killed', async () => {
    const program = `
      const { ReleaseGuard } = await import('${GUARD_MODULE}');
      new ReleaseGuard('echo gone >"$1"', ['${file}'], { environment: process.env, stateDir: '', logger: {} });
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    // The shell makes the file before it writes into it.
    const text = (): string => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
    for (let waited = 0; text() === '' && waited < 10_000; waited += 20) await sleep(20);
    assert.equal(text(), 'gone\n');
  });
});
