import assert from 'node:assert/strict';
import { LossAdaptation, type LossWindow, parityFor } from '../../../src/session/adapt.js';
import { encoderKbps } from '../../../src/session/negotiate.js';
import type { StreamTuning, VideoPlan } from '../../../src/session/stream-plan.js';
import { VIDEO_PLAN } from '../../support/plans.js';

const WIRE_KBPS = 20_000;
const VIDEO: VideoPlan = {
  ...VIDEO_PLAN,
  wireKbps: WIRE_KBPS,
  encoderKbps: encoderKbps(WIRE_KBPS, VIDEO_PLAN, 0),
};
const FULL: StreamTuning = {
  encoderKbps: VIDEO.encoderKbps,
  fecPercentage: VIDEO.fecPercentage,
  minFecPackets: VIDEO.minFecPackets,
};

const NO_BLOCKS = { count: 0, dataShards: 0, dataShardsLost: 0 };

/** One second of 60 frames of 30 data shards; `lossPercent` were lost at random, and of `bursts` blocks a half more. */
const second = (lossPercent: number, bursts = 0): LossWindow => ({
  ms: 1000,
  frames: 60,
  dataShards: 1800,
  dataShardsLost: 18 * lossPercent + 15 * bursts,
  lostBlocks: { count: bursts, dataShards: 30 * bursts, dataShardsLost: 15 * bursts },
  hasLostWholeFrames: false,
});

const run = (adaptation: LossAdaptation, seconds: number, window: LossWindow): StreamTuning => {
  for (let i = 0; i < seconds; i += 1) adaptation.step(window);
  return adaptation.tuning;
};

/** What a tuning puts on the wire, by the same arithmetic that shares the client's figure out. */
const wireKbps = (tuning: StreamTuning): number => {
  let kbps = 0;
  while (kbps < 2 * WIRE_KBPS && encoderKbps(kbps, { ...VIDEO, ...tuning }, 0) < tuning.encoderKbps)
    kbps += 50;
  return kbps;
};

describe('session/adapt', () => {
  it('needs the more parity the smaller the block and the heavier the loss', () => {
    assert.equal(parityFor(25, 0), 0);
    assert.equal(parityFor(25, 0.05), 8);
    assert(parityFor(25, 0.02) <= 5, 'the default of 20 % covers 2 %');
    assert(parityFor(6, 0.05) / 6 > parityFor(60, 0.05) / 60);
    assert.equal(parityFor(4, 0.5), 4, 'never more than the data');
  });

  it('changes nothing without loss, nor for the little that the agreed parity covers', () => {
    const adaptation = new LossAdaptation(VIDEO);
    assert.equal(adaptation.step(second(0)), undefined);
    assert.equal(adaptation.step(second(0.5)), undefined);
    assert.deepEqual(adaptation.tuning, FULL);
    assert.equal(adaptation.isFull, true);
  });

  it('answers random loss with parity in the next second, and pays for it with bits: never above the client’s figure', () => {
    for (const loss of [3, 5, 8, 15, 40]) {
      const adaptation = new LossAdaptation(VIDEO);
      const tuning = adaptation.step(second(loss));
      assert(tuning);
      assert(tuning.fecPercentage > FULL.fecPercentage, `${loss} %`);
      assert(tuning.encoderKbps < FULL.encoderKbps, `${loss} %`);
      assert(wireKbps(run(adaptation, 20, second(loss))) <= WIRE_KBPS + 50, `${loss} %`);
    }
  });

  it('keeps the bitrate through a long time of random loss that the parity covers', () => {
    const adaptation = new LossAdaptation(VIDEO);
    const early = run(adaptation, 3, second(5));
    assert.deepEqual(run(adaptation, 300, second(5)), early);
  });

  it('is back to exactly what was agreed within 30 s of the loss ending, from any depth', () => {
    for (const loss of [5, 12, 60]) {
      const adaptation = new LossAdaptation(VIDEO);
      run(adaptation, 120, second(loss, loss > 10 ? 20 : 0));
      assert.notDeepEqual(adaptation.tuning, FULL);
      run(adaptation, 30, second(0));
      assert.deepEqual(adaptation.tuning, FULL, `after ${loss} %`);
    }
  });

  it('takes bits away step by step while too much is lost, but keeps two fifths of the figure', () => {
    const adaptation = new LossAdaptation(VIDEO);
    const first = run(adaptation, 1, second(20)).encoderKbps;
    const second20 = run(adaptation, 1, second(20)).encoderKbps;
    assert(second20 < first);
    const least = run(adaptation, 60, second(20));
    assert(least.encoderKbps > 0);
    assert(wireKbps(least) >= 0.35 * WIRE_KBPS, `${wireKbps(least)}`);
  });

  it('does not spend a small stream on the parity of its smallest blocks', () => {
    const small = {
      ...VIDEO,
      fps: 30,
      wireKbps: 4000,
      encoderKbps: encoderKbps(4000, { ...VIDEO, fps: 30 }, 0),
    };
    const adaptation = new LossAdaptation(small);
    const tuning = adaptation.step({
      ms: 1000,
      frames: 30,
      dataShards: 270,
      dataShardsLost: 70,
      lostBlocks: NO_BLOCKS,
      hasLostWholeFrames: false,
    });
    assert((tuning?.encoderKbps ?? 0) > 0.4 * small.encoderKbps, `${tuning?.encoderKbps} kbit/s`);
  });

  it('reads blocks that are lost although the parity covers so much at random as a queue that overflows', () => {
    const adaptation = new LossAdaptation(VIDEO);
    const before = run(adaptation, 2, second(0.5)).encoderKbps;
    assert.equal(before, FULL.encoderKbps);
    assert(run(adaptation, 1, second(0.5, 3)).encoderKbps < before);
    const other = new LossAdaptation(VIDEO);
    assert(run(other, 1, { ...second(0), hasLostWholeFrames: true }).encoderKbps < before);
  });

  it('settles below what a link carries, tries it seldom and leaves the parity out of it', () => {
    const capacityKbps = 0.65 * WIRE_KBPS;
    const adaptation = new LossAdaptation(VIDEO);
    let secondsWithLoss = 0;
    let sumKbps = 0;
    for (let i = 0; i < 120; i += 1) {
      const kbps = wireKbps(adaptation.tuning);
      const bursts = kbps > capacityKbps ? Math.ceil(120 * (1 - capacityKbps / kbps)) : 0;
      adaptation.step(second(0, bursts));
      if (i < 10) continue;
      secondsWithLoss += bursts > 0 ? 1 : 0;
      sumKbps += kbps / 110;
    }
    assert(secondsWithLoss <= 15, `${secondsWithLoss} of 110 seconds with loss`);
    assert(sumKbps > 0.8 * capacityKbps, `${sumKbps} of ${capacityKbps} kbit/s`);
    assert.equal(adaptation.tuning.fecPercentage, FULL.fecPercentage);
  });

  it('leaves a stream without parity without parity: the owner wants none', () => {
    const adaptation = new LossAdaptation({ ...VIDEO, fecPercentage: 0, minFecPackets: 0 });
    assert.equal(run(adaptation, 5, second(5)).fecPercentage, 0);
  });

  it('makes nothing of a window in which nothing was sent', () => {
    const adaptation = new LossAdaptation(VIDEO);
    const idle = {
      ms: 1000,
      frames: 0,
      dataShards: 0,
      dataShardsLost: 1,
      lostBlocks: { count: 1, dataShards: 2, dataShardsLost: 1 },
      hasLostWholeFrames: false,
    };
    assert.deepEqual(run(adaptation, 1, idle), FULL);
  });
});
