/**
 * Reads what a trial of an encoder stage wrote: buffers with their times, as GStreamer's data protocol writes them
 * (gst-plugins-bad, gst/gdp: `gdppay`), and in each the coded picture. Pure.
 */
import type { VideoCodec } from '../session/stream-plan.js';

/** One buffer out of the encoder. */
export interface CodedPicture {
  /** Presentation time in nanoseconds. */
  readonly timeNs: bigint;
  /** A decoder can begin here: IDR, not a picture of open GOP. */
  readonly isKey: boolean;
  /** All that a decoder needs besides comes with it. */
  readonly hasParameterSets: boolean;
  /** Slices, or for AV1 tile groups; 0 where nothing is coded. */
  readonly slices: number;
}

export interface Recording {
  readonly pictures: readonly CodedPicture[];
  /** `profile` of the caps, where the encoder states it. */
  readonly profile: string | undefined;
}

const HEADER_BYTES = 62;
const PAYLOAD = { buffer: 1, caps: 2 } as const;
const START_CODE = Buffer.from([0, 0, 1]);

/** The first byte behind each start code. */
const nalHeaders = (data: Buffer): number[] => {
  const headers: number[] = [];
  for (let at = data.indexOf(START_CODE); at >= 0; at = data.indexOf(START_CODE, at + 3)) {
    const header = data[at + 3];
    if (header !== undefined) headers.push(header);
  }
  return headers;
};

type Content = Omit<CodedPicture, 'timeNs'>;

/** ITU-T H.264 §7.4.1: 5 IDR, 1 other slice, 7 and 8 parameter sets. */
const readH264 = (data: Buffer): Content => {
  const types = nalHeaders(data).map((header) => header & 0x1f);
  return {
    isKey: types.includes(5),
    hasParameterSets: types.includes(7) && types.includes(8),
    slices: types.filter((type) => type === 5 || type === 1).length,
  };
};

/** ITU-T H.265 §7.4.2.2: 19 and 20 IDR, below 32 a slice, 32 to 34 parameter sets. A CRA (21) is no start for clients. */
const readHevc = (data: Buffer): Content => {
  const types = nalHeaders(data).map((header) => (header >> 1) & 0x3f);
  return {
    isKey: types.includes(19) || types.includes(20),
    hasParameterSets: [32, 33, 34].every((type) => types.includes(type)),
    slices: types.filter((type) => type < 32).length,
  };
};

const OBU = { sequenceHeader: 1, frameHeader: 3, tileGroup: 4, frame: 6 } as const;

/** AV1 §4.10.5: seven bits a byte, the lowest first. */
const readLeb128 = (data: Buffer, at: number): { value: number; next: number } => {
  let value = 0;
  for (let i = 0; i < 8; i += 1) {
    const byte = data[at + i] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if ((byte & 0x80) === 0) return { value, next: at + i + 1 };
  }
  return { value, next: at + 8 };
};

/** AV1 §5.3 and §5.9.2: `show_existing_frame`, then two bits of `frame_type`, 0 for a key frame. */
const readAv1 = (data: Buffer): Content => {
  let isKey = false;
  let hasParameterSets = false;
  let slices = 0;
  for (let at = 0; at < data.length; ) {
    const header = data[at] ?? 0;
    const type = (header >> 3) & 0xf;
    at += header & 4 ? 2 : 1;
    const size = header & 2 ? readLeb128(data, at) : { value: data.length - at, next: at };
    const first = data[size.next] ?? 0;
    if (type === OBU.sequenceHeader) hasParameterSets = true;
    if (type === OBU.frame || type === OBU.frameHeader)
      isKey ||= (first & 0x80) === 0 && (first & 0x60) === 0;
    if (type === OBU.frame || type === OBU.tileGroup) slices += 1;
    at = size.next + size.value;
  }
  return { isKey, hasParameterSets, slices };
};

const READERS: Readonly<Record<VideoCodec, (data: Buffer) => Content>> = {
  h264: readH264,
  hevc: readHevc,
  av1: readAv1,
};

/**
 * @param data what was written so far; an unfinished last buffer is left out
 */
export const readRecording = (codec: VideoCodec, data: Buffer): Recording => {
  const pictures: CodedPicture[] = [];
  let profile: string | undefined;
  for (let at = 0; at + HEADER_BYTES <= data.length; ) {
    const type = data.readUInt16BE(at + 4);
    const end = at + HEADER_BYTES + data.readUInt32BE(at + 6);
    if (end > data.length) break;
    const payload = data.subarray(at + HEADER_BYTES, end);
    if (type === PAYLOAD.buffer)
      pictures.push({ timeNs: data.readBigUInt64BE(at + 10), ...READERS[codec](payload) });
    if (type === PAYLOAD.caps)
      profile = /profile=\(string\)"?([\w:.-]+)/.exec(payload.toString('latin1'))?.[1] ?? profile;
    at = end;
  }
  return { pictures, profile };
};
