/**
 * The session page: the numbers of one session that must survive its media processes. A 4096-byte memory file that
 * the control process creates and media processes map (`gst-plugins/sessionpage.h` is the same table in C).
 *
 * | offset | type | field |
 * |---|---|---|
 * | 0 | u32 | magic 0x504d554c ("LUMP" little-endian) |
 * | 4 | u32 | layout version, 1 |
 * | 8 | u32 | incarnation: 0 for a stream's first media process, raised by one for each that replaces it; top 16 bits of the AES-GCM counter |
 * | 12 | u32 | video frame index last spent (0 = none; the first frame is 1) |
 * | 16 | u32 | next video packet number n (RTP sequence = n & 0xffff, streamPacketIndex = n << 8) |
 * | 20 | u32 | next audio packet number (RTP sequence = n & 0xffff), always reserved by blocks of 4 |
 * | 24 | u32 | times that the video packet number has wrapped past 2^32; used by media processes alone |
 *
 * All values are little-endian and written with relaxed atomic stores by the media process that lives: the video numbers
 * by the child that plays the picture, the audio number by the child that plays the sound.
 */
import fs from 'node:fs';

export const SESSION_PAGE_BYTES = 4096;
const MAGIC = 0x504d554c;
const LAYOUT_VERSION = 1;
const OFFSET = { incarnation: 8, frameIndex: 12, videoPacket: 16, audioPacket: 20 } as const;

/** A reading of the page. */
export interface SessionNumbers {
  readonly incarnation: number;
  readonly frameIndex: number;
  readonly videoPacket: number;
  readonly audioPacket: number;
}

/** The control process's hand on a session page. Owns the descriptor. */
export class SessionPage {
  readonly fd: number;
  #isClosed = false;

  /** @param fd a fresh memory file of {@link SESSION_PAGE_BYTES} zero bytes; ownership passes here */
  constructor(fd: number) {
    this.fd = fd;
    const header = Buffer.alloc(12);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt32LE(LAYOUT_VERSION, 4);
    fs.writeSync(fd, header, 0, header.length, 0);
  }

  read(): SessionNumbers {
    const bytes = Buffer.alloc(24);
    fs.readSync(this.fd, bytes, 0, bytes.length, 0);
    return {
      incarnation: bytes.readUInt32LE(OFFSET.incarnation),
      frameIndex: bytes.readUInt32LE(OFFSET.frameIndex),
      videoPacket: bytes.readUInt32LE(OFFSET.videoPacket),
      audioPacket: bytes.readUInt32LE(OFFSET.audioPacket),
    };
  }

  /**
   * Continues the numbers of a dead process's page under the next incarnation, so that no AES-GCM nonce of the one
   * before can come again. Call before the process that maps this page starts to play.
   * @throws when the 65536 incarnations of a session are used up
   */
  continueFrom(numbers: SessionNumbers): void {
    const incarnation = numbers.incarnation + 1;
    if (incarnation > 0xffff) throw new Error('the session has used up its 65536 media processes');
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(incarnation, 0);
    bytes.writeUInt32LE(numbers.frameIndex, OFFSET.frameIndex - OFFSET.incarnation);
    bytes.writeUInt32LE(numbers.videoPacket, OFFSET.videoPacket - OFFSET.incarnation);
    bytes.writeUInt32LE(numbers.audioPacket, OFFSET.audioPacket - OFFSET.incarnation);
    fs.writeSync(this.fd, bytes, 0, bytes.length, OFFSET.incarnation);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    fs.closeSync(this.fd);
  }
}
