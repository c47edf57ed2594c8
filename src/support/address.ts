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

/** The host part of a URL: IPv6 in brackets. */
export const toUrlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/* Loopback, the private ranges, carriers' shared one (which VPNs use too), and link-local. */
const LAN = new net.BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const)
  LAN.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  LAN.addSubnet(network, prefix, 'ipv6');

/**
 * Whether a peer counts as on the local network: by its address alone, as `protocol/rtsp.md` §5.2 has it of other
 * hosts. A global IPv6 address does not, even on the same link: whose it is cannot be told from it.
 */
export const isLanAddress = (address: string): boolean => {
  const plain = normaliseAddress(address);
  if (net.isIPv4(plain)) return LAN.check(plain, 'ipv4');
  return net.isIPv6(plain) && LAN.check(plain, 'ipv6');
};

/** What IP and UDP put before each datagram that is sent to a peer, in bytes: 28, or 48 over IPv6. RFC 791, 8200, 768. */
export const ipUdpHeaderBytes = (address: string): number =>
  net.isIPv6(normaliseAddress(address)) ? 48 : 28;

/** An address to send to: normalised, but with its zone, which a link-local one needs. */
export const routableAddress = (address: string): string => {
  const zone = /%[\w.:-]+$/.exec(address)?.[0] ?? '';
  return normaliseAddress(address) + zone;
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
