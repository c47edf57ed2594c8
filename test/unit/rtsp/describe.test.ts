import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  chooseLayout,
  formatDescription,
  formatSurroundParams,
  parseDescription,
  STEREO_PARAMS,
} from '../../../src/rtsp/describe.js';

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

  it('advertises each layout so that clients come to the mapping it has, in both qualities', () => {
    const coupled = { channels: 8, streams: 5, coupled: 3, mapping: [0, 1, 6, 7, 2, 3, 4, 5] } as const;
    assert.deepEqual(formatSurroundParams(coupled), ['85301623457', '85301672345']);
    const identity = { channels: 6, streams: 6, coupled: 0, mapping: [0, 1, 2, 3, 4, 5] } as const;
    assert.deepEqual(formatSurroundParams(identity), ['660012453', '660012345']);
    const entries = [STEREO_PARAMS, ...[identity, coupled].flatMap(formatSurroundParams)];
    for (const { channels, mapping } of [identity, coupled])
      for (const isHigh of [false, true]) {
        const found = chooseLayout(entries, channels, isHigh);
        assert.equal(found?.layout.slice(3), mapping.join(''));
        assert.equal(found?.isHighQuality, isHigh);
      }
  });

  it('of a host that says nothing of surround sound is read as clients do', () => {
    assert.equal(chooseLayout([STEREO_PARAMS], 2, true)?.layout, '21101');
    assert.equal(chooseLayout([STEREO_PARAMS], 6, true)?.layout, '642041523');
    assert.equal(chooseLayout([STEREO_PARAMS], 8, true), undefined);
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
