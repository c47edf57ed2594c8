/** XDG folders and private folders. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensurePrivateDir, resolvePaths } from '../../../src/config/paths.js';
import { LumenError } from '../../../src/support/errors.js';

describe('paths', () => {
  it('follow the XDG variables', () => {
    const env = { HOME: '/h', XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/r' };
    const paths = resolvePaths(env, 7);
    assert.equal(paths.configFile, '/c/lumen/config.toml');
    assert.equal(paths.pipelinesDir, '/c/lumen/pipelines');
    assert.equal(paths.stateDir, '/s/lumen');
    assert.equal(paths.adminSocket(2000), '/r/lumen/serve-2000.sock');
  });

  it('fall back to the home folder and to a folder under /tmp with the user in its name', () => {
    const paths = resolvePaths({ HOME: '/h' }, 7);
    assert.equal(paths.configDir, '/h/.config/lumen');
    assert.equal(paths.stateDir, '/h/.local/state/lumen');
    assert.equal(paths.runtimeDir, '/tmp/lumen-7');
  });

  it('ignore relative variables, as the specification wants', () => {
    assert.equal(resolvePaths({ HOME: '/h', XDG_CONFIG_HOME: 'here' }, 7).configDir, '/h/.config/lumen');
    assert.equal(resolvePaths({ HOME: '/h', XDG_RUNTIME_DIR: '' }, 7).runtimeDir, '/tmp/lumen-7');
  });
});

describe('a private folder', () => {
  let base: string;
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-paths-'));
  });
  afterEach(() => fs.rmSync(base, { recursive: true }));

  const isRefused = (dir: string, problem: RegExp, userId?: number) =>
    assert.throws(
      () => ensurePrivateDir(dir, userId),
      (error) =>
        error instanceof LumenError && error.code === 'LUMEN_STATE_UNREADABLE' && problem.test(error.message),
    );

  it('is made with its parents, mode 0700, and accepted again', () => {
    const dir = path.join(base, 'a', 'b');
    ensurePrivateDir(dir);
    ensurePrivateDir(dir);
    assert.equal(fs.statSync(dir).mode & 0o777, 0o700);
  });

  it('is refused when others may enter it', () => {
    const dir = path.join(base, 'open');
    fs.mkdirSync(dir);
    fs.chmodSync(dir, 0o755);
    isRefused(dir, /mode 0755/);
  });

  it('is refused when it is a link or a file', () => {
    const target = path.join(base, 'target');
    fs.mkdirSync(target, { mode: 0o700 });
    fs.symlinkSync(target, path.join(base, 'link'));
    fs.writeFileSync(path.join(base, 'file'), '');
    isRefused(path.join(base, 'link'), /symbolic link/);
    isRefused(path.join(base, 'file'), /not a folder/);
  });

  it('is refused when it belongs to somebody else', () => {
    const dir = path.join(base, 'foreign');
    ensurePrivateDir(dir);
    isRefused(dir, /belongs to user/, (process.getuid?.() ?? 0) + 1);
  });
});
