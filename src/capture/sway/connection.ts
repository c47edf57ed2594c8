/** A connection to a running sway: questions in order, each with a deadline, and its events. */
import net from 'node:net';
import { LumenError } from '../../support/errors.js';
import { withDeadline } from '../../support/lifecycle.js';
import type { Output } from '../output-capture.js';
import {
  formatSwayMessage,
  type ParseResult,
  parseSwayOutcome,
  parseSwayOutputs,
  parseSwayVersion,
  SWAY_MESSAGE,
  SwayMessageReader,
} from './message.js';

const ANSWER_DEADLINE_MS = 2000;

interface Waiter {
  resolve(payload: string): void;
  reject(error: Error): void;
}

const failed = (problem: string, cause?: unknown): LumenError =>
  new LumenError(
    'LUMEN_CAPTURE_FAILED',
    { capture: 'sway', problem, remedy: 'look whether sway still runs: swaymsg -t get_outputs' },
    cause,
  );

export interface SwayEvents {
  /** Something about an output changed. */
  onOutputs(): void;
  /** The connection is gone, and with it in all likelihood sway. Not told after {@link SwayConnection.close}. */
  onClosed(): void;
}

/** Make one with {@link connectSway}. Its owner closes it. */
export class SwayConnection {
  readonly #socket: net.Socket;
  readonly #reader = new SwayMessageReader();
  readonly #waiters: Waiter[] = [];
  #events: SwayEvents | undefined;
  #isClosed = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('close', () => this.#onClose());
    // `close` follows and tells everybody.
    socket.on('error', () => socket.destroy());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws LumenError LUMEN_CAPTURE_FAILED with the words of sway */
  async run(command: string): Promise<void> {
    this.#require(`"${command}"`, parseSwayOutcome(await this.#ask(SWAY_MESSAGE.runCommand, command)));
  }

  /** @throws LumenError LUMEN_CAPTURE_FAILED */
  async outputs(): Promise<Output[]> {
    return this.#require('its outputs', parseSwayOutputs(await this.#ask(SWAY_MESSAGE.getOutputs, '')));
  }

  /** @returns `sway 1.7` @throws LumenError LUMEN_CAPTURE_FAILED */
  async version(): Promise<string> {
    return parseSwayVersion(await this.#ask(SWAY_MESSAGE.getVersion, ''));
  }

  /**
   * Begins to tell of events. A sway that knows no events of outputs (1.7) only tells of its end: an output that goes is
   * then noticed by the capture's check, and a new size by the element.
   * @throws LumenError LUMEN_CAPTURE_FAILED
   */
  async watch(events: SwayEvents): Promise<void> {
    await this.#ask(SWAY_MESSAGE.subscribe, '["output"]');
    this.#events = events;
  }

  close(): void {
    this.#events = undefined;
    this.#socket.destroy();
  }

  #require<T>(what: string, result: ParseResult<T>): T {
    if (result.ok) return result.value;
    throw failed(`${what}: ${result.reason}`);
  }

  #ask(type: number, payload: string): Promise<string> {
    if (this.#isClosed) return Promise.reject(failed('its connection is closed'));
    const answer = new Promise<string>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    this.#socket.write(formatSwayMessage(type, payload));
    return withDeadline(answer, ANSWER_DEADLINE_MS, 'the answer').catch((error: unknown) => {
      // Answers have no numbers: one that comes too late would be taken for the next one's.
      this.#socket.destroy();
      throw error instanceof LumenError ? error : failed(`no answer in ${ANSWER_DEADLINE_MS} ms`, error);
    });
  }

  #onData(chunk: Buffer): void {
    const messages = this.#reader.read(chunk);
    if (!messages.ok) {
      this.#socket.destroy();
      return;
    }
    for (const { isEvent, payload } of messages.value) {
      if (isEvent) this.#events?.onOutputs();
      else this.#waiters.shift()?.resolve(payload);
    }
  }

  #onClose(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failed('it closed the connection'));
    this.#events?.onClosed();
  }
}

/**
 * @param path of `SWAYSOCK`
 * @throws LumenError LUMEN_CAPTURE_FAILED when nobody answers there
 */
export const connectSway = async (path: string): Promise<SwayConnection> => {
  const socket = net.connect(path);
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    await withDeadline(connected, ANSWER_DEADLINE_MS, 'the connection');
  } catch (error) {
    socket.destroy();
    throw failed(`nobody answers at SWAYSOCK (${path})`, error);
  }
  return new SwayConnection(socket);
};
