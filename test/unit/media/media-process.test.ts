import assert from 'node:assert/strict';
import { childDescriptor, mediaEnvironment } from '../../../src/media/media-process.js';

describe('media process', () => {
  it('puts the project’s elements in front of the plugin path', () => {
    const environment = mediaEnvironment({
      LUMEN_PLUGIN_DIR: '/own',
      GST_PLUGIN_PATH: '/theirs',
      HOME: '/h',
    });
    assert.equal(environment['GST_PLUGIN_PATH'], '/own:/theirs');
    assert.equal(environment['HOME'], '/h');
  });

  it('takes the build folder of the package where none is named', () => {
    assert.match(mediaEnvironment({})['GST_PLUGIN_PATH'] ?? '', /^\/.*\/build\/gst-plugins$/);
  });

  it('numbers descriptors behind the three standard ones', () => {
    assert.deepEqual([childDescriptor(0), childDescriptor(2)], [3, 5]);
  });
});
