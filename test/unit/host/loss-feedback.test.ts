import assert from 'node:assert/strict';
import type { FrameFecStatus } from '../../../src/control/message.js';
import { LossFeedback } from '../../../src/host/loss-feedback.js';
import { type StageTimes, toStageTimes } from '../../../src/session/stage-times.js';
import type { StreamTuning } from '../../../src/session/stream-plan.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { VIDEO_PLAN } from '../../support/plans.js';

const stages = (frames: number): StageTimes => {
  const times = toStageTimes({
    video: { pay: { frames, 'data-shards': 20 * frames, 'parity-shards': 4 * frames } },
  });
  assert(times);
  return times;
};

const status = (dataReceived: number, parityReceived: number): FrameFecStatus => ({
  kind: 'frameFecStatus',
  frameIndex: 1,
  highestReceivedSequence: 23,
  nextContiguousSequence: 3,
  missingBeforeHighest: 20 - dataReceived,
  dataPackets: 20,
  parityPackets: 4,
  dataReceived,
  parityReceived,
  fecPercentage: 20,
  blockIndex: 0,
  blockCount: 1,
});

interface Options {
  readonly isAdaptive?: boolean;
  readonly canTune?: boolean;
  readonly reportsBlocks?: boolean;
}

const start = (options: Options = {}) => {
  const tunings: StreamTuning[] = [];
  let seconds = 0;
  const feedback = new LossFeedback({
    video: { ...VIDEO_PLAN, wireKbps: 10_000 },
    isAdaptive: options.isAdaptive ?? true,
    reportsBlocks: options.reportsBlocks ?? true,
    tune: (tuning) => {
      tunings.push(tuning);
      return options.canTune ?? true;
    },
    logger: createSilentLogger(),
    nowMs: () => 1000 * seconds,
  });
  /** A second of 60 frames in which `reports` blocks missed two data shards each. */
  const second = (reports: number): void => {
    seconds += 1;
    for (let i = 0; i < reports; i += 1) feedback.take(status(18, 2));
    feedback.onStages(stages(60 * seconds));
  };
  return { feedback, tunings, second };
};

describe('LossFeedback', () => {
  it('counts what was rebuilt, what was lost and how much of the data it was', () => {
    const { feedback, second } = start();
    second(0);
    feedback.take(status(10, 2));
    second(29);
    const { counts } = feedback;
    assert.equal(counts.fecReports, 30);
    assert.equal(counts.blocksRecovered, 29);
    assert.equal(counts.blocksLost, 1);
    assert.equal(counts.shardsLost, 68);
    assert.equal(counts.lossPercent.toFixed(1), ((100 * 68) / 1200).toFixed(1));
  });

  it('lets the stream follow within two readings, and go back when the reports end', () => {
    const { feedback, tunings, second } = start();
    second(0);
    second(30);
    assert.equal(tunings.length, 1);
    assert((tunings[0]?.fecPercentage ?? 0) > VIDEO_PLAN.fecPercentage);
    assert.equal(feedback.counts.encoderKbps, tunings[0]?.encoderKbps);
    for (let i = 0; i < 30; i += 1) second(0);
    assert.deepEqual(tunings.at(-1), {
      encoderKbps: VIDEO_PLAN.encoderKbps,
      fecPercentage: VIDEO_PLAN.fecPercentage,
      minFecPackets: VIDEO_PLAN.minFecPackets,
    });
  });

  it('takes loss stats of older clients instead where there are no block reports', () => {
    const { feedback, tunings, second } = start();
    second(0);
    for (let i = 0; i < 20; i += 1)
      feedback.take({ kind: 'lossStats', lossCount: 4, intervalMs: 50, lastGoodFrame: 1n });
    second(0);
    assert.equal(feedback.counts.lossStats, 20);
    assert.equal(tunings.length, 1);
  });

  it('changes nothing when it is switched off, but goes on counting', () => {
    const { feedback, tunings, second } = start({ isAdaptive: false });
    second(0);
    second(30);
    assert.equal(tunings.length, 0);
    assert.equal(feedback.counts.isAdaptive, false);
    assert.equal(feedback.counts.fecReports, 30);
    assert.equal(feedback.counts.encoderKbps, VIDEO_PLAN.encoderKbps);
  });

  it('asks an encoder that cannot change in place once and no more', () => {
    const { feedback, tunings, second } = start({ canTune: false });
    second(0);
    for (let i = 0; i < 5; i += 1) second(30 + 5 * i);
    assert.equal(tunings.length, 1);
    assert.equal(feedback.counts.isAdaptive, false);
  });

  it('takes a key-frame request that no report explains as frames lost whole, where the client reports at all', () => {
    for (const reportsBlocks of [true, false]) {
      const { feedback, tunings, second } = start({ reportsBlocks });
      second(0);
      feedback.takeKeyFrameRequest();
      second(0);
      assert.equal(tunings.length, reportsBlocks ? 1 : 0, 'a request without a report');
      assert.equal(feedback.counts.fecPercentage, VIDEO_PLAN.fecPercentage);
    }
  });

  it('lets a report explain the requests that follow it into the next second', () => {
    const { feedback, tunings, second } = start();
    second(0);
    feedback.take(status(10, 2));
    second(0);
    feedback.takeKeyFrameRequest();
    second(0);
    assert.equal(tunings.length, 0);
  });

  it('leaves reports out that contradict themselves', () => {
    const { feedback, tunings, second } = start();
    second(0);
    feedback.take({ ...status(18, 2), dataPackets: 0 });
    feedback.take({ ...status(18, 2), dataReceived: 65_535 });
    feedback.take({ ...status(18, 2), parityReceived: 5 });
    second(0);
    assert.equal(feedback.counts.implausible, 3);
    assert.equal(feedback.counts.shardsLost, 0);
    assert.equal(tunings.length, 0);
  });

  it('is not misled by a media process that starts to count again', () => {
    const { feedback, tunings, second } = start();
    second(0);
    second(0);
    feedback.onStages(stages(3));
    assert.equal(feedback.counts.lossPercent, 0);
    assert.equal(tunings.length, 0);
  });
});
