import assert from 'node:assert/strict';
import { formatStageTimes, toStageTimes } from '../../../src/session/stage-times.js';

const STATS = {
  video: {
    sampler: {
      in: 100,
      out: 120,
      repeated: 20,
      dropped: 3,
      'capture-age-ns-p50': 400_000,
      'capture-age-ns-p99': 2_000_000,
    },
    pay: {
      'frames-refused': 2,
      frames: 120,
      'key-frames': 1,
      'data-shards': 200,
      'parity-shards': 40,
      'encode-ns-p50': 5_000_000,
      'encode-ns-p99': 11_000_000,
    },
    sink: {
      datagrams: 240,
      bytes: 240_000,
      'send-calls': 120,
      'bursts-dropped': 1,
      'late-ns-p50': 41_000,
      'late-ns-p99': 86_000,
      pacing: 'rate',
      realtime: true,
    },
  },
};

describe('stage times', () => {
  it('are read from the stats of the video graph, in milliseconds', () => {
    const times = toStageTimes(STATS);
    assert(times);
    assert.deepEqual(times.encodeMs, { p50: 5, p99: 11 });
    assert.equal(times.parityPercent, 20);
    assert.equal(times.droppedBySampler, 3);
    assert.equal(times.droppedBySender, 1);
    assert.equal(times.refused, 2);
    assert.deepEqual(times.spreadMs, { p50: 0, p99: 0 }, 'absent fields read as nothing');
  });

  it('say how the sender spreads a frame and whether it got real-time priority', () => {
    const times = toStageTimes(STATS);
    assert(times);
    assert(formatStageTimes(times).includes('sending      rate, with real-time priority'));
    assert(
      formatStageTimes({ ...times, realtime: false }).some((line) =>
        line.endsWith('without real-time priority'),
      ),
    );
  });

  it('have a line for sound where its process answers', () => {
    const times = toStageTimes({
      ...STATS,
      audio: { pay: { packets: 400, 'parity-packets': 200 }, sink: { datagrams: 600, 'bursts-dropped': 2 } },
    });
    assert(times);
    assert.equal(times.sound?.parityPackets, 200);
    assert.match(
      formatStageTimes(times).at(-1) ?? '',
      /^sound +400 packets, 200 of parity, 600 datagrams, 2 dropped/,
    );
    assert.equal(toStageTimes(STATS)?.sound, null);
  });

  it('are not there before the video graph has said anything', () => {
    assert.equal(toStageTimes({}), undefined);
  });

  it('mark the slowest stage for the person who looks for it', () => {
    const times = toStageTimes(STATS);
    assert(times);
    const marked = formatStageTimes(times).filter((line) => line.includes('slowest'));
    assert.equal(marked.length, 1);
    assert.match(marked[0] ?? '', /^encode/);
  });
});
