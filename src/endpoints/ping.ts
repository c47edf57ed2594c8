/**
 * The datagram with which a client shows where its media should go. Pure. Source: `protocol/video.md` §1.1.
 *
 * ```
 *  0                       16          20
 *  | payload (16 characters) | counter |     session ping, counter big-endian from 1
 *  | "PING" |                                legacy ping: 4 bytes
 * ```
 */

export const PING_PAYLOAD_BYTES = 16;
const SESSION_PING_BYTES = PING_PAYLOAD_BYTES + 4;
const LEGACY_PING = 'PING';

export type Ping =
  /** `payload` as latin-1, 16 characters; `counter` unsigned 32 bit. */
  | { readonly kind: 'session'; readonly payload: string; readonly counter: number }
  | { readonly kind: 'legacy' };

/** Reads a datagram of a media port; undefined for anything that is not a ping. Longer session pings are accepted. */
export const parsePing = (datagram: Buffer): Ping | undefined => {
  if (datagram.length >= SESSION_PING_BYTES) {
    const payload = datagram.toString('latin1', 0, PING_PAYLOAD_BYTES);
    return { kind: 'session', payload, counter: datagram.readUInt32BE(PING_PAYLOAD_BYTES) };
  }
  return datagram.toString('latin1') === LEGACY_PING ? { kind: 'legacy' } : undefined;
};

/** Writes a ping. @throws RangeError if a payload is not 16 characters of one byte each */
export const formatPing = (ping: Ping): Buffer => {
  if (ping.kind === 'legacy') return Buffer.from(LEGACY_PING, 'latin1');
  const datagram = Buffer.alloc(SESSION_PING_BYTES);
  const isLatin1 = [...ping.payload].every((character) => character.charCodeAt(0) <= 0xff);
  if (ping.payload.length !== PING_PAYLOAD_BYTES || !isLatin1)
    throw new RangeError('a ping payload has 16 bytes');
  datagram.write(ping.payload, 0, 'latin1');
  datagram.writeUInt32BE(ping.counter, PING_PAYLOAD_BYTES);
  return datagram;
};
