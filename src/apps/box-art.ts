/** The picture of an app, as its owner gave it: a PNG, checked before a client gets it. */
import fs from 'node:fs/promises';
import { describeError } from '../support/errors.js';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SIZE_END = 24;
const MAX_BYTES = 8 * 1024 * 1024;
/** Clients take pictures of these sizes for placeholders and draw the title over them (`protocol/http.md` §9). */
const PLACEHOLDER_SIZES: readonly string[] = ['130x180', '628x888'];

/** The picture, with what is odd about it; or why there is none. */
export type BoxArt =
  | { readonly ok: true; readonly png: Buffer; readonly warning: string | undefined }
  | { readonly ok: false; readonly reason: string };

/** Reads and checks a picture. Never rejects. */
export const readBoxArt = async (file: string): Promise<BoxArt> => {
  try {
    const stat = await fs.stat(file);
    // A pipe would never end, a device neither.
    if (!stat.isFile()) return { ok: false, reason: 'it is no file' };
    if (stat.size > MAX_BYTES) return { ok: false, reason: `it is larger than ${MAX_BYTES} bytes` };
    const png = await fs.readFile(file);
    // IHDR comes first: width and height are at bytes 16 and 20 (PNG specification §11.2.2).
    if (png.length < SIZE_END || !png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) {
      return { ok: false, reason: 'it is no PNG' };
    }
    const shape = `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`;
    const isPlaceholder = PLACEHOLDER_SIZES.includes(shape);
    const warning = isPlaceholder ? `clients draw the title over pictures of ${shape} pixels` : undefined;
    return { ok: true, png, warning };
  } catch (error) {
    return { ok: false, reason: describeError(error) };
  }
};
