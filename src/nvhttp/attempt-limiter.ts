/**
 * Slows down whoever tries to pair again and again: the first attempts of an address are free, then each one doubles
 * the wait for the next, which counts from the end of the attempt: holding one open is no way around it. The table is bounded, so that addresses without end cost nothing.
 */

/** How patient the limiter is. Times in milliseconds. */
export interface AttemptLimits {
  /** Attempts without any wait. */
  readonly freeAttempts: number;
  /** Wait after the end of the first attempt beyond those; doubles with each further one. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  /** An address that was quiet for this long starts anew. */
  readonly forgetAfterMs: number;
  /** Addresses remembered; the one that was quiet longest gives way. */
  readonly maxAddresses: number;
}

/** Ten attempts take about a minute, thirty more than an hour. */
export const DEFAULT_ATTEMPT_LIMITS: AttemptLimits = {
  freeAttempts: 5,
  baseDelayMs: 2000,
  maxDelayMs: 300_000,
  forgetAfterMs: 1_800_000,
  maxAddresses: 256,
};

interface Entry {
  readonly attempts: number;
  readonly lastMs: number;
  readonly blockedUntilMs: number;
}

/** Counts attempts by address. */
export class AttemptLimiter {
  readonly #limits: AttemptLimits;
  /** In order of the last attempt, oldest first. */
  readonly #entries = new Map<string, Entry>();

  constructor(limits: AttemptLimits = DEFAULT_ATTEMPT_LIMITS) {
    this.#limits = limits;
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Asks for one attempt; a granted one is counted, a refused one changes nothing.
   * @param nowMs any monotonic clock
   * @returns 0 when granted, else milliseconds to wait
   */
  admit(address: string, nowMs: number): number {
    const { forgetAfterMs, maxAddresses } = this.#limits;
    const known = this.#entries.get(address);
    const entry = known !== undefined && nowMs - known.lastMs < forgetAfterMs ? known : undefined;
    if (entry !== undefined && nowMs < entry.blockedUntilMs) return entry.blockedUntilMs - nowMs;
    this.#block(address, (entry?.attempts ?? 0) + 1, nowMs);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > maxAddresses && oldest !== undefined) this.#entries.delete(oldest);
    return 0;
  }

  /** A granted attempt has ended without success: its wait begins now. */
  fail(address: string, nowMs: number): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined) this.#block(address, entry.attempts, nowMs);
  }

  /** Forgives an address whose pairing succeeded. */
  forgive(address: string): void {
    this.#entries.delete(address);
  }

  #block(address: string, attempts: number, nowMs: number): void {
    const { freeAttempts, baseDelayMs, maxDelayMs } = this.#limits;
    const beyond = attempts - freeAttempts;
    const delayMs = beyond < 0 ? 0 : Math.min(maxDelayMs, baseDelayMs * 2 ** Math.min(beyond, 30));
    this.#entries.delete(address);
    this.#entries.set(address, { attempts, lastMs: nowMs, blockedUntilMs: nowMs + delayMs });
  }
}
