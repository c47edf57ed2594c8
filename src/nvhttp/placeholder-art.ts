/**
 * The picture behind `/appasset`. Clients take images of exactly 130×180 pixels for a placeholder and draw the app's
 * title over them (`protocol/http.md` §9), which is what an app without art wants.
 */
import { crc32, deflateSync } from 'node:zlib';

const WIDTH = 130;
const HEIGHT = 180;
/** RGB at the top and at the bottom of the gradient. */
const TOP = [0x26, 0x2b, 0x4d] as const;
const BOTTOM = [0x0d, 0x0f, 0x1a] as const;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/* length, type, data, CRC of type and data (PNG specification §5.3) */
const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body) >>> 0, body.length + 4);
  return frame;
};

const gradientRow = (row: number): Buffer => {
  const colour = TOP.map((top, index) =>
    Math.round(top + (((BOTTOM[index] ?? 0) - top) * row) / (HEIGHT - 1)),
  );
  const bytes = Buffer.alloc(1 + WIDTH * 3); // the first byte is the filter: none
  for (let column = 0; column < WIDTH; column += 1) bytes.set(colour, 1 + column * 3);
  return bytes;
};

/** A PNG of 130×180 pixels, 8-bit RGB: a dark gradient. */
export const createPlaceholderPng = (): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([8, 2, 0, 0, 0], 8); // bit depth, RGB, deflate, filter method, no interlace
  const rows = Array.from({ length: HEIGHT }, (_, row) => gradientRow(row));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};
