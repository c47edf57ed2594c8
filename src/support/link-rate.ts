/**
 * The rate of a client's link as people write it: `100M`, `1G`, `2500M`, or kbit/s. Pure.
 *
 * A word names the speed of the slowest port on the way, of which four fifths count: `1G` is 800000 kbit/s, the default
 * that other hosts have too. The rest is what headers below UDP and other traffic need. A plain number counts as it is.
 */

/** Bounds of a link in kbit/s. */
export const LINK_KBPS_RANGE = { min: 1000, max: 100_000_000 } as const;

const KBPS_OF_UNIT = { M: 1000, G: 1_000_000 } as const;
const PROFILE_SHARE = 0.8;

/** What {@link parseLinkRate} takes, for people. */
export const LINK_RATE_WORDS = '100M, 1G, 2500M, 10G, or kbit/s';

/**
 * Reads `100M`, `2.5G` (the speed of a port) or `40000` (kbit/s).
 * @returns kbit/s, or undefined for anything else and for what is out of {@link LINK_KBPS_RANGE}
 */
export const parseLinkRate = (text: string): number | undefined => {
  const [, digits = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)([MG]?)$/i.exec(text.trim()) ?? [];
  if (digits === '' || (unit === '' && digits.includes('.'))) return undefined;
  const factor =
    unit === '' ? 1 : KBPS_OF_UNIT[unit.toUpperCase() as keyof typeof KBPS_OF_UNIT] * PROFILE_SHARE;
  const kbps = Math.round(Number(digits) * factor);
  return kbps >= LINK_KBPS_RANGE.min && kbps <= LINK_KBPS_RANGE.max ? kbps : undefined;
};

/** `800000` → `800 Mbit/s`. */
export const formatLinkRate = (kbps: number): string => `${Number((kbps / 1000).toFixed(3))} Mbit/s`;
