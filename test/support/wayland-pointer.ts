/**
 * A pointer that a Wayland client brings along (`zwlr_virtual_pointer_manager_v1`, version 1): a compositor without any
 * draws no cursor. Wayland's wire format: object, size << 16 | opcode, arguments, all in 32-bit words of this machine.
 */
import net from 'node:net';
import { until } from './serve.js';

const INTERFACE = 'zwlr_virtual_pointer_manager_v1';
/** Ids of our objects, in the order in which they are made. */
const [DISPLAY, REGISTRY, MANAGER, POINTER] = [1, 2, 3, 4];
const GET_REGISTRY = 1;
const BIND = 0;
const CREATE_POINTER = 0;
const MOTION = 0;
const FRAME = 4;

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => {
    bytes.writeInt32LE(value | 0, 4 * index);
  });
  return bytes;
};

const text = (value: string): Buffer => {
  const bytes = Buffer.alloc(4 * Math.ceil((value.length + 1) / 4));
  bytes.write(value);
  return Buffer.concat([words(value.length + 1), bytes]);
};

const request = (object: number, opcode: number, ...args: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(args);
  return Buffer.concat([words(object, ((8 + body.length) << 16) | opcode), body]);
};

/** The number of a global in the events of the registry. */
const findGlobal = (events: Buffer, wanted: string): number | undefined => {
  for (let at = 0; at + 8 <= events.length; ) {
    const object = events.readUInt32LE(at);
    const head = events.readUInt32LE(at + 4);
    const size = head >>> 16;
    if (size < 8 || at + size > events.length) return undefined;
    const nameLength = object === REGISTRY && (head & 0xffff) === 0 ? events.readUInt32LE(at + 12) : 0;
    if (events.toString('latin1', at + 16, at + 15 + nameLength) === wanted)
      return events.readUInt32LE(at + 8);
    at += size;
  }
  return undefined;
};

/** @param display path of the compositor's socket @returns what takes the pointer away again */
export const plugPointer = async (display: string): Promise<() => void> => {
  const socket = net.connect(display);
  let events = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    events = Buffer.concat([events, chunk]);
  });
  socket.on('error', () => socket.destroy());
  socket.write(request(DISPLAY, GET_REGISTRY, words(REGISTRY)));
  const name = await until(() => findGlobal(events, INTERFACE), 'the compositor offers virtual pointers');
  socket.write(
    Buffer.concat([
      request(REGISTRY, BIND, words(name), text(INTERFACE), words(1, MANAGER)),
      request(MANAGER, CREATE_POINTER, words(0, POINTER)),
      // By one pixel (24.8 fixed point), so that there is something to draw.
      request(POINTER, MOTION, words(0, 256, 256)),
      request(POINTER, FRAME),
    ]),
  );
  return () => socket.destroy();
};
