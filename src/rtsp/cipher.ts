/**
 * Encrypted RTSP (`rtspenc://`): one AES-128-GCM frame per direction and connection. Pure.
 * Source: `protocol/rtsp.md` §2.
 *
 * ```
 *  0                         4          8          24
 *  | 0x80000000 | length     | sequence | GCM tag  | ciphertext      all big-endian
 * ```
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

export type RtspSide = 'client' | 'host';

const ENCRYPTED_BIT = 0x80000000;
const SEQUENCE_OFFSET = 4;
const TAG_OFFSET = 8;
const TAG_BYTES = 16;
const CIPHERTEXT_OFFSET = TAG_OFFSET + TAG_BYTES;

export type ReadFrame =
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid'; readonly reason: string }
  /** `frame` is exactly one frame; `sequence` is not yet authenticated. */
  | { readonly state: 'complete'; readonly frame: Buffer; readonly sequence: number };

/** Whether a connection that begins with these bytes is encrypted: no method name has the top bit set. */
export const isEncryptedStart = (bytes: Buffer): boolean => ((bytes[0] ?? 0) & 0x80) !== 0;

/** Cuts one frame out of the bytes that came so far. @param maxBytes longest plaintext that is accepted */
export const readFrame = (bytes: Buffer, maxBytes: number): ReadFrame => {
  if (bytes.length < CIPHERTEXT_OFFSET) return { state: 'incomplete' };
  const word = bytes.readUInt32BE(0);
  if (word < ENCRYPTED_BIT) return { state: 'invalid', reason: 'the frame is not marked as encrypted' };
  const length = word - ENCRYPTED_BIT;
  if (length > maxBytes) return { state: 'invalid', reason: `a frame of ${length} bytes` };
  const end = CIPHERTEXT_OFFSET + length;
  if (bytes.length < end) return { state: 'incomplete' };
  return { state: 'complete', frame: bytes.subarray(0, end), sequence: bytes.readUInt32BE(SEQUENCE_OFFSET) };
};

const writeIv = (sequence: number, from: RtspSide): Buffer => {
  const iv = Buffer.alloc(12);
  iv.writeUInt32LE(sequence, 0);
  iv.write(from === 'client' ? 'CR' : 'HR', 10, 'latin1');
  return iv;
};

/** Encrypts a whole message. @param sequence must never come twice under one key and side */
export const sealFrame = (key: Buffer, from: RtspSide, sequence: number, plaintext: Buffer): Buffer => {
  const cipher = createCipheriv('aes-128-gcm', key, writeIv(sequence, from));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const head = Buffer.alloc(TAG_OFFSET);
  head.writeUInt32BE(ENCRYPTED_BIT + ciphertext.length, 0);
  head.writeUInt32BE(sequence, SEQUENCE_OFFSET);
  return Buffer.concat([head, cipher.getAuthTag(), ciphertext]);
};

/** Decrypts a frame of `from`; undefined when it was not made with this key. */
export const openFrame = (key: Buffer, from: RtspSide, frame: Buffer): Buffer | undefined => {
  if (frame.length < CIPHERTEXT_OFFSET) return undefined;
  const iv = writeIv(frame.readUInt32BE(SEQUENCE_OFFSET), from);
  const decipher = createDecipheriv('aes-128-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(frame.subarray(TAG_OFFSET, CIPHERTEXT_OFFSET));
  const plaintext = decipher.update(frame.subarray(CIPHERTEXT_OFFSET));
  try {
    decipher.final();
    return plaintext;
  } catch {
    // final() throws for nothing but a tag that does not fit.
    return undefined;
  }
};
