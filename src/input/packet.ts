/**
 * Bytes of input packets → events. Decoding only; nothing is injected here. Source: `protocol/input.md`.
 *
 * Endianness is mixed on the wire: the size and the old mouse fields are big-endian, everything else little-endian.
 */
import type { InputEvent, PointerEvent } from './event.js';

export const INPUT_MAGIC = {
  keyDown: 0x00000003,
  keyUp: 0x00000004,
  mouseAbsolute: 0x00000005,
  mouseRelative: 0x00000007,
  mouseButtonDown: 0x00000008,
  mouseButtonUp: 0x00000009,
  scroll: 0x0000000a,
  controllerState: 0x0000000c,
  hapticsEnable: 0x0000000d,
  text: 0x00000017,
  horizontalScroll: 0x55000001,
  touch: 0x55000002,
  pen: 0x55000003,
  controllerArrival: 0x55000004,
  controllerTouchpad: 0x55000005,
  controllerMotion: 0x55000006,
  controllerBattery: 0x55000007,
} as const;

const POINTER_EVENTS: readonly PointerEvent[] = [
  'hover',
  'down',
  'up',
  'move',
  'cancel',
  'button-only',
  'hover-leave',
  'cancel-all',
];

export type ParsedInput =
  | { readonly ok: true; readonly event: InputEvent }
  | { readonly ok: false; readonly reason: 'malformed' | 'unknown'; readonly detail: string };

const HEADER_BYTES = 8;
const MAX_CONTROLLERS = 16;
const MAX_MOUSE_BUTTON = 5;
/** The longest that old client libraries put into one packet is 32 bytes. */
const MAX_TEXT_BYTES = 256;

/** Thrown inside a decoder for a value out of its range; never leaves this file. */
class InvalidField extends Error {}

/** Reads the body of a packet; offsets count from the packet's first byte, as in the source. */
class Fields {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** A float of the wire: what is not a number could spoil everything computed from it. */
  float(offset: number): number {
    const value = this.bytes.readFloatLE(offset);
    if (!Number.isFinite(value)) throw new InvalidField(`byte ${offset} is not a finite number`);
    return value;
  }

  pointerEvent(offset: number): PointerEvent {
    return POINTER_EVENTS[this.bytes.readUInt8(offset)] ?? 'unknown';
  }

  /** A controller number already read. */
  controller(value: number): number {
    if (value >= MAX_CONTROLLERS) throw new InvalidField(`controller ${value} does not exist`);
    return value;
  }
}

interface Decoder {
  /** Size of the whole packet, at least. */
  readonly minBytes: number;
  decode(fields: Fields): InputEvent;
}

const decodeKey = (isDown: boolean): Decoder => ({
  minBytes: 14,
  decode: ({ bytes }) => ({
    kind: 'keyboard',
    isDown,
    virtualKey: bytes.readUInt16LE(9) & 0xff,
    isLiteral: (bytes.readUInt8(8) & 0x01) !== 0,
    modifiers: bytes.readUInt8(11),
  }),
});

const decodeMouseButton = (isDown: boolean): Decoder => ({
  minBytes: 9,
  decode: ({ bytes }) => {
    const button = bytes.readUInt8(8);
    if (button < 1 || button > MAX_MOUSE_BUTTON)
      throw new InvalidField(`mouse button ${button} does not exist`);
    return { kind: 'mouseButton', isDown, button };
  },
});

const decodeScroll = (axis: 'vertical' | 'horizontal', minBytes: number): Decoder => ({
  minBytes,
  decode: ({ bytes }) => ({ kind: 'scroll', axis, amount: bytes.readInt16BE(8) }),
});

const decodeText: Decoder = {
  minBytes: 9,
  decode: ({ bytes }) => {
    const length = bytes.length - HEADER_BYTES;
    if (length > MAX_TEXT_BYTES) throw new InvalidField(`${length} bytes of text`);
    try {
      return {
        kind: 'text',
        text: new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(HEADER_BYTES)),
      };
    } catch {
      throw new InvalidField('the text is not UTF-8');
    }
  },
};

const decodeControllerState: Decoder = {
  // Hosts of old generations got two bytes of buttons and a constant less.
  minBytes: 30,
  decode: (fields) => {
    const { bytes } = fields;
    const highButtons = bytes.length >= 32 ? bytes.readUInt16LE(30) : 0;
    return {
      kind: 'controllerState',
      controller: fields.controller(bytes.readUInt16LE(10)),
      activeMask: bytes.readUInt16LE(12),
      buttons: highButtons * 0x10000 + bytes.readUInt16LE(16),
      leftTrigger: bytes.readUInt8(18),
      rightTrigger: bytes.readUInt8(19),
      leftX: bytes.readInt16LE(20),
      leftY: bytes.readInt16LE(22),
      rightX: bytes.readInt16LE(24),
      rightY: bytes.readInt16LE(26),
    };
  },
};

const decodeTouch: Decoder = {
  minBytes: 36,
  decode: (fields) => ({
    kind: 'touch',
    event: fields.pointerEvent(8),
    rotation: fields.bytes.readUInt16LE(10),
    pointerId: fields.bytes.readUInt32LE(12),
    x: fields.float(16),
    y: fields.float(20),
    pressureOrDistance: fields.float(24),
    contactMajor: fields.float(28),
    contactMinor: fields.float(32),
  }),
};

