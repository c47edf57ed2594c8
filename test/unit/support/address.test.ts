import assert from 'node:assert/strict';
import {
  isLanAddress,
  limitKey,
  normaliseAddress,
  routableAddress,
  toUrlHost,
} from '../../../src/support/address.js';

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

describe('routableAddress', () => {
  it('keeps the zone, without which nothing can be sent to a link-local address', () => {
    assert.equal(routableAddress('FE80::1%eth0'), 'fe80::1%eth0');
    assert.equal(routableAddress('::ffff:192.0.2.1'), '192.0.2.1');
  });
});

describe('toUrlHost', () => {
  it('puts IPv6 into brackets', () => {
    assert.equal(toUrlHost('::1'), '[::1]');
    assert.equal(toUrlHost('10.0.0.1'), '10.0.0.1');
  });
});

describe('isLanAddress', () => {
  it('knows the private, shared, link-local and unique local ranges by their edges', () => {
    for (const address of [
      ...['127.0.0.1', '10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.9.9'],
      ...['100.64.0.1', '100.127.255.255', '169.254.7.7', '::1', 'fc00::1', 'fdff:ffff::1', 'fe80::1%eth0'],
      ...['febf::1', '::ffff:192.168.1.2'],
    ])
      assert.equal(isLanAddress(address), true, address);
    for (const address of [
      ...['126.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.0.1', '100.63.255.255'],
      ...['100.128.0.0', '203.0.113.7', '::2', 'fbff::1', 'fe00::1', 'fec0::1', '2001:db8::1'],
      ...['::ffff:203.0.113.7', '', 'nonsense'],
    ])
      assert.equal(isLanAddress(address), false, address);
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
