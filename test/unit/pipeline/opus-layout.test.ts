import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { loadCatalog, requireDescription } from '../../../src/pipeline/catalog.js';
import { buildLayoutGraph, readLayout } from '../../../src/pipeline/opus-layout.js';

const catalog = loadCatalog(fileURLToPath(new URL('../../../../pipelines', import.meta.url)), '/nonexistent');
const tones = (...hz: number[]) => Object.fromEntries(hz.map((value, index) => [`hz-${index}`, value]));
const pay = { channels: 6, streams: 4, coupled: 2, 'size-changes': 0, 'packets-refused': 0 };

describe('opus-layout', () => {
  it('sends a tone through the stage and both ends of the wire', () => {
    const { launch } = buildLayoutGraph(requireDescription('encoders', catalog.encoders, 'opus'), 8);
    assert.match(
      launch,
      /channels=8,channel-mask=\(bitmask\)0xc3f ! channeltones ! audioconvert .* ! opusenc /,
    );
    assert.match(
      launch,
      /moonlightaudiopay name=pay .* ! moonlightdepay .* ! channeltones name=reader mode=read/,
    );
  });

  it('finds where each channel is coded', () => {
    const reader = tones(440, 1300, 900, 1800, 660, 80);
    assert.deepEqual(readLayout({ pay, reader }, 6), {
      channels: 6,
      streams: 4,
      coupled: 2,
      mapping: [0, 1, 4, 5, 2, 3],
    });
  });

  it('finds none where channels are lost or mixed, sizes differ, or clients could not decode it', () => {
    assert.equal(readLayout({ pay, reader: tones(440, 1300, 900, 1800, 660, 0) }, 6), undefined);
    assert.equal(readLayout({ pay, reader: tones(440, 440, 900, 1800, 660, 80) }, 6), undefined);
    const reader = tones(440, 1300, 660, 80, 900, 1800);
    assert.equal(readLayout({ pay: { ...pay, 'size-changes': 1 }, reader }, 6), undefined);
    assert.equal(readLayout({ pay: { ...pay, channels: 2 }, reader }, 6), undefined);
    assert.equal(readLayout({ pay: { ...pay, coupled: 1 }, reader }, 6), undefined);
    assert.equal(readLayout({}, 6), undefined);
  });
});
