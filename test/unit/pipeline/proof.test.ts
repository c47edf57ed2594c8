import assert from 'node:assert/strict';
import { findFault, type Trial } from '../../../src/pipeline/proof.js';
import { readRecording } from '../../../src/pipeline/recording.js';
import type { VideoCodec } from '../../../src/session/stream-plan.js';

const START = [0, 0, 0, 1];
const AV1_KEY = [0x0a, 0x02, 0x00, 0x00, 0x32, 0x02, 0x10, 0x00];
/** The bytes of a key frame with its parameter sets, of one without, and of another frame, by codec. */
const BYTES = {
  h264: {
    key: [...START, 0x67, 1, ...START, 0x68, 1, ...START, 0x65, 0x88],
    bareKey: [...START, 0x65, 0x88],
    other: [...START, 0x41, 0x9a],
  },
  hevc: {
    key: [...START, 0x40, 1, ...START, 0x42, 1, ...START, 0x44, 1, ...START, 0x28, 1],
    bareKey: [...START, 0x28, 1],
    other: [...START, 0x02, 1],
  },
  av1: { key: AV1_KEY, bareKey: [0x32, 0x02, 0x10, 0x00], other: [0x12, 0x00, 0x32, 0x02, 0x30, 0x00] },
} as const;
/** A CRA picture with parameter sets: x265's answer where its group of pictures is open. */
const CRA = [...START, 0x40, 1, ...START, 0x42, 1, ...START, 0x44, 1, ...START, 0x2a, 1];

/** What `gdppay` writes: a header of 62 bytes (type at 4, length at 6, time at 10), then the payload. */
const packet = (type: number, payload: Buffer, timeNs = 0n): Buffer => {
  const header = Buffer.alloc(62);
  header.writeUInt16BE(type, 4);
  header.writeUInt32BE(payload.length, 6);
  header.writeBigUInt64BE(timeNs, 10);
  return Buffer.concat([header, payload]);
};
type Kind = keyof (typeof BYTES)['h264'] | 'cra' | 'two-slices';
const bytesOf = (codec: VideoCodec, kind: Kind): readonly number[] => {
  if (kind === 'cra') return CRA;
  return kind === 'two-slices' ? [...BYTES[codec].other, ...BYTES[codec].other] : BYTES[codec][kind];
};
const record = (codec: VideoCodec, kinds: readonly Kind[], caps = 'video/x-any'): Buffer =>
  Buffer.concat([
    packet(2, Buffer.from(`${caps}\0`)),
    ...kinds.map((kind, index) => packet(1, Buffer.from(bytesOf(codec, kind)), BigInt(index) * 1000n)),
  ]);

const trialOf = (codec: VideoCodec, change: Partial<Trial> = {}): Trial => ({
  format: { codec, bitDepth: 8, chroma: '420' },
  slices: 1,
  askedAfter: 2,
  ...change,
});
const faultOf = (codec: VideoCodec, kinds: readonly Kind[], change: Partial<Trial> = {}, caps?: string) =>
  findFault(readRecording(codec, record(codec, kinds, caps)), trialOf(codec, change));

describe('proof of an encoder stage', () => {
  for (const codec of ['h264', 'hevc', 'av1'] as const) {
    it(`takes ${codec} that begins with a key frame and answers a request`, () => {
      assert.equal(faultOf(codec, ['key', 'other', 'other', 'key', 'other']), undefined);
    });

    it(`refuses ${codec} that does not answer, answers late, or without parameter sets`, () => {
      assert.match(faultOf(codec, ['key', 'other', 'other', 'other']) ?? '', /does not come/);
      const late = faultOf(codec, ['key', ...Array<Kind>(6).fill('other'), 'key']);
      assert.match(late ?? '', /comes 5 frames later/);
      assert.match(faultOf(codec, ['key', 'other', 'bareKey']) ?? '', /without parameter sets/);
      assert.match(faultOf(codec, ['other', 'other', 'key']) ?? '', /does not begin with a key frame/);
    });
  }

  it('refuses a CRA picture in place of an IDR picture', () => {
    assert.match(faultOf('hevc', ['key', 'other', 'other', 'cra', 'other']) ?? '', /does not come/);
  });

  it('refuses another number of slices than asked for', () => {
    const kinds: Kind[] = ['key', 'other', 'key', 'two-slices'];
    assert.match(faultOf('h264', kinds) ?? '', /2 slices a frame where 1 was asked for/);
    assert.match(faultOf('hevc', kinds, { slices: 4 }) ?? '', /1 slices a frame where 4 were/);
  });

  it('refuses frames whose time goes back', () => {
    const data = record('h264', ['key', 'other', 'key']);
    const back = packet(1, Buffer.from(BYTES.h264.other), 1500n);
    const fault = findFault(readRecording('h264', Buffer.concat([data, back])), trialOf('h264'));
    assert.match(fault ?? '', /reorders/);
  });

  it('refuses a profile of fewer bits or less chroma than asked for', () => {
    const kinds: Kind[] = ['key', 'other', 'other', 'key'];
    const profile = (name: string) => `video/x-h265, profile=(string)${name}, width=(int)640`;
    const ten = { format: { codec: 'hevc', bitDepth: 10, chroma: '420' } } as const;
    assert.match(faultOf('hevc', kinds, ten, profile('main')) ?? '', /makes main instead/);
    assert.equal(faultOf('hevc', kinds, ten, profile('main-10')), undefined);
    const full = { format: { codec: 'h264', bitDepth: 8, chroma: '444' } } as const;
    assert.match(faultOf('h264', kinds, full, profile('high')) ?? '', /makes high instead/);
    assert.equal(faultOf('h264', kinds, full, profile('high-4:4:4')), undefined);
  });

  it('reads what is there of a recording that breaks off', () => {
    const data = record('h264', ['key', 'other', 'key']);
    for (let end = 0; end <= data.length; end += 1)
      assert.ok(readRecording('h264', data.subarray(0, end)).pictures.length <= 3);
    assert.equal(readRecording('h264', data.subarray(0, data.length - 1)).pictures.length, 2);
    assert.match(findFault(readRecording('h264', Buffer.alloc(0)), trialOf('h264')) ?? '', /no picture/);
  });
});
