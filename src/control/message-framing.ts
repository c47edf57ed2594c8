/**
 * What control messages of both directions share: the plaintext `u16 type, u16 payloadLength, payload`, little-endian.
 * Source: `protocol/control.md` §2.1.
 */

/** A type this host does not know: ignored, but visible to whoever counts. */
export interface UnknownMessage {
  readonly kind: 'unknown';
  readonly type: number;
  readonly payload: Buffer;
}

export type ParsedMessage<T> =
  | { readonly ok: true; readonly message: T }
  | { readonly ok: false; readonly reason: string };

const HEADER_BYTES = 4;
/** The outer type of an encrypted message may not come again inside: §2.1. */
const ENCRYPTED_TYPE = 0x0001;
const MAX_PAYLOAD_BYTES = 0xffff;

/** How many bytes of payload a message has at least, and how to read them. */
export interface Reader<T> {
  readonly minBytes: number;
  read(payload: Buffer): T;
}

/** Reads one message with the reader of its type. Payloads longer than known are accepted, shorter ones are not. */
export const parseMessage = <T>(
  plaintext: Buffer,
  readers: Readonly<Record<number, Reader<T>>>,
): ParsedMessage<T | UnknownMessage> => {
  if (plaintext.length < HEADER_BYTES) return { ok: false, reason: 'shorter than its header' };
  const type = plaintext.readUInt16LE(0);
  const length = plaintext.readUInt16LE(2);
  if (type === ENCRYPTED_TYPE) return { ok: false, reason: 'an encrypted message inside another' };
  if (length > plaintext.length - HEADER_BYTES) return { ok: false, reason: 'shorter than its length says' };
  const payload = plaintext.subarray(HEADER_BYTES, HEADER_BYTES + length);
  const reader = readers[type];
  if (reader === undefined) return { ok: true, message: { kind: 'unknown', type, payload } };
  if (length < reader.minBytes) {
    return { ok: false, reason: `type 0x${type.toString(16)} needs ${reader.minBytes} bytes, got ${length}` };
  }
  return { ok: true, message: reader.read(payload) };
};

/** Writes integers one after the other into a buffer of known size. */
export class FieldWriter {
  readonly bytes: Buffer;
  #offset = 0;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
  }

  u8(value: number): this {
    this.#offset = this.bytes.writeUInt8(value, this.#offset);
    return this;
  }

  u16(value: number): this {
    this.#offset = this.bytes.writeUInt16LE(value, this.#offset);
    return this;
  }

  u16be(value: number): this {
    this.#offset = this.bytes.writeUInt16BE(value, this.#offset);
    return this;
  }

  u32(value: number): this {
    this.#offset = this.bytes.writeUInt32LE(value, this.#offset);
    return this;
  }

  u32be(value: number): this {
    this.#offset = this.bytes.writeUInt32BE(value, this.#offset);
    return this;
  }

  u64(value: bigint): this {
    this.#offset = this.bytes.writeBigUInt64LE(value, this.#offset);
    return this;
  }
}

/** Puts the header before a payload. @throws RangeError above 65 535 bytes */
export const frame = (type: number, payload: Buffer): Buffer => {
  if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError(`a payload of ${payload.length} bytes`);
  return Buffer.concat([new FieldWriter(HEADER_BYTES).u16(type).u16(payload.length).bytes, payload]);
};
