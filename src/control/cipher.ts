/**
 * Encryption of control messages: AES-128-GCM with the session's key, tag before ciphertext, one sequence counter per
 * direction. The state must live as long as the key: a counter that repeats under one key breaks the encryption.
 * Source: `protocol/control.md` §2.1.
 *
 * ```
 *  0        2        4                 8                        24
 *  | 0x0001 | length | sequence        | GCM tag                | ciphertext
 *           (bytes after this field)
 * ```
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const ENCRYPTED_TYPE = 0x0001;
const SEQUENCE_OFFSET = 4;
const TAG_OFFSET = 8;
const TAG_BYTES = 16;
const CIPHERTEXT_OFFSET = TAG_OFFSET + TAG_BYTES;
/** What `length` counts besides the ciphertext. */
const COUNTED_OVERHEAD_BYTES = CIPHERTEXT_OFFSET - SEQUENCE_OFFSET;
const MAX_PLAINTEXT_BYTES = 0xffff - COUNTED_OVERHEAD_BYTES;
const MAX_SEQUENCE = 0xffffffff;
const KEY_BYTES = 16;

/** ENet orders each channel by itself, so a message may overtake this many of the other channels. */
const REPLAY_WINDOW = 1024;

/** Remembers which sequence numbers came, within a window below the highest: each is accepted once. */
export class ReplayWindow {
  readonly #size: number;
  readonly #seen: Uint8Array;
  #highest = -1;

  /** @param size how far below the highest number one may still come */
  constructor(size = REPLAY_WINDOW) {
    this.#size = size;
    this.#seen = new Uint8Array(size);
  }

  /** Whether `sequence` is new. Does not change anything: ask before the tag is checked. */
  isFresh(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    if (sequence <= this.#highest - this.#size) return false;
    return this.#seen[sequence % this.#size] === 0;
  }

  /** Whether `sequence` is above all that came. */
  isNewest(sequence: number): boolean {
    return sequence > this.#highest;
  }

  /** Marks `sequence`, after its tag was found good. */
  accept(sequence: number): void {
    if (sequence > this.#highest) {
      const steps = Math.min(sequence - this.#highest, this.#size);
      for (let step = 0; step < steps; step += 1) this.#seen[(sequence - step) % this.#size] = 0;
      this.#highest = sequence;
    }
    this.#seen[sequence % this.#size] = 1;
  }
}

export type ControlSide = 'client' | 'host';

export type OpenedMessage =
  | { readonly ok: true; readonly sequence: number; readonly plaintext: Buffer }
  | { readonly ok: false; readonly reason: 'malformed' | 'unencrypted' | 'replay' | 'bad-tag' };

/** Twelve bytes that name direction and stream, or the legacy sixteen with one counting byte. */
const writeIv = (isV2: boolean, sequence: number, from: ControlSide): Buffer => {
  if (!isV2) {
    const iv = Buffer.alloc(16);
    iv[0] = sequence & 0xff;
    return iv;
  }
  const iv = Buffer.alloc(12);
  iv.writeUInt32LE(sequence, 0);
  iv.write(from === 'client' ? 'CC' : 'HC', 10, 'latin1');
  return iv;
};

/** Encrypts a message of at most 65 515 bytes under a given sequence number, which must never come again. */
export const sealMessage = (
  key: Buffer,
  isV2: boolean,
  from: ControlSide,
  sequence: number,
  plaintext: Buffer,
): Buffer => {
  if (plaintext.length > MAX_PLAINTEXT_BYTES) throw new RangeError(`a message of ${plaintext.length} bytes`);
  const cipher = createCipheriv('aes-128-gcm', key, writeIv(isV2, sequence, from));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const head = Buffer.alloc(TAG_OFFSET);
  head.writeUInt16LE(ENCRYPTED_TYPE, 0);
  head.writeUInt16LE(COUNTED_OVERHEAD_BYTES + ciphertext.length, 2);
  head.writeUInt32LE(sequence, SEQUENCE_OFFSET);
  return Buffer.concat([head, cipher.getAuthTag(), ciphertext]);
};

/** Both directions of one control connection under one key, seen from one side. */
export class ControlCipher {
  readonly #key: Buffer;
  readonly #isV2: boolean;
  readonly #self: ControlSide;
  readonly #received = new ReplayWindow();
  #nextSequence = 0;

  /**
   * @param key 16 bytes
   * @param isV2 the client enabled bit 0x01 of `encryptionEnabled`
   * @param self who seals with this object; the other side's messages are opened with it
   */
  constructor(key: Buffer, isV2: boolean, self: ControlSide) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a control key of ${key.length} bytes`);
    this.#key = Buffer.from(key);
    this.#isV2 = isV2;
    this.#self = self;
  }

  /** Whether this cipher is for that key and scheme, so that its counters must go on. */
  isFor(key: Buffer, isV2: boolean): boolean {
    return this.#key.equals(key) && this.#isV2 === isV2;
  }

  /** @throws RangeError when the counter is used up (2^32 messages under one key) or the message is too long */
  seal(plaintext: Buffer): Buffer {
    if (this.#nextSequence > MAX_SEQUENCE)
      throw new RangeError('no control sequence number is left under this key');
    const sealed = sealMessage(this.#key, this.#isV2, this.#self, this.#nextSequence, plaintext);
    this.#nextSequence += 1;
    return sealed;
  }

  /** Opens one ENet packet. Bytes beyond the stated length are ignored, as the client does. */
  open(packet: Buffer): OpenedMessage {
    const opened = this.#open(packet);
    if (opened.ok) this.#received.accept(opened.sequence);
    return opened;
  }

  /** Whether a packet is authentic and newer than all that were opened. It can still be opened afterwards. */
  isNewest(packet: Buffer): boolean {
    const opened = this.#open(packet);
    return opened.ok && this.#received.isNewest(opened.sequence);
  }

  #open(packet: Buffer): OpenedMessage {
    if (packet.length < 2) return { ok: false, reason: 'malformed' };
    if (packet.readUInt16LE(0) !== ENCRYPTED_TYPE) return { ok: false, reason: 'unencrypted' };
    if (packet.length < CIPHERTEXT_OFFSET) return { ok: false, reason: 'malformed' };
    const end = SEQUENCE_OFFSET + packet.readUInt16LE(2);
    if (end < CIPHERTEXT_OFFSET || end > packet.length) return { ok: false, reason: 'malformed' };
    const sequence = packet.readUInt32LE(SEQUENCE_OFFSET);
    if (!this.#received.isFresh(sequence)) return { ok: false, reason: 'replay' };
    const plaintext = this.#decrypt(packet.subarray(TAG_OFFSET, end), sequence);
    return plaintext === undefined ? { ok: false, reason: 'bad-tag' } : { ok: true, sequence, plaintext };
  }

  #decrypt(tagAndCiphertext: Buffer, sequence: number): Buffer | undefined {
    const from = this.#self === 'host' ? 'client' : 'host';
    const decipher = createDecipheriv('aes-128-gcm', this.#key, writeIv(this.#isV2, sequence, from), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(tagAndCiphertext.subarray(0, TAG_BYTES));
    const plaintext = decipher.update(tagAndCiphertext.subarray(TAG_BYTES));
    try {
      decipher.final();
      return plaintext;
    } catch {
      // final() throws for nothing but a tag that does not fit.
      return undefined;
    }
  }
}
