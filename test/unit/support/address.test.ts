import assert from 'node:assert/strict';
import { normaliseAddress } from '../../../src/support/address.js';

describe('normaliseAddress', () => {
  it('takes the v4-mapped prefix off IPv4 and leaves other addresses alone', () => {
    assert.equal(normaliseAddress('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(normaliseAddress('192.0.2.1'), '192.0.2.1');
    assert.equal(normaliseAddress('2001:DB8::1'), '2001:db8::1');
  });

  it('drops the zone of a link-local address', () => {
    assert.equal(normaliseAddress('fe80::1%eth0'), 'fe80::1');
  });

  it('is empty for an address that is not known', () => {
    assert.equal(normaliseAddress(undefined), '');
  });
});
