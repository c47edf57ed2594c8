/** The benchmark's figures are put together and judged as they say. */
import assert from 'node:assert/strict';
import { checksOf } from '../../bench/checks.js';
import {
  deviationOf,
  figureOf,
  formatChecks,
  formatRows,
  isComparable,
  isKept,
  type Row,
  ratioErrorOf,
  ratioOf,
  toJson,
} from '../../bench/report.js';

const cpu: Row = {
  path: ['path', 'C', 'cpu_ms_per_s'],
  unit: 'ms',
  samples: { ours: [60, 90, 62], ours_64k: [50, 75, 50], sunshine: [120, 180, 124], wolf: [300, 450, 300] },
  reference: { sunshine: 122, wolf: 242 },
  referenceIncludes: 4,
};

describe('a benchmark report', () => {
  it('takes the ratio within each round, so that a slow round moves neither side', () => {
    assert.equal(ratioOf(cpu, 'ours', 'sunshine'), 0.5);
  });

  it('tells how sure a ratio is, and leaves out the rounds that one of both sat out', () => {
    const rare: number[] = [];
    [rare[0], rare[3], rare[6], rare[9]] = [10, 10, 10, 10];
    const row: Row = { path: ['x'], unit: 'ms', samples: { ours: [5, 5, 9, 6, 6, 9, 7, 7, 9, 8], rare } };
    assert.equal(figureOf(row, 'rare'), 10);
    assert.equal(ratioOf(row, 'ours', 'rare'), 0.7);
    // The quartiles of 0.5, 0.6, 0.7, 0.8 as they are taken here are 0.6 and 0.8.
    assert.ok(Math.abs(ratioErrorOf(row, 'ours', 'rare') - (1.2533 * 0.2) / 1.349 / 2) < 1e-12);
    const single: Row = { ...row, samples: { ours: [5], rare: [10] } };
    assert.ok(Number.isNaN(ratioErrorOf(single, 'ours', 'rare')), 'one round tells nothing of others');
  });

  it('calls a stand-in comparable within 15 % of the original, what the original includes added', () => {
    assert.ok(Math.abs((deviationOf(cpu, 'sunshine') ?? 0) - 6 / 122) < 1e-9);
    assert.equal(isComparable(cpu, 'sunshine'), true);
    assert.equal(isComparable(cpu, 'wolf'), false);
    assert.equal(isComparable(cpu, 'ours'), true, 'nothing is known of ours');
  });

  it('prints for each sender its figure and how many times it ours is, and by how much a stand-in is off', () => {
    assert.equal(
      formatRows([cpu]),
      'path.C.cpu_ms_per_s (ms)  ours 62  ours_64k 50  sunshine 124 [0.5x]  wolf 300 [0.2x] (not comparable: +26 %)\n',
    );
  });

  it('writes every row under its path with ratios for each variant of ours', () => {
    const json = toJson([cpu], [], { cores: 2 });
    assert.deepEqual(json['path'], {
      C: {
        cpu_ms_per_s: {
          unit: 'ms',
          ours: 62,
          ours_64k: 50,
          sunshine: 124,
          wolf: 300,
          ratio_sunshine: 0.5,
          ratio_wolf: 0.2,
          ratio_64k_sunshine: 0.4167,
          ratio_64k_wolf: 0.1667,
          not_comparable: { wolf: '+26 %' },
        },
      },
    });
  });

  it('writes a ratio that does not exist as null', () => {
    const row: Row = { path: ['x'], unit: 'us', samples: { ours: [1], wolf: [0] } };
    assert.deepEqual(toJson([row], [], {})['x'], { unit: 'us', ours: 1, wolf: 0, ratio_wolf: null });
  });

  it('says of each check whether it is kept, and its bound', () => {
    const bound = { kind: 'max', value: 0.75 } as const;
    const kept = { name: 'a', value: 0.75, bound, unit: 'times' };
    const missed = { name: 'b', value: 0.76, error: 0.0123, bound, unit: 'times', note: 'noisy' };
    assert.equal(isKept(kept), true);
    assert.equal(isKept({ name: 'c', value: Number.NaN, bound, unit: 'times' }), false);
    assert.equal(
      formatChecks([kept, missed]),
      'ok    a: 0.75 times, at most 0.75\nMISS  b: 0.76 ± 0.012 times, at most 0.75  (noisy)\n',
    );
  });

  it('checks only what was measured, and notes a stand-in that does not count', () => {
    const checks = checksOf([cpu], true);
    assert.deepEqual(
      checks.map(({ name, note }) => [name, note]),
      [
        ['path.C.cpu_ms_per_s: ours / sunshine', undefined],
        ['path.C.cpu_ms_per_s: ours_64k / sunshine', undefined],
        ['path.C.cpu_ms_per_s: ours / wolf', 'wolf is not comparable here'],
      ],
    );
  });

  it('asks less of the payloader where the processor has no GFNI', () => {
    const row: Row = {
      path: ['payloader', 'C', 'mb_per_cpu_s'],
      unit: 'MB/s',
      samples: { ours: [1500], sunshine: [1000], wolf: [500] },
    };
    const kept = (hasGfni: boolean) => checksOf([row], hasGfni).map(isKept);
    assert.deepEqual(kept(true), [false, false]);
    assert.deepEqual(kept(false), [true, true]);
  });
});
