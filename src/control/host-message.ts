/**
 * Control messages of the host as typed values, both ways between bytes and value. No encryption here (`cipher.ts`).
 * Source: `protocol/control.md` §3 and §4. All integers are little-endian unless noted.
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
export const HOST_MESSAGE = {
  termination: 0x0109,
  rumble: 0x010b,
  hdrMode: 0x010e,
  triggerRumble: 0x5500,
  motionEventState: 0x5501,
  rgbLed: 0x5502,
  adaptiveTriggers: 0x5503,
} as const;

/** Termination codes that the client explains to its user: §4.7. */
export const TERMINATION_CODE = {
  closedByServer: 0x80030023,
  frameConversionFailed: 0x800e9403,
  protectedContent: 0x800e9302,
} as const;

/** A CIE 1931 coordinate, times 50 000. */
export interface Chromaticity {
  readonly x: number;
  readonly y: number;
}

/** Mastering metadata: luminances in nits, `minLuminance` in 1/10 000 nit, 0 = unknown: §4.6. */
export interface HdrMode {
  readonly kind: 'hdrMode';
  readonly isEnabled: boolean;
  readonly red: Chromaticity;
  readonly green: Chromaticity;
  readonly blue: Chromaticity;
  readonly whitePoint: Chromaticity;
  readonly maxLuminance: number;
  readonly minLuminance: number;
  readonly maxContentLightLevel: number;
  readonly maxFrameAverageLightLevel: number;
  readonly maxFullFrameLuminance: number;
}

/** Host → client: §4. */
export type HostMessage =
  | { readonly kind: 'termination'; readonly code: number }
  /** Motor strengths 0–65535; lasts until the next one. */
  | {
      readonly kind: 'rumble';
      readonly controller: number;
      readonly lowFrequency: number;
      readonly highFrequency: number;
    }
  | {
      readonly kind: 'triggerRumble';
      readonly controller: number;
      readonly left: number;
      readonly right: number;
    }
  /** `rateHz` 0 stops; `sensor` 1 accelerometer, 2 gyroscope. */
  | {
      readonly kind: 'motionEventState';
      readonly controller: number;
      readonly rateHz: number;
      readonly sensor: number;
    }
  | {
      readonly kind: 'rgbLed';
      readonly controller: number;
      readonly red: number;
      readonly green: number;
      readonly blue: number;
    }
  /** `flags` 0x04 right valid, 0x08 left valid; the effects are 10 raw bytes each. */
  | {
      readonly kind: 'adaptiveTriggers';
      readonly controller: number;
      readonly flags: number;
      readonly typeLeft: number;
      readonly typeRight: number;
      readonly left: Buffer;
      readonly right: Buffer;
    }
  | HdrMode
  | UnknownMessage;

const readChromaticity = (payload: Buffer, offset: number): Chromaticity => ({
  x: payload.readUInt16LE(offset),
  y: payload.readUInt16LE(offset + 2),
});

/** Missing trailing fields read as 0: §4.6. */
const readHdrMode = (short: Buffer): HdrMode => {
  const payload = Buffer.concat([short, Buffer.alloc(27)]);
  return {
    kind: 'hdrMode',
    isEnabled: payload.readUInt8(0) !== 0,
    red: readChromaticity(payload, 1),
    green: readChromaticity(payload, 5),
    blue: readChromaticity(payload, 9),
    whitePoint: readChromaticity(payload, 13),
    maxLuminance: payload.readUInt16LE(17),
    minLuminance: payload.readUInt16LE(19),
    maxContentLightLevel: payload.readUInt16LE(21),
    maxFrameAverageLightLevel: payload.readUInt16LE(23),
    maxFullFrameLuminance: payload.readUInt16LE(25),
  };
};

