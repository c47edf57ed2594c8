import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { LastLines, readLines } from '../../../src/support/lines.js';

const linesOf = async (chunks: readonly string[]): Promise<string[]> => {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, 'end');
  return lines;
};

describe('lines', () => {
  it('joins what comes in pieces and gives the last line without its line feed', async () => {
    assert.deepEqual(await linesOf(['on', 'e\ntw', 'o\n\nthree']), ['one', 'two', 'three']);
  });

  it('cuts a line that is too long, whole or in pieces', async () => {
    const long = 'x'.repeat(2000);
    assert.deepEqual(
      (await linesOf([`${long}\n`, long, long, '\nend\n'])).map((line) => line.length),
      [500, 500, 3],
    );
  });

  it('finds the same lines however the text is cut', async () => {
    const text = fc.stringMatching(/^[a-c\n]{0,40}$/);
    await fc.assert(
      fc.asyncProperty(text, fc.nat(40), async (whole, cut) => {
        const expected = whole.split('\n').filter((line) => line !== '');
        assert.deepEqual(await linesOf([whole.slice(0, cut), whole.slice(cut)]), expected);
      }),
    );
  });

  it('keeps the newest lines', () => {
    const last = new LastLines(2);
    for (const line of ['a', 'b', 'c']) last.add(line);
    assert.equal(last.text(), 'b\nc');
  });
});
