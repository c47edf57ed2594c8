import assert from 'node:assert/strict';
import { codecModeSupport, formatsOf, maxLumaPixelsHevc } from '../../../src/nvhttp/codec-modes.js';
import type { VideoFormat } from '../../../src/session/stream-plan.js';

const format = (codec: VideoFormat['codec'], bitDepth: 8 | 10, chroma: '420' | '444'): VideoFormat => ({
  codec,
  bitDepth,
  chroma,
});

describe('codec modes of serverinfo', () => {
  it('have a bit for each format, and no other', () => {
    const main = [format('h264', 8, '420'), format('hevc', 8, '420'), format('hevc', 10, '420')];
    assert.equal(codecModeSupport(main), 769);
    const av1 = [format('av1', 8, '420'), format('av1', 10, '420')];
    assert.equal(codecModeSupport([...main, ...av1]), 197_377);
    assert.equal(codecModeSupport([format('h264', 8, '444')]), 0x04_0000);
    assert.equal(codecModeSupport([format('hevc', 8, '444'), format('hevc', 10, '444')]), 0x18_0000);
    assert.deepEqual(formatsOf(769 | 0x8000_0000), main);
    assert.equal(codecModeSupport([format('av1', 8, '444'), format('av1', 10, '444')]), 0x60_0000);
  });

  it('name a size for HEVC only where there is HEVC', () => {
    assert.equal(maxLumaPixelsHevc([format('h264', 8, '420'), format('av1', 8, '420')]), 0);
    assert.equal(maxLumaPixelsHevc([format('hevc', 10, '444')]), 1_869_449_984);
  });
});
