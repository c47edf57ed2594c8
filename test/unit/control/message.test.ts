import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type ClientMessage,
  formatClientMessage,
  formatHostMessage,
  type HostMessage,
  parseClientMessage,
  parseHostMessage,
} from '../../../src/control/message.js';
import { loadControlVectors } from '../../support/control-vectors.js';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));

/** Plain objects, so that deepEqual compares them with parsed ones. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  record({ kind: fc.constant('ping' as const), undefinedBytes: u16 }),
  record({
    kind: fc.constant('lossStats' as const),
    lossCount: u32,
    intervalMs: u32,
    lastGoodFrame: fc.bigInt(0n, 0xffffffffffffffffn),
  }),
  record({ kind: fc.constant('input' as const), packet: bytes(0, 64) }),
  record({ kind: fc.constant('invalidateReferenceFrames' as const), firstFrame: u32, lastFrame: u32 }),
  fc.constant({ kind: 'requestIdr' as const }),
  fc.constant({ kind: 'startB' as const }),
  record({ kind: fc.constant('acknowledgeReference' as const), frameIndex: u32 }),
  record({
    kind: fc.constant('frameFecStatus' as const),
    frameIndex: u32,
    highestReceivedSequence: u16,
    nextContiguousSequence: u16,
    missingBeforeHighest: u16,
    dataPackets: u16,
    parityPackets: u16,
    dataReceived: u16,
    parityReceived: u16,
    fecPercentage: u8,
    blockIndex: u8,
    blockCount: u8,
  }),
  record({
    kind: fc.constant('unknown' as const),
    type: fc.integer({ min: 0x6000, max: 0xffff }),
    payload: bytes(0, 64),
  }),
);

const chromaticity = record({ x: u16, y: u16 });
const hostMessage: fc.Arbitrary<HostMessage> = fc.oneof(
  record({ kind: fc.constant('termination' as const), code: u32 }),
  record({ kind: fc.constant('rumble' as const), controller: u16, lowFrequency: u16, highFrequency: u16 }),
  record({ kind: fc.constant('triggerRumble' as const), controller: u16, left: u16, right: u16 }),
  record({ kind: fc.constant('motionEventState' as const), controller: u16, rateHz: u16, sensor: u8 }),
  record({ kind: fc.constant('rgbLed' as const), controller: u16, red: u8, green: u8, blue: u8 }),
  record({
    kind: fc.constant('adaptiveTriggers' as const),
    controller: u16,
    flags: u8,
    typeLeft: u8,
    typeRight: u8,
    left: bytes(10, 10),
    right: bytes(10, 10),
  }),
  record({
    kind: fc.constant('hdrMode' as const),
    isEnabled: fc.boolean(),
    red: chromaticity,
    green: chromaticity,
    blue: chromaticity,
    whitePoint: chromaticity,
    maxLuminance: u16,
    minLuminance: u16,
    maxContentLightLevel: u16,
    maxFrameAverageLightLevel: u16,
    maxFullFrameLuminance: u16,
  }),
  record({
    kind: fc.constant('unknown' as const),
    type: fc.integer({ min: 0x6000, max: 0xffff }),
    payload: bytes(0, 64),
  }),
);

describe('control messages', () => {
  it('are read from every recorded message and written back to the same bytes', () => {
    const vectors = loadControlVectors();
    assert.equal(vectors.length, 37);
    for (const { from, plaintext } of vectors) {
      if (from === 'client') {
        const parsed = parseClientMessage(plaintext);
        assert.ok(parsed.ok);
        assert.notEqual(parsed.message.kind, 'unknown');
        assert.equal(formatClientMessage(parsed.message).toString('hex'), plaintext.toString('hex'));
      } else {
        const parsed = parseHostMessage(plaintext);
        assert.ok(parsed.ok);
        assert.notEqual(parsed.message.kind, 'unknown');
        assert.equal(formatHostMessage(parsed.message).toString('hex'), plaintext.toString('hex'));
      }
    }
  });

  it('give the fields of a recorded FEC status, whose integers are big-endian', () => {
    const parsed = parseClientMessage(
      Buffer.from('02551500000001e425b625a5000200100004000e0002140001', 'hex'),
    );
    assert.deepEqual(parsed, {
      ok: true,
      message: {
        kind: 'frameFecStatus',
        frameIndex: 484,
        highestReceivedSequence: 0x25b6,
        nextContiguousSequence: 0x25a5,
        missingBeforeHighest: 2,
        dataPackets: 16,
        parityPackets: 4,
        dataReceived: 14,
        parityReceived: 2,
        fecPercentage: 20,
        blockIndex: 0,
        blockCount: 1,
      },
    });
  });

  it('write a termination with its code big-endian', () => {
    const plaintext = formatHostMessage({ kind: 'termination', code: 0x80030023 });
    assert.equal(plaintext.toString('hex'), '0901040080030023');
  });

  it('read missing trailing fields of the HDR mode as zero', () => {
    const parsed = parseHostMessage(Buffer.from('0e01010001', 'hex'));
    assert.ok(parsed.ok && parsed.message.kind === 'hdrMode');
    assert.equal(parsed.message.isEnabled, true);
    assert.equal(parsed.message.maxLuminance, 0);
  });

  it('keep the number 0x5502 apart by direction', () => {
    const led = formatHostMessage({ kind: 'rgbLed', controller: 1, red: 2, green: 3, blue: 4 });
    assert.equal(parseClientMessage(led).ok, false);
    assert.ok(parseHostMessage(led).ok);
  });

  it('refuse an encrypted message inside another', () => {
    assert.deepEqual(parseClientMessage(Buffer.from('01000000', 'hex')), {
      ok: false,
      reason: 'an encrypted message inside another',
    });
  });

  it('survive a round trip in both directions', () => {
    fc.assert(
      fc.property(clientMessage, (message) => {
        assert.deepEqual(parseClientMessage(formatClientMessage(message)), { ok: true, message });
      }),
    );
    fc.assert(
      fc.property(hostMessage, (message) => {
        assert.deepEqual(parseHostMessage(formatHostMessage(message)), { ok: true, message });
      }),
    );
  });

  it('are refused with a reason when cut short, and never throw on any bytes', () => {
    fc.assert(
      fc.property(clientMessage, fc.nat(), (message, cut) => {
        const whole = formatClientMessage(message);
        const parsed = parseClientMessage(whole.subarray(0, cut % whole.length));
        assert.equal(parsed.ok, false);
      }),
    );
    fc.assert(
      fc.property(bytes(0, 80), (random) => {
        parseClientMessage(random);
        parseHostMessage(random);
      }),
    );
  });
});
