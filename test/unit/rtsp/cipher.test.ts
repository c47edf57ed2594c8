import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isEncryptedStart, openFrame, readFrame, sealFrame } from '../../../src/rtsp/cipher.js';

const KEY = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex');
const REQUEST = Buffer.from(
  'OPTIONS rtspenc://192.168.1.10:48010 RTSP/1.0\r\nCSeq: 1\r\nX-GS-ClientVersion: 14\r\nHost: 192.168.1.10\r\n\r\n',
);
const REQUEST_FRAME = Buffer.from(
  '8000006600000001fc7e027f3533ee3edd12c73effe0302a87ad4762113b35a099ee89fc3f36f0d75db9d66e4e0ea6e4ffd2c1a3d2c617bd' +
    '39d5989350f11d35eb7dcb3bb11c3f9dd98de8c357f46aa427d44d408b075acc7b2e02dc0740f135ecedc60e789e3c099575e677b0e3672e' +
    '1dc070c4646075abeb64725fea83',
  'hex',
);
const REPLY = Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n');
const REPLY_FRAME = Buffer.from(
  '8000001c0000000188b3f50837683de5dc5427dc139c648fe4373e766ca35451f6d74ebdcfb673b5a3ce6b7aee6ac62f838da00a',
  'hex',
);

describe('an encrypted RTSP frame', () => {
  it('of the client is the worked example', () => {
    assert.deepEqual(sealFrame(KEY, 'client', 1, REQUEST), REQUEST_FRAME);
    assert.deepEqual(openFrame(KEY, 'client', REQUEST_FRAME), REQUEST);
  });

  it('of the host is the worked example', () => {
    assert.deepEqual(sealFrame(KEY, 'host', 1, REPLY), REPLY_FRAME);
    assert.deepEqual(openFrame(KEY, 'host', REPLY_FRAME), REPLY);
  });

  it('is known by its first bit', () => {
    assert.equal(isEncryptedStart(REQUEST_FRAME), true);
    assert.equal(isEncryptedStart(REQUEST), false);
    assert.equal(isEncryptedStart(Buffer.alloc(0)), false);
  });

  it('does not open for the other direction or another key', () => {
    assert.equal(openFrame(KEY, 'host', REQUEST_FRAME), undefined);
    assert.equal(openFrame(Buffer.alloc(16), 'client', REQUEST_FRAME), undefined);
    assert.equal(openFrame(KEY, 'client', REQUEST_FRAME.subarray(0, 23)), undefined);
  });

  it('is cut out of a stream as soon as it is there', () => {
    for (let length = 0; length < REQUEST_FRAME.length; length += 1) {
      assert.equal(readFrame(REQUEST_FRAME.subarray(0, length), 1000).state, 'incomplete');
    }
    const read = readFrame(Buffer.concat([REQUEST_FRAME, Buffer.from('more')]), 1000);
    assert.deepEqual(read, { state: 'complete', frame: REQUEST_FRAME, sequence: 1 });
  });

  it('above the bound is refused from its header on', () => {
    assert.deepEqual(readFrame(REQUEST_FRAME.subarray(0, 24), 101), {
      state: 'invalid',
      reason: 'a frame of 102 bytes',
    });
    assert.equal(readFrame(REQUEST, 1000).state, 'invalid');
  });

  it('survives a round trip and opens for nothing that was changed', () => {
    const plaintext = fc.uint8Array({ maxLength: 300 });
    const side = fc.constantFrom('client' as const, 'host' as const);
    fc.assert(
      fc.property(plaintext, side, fc.nat(0xffffffff), fc.nat(), (data, from, sequence, place) => {
        const sealed = sealFrame(KEY, from, sequence, Buffer.from(data));
        assert.deepEqual(openFrame(KEY, from, sealed), Buffer.from(data));
        const changed = Buffer.from(sealed);
        const index = 4 + (place % (sealed.length - 4));
        changed[index] = (changed[index] ?? 0) ^ 0x10;
        assert.equal(openFrame(KEY, from, changed), undefined);
      }),
    );
  });

  it('never makes the reader throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (random) => {
        const bytes = Buffer.from(random);
        readFrame(bytes, 100);
        assert.equal(openFrame(KEY, 'client', bytes), undefined);
      }),
    );
  });
});
