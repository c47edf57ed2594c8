/** The guess at what a person meant. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { editDistance, nearestName } from '../../../src/config/nearest-name.js';

describe('nearest name', () => {
  it('counts insertions, deletions and replacements', () => {
    assert.equal(editDistance('kitten', 'sitting'), 3);
    assert.equal(editDistance('', 'abc'), 3);
    assert.equal(editDistance('abc', ''), 3);
  });

  it('is symmetric, and zero for equal texts only', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        assert.equal(editDistance(a, b), editDistance(b, a));
        assert.equal(editDistance(a, b) === 0, a === b);
      }),
    );
  });

  it('ignores case and picks the closest candidate', () => {
    assert.equal(nearestName('PROT', ['name', 'port', 'source']), 'port');
    assert.equal(nearestName('x', []), undefined);
  });
});
