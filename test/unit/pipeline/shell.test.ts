import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { formatLaunchCommand, quoteForShell } from '../../../src/pipeline/shell.js';

describe('shell', () => {
  it('quotes what a shell would take apart and nothing else', () => {
    assert.equal(quoteForShell('video/x-raw,width=64'), 'video/x-raw,width=64');
    assert.equal(quoteForShell('mask=(bitmask)0x3'), "'mask=(bitmask)0x3'");
    assert.equal(quoteForShell("it's"), "'it'\\''s'");
  });

  it('writes a line per element', () => {
    assert.equal(formatLaunchCommand('a b=1 ! c', '/p'), 'GST_PLUGIN_PATH=/p gst-launch-1.0 a b=1 \\\n  ! c');
  });

  it('keeps a quoted value in one argument', () => {
    assert.match(formatLaunchCommand('a text="x y" ! b', '/p'), / 'text="x y"' /);
  });

  it('survives a real shell, whatever the word', () => {
    const word = fc.string({ maxLength: 20 }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 10 }), (words) => {
        const script = `printf '%s\\0' ${words.map(quoteForShell).join(' ')}`;
        assert.equal(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }), `${words.join('\0')}\0`);
      }),
      { numRuns: 30 },
    );
  });
});
