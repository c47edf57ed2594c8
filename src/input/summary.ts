/**
 * What came in from one client, counted by kind: while nothing is injected, this is how a person sees that their
 * mouse reaches the host.
 */
import type { Logger } from '../support/logger.js';
import type { InputKind } from './event.js';
import { type ParsedInput, parseInputPacket } from './packet.js';

const DEFAULT_INTERVAL_MS = 60_000;

/** Counts input packets of one session and writes a line at intervals and at the end. */
export class InputSummary {
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #counts = new Map<InputKind | 'unknown' | 'malformed', number>();
  #total = 0;
  #loggedTotal = 0;
  #nextMs: number;

  /**
   * @param nowMs monotonic milliseconds, as passed to {@link take}
   * @param intervalMs shortest time between two lines
   */
  constructor(logger: Logger, nowMs: number, intervalMs = DEFAULT_INTERVAL_MS) {
    this.#logger = logger;
    this.#intervalMs = intervalMs;
    this.#nextMs = nowMs + intervalMs;
  }

  /** Packets by kind since the session began; `unknown` and `malformed` are kinds too. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Decodes and counts one packet, and writes the line when it is due. */
  take(packet: Buffer, nowMs: number): ParsedInput {
    const parsed = parseInputPacket(packet);
    const kind = parsed.ok ? parsed.event.kind : parsed.reason;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#total += 1;
    if (nowMs >= this.#nextMs) {
      this.#nextMs = nowMs + this.#intervalMs;
      this.#log('input so far');
    }
    return parsed;
  }

  /** Writes the last line, if there is anything to say. */
  end(): void {
    if (this.#total > 0) this.#log('input of the session');
  }

  #log(message: string): void {
    this.#logger.info({ input: this.counts, packets: this.#total - this.#loggedTotal }, message);
    this.#loggedTotal = this.#total;
  }
}
