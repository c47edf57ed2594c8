import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatDescription, parseDescription, STEREO_PARAMS } from '../../../src/rtsp/describe.js';

describe('a DESCRIBE body', () => {
  const everything = {
    canHevc: true,
    canAv1: true,
    featureFlags: 3,
    encryptionSupported: 7,
    encryptionRequested: 1,
    surroundParams: [STEREO_PARAMS, '642014235', '660012345'],
  };

  it('holds what the client searches for, and does not offer reference invalidation', () => {
    const body = formatDescription(everything);
    assert.deepEqual(parseDescription(body), {
      ...everything,
      canInvalidateReferences: false,
    });
    assert.ok(body.includes('a=rtpmap:98 AV1/90000\r\n'));
    assert.ok(!body.includes('\0'));
  });

  it('leaves out the codecs that the host cannot do', () => {
    const found = parseDescription(formatDescription({ ...everything, canHevc: false, canAv1: false }));
    assert.equal(found.canHevc, false);
    assert.equal(found.canAv1, false);
  });

  it('of another host is read with its hexadecimal numbers and its invalidation line', () => {
    const found = parseDescription(
      'a=x-ss-general.featureFlags:0x3\na=x-nv-video[0].refPicInvalidation:1\nsprop-parameter-sets=AAAAAU\n',
    );
    assert.equal(found.featureFlags, 3);
    assert.equal(found.canInvalidateReferences, true);
    assert.equal(found.canHevc, true);
    assert.equal(found.encryptionSupported, 0);
  });

  it('survives a round trip, and no text makes the parser throw', () => {
    const flags = fc.nat(0xffffffff);
    const description = fc.record({
      canHevc: fc.boolean(),
      canAv1: fc.boolean(),
      featureFlags: flags,
      encryptionSupported: flags,
      encryptionRequested: flags,
      surroundParams: fc.array(fc.stringMatching(/^[268][0-8]{3,10}$/), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(description, fc.string(), (wanted, random) => {
        const { canInvalidateReferences, ...found } = parseDescription(formatDescription(wanted));
        assert.deepEqual(found, { ...wanted });
        assert.equal(canInvalidateReferences, false);
        parseDescription(random);
      }),
    );
  });
});
