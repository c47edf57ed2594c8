import assert from 'node:assert/strict';
import { formatLinkRate, LINK_KBPS_RANGE, parseLinkRate } from '../../../src/support/link-rate.js';

describe('the rate of a link', () => {
  it('is four fifths of the speed that a word names, and a plain number as it is', () => {
    const cases: readonly [string, number][] = [
      ['100M', 80_000],
      ['1G', 800_000],
      ['1000m', 800_000],
      ['2.5G', 2_000_000],
      ['2500M', 2_000_000],
      ['10g', 8_000_000],
      ['800000', 800_000],
      [' 40000 ', 40_000],
    ];
    for (const [text, kbps] of cases) assert.equal(parseLinkRate(text), kbps, text);
  });

  it('is refused where it is no rate or out of range', () => {
    const wrong = ['', 'fast', '1.5', '-1G', '1T', '1e6', '999', '0.1M', '1000G', '99999999999', '1G 2G'];
    for (const text of wrong) assert.equal(parseLinkRate(text), undefined, text);
    assert.equal(parseLinkRate(String(LINK_KBPS_RANGE.max)), LINK_KBPS_RANGE.max);
  });

  it('is shown in megabits', () => {
    assert.equal(formatLinkRate(2_000_000), '2000 Mbit/s');
    assert.equal(formatLinkRate(1500), '1.5 Mbit/s');
  });
});
