/** The network card behind an address. */
import os from 'node:os';
import { normaliseAddress } from '../support/address.js';

/** All-zero MAC: clients ignore it (`protocol/http.md` §5). */
export const NO_MAC = '00:00:00:00:00:00';

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
