import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type AnnounceAttributes, formatAnnounce, parseAnnounce } from '../../../src/rtsp/announce.js';
import { TRANSCRIPT_ANNOUNCE } from '../../support/announce-body.js';

const TRANSCRIPT: AnnounceAttributes = {
  codec: 'hevc',
  width: 1920,
  height: 1080,
  fps: 60,
  packetSize: 1392,
  configuredKbps: 20_000,
  maximumKbps: 16_000,
  minFecPackets: 2,
  slices: 1,
  references: 0,
  encoderCscMode: 3,
  isTenBit: false,
  isYuv444: false,
  wantsVideoQos: true,
  wantsAudioQos: true,
  audioChannels: 2,
  audioChannelMask: 3,
  wantsSurroundHighQuality: false,
  audioPacketDurationMs: 5,
  refreshRateX100: 0,
  encryptsControlV2: true,
  encryptsVideo: false,
  encryptsAudio: true,
  encryptsControl: true,
  hasSessionId: true,
  sendsFecStatus: true,
};

const without = (name: string): string =>
  TRANSCRIPT_ANNOUNCE.split('\r\n')
    .filter((line) => !line.startsWith(`a=${name}:`))
    .join('\r\n');

const withValue = (name: string, value: string): string =>
  TRANSCRIPT_ANNOUNCE.split('\r\n')
    .map((line) => (line.startsWith(`a=${name}:`) ? `a=${name}:${value} ` : line))
    .join('\r\n');

const attributesOf = (body: string): AnnounceAttributes => {
  const parsed = parseAnnounce(body);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.reason);
  return parsed.attributes;
};

const attributes: fc.Arbitrary<AnnounceAttributes> = fc.record(
  {
    codec: fc.constantFrom('h264' as const, 'hevc' as const, 'av1' as const),
    width: fc.integer({ min: 16, max: 16384 }),
    height: fc.integer({ min: 16, max: 16384 }),
    fps: fc.integer({ min: 1, max: 1000 }),
    packetSize: fc.integer({ min: 8, max: 1024 }).map((blocks) => blocks * 16),
    configuredKbps: fc.nat(0xffffffff),
    maximumKbps: fc.integer({ min: 1, max: 0xffffffff }),
    minFecPackets: fc.nat(255),
    slices: fc.integer({ min: 1, max: 255 }),
    references: fc.nat(16),
    encoderCscMode: fc.nat(5),
    isTenBit: fc.boolean(),
    isYuv444: fc.boolean(),
    wantsVideoQos: fc.boolean(),
    wantsAudioQos: fc.boolean(),
    audioChannels: fc.constantFrom(2 as const, 6 as const, 8 as const),
    audioChannelMask: fc.nat(0xffffffff),
    wantsSurroundHighQuality: fc.boolean(),
    audioPacketDurationMs: fc.constantFrom(5 as const, 10 as const),
    refreshRateX100: fc.nat(0xffffffff),
    encryptsControlV2: fc.boolean(),
    encryptsVideo: fc.boolean(),
    encryptsAudio: fc.boolean(),
    encryptsControl: fc.boolean(),
    hasSessionId: fc.boolean(),
    sendsFecStatus: fc.boolean(),
  },
  { noNullPrototype: true },
);

describe('an ANNOUNCE body', () => {
  it('of the transcript is read attribute by attribute', () => {
    assert.deepEqual(attributesOf(TRANSCRIPT_ANNOUNCE), TRANSCRIPT);
  });

  it('is written as the stock client writes it', () => {
    const body = formatAnnounce(TRANSCRIPT, { address: '192.168.1.10', videoPort: 47998 });
    assert.equal(body, TRANSCRIPT_ANNOUNCE);
  });

  it('of an AV1 client to an IPv6 host differs as the stock client differs', () => {
    const body = formatAnnounce({ ...TRANSCRIPT, codec: 'av1' }, { address: 'fe80::1', videoPort: 48100 });
    assert.ok(body.includes('o=android 0 14 IN IPv6 fe80::1\r\n'));
    assert.ok(!body.includes('x-nv-clientSupportHevc'));
    assert.ok(body.endsWith('m=video 48100  \r\n'));
  });

  const needed = [
    'x-nv-video[0].clientViewportWd',
    'x-nv-video[0].clientViewportHt',
    'x-nv-video[0].maxFPS',
    'x-nv-video[0].packetSize',
    'x-nv-vqos[0].bw.maximumBitrateKbps',
    'x-nv-video[0].videoEncoderSlicesPerFrame',
    'x-nv-video[0].maxNumReferenceFrames',
    'x-nv-audio.surround.numChannels',
    'x-nv-audio.surround.channelMask',
    'x-nv-audio.surround.AudioQuality',
  ];
  for (const name of needed) {
    it(`is refused without ${name}, by name`, () => {
      assert.deepEqual(parseAnnounce(without(name)), { ok: false, reason: `${name} is missing` });
    });
  }

  const bad: readonly (readonly [name: string, value: string])[] = [
    ['x-nv-video[0].clientViewportWd', '0'],
    ['x-nv-video[0].clientViewportHt', '99999'],
    ['x-nv-video[0].maxFPS', 'sixty'],
    ['x-nv-video[0].maxFPS', '-60'],
    ['x-nv-video[0].packetSize', '1400'],
    ['x-nv-vqos[0].bw.maximumBitrateKbps', '99999999999'],
    ['x-nv-vqos[0].bitStreamFormat', '3'],
    ['x-nv-audio.surround.numChannels', '4'],
    ['x-nv-aqos.packetDuration', '7'],
    ['x-nv-video[0].encoderCscMode', '6'],
    ['x-nv-video[0].videoEncoderSlicesPerFrame', '0'],
  ];
  for (const [name, value] of bad) {
    it(`is refused with ${name} = ${value}, by name`, () => {
      const parsed = parseAnnounce(withValue(name, value));
      assert.ok(!parsed.ok);
      assert.ok(parsed.reason.startsWith(name));
    });
  }

  it('has defaults for what old clients do not send', () => {
    const lines = TRANSCRIPT_ANNOUNCE.split('\r\n').filter((line) => {
      const name = /^a=([^:]+):/.exec(line)?.[1];
      return name !== undefined && needed.includes(name);
    });
    const parsed = attributesOf(lines.join('\n'));
    assert.deepEqual(parsed, {
      ...TRANSCRIPT,
      codec: 'h264',
      configuredKbps: 0,
      minFecPackets: 0,
      encoderCscMode: 0,
      encryptsControlV2: false,
      encryptsAudio: false,
      encryptsControl: false,
      hasSessionId: false,
      sendsFecStatus: false,
    });
  });

  it('asks for encrypted audio by either of the two flags', () => {
    const legacy = withValue('x-ss-general.encryptionEnabled', '1');
    assert.equal(attributesOf(legacy).encryptsAudio, true);
    const modern = withValue('x-nv-general.featureFlags', '135');
    assert.equal(attributesOf(modern).encryptsAudio, true);
  });

  it('survives a round trip, whatever is wanted', () => {
    fc.assert(
      fc.property(attributes, (wanted) => {
        assert.deepEqual(attributesOf(formatAnnounce(wanted, { address: '::1', videoPort: 1 })), wanted);
      }),
    );
  });

  it('never makes the parser throw, cut short or random', () => {
    fc.assert(
      fc.property(fc.nat(TRANSCRIPT_ANNOUNCE.length), fc.string(), (cut, random) => {
        parseAnnounce(TRANSCRIPT_ANNOUNCE.slice(0, cut) + random);
        assert.equal(parseAnnounce(random).ok, false);
      }),
    );
  });
});
