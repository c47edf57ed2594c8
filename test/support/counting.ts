/** Looks at a stream whose picture carries a number that moves. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import { until } from './serve.js';

/** Pictures decoded, changed ones among them, and unreadable ones; null while none could be read. */
const look = async (stream: ProbeStream) => {
  const { decoded, repeated, wrong } = (await stream.stats()).frames;
  return wrong === null || repeated === null ? null : { changed: decoded - repeated, wrong };
};

/** Waits until the window fills the picture, and then for pictures of it: each readable, and moving. */
export const seesCounting = async (stream: ProbeStream): Promise<void> => {
  const settled = await until(
    async () => {
      const before = await look(stream);
      await sleep(300);
      const after = await look(stream);
      if (before === null || after === null || after.wrong !== before.wrong) return false;
      // On a busy machine nothing at all may come in that time, which says nothing.
      return after.changed > before.changed + 1 && after;
    },
    'the window fills the picture',
    30_000,
  );
  const later = await until(
    async () => {
      const now = await look(stream);
      return now !== null && now.changed > settled.changed + 15 && now;
    },
    'the picture moves',
    30_000,
  );
  assert.equal(later.wrong, settled.wrong, 'a picture could not be read');
};
