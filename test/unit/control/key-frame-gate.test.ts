import assert from 'node:assert/strict';
import fc from 'fast-check';
import { KeyFrameGate } from '../../../src/control/key-frame-gate.js';

describe('the key-frame gate', () => {
  it('opens a window of 100 ms, or two frames where those are longer', () => {
    assert.equal(new KeyFrameGate(60).windowMs, 100);
    assert.equal(new KeyFrameGate(10).windowMs, 200);
  });

  it('absorbs requests before the first frame', () => {
    const gate = new KeyFrameGate(60);
    assert.equal(gate.request(0), 'absorbed');
    gate.firstFrame(500);
    assert.equal(gate.dueMs, undefined);
    assert.equal(gate.takeDue(10_000), false);
  });

  it('takes a request within a frame of a key frame as answered by it', () => {
    const gate = new KeyFrameGate(60);
    gate.firstFrame(0);
    assert.equal(gate.request(0.2), 'absorbed');
    assert.equal(gate.dueMs, undefined);
    assert.equal(gate.request(50), 'owed');
    assert.equal(gate.takeDue(100), true);
    assert.equal(gate.request(110), 'absorbed');
  });

  it('owes a request inside the window until the window ends', () => {
    const gate = new KeyFrameGate(60);
    gate.firstFrame(0);
    assert.equal(gate.request(30), 'owed');
    assert.equal(gate.request(60), 'owed');
    assert.equal(gate.dueMs, 100);
    assert.equal(gate.takeDue(99), false);
    assert.equal(gate.takeDue(100), true);
    assert.equal(gate.takeDue(300), false);
  });

  it('forces a key frame at once outside the window', () => {
    const gate = new KeyFrameGate(60);
    gate.firstFrame(0);
    assert.equal(gate.request(150), 'force');
    assert.equal(gate.request(200), 'owed');
  });

  it('owes nothing after the stream stopped', () => {
    const gate = new KeyFrameGate(60);
    gate.firstFrame(0);
    gate.request(30);
    gate.stopped();
    assert.equal(gate.dueMs, undefined);
    assert.equal(gate.request(1000), 'absorbed');
  });

  it('never lets two key frames into one window and never forgets a request', () => {
    const times = fc.array(fc.nat(2000), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(times, fc.constantFrom(10, 30, 60, 120), (steps, fps) => {
        const gate = new KeyFrameGate(fps);
        const keyFrames = [0];
        gate.firstFrame(0);
        let lastRequestMs = 0;
        for (const nowMs of [...steps].sort((a, b) => a - b)) {
          // The caller's timer, which fires between two requests.
          const dueMs = gate.dueMs;
          if (dueMs !== undefined && dueMs <= nowMs && gate.takeDue(dueMs)) keyFrames.push(dueMs);
          lastRequestMs = nowMs;
          if (gate.request(nowMs) === 'force') keyFrames.push(nowMs);
        }
        const dueMs = gate.dueMs;
        if (dueMs !== undefined && gate.takeDue(dueMs)) keyFrames.push(dueMs);
        for (const [index, timeMs] of keyFrames.entries()) {
          assert.ok(index === 0 || timeMs - (keyFrames[index - 1] ?? 0) >= gate.windowMs);
        }
        const lastMs = keyFrames.at(-1) ?? 0;
        // A key frame less than a frame before the last request answers it.
        assert.ok(lastMs > lastRequestMs - 1000 / fps && lastMs <= lastRequestMs + gate.windowMs);
      }),
    );
  });
});
