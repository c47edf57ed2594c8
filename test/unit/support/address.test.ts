import assert from 'node:assert/strict';
import { limitKey, normaliseAddress } from '../../../src/support/address.js';

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

describe('limitKey', () => {
  it('counts IPv4 addresses whole and IPv6 ones by /64', () => {
    assert.equal(limitKey('192.0.2.1'), '192.0.2.1');
    assert.equal(limitKey('2001:db8:1:2:3:4:5:6'), limitKey('2001:db8:1:2::9'));
    assert.notEqual(limitKey('2001:db8:1:2::9'), limitKey('2001:db8:1:3::9'));
    assert.equal(limitKey('::1'), '0:0:0:0::/64');
  });

  it('tells v4-mapped addresses apart, as the IPv4 addresses that they are', () => {
    assert.equal(limitKey('::ffff:192.0.2.1'), '192.0.2.1');
    assert.notEqual(limitKey('::ffff:192.0.2.1'), limitKey('::ffff:192.0.2.2'));
  });
});
