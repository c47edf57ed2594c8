/** The `[[apps]]` tables of the configuration file. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { appIdOf } from '../../../src/config/app-settings.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { LumenError } from '../../../src/support/errors.js';

describe('configured apps', () => {
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-apps-'));
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  const load = (text: string) => {
    const file = path.join(folder, 'config.toml');
    fs.writeFileSync(file, text);
    return loadConfig({ file, env: {} }).apps;
  };
  const failure = (text: string): string => {
    try {
      load(text);
    } catch (error) {
      assert.ok(error instanceof LumenError, String(error));
      return error.message;
    }
    return assert.fail('nothing was thrown');
  };

  it('are Desktop alone without a file, under the id that other hosts give it', () => {
    const apps = load('');
    assert.deepEqual(
      apps.map(({ id, title }) => [id, title]),
      [[881_448_767, 'Desktop']],
    );
  });

  it('carry everything that the file says', () => {
    const [desktop, game] = load(`
[[apps]]
title = "A game"
command = "game"
arguments = ["--full screen", ""]
environment = { LANG = "C" }
working_directory = "/tmp"
preparation = [{ run = ["a", "b"], undo = ["c"] }, { undo = ["d"] }]
box_art = "/a.png"
source = "test"
audio_source = "none"
encoder = "openh264"
exit_ends_stream = false
stop_seconds = 1.5
`);
    assert.equal(desktop?.title, 'Desktop');
    assert.deepEqual(game?.command, ['game', '--full screen', '']);
    assert.deepEqual(game?.environment, { LANG: 'C' });
    assert.equal(game?.workingDirectory, '/tmp');
    assert.deepEqual(game?.preparation, [{ run: ['a', 'b'], undo: ['c'] }, { undo: ['d'] }]);
    assert.equal(game?.boxArt, '/a.png');
    assert.deepEqual(Object.keys(game?.overrides ?? {}), ['source', 'audioSource', 'encoder']);
    assert.deepEqual(game?.overrides.encoder, ['openh264']);
    assert.equal(game?.exitEndsStream, false);
    assert.equal(game?.stopMs, 1500);
  });

  it('keep their ids whatever stands around them, and take one that is set', () => {
    const [, a, b] = load('[[apps]]\ntitle = "A"\n[[apps]]\ntitle = "B"\n');
    const [, b2, a2] = load('[[apps]]\ntitle = "B"\ncommand = "b"\n[[apps]]\ntitle = "A2"\nid = 7\n');
    assert.equal(b?.id, b2?.id);
    assert.notEqual(a?.id, b?.id);
    assert.equal(a2?.id, 7);
    // Clients keep shortcuts and pictures by it: it must not change with a version of Lumen either.
    assert.equal(appIdOf('Steam'), 79_599_292);
    assert.ok((a?.id ?? 0) > 0 && (a?.id ?? 0) <= 0x7fff_ffff);
  });

  it('amend Desktop in its place', () => {
    const apps = load('[[apps]]\ntitle = "A"\n[[apps]]\ntitle = "Desktop"\nencoder = "x264"\n');
    assert.deepEqual(
      apps.map(({ title }) => title),
      ['Desktop', 'A'],
    );
    assert.equal(apps[0]?.id, 881_448_767);
    assert.deepEqual(apps[0]?.overrides.encoder, ['x264']);
  });

  it('are refused with app, key and nearest name', () => {
    assert.match(
      failure('[[apps]]\ntitle = "A"\ncomand = "x"\n'),
      /apps, "A": comand: .*nearest name is command/,
    );
    assert.match(
      failure('[[apps]]\ntitle = "A"\npreparation = [{ rum = ["x"] }]\n'),
      /"A": preparation\.rum: .*nearest name is run/,
    );
    assert.match(failure('[[apps]]\ncommand = "x"\n'), /apps, number 1: title: it is missing/);
    assert.match(
      failure('[[apps]]\ntitle = "A"\nstop_seconds = 61\n'),
      /"A": stop_seconds: 61 is not accepted/,
    );
    assert.match(failure('[[apps]]\ntitle = "A"\nbox_art = "a.png"\n'), /it is no absolute path/);
    assert.match(
      failure('[[apps]]\ntitle = "A"\nsource = "screen"\n'),
      /"A": source: "screen" is not accepted/,
    );
    assert.match(failure('[[apps]]\ntitle = "A"\n[[apps]]\ntitle = "A"\n'), /has the same title/);
    assert.match(failure('[[apps]]\ntitle = "A"\nid = 881448767\n'), /"Desktop" has the same id/);
    assert.match(failure('apps = 3\n'), /written as \[\[apps\]\]/);
    assert.match(failure('aps = 3\n'), /nearest name is apps/);
  });
});
