/**
 * The IPC of sway (sway-ipc(7)): bytes ↔ messages, and the replies that are read of it. Pure.
 *
 * ```
 * "i3-ipc" | u32 payload bytes | u32 type | payload (JSON, or a command as text)      both numbers in native order
 * ```
 */
import type { Output } from '../output-capture.js';

const MAGIC = Buffer.from('i3-ipc');
const HEADER_BYTES = MAGIC.length + 8;
/** A tree of thousands of windows has some hundred KB; outputs far less. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
/** Events have this bit in their type. */
const EVENT_BIT = 0x8000_0000;

/** Types of messages that are used here. */
export const SWAY_MESSAGE = { runCommand: 0, subscribe: 2, getOutputs: 3, getVersion: 7 } as const;

export interface SwayMessage {
  /** For an event without its highest bit. */
  readonly type: number;
  readonly isEvent: boolean;
  readonly payload: string;
}

export type ParseResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** All machines that run sway and Node are little-endian. */
export const formatSwayMessage = (type: number, payload: string): Buffer => {
  const body = Buffer.from(payload);
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(body.length, MAGIC.length);
  header.writeUInt32LE(type, MAGIC.length + 4);
  return Buffer.concat([header, body]);
};

/** Cuts a stream of bytes into messages. */
export class SwayMessageReader {
  #rest = Buffer.alloc(0);

  /** The messages that are complete now. After a failure nothing more can be read. */
  read(chunk: Buffer): ParseResult<SwayMessage[]> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: SwayMessage[] = [];
    while (this.#rest.length >= HEADER_BYTES) {
      if (!this.#rest.subarray(0, MAGIC.length).equals(MAGIC))
        return { ok: false, reason: 'the bytes are not i3-ipc' };
      const bytes = this.#rest.readUInt32LE(MAGIC.length);
      if (bytes > MAX_PAYLOAD_BYTES) return { ok: false, reason: `a message of ${bytes} bytes` };
      if (this.#rest.length < HEADER_BYTES + bytes) break;
      const type = this.#rest.readUInt32LE(MAGIC.length + 4);
      const payload = this.#rest.subarray(HEADER_BYTES, HEADER_BYTES + bytes).toString();
      messages.push({ type: type % EVENT_BIT, isEvent: type >= EVENT_BIT, payload });
      this.#rest = this.#rest.subarray(HEADER_BYTES + bytes);
    }
    return { ok: true, value: messages };
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parseList = (text: string): ParseResult<unknown[]> => {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? { ok: true, value } : { ok: false, reason: 'sway answered no list' };
  } catch {
    return { ok: false, reason: 'sway answered no JSON' };
  }
};

const toMode = (value: unknown): Output['mode'] => {
  if (!isRecord(value)) return undefined;
  const { width, height } = value;
  return typeof width === 'number' && typeof height === 'number' ? { width, height } : undefined;
};

const toOutput = (value: unknown): Output | undefined => {
  if (!isRecord(value) || typeof value['name'] !== 'string') return undefined;
  const words = [value['make'], value['model']].filter((word) => typeof word === 'string' && word !== '');
  const isActive = value['active'] === true;
  return {
    name: value['name'],
    description: words.join(' ').slice(0, 200),
    isActive,
    mode: isActive ? toMode(value['current_mode']) : undefined,
  };
};

/** The reply to {@link SWAY_MESSAGE.getOutputs}. */
export const parseSwayOutputs = (text: string): ParseResult<Output[]> => {
  const list = parseList(text);
  if (!list.ok) return list;
  return { ok: true, value: list.value.map(toOutput).filter((output) => output !== undefined) };
};

/** The reply to {@link SWAY_MESSAGE.runCommand}: the first of its commands that failed is the reason. */
export const parseSwayOutcome = (text: string): ParseResult<undefined> => {
  const list = parseList(text);
  if (!list.ok) return list;
  const failed = list.value.find((item) => !isRecord(item) || item['success'] !== true);
  if (failed === undefined) return { ok: true, value: undefined };
  const reason = isRecord(failed) && typeof failed['error'] === 'string' ? failed['error'] : 'it failed';
  return { ok: false, reason: reason.slice(0, 200) };
};

/** The reply to {@link SWAY_MESSAGE.getVersion}: `sway 1.7`. */
export const parseSwayVersion = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text);
    const version = isRecord(value) ? value['human_readable'] : undefined;
    return typeof version === 'string' ? `sway ${version.slice(0, 40)}` : 'sway';
  } catch {
    return 'sway';
  }
};
