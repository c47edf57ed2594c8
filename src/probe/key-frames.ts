/**
 * When the probe asks for key frames: after a loss, as a stock client does (`protocol/video.md` §7), and on purpose,
 * to measure how long the answer takes. Times are CLOCK_MONOTONIC in nanoseconds.
 */

/** How long a key frame asked for on purpose took. */
export interface RoundTrip {
  /** From sending the request to the arrival of the key frame's last datagram. */
  readonly ms: number;
  /** Index of the key frame less the newest index when it was asked for. */
  readonly frames: number;
}

/** What asking needs from outside. */
export interface KeyFrameRequestParts {
  /** Sends one request message. */
  send(): void;
  /** The time now. */
  nowNs(): bigint;
  /** Frame interval in milliseconds: the request after a loss waits for the next complete frame. */
  readonly frameIntervalMs: number;
}

interface Measurement {
  readonly sentNs: bigint;
  readonly newestIndex: number;
  resolve(trip: RoundTrip): void;
}

/** Clients ask again about this often until the key frame is there. */
const REPEAT_MS = 30;

/** One stream's key-frame requests. Call {@link KeyFrameRequests.stop} at its end. */
export class KeyFrameRequests {
  readonly #parts: KeyFrameRequestParts;
  #count = 0;
  #newestKeyFrame = -1;
  #awaitedAfter = -1;
  #timer: NodeJS.Timeout | undefined;
  #measurements: Measurement[] = [];

  constructor(parts: KeyFrameRequestParts) {
    this.#parts = parts;
  }

  /** Requests sent so far, repeats included. */
  get count(): number {
    return this.#count;
  }

  /** True while a loss has not been repaired by a key frame. */
  get isRecovering(): boolean {
    return this.#timer !== undefined;
  }

  /** Frames up to `last` are lost: asks until a key frame after them has come. */
  onLost(last: number): void {
    if (last < this.#newestKeyFrame) return;
    this.#awaitedAfter = Math.max(this.#awaitedAfter, last);
    this.#timer ??= setTimeout(() => this.#askForRecovery(), this.#parts.frameIntervalMs);
  }

  /** A complete key frame arrived. */
  onKeyFrame(index: number, arrivalNs: bigint): void {
    this.#newestKeyFrame = Math.max(this.#newestKeyFrame, index);
    if (index > this.#awaitedAfter) this.#stopRecovery();
    const answers = this.#measurements.filter(
      ({ sentNs, newestIndex }) => index > newestIndex && arrivalNs >= sentNs,
    );
    this.#measurements = this.#measurements.filter((measurement) => !answers.includes(measurement));
    for (const { sentNs, newestIndex, resolve } of answers) {
      resolve({ ms: Number(arrivalNs - sentNs) / 1e6, frames: index - newestIndex });
    }
  }

  /**
   * Asks once and resolves when the key frame is there; never, when the stream ends before.
   * @param newestIndex index of the newest frame so far
   */
  measure(newestIndex: number): Promise<RoundTrip> {
    return new Promise((resolve) => {
      this.#measurements.push({ sentNs: this.#parts.nowNs(), newestIndex, resolve });
      this.#ask();
    });
  }

  stop(): void {
    this.#stopRecovery();
    this.#measurements = [];
  }

  #ask(): void {
    this.#count += 1;
    this.#parts.send();
  }

  #askForRecovery(): void {
    this.#ask();
    this.#timer = setTimeout(() => this.#askForRecovery(), REPEAT_MS);
  }

  #stopRecovery(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
