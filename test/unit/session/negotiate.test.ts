import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encoderKbps, negotiate, type StreamWishes } from '../../../src/session/negotiate.js';
import { audioWireKbps } from '../../../src/session/negotiate-audio.js';
import { H264 } from '../../support/plans.js';

const WISHES: StreamWishes = {
  codec: 'h264',
  width: 1920,
  height: 1080,
  fps: 60,
  packetSize: 1392,
  configuredKbps: 20_000,
  maximumKbps: 16_000,
  minFecPackets: 2,
  slices: 1,
  references: 1,
  encoderCscMode: 2,
  isTenBit: false,
  isYuv444: false,
  wantsVideoQos: true,
  wantsAudioQos: true,
  audioChannels: 2,
  wantsSurroundHighQuality: false,
  wantsStereoHighQuality: true,
  audioPacketDurationMs: 5,
  encryptsControlV2: true,
  encryptsVideo: false,
  encryptsAudio: true,
  hasSessionId: true,
};
const HOST = { video: [H264], isSourceHdr: false, surround: [] };
const SETTINGS = { fecPercentage: 20, linkKbps: 800_000, requiresEncryption: false };
const KEYS = { riKey: Buffer.alloc(16, 7), riKeyId: 1, playsAudioOnHost: false, peerAddress: '192.0.2.9' };

const planOf = (wishes: Partial<StreamWishes>) => {
  const outcome = negotiate({ ...WISHES, ...wishes }, HOST, SETTINGS, KEYS);
  assert(outcome.ok, JSON.stringify(outcome));
  return outcome.plan;
};

