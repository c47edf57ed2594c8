import assert from 'node:assert/strict';
import { Stages, toFailure } from '../../../src/probe/stages.js';
import { LumenError } from '../../../src/support/errors.js';

const failureOf = async (work: () => Promise<void>): Promise<unknown> => {
  const stages = new Stages();
  try {
    await stages.run('control', 'open the port', work);
  } catch (error) {
    assert.deepEqual(
      stages.times.map(({ name }) => name),
      ['control'],
    );
    return toFailure(error);
  }
  return assert.fail('the stage did not fail');
};

describe('probe/stages', () => {
  it('keeps names and times in order and passes results on', async () => {
    const stages = new Stages();
    assert.equal(await stages.run('one', '', async () => 7), 7);
    await stages.run('two', '', async () => undefined);
    assert.deepEqual(
      stages.times.map(({ name }) => name),
      ['one', 'two'],
    );
    for (const { ms } of stages.times) assert.ok(ms >= 0);
  });

  it('names itself in what failed inside it', async () => {
    const failure = await failureOf(async () => {
      throw new Error('no answer');
    });
    assert.deepEqual(failure, { stage: 'control', problem: 'no answer', remedy: 'open the port' });
  });

  it('leaves a failure alone that names its own stage', async () => {
    const details = { stage: 'launch', problem: 'refused', remedy: 'read the log' };
    const failure = await failureOf(async () => {
      throw new LumenError('LUMEN_PROBE_FAILED', details);
    });
    assert.deepEqual(failure, details);
  });

  it('keeps the advice of other errors', async () => {
    const failure = await failureOf(async () => {
      throw new LumenError('LUMEN_NATIVE_MISSING', { name: 'enet', problem: 'no such file' });
    });
    assert.deepEqual(failure, {
      stage: 'control',
      problem: 'The native part enet is not built: no such file',
      remedy: 'run: npm run setup (of a package: install it again)',
    });
  });

  it('calls anything else a bug', () => {
    assert.deepEqual(toFailure('odd'), {
      stage: 'probe',
      problem: 'odd',
      remedy: 'this is a bug of the probe',
    });
  });
});
