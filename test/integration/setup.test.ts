/**
 * scripts/setup.sh in a small checkout of its own, with stand-ins for node, npm and the package managers: what it installs,
 * what it repeats and what it says. meson and the shell are the real ones.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from '../support/reference-pages.js';

const SCRIPTS = fileURLToPath(new URL('scripts/', CHECKOUT));

/** Programs in front of the real ones in PATH. Each writes what it was asked to $CALLS. */
const STAND_INS: Readonly<Record<string, string>> = {
  node: `case $1 in
    --version) echo "\${FAKE_NODE:-v20.19.2}" ;;
    --input-type=module) exit 0 ;;
    *) exec '${process.execPath}' "$@" ;;
  esac`,
  npm: `echo "npm $*" >>"$CALLS"
    [ -z "$FAKE_NPM_FAILS" ] || exit 1
    mkdir -p node_modules/.bin
    printf '#!/bin/sh\\necho tsc >>"$CALLS"\\nmkdir -p dist/src && touch dist/src/cli.js\\n' >node_modules/.bin/tsc
    chmod +x node_modules/.bin/tsc`,
  // Knows every package but two, as dpkg does: an unknown name is a complaint and exit status 1.
  'dpkg-query': `for name in "$@"; do
      case $name in -*) ;; libisal-dev | meson) [ -n "$FAKE_ALL_INSTALLED" ] && echo "$name ii " ;; *) echo "$name:amd64 ii " ;; esac
    done
    exit 1`,
  'apt-get': 'echo "apt-get $*" >>"$CALLS"',
  sudo: 'echo "sudo" >>"$CALLS"; exec "$@"',
  id: 'echo "$FAKE_UID"',
  rpm: 'for last in "$@"; do :; done; case $last in isa-l-devel | meson) exit 1 ;; esac',
  pacman: 'echo isa-l; echo meson; exit 127',
};

interface Outcome {
  readonly status: number | null;
  readonly text: string;
  /** What the stand-ins were asked since the run before. */
  readonly calls: readonly string[];
}

