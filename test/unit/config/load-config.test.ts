/** The merging and checking of settings. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { APP_KEYS } from '../../../src/config/app-settings.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { formatConfigReference } from '../../../src/config/reference.js';
import { SETTING_KEYS } from '../../../src/config/settings.js';
import { LumenError } from '../../../src/support/errors.js';

describe('configuration', function () {
  this.timeout(10_000); // a busy machine may stall for seconds

  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-config-'));
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  const write = (text: string): string => {
    const file = path.join(folder, 'config.toml');
    fs.writeFileSync(file, text);
    return file;
  };
  const failure = (run: () => unknown): LumenError => {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof LumenError, String(error));
      return error;
    }
    return assert.fail('nothing was thrown');
  };

  it('has defaults for everything and needs no file', () => {
    const config = loadConfig({ env: { HOME: folder } });
    assert.equal(config.port, 47989);
    assert.equal(config.bindAddress, '::');
    assert.deepEqual(config.source, { kind: 'auto' });
    assert.deepEqual(config.audioSource, { kind: 'auto' });
    assert.equal(config.linkKbps, 800_000);
    assert.equal(config.suspendMinutes, 30);
    assert.equal(config.maxSessions, 4);
    assert.equal(config.discovery, true);
    assert.equal(config.name, os.hostname().slice(0, 63));
  });

  it('takes a flag before a variable before the file', () => {
    const file = write('port = 2001\nlink_kbps = 100000\nname = "from file"\n');
    const env = { LUMEN_PORT: '2002', LUMEN_LINK_KBPS: '200000', LUMEN_DISCOVERY: 'false' };
    const config = loadConfig({ file, env, flags: { port: '2003', maxSessions: 2 } });
    assert.equal(config.port, 2003);
    assert.equal(config.linkKbps, 200_000);
    assert.equal(config.name, 'from file');
    assert.equal(config.discovery, false);
    assert.equal(config.maxSessions, 2);
  });

  it('takes the variables of the project before this one, after its own', () => {
    const env = {
      LUMEN_VIDEO_SOURCE: 'pipewire:7',
      LUMEN_FEC_PCT: '33',
      LUMEN_VIDEO_DROP: '2.5',
      LUMEN_PERF: '1',
    };
    const config = loadConfig({ env });
    assert.deepEqual(config.source, { kind: 'pipewire', target: '7' });
    assert.equal(config.fecPercentage, 33);
    assert.equal(config.videoDropPercent, 2.5);
    assert.equal(config.perfLog, true);
    assert.equal(loadConfig({ env: { LUMEN_VIDEO_SOURCE: 'virtual' } }).source.kind, 'auto');
    assert.equal(loadConfig({ env: { LUMEN_VIDEO_SOURCE: 'test' } }).source.kind, 'test');
    assert.throws(() => loadConfig({ env: { LUMEN_SOURCE: 'virtual' } }));
    assert.equal(loadConfig({ env: { ...env, LUMEN_FEC_PERCENTAGE: '10' } }).fecPercentage, 10);
    assert.match(
      failure(() => loadConfig({ env: { LUMEN_FEC_PCT: 'much' } })).message,
      /LUMEN_FEC_PCT: "much"/,
    );
    assert.match(failure(() => loadConfig({ env: { LUMEN_FEC_PTC: '3' } })).message, /LUMEN_FEC_PCT/);
  });

  it('reads the link as a number or as the speed of a port', () => {
    const linkOf = (text: string) => loadConfig({ env: {}, file: write(`link_kbps = ${text}\n`) }).linkKbps;
    assert.equal(linkOf('90000'), 90_000);
    assert.equal(linkOf('"100M"'), 80_000);
    assert.equal(loadConfig({ env: { LUMEN_LINK_KBPS: '2500M' }, flags: {} }).linkKbps, 2_000_000);
    const error = failure(() => linkOf('"fast"'));
    assert.match(error.message, /"fast" is not accepted: it is no rate of a link: 100M, 1G/);
  });

  it('reads sources with their targets', () => {
    const config = loadConfig({
      env: { HOME: folder },
      flags: { source: 'pipewire:my.node-1', audioSource: 'pulse:sink.monitor' },
    });
    assert.deepEqual(config.source, { kind: 'pipewire', target: 'my.node-1' });
    assert.deepEqual(config.audioSource, { kind: 'pulse', device: 'sink.monitor' });
  });

  it('refuses targets that could break out of a launch string', () => {
    for (const source of ['pipewire:', 'pipewire:a b', 'pipewire:a"b', 'pipewire:a!b', 'other', 'test ']) {
      const error = failure(() => loadConfig({ env: { HOME: folder }, flags: { source } }));
      assert.equal(error.code, 'LUMEN_CONFIG_INVALID');
      assert.match(error.message, /--source/);
    }
  });

  it('names the nearest setting for an unknown key in the file', () => {
    const error = failure(() => loadConfig({ env: {}, file: write('link_kpbs = 1000\n') }));
    assert.equal(error.code, 'LUMEN_CONFIG_INVALID');
    assert.match(error.message, /link_kpbs.*nearest name is link_kbps/);
  });

  it('refuses a misspelt variable and leaves variables of another purpose alone', () => {
    const error = failure(() => loadConfig({ env: { HOME: folder, LUMEN_PROT: '2000' } }));
    assert.match(error.message, /LUMEN_PROT.*LUMEN_PORT/);
    assert.equal(loadConfig({ env: { HOME: folder, LUMEN_BENCH_OUTPUT_FOLDER: 'x' } }).port, 47989);
  });

  it('says which value of which place is wrong and what is accepted', () => {
    const file = write('fec_percentage = 300\n');
    const error = failure(() => loadConfig({ env: {}, file }));
    assert.match(error.message, /fec_percentage.*300.*0–255/);
    assert.ok(error.remedy.includes(file));
    const word = failure(() => loadConfig({ env: { HOME: folder, LUMEN_MAX_SESSIONS: 'many' } }));
    assert.match(word.message, /LUMEN_MAX_SESSIONS.*"many"/);
    const source = failure(() => loadConfig({ env: {}, flags: { source: 'screen' } }));
    assert.equal(source.message.match(/gamescope/g)?.length, 1);
    assert.match(word.remedy, /^set LUMEN_MAX_SESSIONS to another value, or unset it$/);
  });

  it('has its own error for a base port whose offsets do not fit', () => {
    for (const port of [0, 80, 1028, 65515, 70000]) {
      assert.equal(
        failure(() => loadConfig({ env: { HOME: folder }, flags: { port } })).code,
        'LUMEN_PORT_RANGE',
      );
    }
    assert.equal(loadConfig({ env: { HOME: folder }, flags: { port: 1029 } }).port, 1029);
    assert.equal(loadConfig({ env: { HOME: folder }, flags: { port: '65514' } }).port, 65514);
  });

  it('names the line of a TOML mistake', () => {
    const error = failure(() => loadConfig({ env: {}, file: write('port = 2000\nname = \n') }));
    assert.equal(error.code, 'LUMEN_CONFIG_INVALID');
    assert.match(error.message, /line 2/);
  });

  it('wants a file that was asked for by name to exist', () => {
    const error = failure(() => loadConfig({ env: {}, file: path.join(folder, 'absent.toml') }));
    assert.equal(error.code, 'LUMEN_CONFIG_INVALID');
  });

  it('is frozen to the bottom', () => {
    const config = loadConfig({ env: { HOME: folder }, flags: { source: 'pipewire:7' } });
    assert.ok(Object.isFrozen(config));
    assert.ok(Object.isFrozen(config.source));
  });

  it('answers any file with a configuration or a LumenError', () => {
    const line = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom(...SETTING_KEYS), fc.jsonValue())
        .map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const file = write(lines.join('\n'));
        try {
          loadConfig({ env: {}, file });
        } catch (error) {
          assert.ok(error instanceof LumenError, String(error));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('documents every setting once, as a table of equal rows', () => {
    const [settings = '', apps = ''] = formatConfigReference().split('\n\n');
    assert.deepEqual(
      apps
        .split('\n')
        .slice(2)
        .map((row) => row.split('`')[1]),
      APP_KEYS,
    );
    const rows = settings.split('\n').slice(2);
    assert.equal(rows.length, SETTING_KEYS.length);
    for (const [index, key] of SETTING_KEYS.entries()) {
      assert.ok(rows[index]?.startsWith(`| \`${key}\` |`), rows[index]);
      assert.equal(rows[index]?.replaceAll('\\|', '').split('|').length, 8);
    }
  });
});
