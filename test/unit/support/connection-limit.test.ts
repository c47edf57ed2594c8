import assert from 'node:assert/strict';
import { ConnectionLimit } from '../../../src/support/connection-limit.js';

describe('the limit of connections', () => {
  it('holds for one IPv4 address and for all together', () => {
    const limit = new ConnectionLimit(3, 2);
    assert.deepEqual(
      ['192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => limit.take(address)),
      [true, true, false, true, false],
    );
  });

  it('counts the addresses of one IPv6 /64 as one', () => {
    const limit = new ConnectionLimit(9, 2);
    assert.deepEqual(
      ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:3::4', '2001:db8:1:3::1'].map((address) =>
        limit.take(address),
      ),
      [true, true, false, true],
    );
  });

  it('has room again for what was released', () => {
    const limit = new ConnectionLimit(2, 1);
    assert.equal(limit.take('192.0.2.1'), true);
    assert.equal(limit.take('2001:db8::1'), true);
    limit.release('2001:db8::1');
    assert.equal(limit.take('192.0.2.1'), false);
    assert.equal(limit.take('2001:db8::2'), true);
  });
});
