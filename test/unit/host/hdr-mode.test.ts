import assert from 'node:assert/strict';
import { formatHostMessage, parseHostMessage } from '../../../src/control/message.js';
import { toHdrMode } from '../../../src/host/hdr-mode.js';

describe('the HDR mode that a client is told', () => {
  it('is on for a picture of BT.2100 PQ alone', () => {
    assert.equal(toHdrMode({ colorSpace: 'bt2100-pq' }).isEnabled, true);
    for (const colorSpace of ['bt601', 'bt709', 'bt2020'] as const)
      assert.equal(toHdrMode({ colorSpace }).isEnabled, false);
  });

  it('fits the message', () => {
    for (const colorSpace of ['bt709', 'bt2100-pq'] as const) {
      const mode = toHdrMode({ colorSpace });
      assert.deepEqual(parseHostMessage(formatHostMessage(mode)), { ok: true, message: mode });
    }
  });
});
