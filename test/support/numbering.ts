/** Whether a stream's numbers went on while the host replaced its media process. */
import assert from 'node:assert/strict';
import type { MeasuredPart } from '../../src/probe/measurement.js';

const REPLACED = /starting another|another media process takes over/g;

/**
 * Numbers are spent before they are sent, so that none can be spent twice: a process that is killed may take the one
 * frame with it that it had begun. Numbers that began anew or jumped would cost more than that.
 * @param log what the host logged since the stream began
 */
export const assertNumbersGoOn = ({ frames, datagrams }: MeasuredPart, log: string): void => {
  const replaced = log.match(REPLACED)?.length ?? 0;
  const { sequenceGaps, lost, firstIndex, lastIndex } = frames;
  const seen = JSON.stringify({ replaced, sequenceGaps, lost, firstIndex, lastIndex });
  assert.equal(firstIndex, 1, `frames are counted from 1: ${seen}`);
  assert(sequenceGaps <= replaced && lost <= replaced, `the numbering has gaps: ${seen}`);
  assert.equal(datagrams.duplicates, 0, 'a number came twice');
};
