/** Reads as much of an H.264 byte stream as tests check: NAL units, and the sequence parameter set (ITU-T H.264 §7.3.2.1, §E.1.1). */

/** Splits at start codes; the units come without them. */
export const splitNalUnits = (stream: Buffer): Buffer[] => {
  const starts: number[] = [];
  for (let i = stream.indexOf('000001', 0, 'hex'); i >= 0; i = stream.indexOf('000001', i + 3, 'hex'))
    starts.push(i);
  return starts.map((start, index) => {
    let end = starts[index + 1] ?? stream.length;
    while (end > start && stream[end - 1] === 0) end -= 1;
    return stream.subarray(start + 3, end);
  });
};

export const NAL_TYPE = { slice: 1, idr: 5, sei: 6, sps: 7, pps: 8, delimiter: 9 } as const;

export const nalType = (unit: Buffer): number => (unit[0] ?? 0) & 0x1f;

/** `first_mb_in_slice` is 0: the unit begins a picture. */
export const beginsPicture = (unit: Buffer): boolean => ((unit[1] ?? 0) & 0x80) !== 0;

class BitReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(unit: Buffer) {
    // Emulation prevention: 00 00 03 stands for 00 00.
    this.#bytes = Buffer.from(unit.toString('latin1').replaceAll('\0\0\x03', '\0\0'), 'latin1');
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined) throw new Error('the parameter set ends too early');
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
      this.#position += 1;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  unsigned(): number {
    let zeros = 0;
    while (!this.flag()) zeros += 1;
    return 2 ** zeros - 1 + this.bits(zeros);
  }
}

export interface Vui {
  readonly fullRange: boolean | undefined;
  /** Primaries, transfer, matrix. */
  readonly color: readonly [number, number, number] | undefined;
  readonly maxNumReorderFrames: number | undefined;
  readonly maxDecFrameBuffering: number | undefined;
}

export interface Sps {
  readonly profile: number;
  readonly numRefFrames: number;
  readonly width: number;
  readonly height: number;
  readonly vui: Vui | undefined;
}

const HIGH_PROFILES = [100, 110, 122, 244, 44, 83, 86, 118, 128];

const skipHrd = (reader: BitReader): void => {
  const count = reader.unsigned() + 1;
  reader.bits(8);
  for (let i = 0; i < count; i += 1) {
    reader.unsigned();
    reader.unsigned();
    reader.bits(1);
  }
  reader.bits(20);
};

const readVui = (reader: BitReader): Vui => {
  if (reader.flag() && reader.bits(8) === 255) reader.bits(32);
  if (reader.flag()) reader.bits(1);
  let fullRange: boolean | undefined;
  let color: Vui['color'];
  if (reader.flag()) {
    reader.bits(3);
    fullRange = reader.flag();
    if (reader.flag()) color = [reader.bits(8), reader.bits(8), reader.bits(8)];
  }
  if (reader.flag()) {
    reader.unsigned();
    reader.unsigned();
  }
  if (reader.flag()) reader.bits(65);
  const hasNalHrd = reader.flag();
  if (hasNalHrd) skipHrd(reader);
  const hasVclHrd = reader.flag();
  if (hasVclHrd) skipHrd(reader);
  if (hasNalHrd || hasVclHrd) reader.bits(1);
  reader.bits(1);
  if (!reader.flag())
    return { fullRange, color, maxNumReorderFrames: undefined, maxDecFrameBuffering: undefined };
  reader.bits(1);
  for (let i = 0; i < 4; i += 1) reader.unsigned();
  return {
    fullRange,
    color,
    maxNumReorderFrames: reader.unsigned(),
    maxDecFrameBuffering: reader.unsigned(),
  };
};

/** @param unit a NAL unit of type 7 of a stream without scaling matrices and with picture order count type 0 or 2 */
export const readSps = (unit: Buffer): Sps => {
  const reader = new BitReader(unit.subarray(1));
  const profile = reader.bits(8);
  reader.bits(16);
  reader.unsigned();
  if (HIGH_PROFILES.includes(profile)) {
    if (reader.unsigned() === 3) reader.bits(1);
    reader.unsigned();
    reader.unsigned();
    reader.bits(1);
    if (reader.flag()) throw new Error('scaling matrices are not read here');
  }
  reader.unsigned();
  if (reader.unsigned() === 0) reader.unsigned();
  const numRefFrames = reader.unsigned();
  reader.bits(1);
  const widthMbs = reader.unsigned() + 1;
  const heightMbs = reader.unsigned() + 1;
  if (!reader.flag()) reader.bits(1);
  reader.bits(1);
  const crop = reader.flag() ? [0, 0, 0, 0].map(() => reader.unsigned()) : [0, 0, 0, 0];
  const width = widthMbs * 16 - 2 * ((crop[0] ?? 0) + (crop[1] ?? 0));
  const height = heightMbs * 16 - 2 * ((crop[2] ?? 0) + (crop[3] ?? 0));
  return { profile, numRefFrames, width, height, vui: reader.flag() ? readVui(reader) : undefined };
};
