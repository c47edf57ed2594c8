/** The package and the installation from a checkout: what they put where, and that it runs from there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKOUT } from '../support/reference-pages.js';

const ROOT = fileURLToPath(CHECKOUT);

const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string => {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...env } });
  assert.equal(
    result.status,
    0,
    `${command} ${args.join(' ')}\n${result.error ?? ''}${result.stdout}${result.stderr}`,
  );
  return result.stdout + result.stderr;
};

/** Every file below `folder`, with its path under it. */
const filesBelow = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !fs.lstatSync(path.join(folder, name)).isDirectory())
    .sort();

describe('packaging', function () {
  this.timeout(120_000);
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-packaging-'));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** What systemd says against a unit; the program itself need not be installed here. */
  const verifyUnit = (unit: string): void => {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, SYSTEMD_LOG_LEVEL: 'notice' };
    const { status, stderr } = spawnSync('systemd-analyze', ['--user', 'verify', unit], {
      encoding: 'utf8',
      env,
    });
    assert.notEqual(status, null);
    const complaints = stderr
      .split('\n')
      .filter((line) => line.includes('lumen.service') && !line.includes('/usr/bin/lumen is not executable'));
    assert.deepEqual(complaints, []);
  };

  /** KWin compares the path of the program that asks with this line, to the letter. */
  const checkEntry = (applications: string, root: string): void => {
    const entry = fs.readFileSync(path.join(applications, 'lumen-kwin-output.desktop'), 'utf8');
    const program = /^Exec=(.+)$/m.exec(entry)?.[1] ?? '';
    fs.accessSync(path.join(root, program), fs.constants.X_OK);
    assert.match(entry, /^X-KDE-Wayland-Interfaces=zkde_screencast_unstable_v1$/m);
  };

  /** For gst-inspect-1.0, which does not know Lumen's own folder. */
  const checkPlugin = (): void => {
    const libraries = path.join(folder, 'usr/lib');
    const [link = 'no link'] = filesBelow(libraries).filter((name) => /gstreamer-1\.0\/libgst/.test(name));
    assert.equal(
      fs.realpathSync(path.join(libraries, link)),
      path.join(fs.realpathSync(libraries), 'lumen/build/gst-plugins/libgstmoonlight.so'),
    );
  };

  const checkOtherNode = (lumen: string): void => {
    fs.writeFileSync(lumen, fs.readFileSync(lumen, 'utf8').replace(/^major=.*$/m, 'major=1'));
    const { status, stderr } = spawnSync(lumen, ['--version'], { encoding: 'utf8' });
    assert.equal(status, 5);
    assert.match(stderr, /needs Node 1, and the node here is v\d+.*\nTry: /);
  };

  /** Nothing that they call may keep the package from being installed or removed. */
  const checkMaintainerScripts = (deb: string): void => {
    const tools = path.join(folder, 'tools');
    fs.mkdirSync(tools);
    for (const tool of ['systemctl', 'udevadm', 'sysctl', 'lumen']) {
      fs.writeFileSync(path.join(tools, tool), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    }
    const control = path.join(folder, 'control');
    run('dpkg-deb', ['--control', deb, control]);
    for (const call of ['postinst configure', 'postinst configure 0.0.1', 'prerm remove', 'postrm remove']) {
      const [name = '', ...args] = call.split(' ');
      const PATH = `${tools}:${process.env['PATH']}`;
      run(path.join(control, name), args, { PATH, DPKG_MAINTSCRIPT_NAME: name });
    }
  };

  it('a Node that is too old is named, with the oldest that works', () => {
    const isOld = `data:text/javascript,import process from 'node:process';
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });`;
    const args = ['--import', isOld, path.join(ROOT, 'bin/lumen.js'), '--version'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.match(stderr, /^lumen: Node 18\.20\.4 \(.*\) is too old: 20\.19 is the oldest that works\n$/);
    assert.equal(status, 5);
  });

  it('npm run package makes a .deb whose lumen runs from where it is unpacked', () => {
    const [deb = 'no file'] = /^\/.*\.deb$/m.exec(run('npm', ['run', '--silent', 'package'])) ?? [];
    run('dpkg-deb', ['--extract', deb, folder]);
    const lumen = path.join(folder, 'usr/bin/lumen');
    assert.match(run(lumen, ['--version']), /^\d+\.\d+\.\d+/);
    // With the elements of the package, not with those of this checkout.
    const stages = run(lumen, ['pipelines', 'check'], { XDG_CONFIG_HOME: path.join(folder, 'config') });
    assert.doesNotMatch(stages, /error/i);
    for (const file of [
      'systemd/user/lumen.service',
      'udev/rules.d/60-lumen.rules',
      'sysctl.d/60-lumen.conf',
    ]) {
      assert(fs.existsSync(path.join(folder, 'usr/lib', file)), file);
    }
    checkEntry(path.join(folder, 'usr/share/applications'), folder);
    verifyUnit(path.join(folder, 'usr/lib/systemd/user/lumen.service'));
    checkPlugin();
    checkOtherNode(lumen);
    checkMaintainerScripts(deb);
    assert.match(run('dpkg-deb', ['--field', deb, 'Recommends']), /^nodejs \(>= \d+\), .*wireplumber/);
    const fields = run('dpkg-deb', ['--field', deb, 'Depends']);
    // What comes from nodejs.org is no package.
    assert.doesNotMatch(fields, /nodejs/);
    for (const name of ['gstreamer1.0-plugins-good', 'libgstreamer1.0-0', 'libisal2', 'pipewire-bin']) {
      assert.match(fields, new RegExp(`\\b${name.replaceAll('.', '\\.')}\\b`));
    }
    assert.doesNotMatch(fields, /-dev\b/);
  });

  it('npm run install-host installs a unit that starts this checkout; uninstall-host leaves nothing', () => {
    const env = {
      DESTDIR: folder,
      HOME: '/home/somebody',
      XDG_CONFIG_HOME: '',
      XDG_STATE_HOME: '',
      XDG_DATA_HOME: '',
    };
    for (let time = 0; time < 2; time += 1) run('npm', ['run', '--silent', 'install-host'], env);
    const unit = path.join(folder, 'home/somebody/.config/systemd/user/lumen.service');
    assert.deepEqual(filesBelow(folder), [
      'etc/sysctl.d/60-lumen.conf',
      'etc/udev/rules.d/60-lumen.rules',
      'home/somebody/.config/systemd/user/lumen.service',
      'home/somebody/.local/bin/lumen',
      'home/somebody/.local/share/applications/lumen-kwin-output.desktop',
    ]);
    checkEntry(path.join(folder, 'home/somebody/.local/share/applications'), '');
    verifyUnit(unit);
    const command = /^ExecStart="([^"]+)" "([^"]+)" serve$/m.exec(fs.readFileSync(unit, 'utf8'));
    assert.match(run(command?.[1] ?? '', [command?.[2] ?? '', '--version']), /^\d+\.\d+\.\d+/);
    assert.equal(fs.readlinkSync(path.join(folder, 'home/somebody/.local/bin/lumen')), command?.[2]);
    // As `systemctl --user add-wants` leaves it.
    const wants = path.join(path.dirname(unit), 'default.target.wants');
    fs.mkdirSync(wants);
    fs.symlinkSync('/home/somebody/.config/systemd/user/lumen.service', path.join(wants, 'lumen.service'));
    const text = run('npm', ['run', '--silent', 'uninstall-host'], env);
    assert.match(text, /removed .*60-lumen\.rules/);
    assert.deepEqual(filesBelow(folder), []);
  });

  it('uninstall-host leaves the lumen of another installation alone', () => {
    const env = { DESTDIR: folder, HOME: '/home/somebody' };
    const bin = path.join(folder, 'home/somebody/.local/bin');
    fs.mkdirSync(bin, { recursive: true });
    fs.symlinkSync('/elsewhere/bin/lumen.js', path.join(bin, 'lumen'));
    run('npm', ['run', '--silent', 'uninstall-host'], env);
    assert.deepEqual(filesBelow(folder), ['home/somebody/.local/bin/lumen']);
  });
});
