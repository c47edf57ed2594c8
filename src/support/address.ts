/** Numeric internet addresses as text: one spelling per peer, so that addresses can be compared. */

/**
 * An address without zone index, and IPv4 without the prefix that a dual-stack socket puts before it
 * (`::ffff:192.0.2.1` → `192.0.2.1`). Empty for undefined.
 */
export const normaliseAddress = (address: string | undefined): string => {
  const plain = (address ?? '').split('%')[0]?.toLowerCase() ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  return mapped?.[1] ?? plain;
};
