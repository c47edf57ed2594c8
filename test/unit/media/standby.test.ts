import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MediaProcess } from '../../../src/media/media-process.js';
import { SESSION_PAGE_BYTES, SessionPage } from '../../../src/media/session-page.js';
import { PreparedProcess } from '../../../src/media/standby.js';
import { createSilentLogger } from '../../../src/support/logger.js';
import { closeDescriptor, createDescriptorChannel, receiveDescriptor } from '../../../src/support/sockets.js';
import { startScripted } from './scripted-child.js';

const createPage = (): SessionPage => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-page-'));
  const file = path.join(folder, 'page');
  fs.writeFileSync(file, Buffer.alloc(SESSION_PAGE_BYTES));
  const page = new SessionPage(fs.openSync(file, 'r+'));
  fs.rmSync(folder, { recursive: true });
  return page;
};

const prepare = (isUnkillable: boolean): PreparedProcess => {
  const logger = createSilentLogger();
  const options = { descriptors: [], logger, environment: {} };
  const process = new MediaProcess(options, () => startScripted({ isUnkillable }, logger)[0]);
  const prepared = new PreparedProcess(process, createPage(), createDescriptorChannel());
  prepared.continueFrom({ incarnation: 2, frameIndex: 100, videoPacket: 0xffff_ff00, audioPacket: 8 });
  return prepared;
};

describe('PreparedProcess', () => {
  it('reads the page as it is where the process is gone', async () => {
    const prepared = prepare(false);
    await prepared.process.stop(0);
    const expected = { incarnation: 3, frameIndex: 100, videoPacket: 0xffff_ff00, audioPacket: 8 };
    assert.deepEqual(prepared.readNumbers(), expected);
    prepared.release();
  });

  it('is ahead of all that a process which could not be ended may still spend', async () => {
    const prepared = prepare(true);
    await prepared.process.stop(0);
    assert.ok(prepared.process.wasAbandoned);
    const numbers = prepared.readNumbers();
    // Its successor is given the next incarnation but one.
    assert.equal(numbers.incarnation, 4);
    assert.equal(numbers.frameIndex, 700);
    assert.equal(numbers.audioPacket % 4, 0);
    assert.equal(numbers.audioPacket, 4104);
    // A client compares sequence numbers in 16 bits: the step must not look like one backwards.
    const step = (numbers.videoPacket - 0xffff_ff00) >>> 0;
    assert.ok(step > 10_000 && step < 0x8000, `${step}`);
    prepared.release();
  });

  it('sends and closes nothing once it is released: its numbers are those of something else then', async () => {
    const prepared = prepare(false);
    await prepared.process.stop(0);
    prepared.release();
    const page = createPage();
    const [ours, theirs] = createDescriptorChannel();
    assert.throws(() => prepared.sendDescriptor(ours));
    assert.throws(() => receiveDescriptor(theirs), { code: 'EAGAIN' });
    prepared.release();
    closeDescriptor(ours);
    closeDescriptor(theirs);
    page.close();
  });
});