const HOST_READERS: Readonly<Record<number, Reader<HostMessage>>> = {
  [HOST_MESSAGE.termination]: {
    minBytes: 4,
    read: (payload) => ({ kind: 'termination', code: payload.readUInt32BE(0) }),
  },
  [HOST_MESSAGE.rumble]: {
    minBytes: 10,
    read: (payload) => ({
      kind: 'rumble',
      controller: payload.readUInt16LE(4),
      lowFrequency: payload.readUInt16LE(6),
      highFrequency: payload.readUInt16LE(8),
    }),
  },
  [HOST_MESSAGE.hdrMode]: { minBytes: 1, read: readHdrMode },
  [HOST_MESSAGE.triggerRumble]: {
    minBytes: 6,
    read: (payload) => ({
      kind: 'triggerRumble',
      controller: payload.readUInt16LE(0),
      left: payload.readUInt16LE(2),
      right: payload.readUInt16LE(4),
    }),
  },
  [HOST_MESSAGE.motionEventState]: {
    minBytes: 5,
    read: (payload) => ({
      kind: 'motionEventState',
      controller: payload.readUInt16LE(0),
      rateHz: payload.readUInt16LE(2),
      sensor: payload.readUInt8(4),
    }),
  },
  [HOST_MESSAGE.rgbLed]: {
    minBytes: 5,
    read: (payload) => ({
      kind: 'rgbLed',
      controller: payload.readUInt16LE(0),
      red: payload.readUInt8(2),
      green: payload.readUInt8(3),
      blue: payload.readUInt8(4),
    }),
  },
  [HOST_MESSAGE.adaptiveTriggers]: {
    minBytes: 25,
    read: (payload) => ({
      kind: 'adaptiveTriggers',
      controller: payload.readUInt16LE(0),
      flags: payload.readUInt8(2),
      typeLeft: payload.readUInt8(3),
      typeRight: payload.readUInt8(4),
      left: payload.subarray(5, 15),
      right: payload.subarray(15, 25),
    }),
  },
};

/** Reads a decrypted message of a host: what the probe receives. */
export const parseHostMessage = (plaintext: Buffer): ParsedMessage<HostMessage> =>
  parseMessage(plaintext, HOST_READERS);

const writeHdrMode = (mode: HdrMode): Buffer => {
  const writer = new FieldWriter(27).u8(mode.isEnabled ? 1 : 0);
  for (const { x, y } of [mode.red, mode.green, mode.blue, mode.whitePoint]) writer.u16(x).u16(y);
  return writer
    .u16(mode.maxLuminance)
    .u16(mode.minLuminance)
    .u16(mode.maxContentLightLevel)
    .u16(mode.maxFrameAverageLightLevel)
    .u16(mode.maxFullFrameLuminance).bytes;
};

/** Writes a host's message. */
export const formatHostMessage = (message: HostMessage): Buffer => {
  switch (message.kind) {
    case 'termination':
      return frame(HOST_MESSAGE.termination, new FieldWriter(4).u32be(message.code).bytes);
    case 'rumble':
      return frame(
        HOST_MESSAGE.rumble,
        new FieldWriter(10)
          .u32(0)
          .u16(message.controller)
          .u16(message.lowFrequency)
          .u16(message.highFrequency).bytes,
      );
    case 'hdrMode':
      return frame(HOST_MESSAGE.hdrMode, writeHdrMode(message));
    case 'triggerRumble':
      return frame(
        HOST_MESSAGE.triggerRumble,
        new FieldWriter(6).u16(message.controller).u16(message.left).u16(message.right).bytes,
      );
    case 'motionEventState':
      return frame(
        HOST_MESSAGE.motionEventState,
        new FieldWriter(5).u16(message.controller).u16(message.rateHz).u8(message.sensor).bytes,
      );
    case 'rgbLed':
      return frame(
        HOST_MESSAGE.rgbLed,
        new FieldWriter(5).u16(message.controller).u8(message.red).u8(message.green).u8(message.blue).bytes,
      );
    case 'adaptiveTriggers': {
      const { controller, flags, typeLeft, typeRight, left, right } = message;
      const head = new FieldWriter(5).u16(controller).u8(flags).u8(typeLeft).u8(typeRight).bytes;
      return frame(HOST_MESSAGE.adaptiveTriggers, Buffer.concat([head, left, right]));
    }
    case 'unknown':
      return frame(message.type, message.payload);
  }
};
