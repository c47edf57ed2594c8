import assert from 'node:assert/strict';
import { readBoxArt } from '../../../src/apps/box-art.js';

describe('box art', () => {
  it('is refused where it is no file that ends', async () => {
    for (const file of ['/dev/zero', '/']) {
      const art = await readBoxArt(file);
      assert.ok(!art.ok && /no file/.test(art.reason), file);
    }
  });
});
