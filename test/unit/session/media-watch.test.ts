import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { MediaWatch, type MediaWatchOptions } from '../../../src/session/media-watch.js';
import { createSilentLogger } from '../../../src/support/logger.js';

const setUp = (parts: Partial<MediaWatchOptions>) => {
  const failures: { cause: string; isFinal: boolean }[] = [];
  const missing: string[] = [];
  const renewals: string[] = [];
  let frames = 0;
  const watch = new MediaWatch({
    process: {
      stats: async () => {
        frames += 1;
        return { video: { pay: { frames } } };
      },
    },
    source: 'camera 7',
    checkSource: async () => 'camera 7',
    isReleased: () => true,
    onMissing: (problem) => missing.push(problem),
    onStages: () => undefined,
    onPicture: () => undefined,
    explainSilence: async () => 'nobody knows',
    fail: (cause, _remedy, isFinal = false) => failures.push({ cause, isFinal }),
    renew: (cause) => renewals.push(cause),
    logger: createSilentLogger(),
    intervalMs: 2,
    ...parts,
  });
  return { watch, failures, missing, renewals };
};

describe('MediaWatch', () => {
  it('is content with frames that flow and a source that is there', async () => {
    const { watch, failures, missing } = setUp({});
    await sleep(60);
    watch.stop();
    assert.deepEqual([failures, missing], [[], []]);
  });

  it('has a process replaced that does not answer, once', async () => {
    const { failures } = setUp({
      process: {
        stats: async () => {
          throw new Error('its answer took longer than 2000 ms');
        },
      },
    });
    await sleep(60);
    assert.equal(failures.length, 1);
    assert.match(failures[0]?.cause ?? '', /does not answer/);
  });

  it('has a process replaced whose source was started anew: a failure only where it never had a picture', async () => {
    const checkSource = async (): Promise<string> => 'camera 8';
    const blind = setUp({ checkSource });
    await sleep(60);
    assert.match(blind.failures[0]?.cause ?? '', /started anew/);
    assert.deepEqual([blind.failures.length, blind.renewals], [1, []]);
    const process = { stats: async () => ({ video: { pay: { frames: 1 }, sampler: { in: 1 } } }) };
    const seeing = setUp({ checkSource, process });
    await sleep(60);
    assert.deepEqual([seeing.failures, seeing.renewals], [[], ['the video source was started anew']]);
  });

  it('says once that the source is gone, and keeps the picture meanwhile', async () => {
    const { watch, failures, missing } = setUp({
      checkSource: async () => {
        throw new Error('no such node');
      },
    });
    await sleep(60);
    watch.stop();
    assert.deepEqual([failures, missing], [[], ['no such node']]);
  });

  it('reads on while a person is asked for the source, and says that it is waited for', async function () {
    this.timeout(10_000);
    let readings = 0;
    let looks = 0;
    const { watch, failures, missing } = setUp({
      checkSource: () => {
        looks += 1;
        return new Promise(() => undefined);
      },
      onStages: () => {
        readings += 1;
      },
    });
    await sleep(60);
    const soon = readings;
    await sleep(3200);
    watch.stop();
    assert(soon > 3, `${soon} readings`);
    assert.equal(looks, 1);
    assert.deepEqual([failures, missing.length], [[], 1]);
    assert.match(missing[0] ?? '', /opened anew: a dialog/);
  });

  it('has a process replaced whose frames stand still', async function () {
    this.timeout(10_000);
    const { failures } = setUp({
      process: { stats: async () => ({ video: { sampler: { in: 9 }, pay: { frames: 5 } } }) },
    });
    await sleep(3200);
    assert.match(failures[0]?.cause ?? '', /no frame leaves the encoder/);
  });

  it('does not expect frames while the picture is held back', async function () {
    this.timeout(10_000);
    const { watch, failures } = setUp({ process: { stats: async () => ({}) }, isReleased: () => false });
    await sleep(3200);
    watch.stop();
    assert.deepEqual(failures, []);
  });
});
