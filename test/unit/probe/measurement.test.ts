import assert from 'node:assert/strict';
import fc from 'fast-check';
import { elapsedMs, measure } from '../../../src/probe/measurement.js';
import { readCounters, readReceiverStats } from '../../../src/probe/receiver-graphs.js';

const stats = readReceiverStats({
  video: {
    src: {
      datagrams: 5000,
      bytes: 6_000_000,
      'drops-injected': 3,
      'first-datagram-ns': '18446744073709551615',
    },
    depay: {
      frames: 601,
      'frames-lost': 2,
      'frames-recovered': 1,
      'frames-discarded': 5,
      'first-frame-ns': 1_000_000_000,
      'first-frame-index': 1,
      'last-frame-index': 603,
      'last-frame-ns': 10_980_000_000,
      'longest-gap-ns': 40_000_000,
      'host-latency-ns-p50': 4_500_000,
      'arrival-jitter-ns-p99': 1_250_000,
      'sequence-gaps': 7,
    },
    counter: {
      frames: 600,
      unreadable: 1,
      wrong: 1,
      repeated: 4,
      skipped: 2,
      format: 'I420',
      colorimetry: '2:3:5:1',
      'color-error': 0.75,
    },
  },
  audio: {
    depay: { packets: 2000, lost: 1, recovered: 2, gaps: 1, 'drift-ns': 1_500_000 },
    tones: { channels: 2, 'hz-0': 440, 'hz-1': 1300, 'hz-2': 0, jumps: 3 },
  },
});

describe('probe/measurement', () => {
  it('turns counters into figures in milliseconds and per second', () => {
    const measured = measure(stats, 11_000_000_000n);
    assert.deepEqual(measured.frames, {
      received: 601,
      lost: 2,
      recovered: 1,
      discarded: 5,
      decoded: 600,
      wrong: 1,
      repeated: 4,
      skipped: 2,
      perSecond: 60,
      longestGapMs: 40,
      firstIndex: 1,
      lastIndex: 603,
      sequenceGaps: 7,
      nonceRepeats: null,
    });
    assert.deepEqual(measured.picture, { format: 'I420', colorimetry: '2:3:5:1', colorError: 0.75 });
    assert.deepEqual(measured.hostLatencyMs, { p50: 4.5, p99: 0 });
    assert.deepEqual(measured.arrivalJitterMs, { p50: 0, p99: 1.25 });
    assert.deepEqual(measured.audio, {
      packets: 2000,
      lost: 1,
      recovered: 2,
      gaps: 1,
      driftMs: 1.5,
      tonesHz: [440, 1300],
      jumps: 3,
    });
    assert.equal(measured.datagrams.received, 5000);
  });

  it('does not call pictures wrong that carry no counter', () => {
    const counter = { frames: 60, unreadable: 60, wrong: 60, 'color-error': 99 };
    const { frames, picture } = measure(readReceiverStats({ video: { counter } }), 1n);
    assert.deepEqual([frames.decoded, frames.wrong, frames.skipped], [60, null, null]);
    assert.deepEqual(picture, { format: null, colorimetry: null, colorError: null });
  });

  it('keeps 64-bit times exact', () => {
    assert.equal(stats.source.ns('first-datagram-ns'), 18446744073709551615n);
    assert.equal(stats.depay.ns('first-frame-ns'), 1_000_000_000n);
  });

  it('has no elapsed time before the later moment has come', () => {
    assert.equal(elapsedMs(5n, 0n), null);
    assert.equal(elapsedMs(1_000_000n, 3_500_000n), 2.5);
  });

  it('reads any structure without giving anything but finite numbers', () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.integer());
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (fields) => {
        const counters = readCounters(fields);
        for (const name of [...Object.keys(fields), 'toString', 'absent']) {
          assert.ok(Number.isFinite(counters.number(name)), name);
          assert.ok(counters.ns(name) >= 0n || Number.isSafeInteger(fields[name]), name);
        }
      }),
    );
  });
});