describe('scripts/setup.sh', function () {
  this.timeout(20_000);

  let folder: string;
  let checkout: string;

  const write = (name: string, text: string, mode = 0o644): void => {
    const file = path.join(checkout, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode });
  };

  const run = (env: Readonly<Record<string, string>> = {}, ...flags: string[]): Outcome => {
    const callsFile = path.join(folder, 'calls');
    fs.writeFileSync(callsFile, '');
    const result = spawnSync('bash', [path.join(checkout, 'scripts/setup.sh'), ...flags], {
      env: {
        PATH: `${path.join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`,
        HOME: folder,
        CALLS: callsFile,
        LUMEN_OS_RELEASE: path.join(folder, 'os-release'),
        FAKE_ALL_INSTALLED: 'yes',
        FAKE_UID: '0',
        ...env,
      },
      encoding: 'utf8',
      timeout: 15_000,
    });
    const calls = fs.readFileSync(callsFile, 'utf8').split('\n').filter(Boolean);
    return { status: result.status, text: `${result.stdout}${result.stderr}`, calls };
  };

  const useDistribution = (id: string): void =>
    fs.writeFileSync(path.join(folder, 'os-release'), `ID=${id}\n`);

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-setup-'));
    checkout = path.join(folder, 'checkout');
    fs.cpSync(SCRIPTS, path.join(checkout, 'scripts'), { recursive: true });
    for (const file of ['package.json', 'package-lock.json', 'tsconfig.json']) write(file, '{}\n');
    for (const name of ['src/cli.ts', 'test/a.test.ts', 'native/a.cc', 'bin/lumen.js']) write(name, '\n');
    write('meson_options.txt', '');
    write('meson.build', "project('fixture')\nsubdir('gst-plugins')\nsubdir('native')\n");
    write(
      'gst-plugins/meson.build',
      "custom_target('so', output: 'libgstmoonlight.so', command: ['touch', '@OUTPUT@'], build_by_default: true)\n",
    );
    write(
      'native/meson.build',
      "foreach name : ['dbus.node', 'enet.node', 'sockets.node']\n" +
        "  custom_target(name, output: name, command: ['touch', '@OUTPUT@'], build_by_default: true)\nendforeach\n",
    );
    fs.mkdirSync(path.join(folder, 'bin'));
    for (const [name, body] of Object.entries(STAND_INS)) {
      fs.writeFileSync(path.join(folder, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    useDistribution('debian');
  });

  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('builds everything once and does nothing the second time', () => {
    const first = run();
    assert.equal(first.status, 0, first.text);
    assert.deepEqual(first.calls, ['npm ci --loglevel=error', 'tsc']);
    assert.ok(fs.existsSync(path.join(checkout, 'build/gst-plugins/libgstmoonlight.so')));
    const second = run({}, '--quiet');
    assert.deepEqual(second, { status: 0, text: '', calls: [] });
  });

  const results = [
    'gst-plugins/libgstmoonlight.so',
    ...['dbus', 'enet', 'sockets'].map((name) => `native/${name}.node`),
  ];
  for (const result of results) {
    it(`builds ${result} again after it has been deleted`, () => {
      run();
      const file = path.join(checkout, 'build', result);
      fs.rmSync(file);
      const outcome = run({}, '--quiet');
      assert.equal(outcome.status, 0, outcome.text);
      assert.ok(fs.existsSync(file));
    });
  }

  it('compiles again after a source has changed, without installing again', () => {
    run();
    write('src/cli.ts', 'export {};\n');
    const outcome = run();
    assert.equal(outcome.status, 0, outcome.text);
    assert.deepEqual(outcome.calls, ['tsc']);
  });

  it('installs npm packages again after the lockfile has changed', () => {
    run();
    write('package-lock.json', '{"changed":1}\n');
    assert.deepEqual(run().calls, ['npm ci --loglevel=error', 'tsc']);
  });

  it('removes compiled files whose source has gone', () => {
    run();
    write('dist/test/unit/gone.test.js', '\n');
    write('dist/test/a.test.js', '\n');
    write('src/cli.ts', 'export const changed = 1;\n');
    run();
    assert.equal(fs.existsSync(path.join(checkout, 'dist/test/unit/gone.test.js')), false);
    assert.equal(fs.existsSync(path.join(checkout, 'dist/test/a.test.js')), true);
  });

  it('resumes after npm has failed', () => {
    const failed = run({ FAKE_NPM_FAILS: 'yes' });
    assert.equal(failed.status, 1);
    assert.match(failed.text, /npm ci failed .*\n.*npm run setup/);
    const resumed = run();
    assert.equal(resumed.status, 0, resumed.text);
    assert.deepEqual(resumed.calls, ['npm ci --loglevel=error', 'tsc']);
  });

  it('installs exactly the Debian packages that are missing, and names them first', () => {
    const outcome = run({ FAKE_ALL_INSTALLED: '' });
    assert.match(outcome.text, /missing and will be installed:\n\s+meson libisal-dev\n/);
    assert.deepEqual(outcome.calls.slice(0, 2), [
      'apt-get update',
      'apt-get install -y --no-install-recommends meson libisal-dev',
    ]);
  });

  it('uses sudo once when it is not root', () => {
    const { calls } = run({ FAKE_ALL_INSTALLED: '', FAKE_UID: '1000' });
    assert.deepEqual(
      calls.filter((call) => call === 'sudo'),
      ['sudo'],
    );
  });

  it('does not ask apt when nothing is missing', () => {
    assert.equal(run().calls.includes('apt-get update'), false);
  });

  it('stops on a Node that is too old and says which to install', () => {
    const outcome = run({ FAKE_NODE: 'v18.20.4' });
    assert.equal(outcome.status, 1);
    assert.match(outcome.text, /Node v18\.20\.4 is too old: 20\.19\.0 .*\n.*install Node 20\.19\.0 or newer/);
    assert.deepEqual(outcome.calls, []);
  });

  for (const [id, command] of [
    ['fedora', 'sudo dnf install meson isa-l-devel'],
    ['arch', 'sudo pacman -S --needed isa-l meson'],
  ] as const) {
    it(`prints the missing packages on ${id} and stops`, () => {
      useDistribution(id);
      const outcome = run();
      assert.equal(outcome.status, 1);
      assert.ok(outcome.text.includes(`install them with: ${command}`), outcome.text);
      assert.deepEqual(outcome.calls, []);
    });
  }

  it('leaves packages alone on a distribution it does not know, and says how to go on', () => {
    useDistribution('slackware');
    const stopped = run();
    assert.equal(stopped.status, 1);
    assert.match(stopped.text, /setup\.sh --no-packages/);
    assert.equal(run({}, '--no-packages').status, 0);
  });
});
