import assert from 'node:assert/strict';
import { slopePerHour } from '../../soak/slope.js';

const series = (values: readonly number[]) => values.map((value, index) => ({ atMs: index * 1000, value }));

describe('slope of a soak run', () => {
  it('is what a straight line grows by in an hour', () => {
    const slope = slopePerHour(series(Array.from({ length: 100 }, (_, index) => 5 + 2 * index)));
    assert.ok(Math.abs(slope - 7200) < 1e-6, String(slope));
  });

  it('does not see the first half, which is warm-up', () => {
    assert.equal(
      slopePerHour(series([...Array.from({ length: 50 }, (_, i) => i), ...Array(60).fill(50)])),
      0,
    );
  });

  it('is zero where there is too little to say', () => {
    assert.equal(slopePerHour([]), 0);
    assert.equal(slopePerHour(series([7])), 0);
  });
});