const decodePen: Decoder = {
  minBytes: 36,
  decode: (fields) => ({
    kind: 'pen',
    event: fields.pointerEvent(8),
    tool: fields.bytes.readUInt8(9),
    buttons: fields.bytes.readUInt8(10),
    x: fields.float(12),
    y: fields.float(16),
    pressureOrDistance: fields.float(20),
    rotation: fields.bytes.readUInt16LE(24),
    tilt: fields.bytes.readUInt8(26),
    contactMajor: fields.float(28),
    contactMinor: fields.float(32),
  }),
};

const decodeArrival: Decoder = {
  minBytes: 16,
  decode: (fields) => ({
    kind: 'controllerArrival',
    controller: fields.controller(fields.bytes.readUInt8(8)),
    type: fields.bytes.readUInt8(9),
    capabilities: fields.bytes.readUInt16LE(10),
    supportedButtons: fields.bytes.readUInt32LE(12),
  }),
};

const decodeTouchpad: Decoder = {
  minBytes: 28,
  decode: (fields) => ({
    kind: 'controllerTouchpad',
    controller: fields.controller(fields.bytes.readUInt8(8)),
    event: fields.pointerEvent(9),
    touchpad: fields.bytes.readUInt8(11),
    pointerId: fields.bytes.readUInt32LE(12),
    x: fields.float(16),
    y: fields.float(20),
    pressure: fields.float(24),
  }),
};

const decodeMotion: Decoder = {
  minBytes: 24,
  decode: (fields) => ({
    kind: 'controllerMotion',
    controller: fields.controller(fields.bytes.readUInt8(8)),
    sensor: fields.bytes.readUInt8(9),
    x: fields.float(12),
    y: fields.float(16),
    z: fields.float(20),
  }),
};

const DECODERS: Readonly<Record<number, Decoder>> = {
  [INPUT_MAGIC.keyDown]: decodeKey(true),
  [INPUT_MAGIC.keyUp]: decodeKey(false),
  [INPUT_MAGIC.mouseAbsolute]: {
    minBytes: 18,
    decode: ({ bytes }) => ({
      kind: 'mouseAbsolute',
      x: bytes.readInt16BE(8),
      y: bytes.readInt16BE(10),
      width: bytes.readInt16BE(14),
      height: bytes.readInt16BE(16),
    }),
  },
  [INPUT_MAGIC.mouseRelative]: {
    minBytes: 12,
    decode: ({ bytes }) => ({ kind: 'mouseRelative', dx: bytes.readInt16BE(8), dy: bytes.readInt16BE(10) }),
  },
  [INPUT_MAGIC.mouseButtonDown]: decodeMouseButton(true),
  [INPUT_MAGIC.mouseButtonUp]: decodeMouseButton(false),
  [INPUT_MAGIC.scroll]: decodeScroll('vertical', 14),
  [INPUT_MAGIC.horizontalScroll]: decodeScroll('horizontal', 10),
  [INPUT_MAGIC.text]: decodeText,
  [INPUT_MAGIC.hapticsEnable]: {
    minBytes: 10,
    decode: ({ bytes }) => ({ kind: 'hapticsEnable', isEnabled: bytes.readUInt16LE(8) !== 0 }),
  },
  [INPUT_MAGIC.controllerState]: decodeControllerState,
  [INPUT_MAGIC.controllerArrival]: decodeArrival,
  [INPUT_MAGIC.controllerTouchpad]: decodeTouchpad,
  [INPUT_MAGIC.controllerMotion]: decodeMotion,
  [INPUT_MAGIC.controllerBattery]: {
    minBytes: 12,
    decode: (fields) => ({
      kind: 'controllerBattery',
      controller: fields.controller(fields.bytes.readUInt8(8)),
      state: fields.bytes.readUInt8(9),
      percent: fields.bytes.readUInt8(10),
    }),
  },
  [INPUT_MAGIC.touch]: decodeTouch,
  [INPUT_MAGIC.pen]: decodePen,
};

const malformed = (detail: string): ParsedInput => ({ ok: false, reason: 'malformed', detail });

/**
 * Reads one input packet: the payload of control message 0x0206. Longer bodies than known are accepted.
 * @returns `unknown` for a magic that this host does not know, `malformed` for everything that breaks §1
 */
export const parseInputPacket = (packet: Buffer): ParsedInput => {
  if (packet.length < HEADER_BYTES) return malformed('shorter than its header');
  if (packet.readUInt32BE(0) + 4 !== packet.length)
    return malformed('its size field does not fit its length');
  const magic = packet.readUInt32LE(4);
  const decoder = DECODERS[magic];
  if (decoder === undefined) {
    return { ok: false, reason: 'unknown', detail: `magic 0x${magic.toString(16).padStart(8, '0')}` };
  }
  if (packet.length < decoder.minBytes)
    return malformed(`needs ${decoder.minBytes} bytes, got ${packet.length}`);
  try {
    return { ok: true, event: decoder.decode(new Fields(packet)) };
  } catch (error) {
    if (error instanceof InvalidField) return malformed(error.message);
    throw error;
  }
};
