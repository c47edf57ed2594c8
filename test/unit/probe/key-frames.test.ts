import assert from 'node:assert/strict';
import { KeyFrameRequests } from '../../../src/probe/key-frames.js';
import { delay } from '../../../src/support/lifecycle.js';

const create = () => {
  const clock = { nowNs: 1_000_000n };
  const sent: bigint[] = [];
  const requests = new KeyFrameRequests({
    send: () => sent.push(clock.nowNs),
    nowNs: () => clock.nowNs,
    frameIntervalMs: 1,
  });
  return { clock, sent, requests };
};

/** Waits for a condition that timers bring about; the deadline only bounds a failure. */
const until = async (isTrue: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 500 && !isTrue(); tries += 1) await delay(2);
  assert.ok(isTrue());
};

describe('probe/key-frames', () => {
  it('asks again and again after a loss until a key frame behind it has come', async () => {
    const { sent, requests } = create();
    requests.onLost(10);
    assert.equal(requests.count, 0, 'the request waits for the next complete frame');
    await until(() => sent.length >= 3);
    requests.onKeyFrame(11, 5_000_000n);
    assert.equal(requests.isRecovering, false);
    const before = requests.count;
    await delay(50);
    assert.equal(requests.count, before);
  });

  it('is not satisfied by a key frame from before the loss', () => {
    const { requests } = create();
    requests.onLost(10);
    requests.onKeyFrame(9, 5_000_000n);
    assert.equal(requests.isRecovering, true);
    requests.stop();
  });

  it('ignores a loss that a key frame has already mended', () => {
    const { requests } = create();
    requests.onKeyFrame(20, 5_000_000n);
    requests.onLost(19);
    assert.equal(requests.isRecovering, false);
  });

  it('waits for a key frame behind the newest of several losses', () => {
    const { requests } = create();
    requests.onLost(10);
    requests.onLost(15);
    requests.onKeyFrame(12, 5_000_000n);
    assert.equal(requests.isRecovering, true);
    requests.onKeyFrame(16, 6_000_000n);
    assert.equal(requests.isRecovering, false);
  });

  it('measures from the request to the arrival of the key frame', async () => {
    const { sent, requests } = create();
    const trip = requests.measure(100);
    assert.equal(sent.length, 1);
    requests.onKeyFrame(103, 34_000_000n);
    assert.deepEqual(await trip, { ms: 33, frames: 3 });
  });

  it('does not take an older key frame for the answer', async () => {
    const { requests } = create();
    const trip = requests.measure(100);
    requests.onKeyFrame(100, 9_000_000n);
    requests.onKeyFrame(101, 500_000n);
    requests.onKeyFrame(102, 11_000_000n);
    assert.deepEqual(await trip, { ms: 10, frames: 2 });
  });
});
