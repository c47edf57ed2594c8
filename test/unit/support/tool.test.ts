import assert from 'node:assert/strict';
import { runTool } from '../../../src/support/tool.js';

describe('a tool', () => {
  it('is read to its end', async () => {
    const answer = await runTool(['sh', '-c', 'echo one; echo two >&2; exit 3'], process.env);
    assert.equal(answer?.status, 3);
    assert.deepEqual(answer.output.trim().split('\n').sort(), ['one', 'two']);
  });

  it('that is not installed is no error', async () => {
    assert.equal(await runTool(['/nonexistent/tool'], process.env), undefined);
  });

  it('is not waited for beyond its deadline, whoever still holds its pipes', async function () {
    this.timeout(5000);
    const answer = await runTool(['sh', '-c', 'echo one; sleep 6 & sleep 6'], process.env, 1500);
    assert.deepEqual(answer, { status: null, output: 'one\n' });
  });
});
