import assert from 'node:assert/strict';
import { describeHost } from '../../../src/host/describe.js';
import { parseDescription } from '../../../src/rtsp/describe.js';

describe('what DESCRIBE says of encryption', () => {
  for (const [policy, supported, requested] of [
    ['off', 5, 1],
    ['opportunistic', 7, 1],
    ['required', 7, 7],
  ] as const) {
    it(`is ${supported} supported and ${requested} requested where it is ${policy}`, () => {
      const found = parseDescription(describeHost({ video: [], surround: [], isSourceHdr: false }, policy));
      assert.equal(found.encryptionSupported, supported);
      assert.equal(found.encryptionRequested, requested);
    });
  }
});
