/** Encoder stages tried for real: what counts as proven, and that a stage which hangs or crashes costs a verdict only. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tryStage, type Verdict } from '../../src/host/stage-trial.js';
import { parseDescription } from '../../src/pipeline/description.js';
import { toFormatWord } from '../../src/pipeline/format.js';
import { createSilentLogger } from '../../src/support/logger.js';

const ENCODERS = fileURLToPath(new URL('../../../pipelines/encoders/', import.meta.url));

describe('a trial of an encoder stage', function () {
  this.timeout(60_000);

  const tryChanged = (name: string, change = (text: string): string => text): Promise<Verdict> => {
    const text = change(fs.readFileSync(path.join(ENCODERS, `${name}.toml`), 'utf8'));
    const encoder = parseDescription('encoders', `/p/encoders/${name}.toml`, text);
    return tryStage(encoder, { logger: createSilentLogger(), environment: process.env });
  };

  for (const [name, formats] of [
    ['x264', ['8-bit 4:2:0', '8-bit 4:4:4']],
    ['openh264', ['8-bit 4:2:0']],
    ['x265', ['8-bit 4:2:0', '10-bit 4:2:0', '8-bit 4:4:4', '10-bit 4:4:4']],
  ] as const)
    it(`proves what ${name} says it makes`, async () => {
      const { proven, faults } = await tryChanged(name);
      assert.deepEqual([proven.map(toFormatWord), faults], [formats, []]);
    });

  it('does not prove x265 whose groups of pictures are open', async () => {
    const { proven, faults } = await tryChanged('x265', (text) =>
      text.replace('open-gop=0:repeat-headers=1', 'open-gop=1'),
    );
    assert.deepEqual(proven, []);
    assert.match(faults.join(), /key frame that was asked for/);
  });

  it('proves the formats that work of a stage that names another', async () => {
    const { proven, faults } = await tryChanged('x264', (text) => text.replace('"Y444"', '"NOSUCH"'));
    assert.deepEqual(proven.map(toFormatWord), ['8-bit 4:2:0']);
    assert.match(faults.join(), /^8-bit 4:4:4: /);
  });

  it('does not prove a stage that makes slices of its own', async () => {
    const { faults } = await tryChanged('x264', (text) => text.replace(/^threads=\S+/m, 'threads=2'));
    assert.deepEqual(faults, ['it makes 2 slices a frame where 1 was asked for']);
  });

  it('says of an element that crashes that it does', async () => {
    const { proven, faults } = await tryChanged('av1', (text) =>
      text.replace('min-quantizer=2', '').replace('max-quantizer=56', ''),
    );
    assert.deepEqual(proven, []);
    assert.match(faults.join(), /^it crashes \(SIG/);
  });

  it('says of an element that hangs that it does', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-trial-'));
    const pipe = path.join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    try {
      // Nobody reads there: opening it never ends.
      const { proven, faults } = await tryChanged('x264', (text) =>
        text.replace('\nx264enc ', `\ntee name=t t. ! queue ! filesink location=${pipe} t. ! x264enc `),
      );
      assert.deepEqual(proven, []);
      assert.match(faults.join(), /^it hangs: /);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
