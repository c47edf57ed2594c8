/** Looks at pictures that the probe wrote. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { probe } from './client.js';
import type { Serve } from './serve.js';

/** A PNG file as pixels, four bytes each: red, green, blue, nothing. */
export const readPicture = (file: string): Buffer =>
  execFileSync(
    'gst-launch-1.0',
    `-q filesrc location=${file} ! pngdec ! videoconvert ! video/x-raw,format=RGBx ! fdsink fd=1`.split(' '),
    { maxBuffer: 64 * 1024 * 1024, timeout: 20_000 },
  );

/** Where two pictures of one size differ visibly, as it takes more than the coding to. */
const differingPixels = (a: Buffer, b: Buffer, width: number): (readonly [x: number, y: number])[] => {
  const places: (readonly [number, number])[] = [];
  for (let at = 0; at < a.length; at += 4)
    if (Math.abs((a[at + 1] ?? 0) - (b[at + 1] ?? 0)) > 60)
      places.push([(at / 4) % width, Math.floor(at / 4 / width)]);
  return places;
};

/**
 * Looks whether a still screen of 1280x720 shows a pointer where it is, and nothing where it was.
 * @param move puts the pointer at a place of that screen
 */
export const seesPointer = async (
  serve: Serve,
  move: (x: number, y: number) => Promise<void>,
): Promise<void> => {
  const mode = { width: 1280, height: 720, fps: 30 };
  const look = async (x: number, y: number): Promise<Buffer> => {
    await move(x, y);
    const snapshotFile = path.join(serve.home.directory, 'pointer.png');
    const report = await probe(serve, { mode, seconds: 0.5, snapshotFile, ending: 'disconnect' });
    assert.equal(report.failure, null, JSON.stringify(report.failure));
    return readPicture(snapshotFile);
  };
  const [first, second, again] = [await look(200, 150), await look(900, 500), await look(200, 150)];
  const changed = differingPixels(first, second, mode.width);
  const countNear = (left: number, top: number): number =>
    changed.filter(([x, y]) => Math.abs(x - left) < 40 && Math.abs(y - top) < 40).length;
  const [gone, come] = [countNear(200, 150), countNear(900, 500)];
  assert(gone > 30 && come > 30, `${gone} and ${come} pixels of a pointer`);
  assert.equal(gone + come, changed.length, 'nothing else changed');
  assert.equal(differingPixels(first, again, mode.width).length, 0, 'back where it was');
};
