/**
 * The part of DNS that a responder needs: the questions of a message, and an answer. Pure. Source: RFC 1035 §4 and
 * RFC 6762.
 *
 * ```
 *  0    2       4           6         8           10           12
 *  | id | flags | questions | answers | authority | additional | question: name, type, class | record: name, type, …
 * ```
 */
import net from 'node:net';

/** Without the dot at its end: `_nvstream._tcp.local`. The case of what is asked is kept. */
export type DnsName = string;

export const DNS_TYPE = { ptr: 12, txt: 16, aaaa: 28, srv: 33, any: 255 } as const;

export interface DnsQuestion {
  readonly name: DnsName;
  readonly type: number;
}

export type DnsRecord =
  | { readonly type: 'ptr'; readonly name: DnsName; readonly target: DnsName }
  | { readonly type: 'srv'; readonly name: DnsName; readonly target: DnsName; readonly port: number }
  /** An empty one. */
  | { readonly type: 'txt'; readonly name: DnsName }
  /** `address` is numeric IPv6 without zone. */
  | { readonly type: 'aaaa'; readonly name: DnsName; readonly address: string };

const HEADER_BYTES = 12;
const RESPONSE = 0x8000;
const AUTHORITATIVE_ANSWER = 0x8400;
const CLASS_INTERNET = 1;
/** Of records that nobody else may have: RFC 6762 §10.2. */
const CACHE_FLUSH = 0x8000;
const POINTER = 0xc0;
const MAX_NAME_BYTES = 255;
/** No real query asks more; it bounds what a hostile one costs. */
const MAX_QUESTIONS = 32;

/** Thrown inside the reader for a message that ends too early or runs in a circle; never leaves this file. */
class MalformedMessage extends Error {}

class Reader {
  readonly #bytes: Buffer;
  #offset = HEADER_BYTES;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u16(): number {
    if (this.#offset + 2 > this.#bytes.length) throw new MalformedMessage();
    this.#offset += 2;
    return this.#bytes.readUInt16BE(this.#offset - 2);
  }

  /** A pointer leads to an earlier place, so that no name is without end. */
  name(): DnsName {
    const labels: string[] = [];
    let at = this.#offset;
    let end: number | undefined;
    for (let total = 0; total <= MAX_NAME_BYTES; ) {
      const length = this.#bytes[at] ?? Number.NaN;
      if (length === 0) {
        this.#offset = end ?? at + 1;
        return labels.join('.');
      }
      if ((length & POINTER) === POINTER) {
        const target = ((length & ~POINTER) << 8) | (this.#bytes[at + 1] ?? 0xff);
        if (target >= at) throw new MalformedMessage();
        end ??= at + 2;
        at = target;
        continue;
      }
      if (Number.isNaN(length) || length > 63 || at + 1 + length > this.#bytes.length) break;
      labels.push(this.#bytes.toString('utf8', at + 1, at + 1 + length));
      at += 1 + length;
      total += 1 + length;
    }
    throw new MalformedMessage();
  }
}

/** The questions of a query; none for a response and for what is no message. */
export const readQuestions = (message: Buffer): readonly DnsQuestion[] => {
  if (message.length < HEADER_BYTES || (message.readUInt16BE(2) & RESPONSE) !== 0) return [];
  const questions: DnsQuestion[] = [];
  try {
    const reader = new Reader(message);
    const count = Math.min(message.readUInt16BE(4), MAX_QUESTIONS);
    while (questions.length < count) {
      const question = { name: reader.name(), type: reader.u16() };
      reader.u16();
      questions.push(question);
    }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
  }
  return questions;
};

const writeU16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
};

const writeName = (name: DnsName): Buffer =>
  Buffer.concat([
    ...name.split('.').flatMap((label) => {
      const bytes = Buffer.from(label, 'utf8');
      return [Buffer.from([bytes.length]), bytes];
    }),
    Buffer.alloc(1),
  ]);

/** The 16 bytes of a numeric address without zone. */
const writeAddress = (address: string): Buffer => {
  const [head = '', tail] = new net.SocketAddress({ address, family: 'ipv6' }).address.split('::');
  const groups = (text: string | undefined): number[] =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const left = groups(head);
  const right = groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return writeU16(...left, ...zeros, ...right);
};

const writeData = (record: DnsRecord): Buffer => {
  switch (record.type) {
    case 'ptr':
      return writeName(record.target);
    case 'srv':
      return Buffer.concat([writeU16(0, 0, record.port), writeName(record.target)]);
    case 'txt':
      return Buffer.alloc(1);
    case 'aaaa':
      return writeAddress(record.address);
  }
};

const writeRecord = (record: DnsRecord, ttlS: number): Buffer => {
  const data = writeData(record);
  const isShared = record.type === 'ptr';
  const recordClass = CLASS_INTERNET | (isShared ? 0 : CACHE_FLUSH);
  const ttl = writeU16(ttlS >>> 16, ttlS & 0xffff);
  return Buffer.concat([
    writeName(record.name),
    writeU16(DNS_TYPE[record.type], recordClass),
    ttl,
    writeU16(data.length),
    data,
  ]);
};

/** A response with these answers. @param ttlS seconds that they may be kept; 0 takes them back */
export const writeAnswer = (records: readonly DnsRecord[], ttlS: number): Buffer =>
  Buffer.concat([
    writeU16(0, AUTHORITATIVE_ANSWER, 0, records.length, 0, 0),
    ...records.map((record) => writeRecord(record, ttlS)),
  ]);