describe('negotiate', () => {
  it('grants a usual request of a 1080p60 client', () => {
    const { video, audio } = planOf({});
    assert.equal(video.colorSpace, 'bt709');
    assert.equal(video.fullRange, false);
    assert.equal(video.dscp, 40);
    assert.equal(video.references, 1);
    assert.equal(audio.bitrateKbps, 512);
    assert.equal(audio.dscp, 48);
    assert(Math.abs(video.encoderKbps - 15_000) < 500, `encoder gets ${video.encoderKbps} kbit/s`);
  });

  it('grants exactly the formats that are proven here', () => {
    const video = [
      H264,
      { codec: 'hevc', bitDepth: 8, chroma: '420' },
      { codec: 'hevc', bitDepth: 10, chroma: '444' },
    ] as const;
    for (const codec of ['h264', 'hevc', 'av1'] as const)
      for (const isTenBit of [false, true])
        for (const isYuv444 of [false, true]) {
          const outcome = negotiate(
            { ...WISHES, codec, isTenBit, isYuv444 },
            { ...HOST, video },
            SETTINGS,
            KEYS,
          );
          const wanted = { codec, bitDepth: isTenBit ? 10 : 8, chroma: isYuv444 ? '444' : '420' } as const;
          const isProven = video.some((format) => JSON.stringify(format) === JSON.stringify(wanted));
          assert.equal(outcome.ok, isProven, JSON.stringify(wanted));
          if (outcome.ok) assert.deepEqual({ ...outcome.plan.video, ...wanted }, outcome.plan.video);
          else assert.equal(outcome.status, 400);
        }
  });

  it('grants Rec.2020 in ten bits', () => {
    const video = [{ codec: 'hevc', bitDepth: 10, chroma: '420' }] as const;
    const wishes = { ...WISHES, codec: 'hevc', isTenBit: true, encoderCscMode: 4 } as const;
    const outcome = negotiate(wishes, { ...HOST, video }, SETTINGS, KEYS);
    assert.equal(outcome.ok && outcome.plan.video.colorSpace, 'bt2020');
  });

  it('passes an HDR picture on in ten bits, and in eight what the client asked for', () => {
    const video = [8, 10].map(
      (bitDepth) => ({ codec: 'hevc', bitDepth: bitDepth as 8 | 10, chroma: '420' }) as const,
    );
    const colorSpaceOf = (isTenBit: boolean, isSourceHdr: boolean) => {
      const wishes = { ...WISHES, codec: 'hevc', isTenBit, encoderCscMode: 3 } as const;
      const outcome = negotiate(wishes, { video, surround: [], isSourceHdr }, SETTINGS, KEYS);
      return outcome.ok && [outcome.plan.video.colorSpace, outcome.plan.video.fullRange];
    };
    assert.deepEqual(colorSpaceOf(true, true), ['bt2100-pq', true]);
    assert.deepEqual(colorSpaceOf(false, true), ['bt709', true]);
    assert.deepEqual(colorSpaceOf(true, false), ['bt709', true]);
  });

  it('takes the colour space and the range from encoderCscMode', () => {
    assert.deepEqual(
      [planOf({ encoderCscMode: 0 }).video.colorSpace, planOf({ encoderCscMode: 1 }).video.fullRange],
      ['bt601', true],
    );
    assert.equal(
      planOf({ encoderCscMode: 4 }).video.colorSpace,
      'bt709',
      'Rec.2020 in 8 bit falls back to Rec.709',
    );
  });

  it('takes every packet size from the smallest that clients send to a jumbo frame', () => {
    for (const packetSize of [288, 256, 1024, 1184, 1392, 8912])
      assert.equal(planOf({ packetSize }).video.packetSize, packetSize);
  });

  it('cuts a frame into no more slices than any encoder can', () => {
    const slicesOf = (slices: number, height: number) => planOf({ slices, height }).video.slices;
    assert.deepEqual([slicesOf(1, 1080), slicesOf(4, 360), slicesOf(255, 2160)], [1, 4, 8]);
    assert.deepEqual([slicesOf(4, 180), slicesOf(4, 48), slicesOf(0, 720)], [2, 1, 1]);
  });

  it('uses the reduced maximum as it is when the client gives no figure of its own', () => {
    assert.equal(planOf({ configuredKbps: 0 }).video.encoderKbps, 16_000);
  });

  for (const [title, wishes] of [
    ['a width of 0', { width: 0 }],
    ['an odd height', { height: 721 }],
    ['a width of 100 000', { width: 100_000 }],
    ['10 000 frames a second', { fps: 10_000 }],
    ['0 frames a second', { fps: 0 }],
    ['a codec that is not offered', { codec: 'av1' }],
    ['4:4:4 chroma', { isYuv444: true }],
    ['ten bits', { isTenBit: true }],
    ['a packet size that is no multiple of 16', { packetSize: 1000 }],
    ['a packet size beyond a jumbo frame', { packetSize: 8928 }],
    ['a packet size that leaves no room for parameter sets', { packetSize: 240 }],
    ['surround sound that is not offered', { audioChannels: 6 }],
    ['sound packets of another length', { audioPacketDurationMs: 20 }],
    ['no bitrate at all', { configuredKbps: 0, maximumKbps: 0 }],
  ] as const) {
    it(`refuses ${title} and says so`, () => {
      const outcome = negotiate({ ...WISHES, ...wishes }, HOST, SETTINGS, KEYS);
      assert(!outcome.ok);
      assert.equal(outcome.status, 400);
      assert.notEqual(outcome.reason, '');
      assert.notEqual(outcome.remedy, '');
    });
  }

  it('says of a format that is not offered which are, and where to see why', () => {
    const video = [H264, { codec: 'hevc', bitDepth: 10, chroma: '420' }] as const;
    const refusalOf = (wishes: Partial<StreamWishes>) => {
      const outcome = negotiate({ ...WISHES, ...wishes }, { ...HOST, video }, SETTINGS, KEYS);
      assert(!outcome.ok);
      return outcome;
    };
    const remedy =
      'choose in the client one of h264 8-bit 4:2:0, hevc 10-bit 4:2:0; why there is no other: lumen pipelines list';
    const av1 = refusalOf({ codec: 'av1' });
    assert.deepEqual([av1.reason, av1.remedy], ['codec av1 is not offered', remedy]);
    const full = refusalOf({ codec: 'hevc', isYuv444: true });
    assert.deepEqual([full.reason, full.remedy], ['hevc 8-bit 4:4:4 is not offered', remedy]);
  });

  it('keeps everything on the wire within the figure, for every reasonable request', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3_000, max: 500_000 }),
        fc.integer({ min: 24, max: 240 }),
        fc.integer({ min: 16, max: 92 }).map((n) => n * 16),
        fc.integer({ min: 0, max: 100 }),
        fc.boolean(),
        fc.constantFrom(28, 48),
        (kbps, fps, packetSize, fecPercentage, encrypted, ipUdpHeaderBytes) => {
          const video = { fps, packetSize, fecPercentage, minFecPackets: 2, encrypted, ipUdpHeaderBytes };
          const audio = { bitrateKbps: 96, packetDurationMs: 5, encrypted: true } as const;
          const audioKbps = audioWireKbps(audio, ipUdpHeaderBytes);
          const encoder = encoderKbps(kbps, video, audioKbps);
          const shards = Math.ceil(((encoder * 1000) / 8 / fps + 8) / (packetSize - 16));
          const percent = Math.floor((shards * fecPercentage + 99) / 100);
          const parity = fecPercentage > 0 ? Math.max(2, percent) : 0;
          const wireKbps =
            ((shards + parity) * (packetSize + 16 + ipUdpHeaderBytes + (encrypted ? 32 : 0)) * 8 * fps) /
              1000 +
            audioKbps;
          const twoShardsKbps = (2 * (packetSize + 96) * 8 * fps) / 1000;
          assert(shards === 1 || wireKbps <= kbps + twoShardsKbps, `${wireKbps} of ${kbps}`);
        },
      ),
    );
  });

  it('counts the longer headers of IPv6, for a client that is not IPv4 behind a dual-stack socket', () => {
    const videoFor = (peerAddress: string) => {
      const outcome = negotiate(WISHES, HOST, SETTINGS, { ...KEYS, peerAddress });
      assert(outcome.ok);
      return outcome.plan.video;
    };
    const v4 = videoFor('192.0.2.9');
    assert.deepEqual(videoFor('::ffff:192.0.2.9'), v4);
    for (const address of ['2001:db8::9', 'fe80::1%eth0']) {
      const v6 = videoFor(address);
      assert.deepEqual([v4.ipUdpHeaderBytes, v6.ipUdpHeaderBytes], [28, 48]);
      // Of 1436 and 1456 bytes; the sound's 300 datagrams a second take 48 kbit/s more.
      const expected = (v4.encoderKbps * 1436) / 1456 - 48 * 0.8;
      assert(Math.abs(v6.encoderKbps - expected) < 50, `${v6.encoderKbps} beside ${v4.encoderKbps}`);
      assert(
        Math.abs(v4.wireKbps - v6.wireKbps - 48) < 0.001,
        'what sound takes more is missing to the video',
      );
    }
  });

  it('fills at least one shard a frame, which costs the same on the wire as less would', () => {
    const { video } = planOf({
      configuredKbps: 2000,
      fps: 60,
      packetSize: 1392,
      wantsStereoHighQuality: false,
    });
    assert(video.encoderKbps >= 650, `${video.encoderKbps} kbit/s`);
  });

  it('refuses with 403 where encryption is required and a part of it is off', () => {
    const strict = { ...SETTINGS, requiresEncryption: true };
    const whole = { ...WISHES, encryptsControlV2: true, encryptsVideo: true, encryptsAudio: true };
    assert(negotiate(whole, HOST, strict, KEYS).ok);
    for (const part of ['encryptsControlV2', 'encryptsVideo', 'encryptsAudio'] as const) {
      const outcome = negotiate({ ...whole, [part]: false }, HOST, strict, KEYS);
      assert(!outcome.ok && outcome.status === 403, part);
    }
  });

  it('never throws, whatever numbers arrive', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer(),
        fc.integer(),
        fc.integer(),
        fc.integer(),
        (width, height, fps, packetSize, configuredKbps) => {
          const outcome = negotiate(
            { ...WISHES, width, height, fps, packetSize, configuredKbps },
            HOST,
            SETTINGS,
            KEYS,
          );
          if (outcome.ok)
            assert(outcome.plan.video.encoderKbps >= 200 && outcome.plan.video.encoderKbps <= 800_000);
        },
      ),
    );
  });
});
