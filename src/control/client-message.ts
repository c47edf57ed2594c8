/**
 * Control messages of the client as typed values, both ways between bytes and value. No encryption here (`cipher.ts`).
 * Source: `protocol/control.md` §3 and §6. All integers are little-endian unless noted.
 */
import {
  FieldWriter,
  frame,
  type ParsedMessage,
  parseMessage,
  type Reader,
  type UnknownMessage,
} from './message-framing.js';

/** Message numbers of the encrypted generation; 0x5502 means another thing in the other direction. */
const CLIENT_MESSAGE = {
  ping: 0x0200,
  lossStats: 0x0201,
  input: 0x0206,
  invalidateReferenceFrames: 0x0301,
  requestIdr: 0x0302,
  startB: 0x0307,
  acknowledgeReference: 0x0350,
  frameFecStatus: 0x5502,
} as const;

/** FEC status of one block, all integers big-endian on the wire: §6.5. */
export interface FrameFecStatus {
  readonly kind: 'frameFecStatus';
  readonly frameIndex: number;
  readonly highestReceivedSequence: number;
  readonly nextContiguousSequence: number;
  readonly missingBeforeHighest: number;
  readonly dataPackets: number;
  readonly parityPackets: number;
  readonly dataReceived: number;
  readonly parityReceived: number;
  readonly fecPercentage: number;
  readonly blockIndex: number;
  readonly blockCount: number;
}

/** Client → host: §6. */
export type ClientMessage =
  /** `undefinedBytes` is whatever the client had in memory: §8. */
  | { readonly kind: 'ping'; readonly undefinedBytes: number }
  | {
      readonly kind: 'lossStats';
      readonly lossCount: number;
      readonly intervalMs: number;
      readonly lastGoodFrame: bigint;
    }
  /** One input packet, undecoded: `input/packet.ts`. */
  | { readonly kind: 'input'; readonly packet: Buffer }
  /** Frames that the client has lost, first to last inclusive. */
  | { readonly kind: 'invalidateReferenceFrames'; readonly firstFrame: number; readonly lastFrame: number }
  | { readonly kind: 'requestIdr' }
  | { readonly kind: 'startB' }
  | { readonly kind: 'acknowledgeReference'; readonly frameIndex: number }
  | FrameFecStatus
  | UnknownMessage;

const CLIENT_READERS: Readonly<Record<number, Reader<ClientMessage>>> = {
  [CLIENT_MESSAGE.ping]: {
    minBytes: 8,
    read: (payload) => ({ kind: 'ping', undefinedBytes: payload.readUInt16LE(6) }),
  },
  [CLIENT_MESSAGE.lossStats]: {
    minBytes: 32,
    read: (payload) => ({
      kind: 'lossStats',
      lossCount: payload.readUInt32LE(0),
      intervalMs: payload.readUInt32LE(4),
      lastGoodFrame: payload.readBigUInt64LE(12),
    }),
  },
  [CLIENT_MESSAGE.input]: { minBytes: 0, read: (payload) => ({ kind: 'input', packet: payload }) },
  [CLIENT_MESSAGE.invalidateReferenceFrames]: {
    minBytes: 24,
    read: (payload) => ({
      kind: 'invalidateReferenceFrames',
      firstFrame: payload.readUInt32LE(0),
      lastFrame: payload.readUInt32LE(8),
    }),
  },
  [CLIENT_MESSAGE.requestIdr]: { minBytes: 0, read: () => ({ kind: 'requestIdr' }) },
  [CLIENT_MESSAGE.startB]: { minBytes: 0, read: () => ({ kind: 'startB' }) },
  [CLIENT_MESSAGE.acknowledgeReference]: {
    minBytes: 8,
    read: (payload) => ({ kind: 'acknowledgeReference', frameIndex: payload.readUInt32LE(0) }),
  },
  [CLIENT_MESSAGE.frameFecStatus]: {
    minBytes: 21,
    read: (payload) => ({
      kind: 'frameFecStatus',
      frameIndex: payload.readUInt32BE(0),
      highestReceivedSequence: payload.readUInt16BE(4),
      nextContiguousSequence: payload.readUInt16BE(6),
      missingBeforeHighest: payload.readUInt16BE(8),
      dataPackets: payload.readUInt16BE(10),
      parityPackets: payload.readUInt16BE(12),
      dataReceived: payload.readUInt16BE(14),
      parityReceived: payload.readUInt16BE(16),
      fecPercentage: payload.readUInt8(18),
      blockIndex: payload.readUInt8(19),
      blockCount: payload.readUInt8(20),
    }),
  },
};

/** Reads a decrypted message of a client. Buffers in the result are views of `plaintext`. */
export const parseClientMessage = (plaintext: Buffer): ParsedMessage<ClientMessage> =>
  parseMessage(plaintext, CLIENT_READERS);

const writeFrameFecStatus = (status: FrameFecStatus): Buffer =>
  new FieldWriter(21)
    .u32be(status.frameIndex)
    .u16be(status.highestReceivedSequence)
    .u16be(status.nextContiguousSequence)
    .u16be(status.missingBeforeHighest)
    .u16be(status.dataPackets)
    .u16be(status.parityPackets)
    .u16be(status.dataReceived)
    .u16be(status.parityReceived)
    .u8(status.fecPercentage)
    .u8(status.blockIndex)
    .u8(status.blockCount).bytes;

/** The constants 1000 and 0x14 are what the stock client sends; their meaning is unknown: §8. */
const writeLossStats = (lossCount: number, intervalMs: number, lastGoodFrame: bigint): Buffer =>
  new FieldWriter(32).u32(lossCount).u32(intervalMs).u32(1000).u64(lastGoodFrame).u32(0).u32(0).u32(0x14)
    .bytes;

/** Writes a client's message: what the probe sends. */
export const formatClientMessage = (message: ClientMessage): Buffer => {
  switch (message.kind) {
    case 'ping':
      return frame(CLIENT_MESSAGE.ping, new FieldWriter(8).u16(4).u32(0).u16(message.undefinedBytes).bytes);
    case 'lossStats':
      return frame(
        CLIENT_MESSAGE.lossStats,
        writeLossStats(message.lossCount, message.intervalMs, message.lastGoodFrame),
      );
    case 'input':
      return frame(CLIENT_MESSAGE.input, message.packet);
    case 'invalidateReferenceFrames':
      return frame(
        CLIENT_MESSAGE.invalidateReferenceFrames,
        new FieldWriter(24).u32(message.firstFrame).u32(0).u32(message.lastFrame).bytes,
      );
    case 'requestIdr':
      return frame(CLIENT_MESSAGE.requestIdr, Buffer.alloc(2));
    case 'startB':
      return frame(CLIENT_MESSAGE.startB, Buffer.alloc(1));
    case 'acknowledgeReference':
      return frame(CLIENT_MESSAGE.acknowledgeReference, new FieldWriter(8).u32(message.frameIndex).bytes);
    case 'frameFecStatus':
      return frame(CLIENT_MESSAGE.frameFecStatus, writeFrameFecStatus(message));
    case 'unknown':
      return frame(message.type, message.payload);
  }
};
