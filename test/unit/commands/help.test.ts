/** What `--help` says: every command of the program, as a person reads it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const LUMEN = fileURLToPath(new URL('../../../../bin/lumen.js', import.meta.url));
const lumen = (...words: string[]) =>
  spawnSync(process.execPath, [LUMEN, ...words], { encoding: 'utf8', timeout: 20_000 });

describe('lumen --help', function () {
  this.timeout(60_000);

  it('writes defaults as a person would give them', () => {
    const show = lumen('pipelines', 'show', '--help').stdout;
    assert.match(show, /--mode [\s\S]*\(default: 1920x1080@60\)/);
    assert.match(show, /--client [\s\S]*\(default:\s+127\.0\.0\.1:47998\)/);
    assert.match(lumen('probe', 'stream', '--help').stdout, /--encryption [\s\S]*\(default: control,audio\)/);
  });

  it('a PIN that is none is refused before any host is asked', () => {
    for (const pin of ['47', 'abcd', '12345']) {
      const { status, stderr } = lumen('pair', pin);
      assert.equal(status, 2);
      assert.match(stderr, /A PIN has four digits/);
    }
  });
});
