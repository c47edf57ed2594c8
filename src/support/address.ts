/** Numeric internet addresses as text: one spelling per peer, so that addresses can be compared. */
import net from 'node:net';

/**
 * An address without zone index, and IPv4 without the prefix that a dual-stack socket puts before it
 * (`::ffff:192.0.2.1` → `192.0.2.1`). Empty for undefined.
 */
export const normaliseAddress = (address: string | undefined): string => {
  const plain = (address ?? '').split('%')[0]?.toLowerCase() ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  return mapped?.[1] ?? plain;
};

/** Fills in the zeros that `::` leaves out: eight groups of hex digits. */
const expandIpv6 = (address: string): readonly string[] => {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left;
  const right = tail === '' ? [] : tail.split(':');
  return [
    ...left,
    ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'),
    ...right,
  ];
};

/**
 * What limits count by: an IPv4 address, or the /64 of an IPv6 one, in which one person can use any address. A v4-mapped
 * address counts as the IPv4 one that it is.
 */
export const limitKey = (address: string): string => {
  const plain = normaliseAddress(address);
  return net.isIPv6(plain) ? `${expandIpv6(plain).slice(0, 4).join(':')}::/64` : plain;
};
