import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import pino from 'pino';
import { InputSummary } from '../../../src/input/summary.js';

const createRecorder = () => {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { lines, logger: pino({ base: null }, stream) };
};

const MOTION = Buffer.from('00000008070000000005fffd', 'hex');

describe('the input summary', () => {
  it('counts packets by kind, with unknown and malformed ones as kinds of their own', () => {
    const { logger } = createRecorder();
    const summary = new InputSummary(logger, 0);
    summary.take(MOTION, 1);
    assert.ok(summary.take(MOTION, 2).ok);
    summary.take(Buffer.from('0000000499000055', 'hex'), 3);
    summary.take(Buffer.from('00', 'hex'), 4);
    assert.deepEqual(summary.counts, { mouseRelative: 2, unknown: 1, malformed: 1 });
  });

  it('writes a line at intervals and at the end, with the packets since the last one', () => {
    const { lines, logger } = createRecorder();
    const summary = new InputSummary(logger, 0, 1000);
    for (const nowMs of [1, 999, 1000, 1001, 1999]) summary.take(MOTION, nowMs);
    summary.end();
    assert.deepEqual(
      lines.map(({ msg, packets, input }) => ({ msg, packets, input })),
      [
        { msg: 'input so far', packets: 3, input: { mouseRelative: 3 } },
        { msg: 'input of the session', packets: 2, input: { mouseRelative: 5 } },
      ],
    );
  });

  it('says nothing when nothing came', () => {
    const { lines, logger } = createRecorder();
    new InputSummary(logger, 0).end();
    assert.deepEqual(lines, []);
  });
});
