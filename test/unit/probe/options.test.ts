import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ENCRYPT,
  parseEncryption,
  parseInteger,
  parseMode,
  parseMoments,
  parseNumber,
} from '../../../src/probe/options.js';

describe('probe/options', () => {
  it('reads a mode with and without a rate', () => {
    assert.deepEqual(parseMode('1280x720@120'), { width: 1280, height: 720, fps: 120 });
    assert.deepEqual(parseMode('1920x1080'), { width: 1920, height: 1080, fps: 60 });
  });

  it('passes absurd modes on, since hosts are tested with them', () => {
    assert.deepEqual(parseMode('0x1@10000'), { width: 0, height: 1, fps: 10_000 });
  });

  it('refuses what is not a mode', () => {
    for (const text of [
      '',
      '1920',
      '1920x',
      'x1080',
      '1920x1080@',
      '-1x2@3',
      '1920X1080',
      '1e3x5',
      '1x2@3.5',
    ]) {
      assert.equal(parseMode(text), null, text);
    }
  });

  it('writes and reads every mode alike', () => {
    const side = fc.integer({ min: 0, max: 999_999 });
    fc.assert(
      fc.property(side, side, side, (width, height, fps) => {
        assert.deepEqual(parseMode(`${width}x${height}@${fps}`), { width, height, fps });
      }),
    );
  });

  it('keeps numbers inside their range', () => {
    assert.equal(parseNumber('2.5', 0, 100), 2.5);
    assert.equal(parseNumber('100', 0, 100), 100);
    for (const text of ['101', '-1', '', '1e2', 'Infinity', '0x1', '.5'])
      assert.equal(parseNumber(text, 0, 100), null, text);
    assert.equal(parseInteger('2.5', 0, 100), null);
    assert.equal(parseInteger('7', 0, 100), 7);
  });

  it('reads moments separated by commas', () => {
    assert.deepEqual(parseMoments('5'), [5]);
    assert.deepEqual(parseMoments('1, 2.5,30'), [1, 2.5, 30]);
    for (const text of ['', '1,', 'a', '1;2']) assert.equal(parseMoments(text), null, text);
  });

  it('reads what to encrypt by name, by word and by bits', () => {
    assert.equal(parseEncryption('none'), 0);
    assert.equal(parseEncryption('all'), 7);
    assert.equal(parseEncryption('5'), 5);
    assert.equal(parseEncryption('control,audio'), ENCRYPT.control | ENCRYPT.audio);
    assert.equal(parseEncryption('video'), ENCRYPT.video);
    for (const text of ['', '8', 'rtsp', 'control;audio', 'toString', '__proto__']) {
      assert.equal(parseEncryption(text), null, text);
    }
  });
});
