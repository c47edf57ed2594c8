import assert from 'node:assert/strict';
import { INPUT_MAGIC } from '../../../src/input/packet.js';
import { SECRETS } from '../../../src/support/logger.js';

describe('the logger', () => {
  it('hides no count of input because its kind is named like a secret', () => {
    const kinds = ['keyboard', ...Object.keys(INPUT_MAGIC), 'unknown', 'malformed'];
    assert.deepEqual(
      kinds.filter((kind) => SECRETS.includes(kind)),
      [],
    );
  });

  it('knows the names of keys, PINs and ping payloads', () => {
    for (const name of ['pin', 'riKey', 'key', 'privateKey', 'videoPingPayload', 'audioPingPayload']) {
      assert(SECRETS.includes(name), name);
    }
  });
});
