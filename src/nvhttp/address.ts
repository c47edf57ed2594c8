/** Addresses of connections: the prefix that one person controls, and the card behind them. */
import net from 'node:net';
import os from 'node:os';
import { normaliseAddress } from '../support/address.js';

/** All-zero MAC: clients ignore it (`protocol/http.md` §5). */
export const NO_MAC = '00:00:00:00:00:00';

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

/** What limits count by: an IPv4 address, or the /64 of an IPv6 one, in which one person can use any address. */
export const limitKey = (address: string): string =>
  net.isIPv6(address) ? `${expandIpv6(address).slice(0, 4).join(':')}::/64` : address;

/**
 * The MAC of the network card that has `localAddress`, for wake-on-LAN.
 * @returns {@link NO_MAC} for loopback and for addresses that no card has
 */
export const findMacAddress = (
  localAddress: string,
  interfaces: NodeJS.Dict<os.NetworkInterfaceInfo[]> = os.networkInterfaces(),
): string => {
  const wanted = normaliseAddress(localAddress);
  const all = Object.values(interfaces).flatMap((infos) => infos ?? []);
  return all.find((info) => info.address === wanted)?.mac ?? NO_MAC;
};
