/** When a media process that failed is replaced, and when its stream is given up. Pure: the time is passed in. */

/** More failures than this within the window end the stream; without a first frame, of which a client must hear soon, fewer. */
const MAX_FAILURES = 3;
const MAX_FAILURES_BEFORE_FIRST_FRAME = 2;
const FAILURE_WINDOW_MS = 30_000;
/** Before the first, second and third replacement within the window, of a process that did not live long enough to count
 *  as a good one: one that dies in mid-stream is replaced at once. */
const RETRY_DELAYS_MS = [0, 250, 1000];
const GOOD_LIFE_MS = 1000;
const FIRST_FRAME_BUDGET_MS = 5000;
/** The longest that a graph may take to start before the first frame: what hangs will hang again, and the client waits. */
const FIRST_PLAY_DEADLINE_MS = 2200;

/** What follows from a failure. */
export type FailureVerdict =
  | { readonly isGivenUp: true }
  | { readonly isGivenUp: false; readonly failures: number; readonly retryDelayMs: number };

/** The memory of one stream. All times in milliseconds of one monotonic clock. */
export class RestartPolicy {
  #failuresMs: readonly number[] = [];
  /** When the first process was asked for. */
  #beganMs: number | undefined;
  /** When a start was asked for that has not come about. */
  #playAskedMs: number | undefined;
  #playingSinceMs: number | undefined;
  #hasDelivered = false;

  /** A process is asked for. */
  begin(nowMs: number): void {
    this.#beganMs ??= nowMs;
  }

  /** Its graphs are asked to play. @returns how long they may take, undefined for the usual time */
  askToPlay(nowMs: number): number | undefined {
    this.#playAskedMs = nowMs;
    return this.#hasDelivered ? undefined : FIRST_PLAY_DEADLINE_MS;
  }

  playing(nowMs: number): void {
    this.#playAskedMs = undefined;
    this.#playingSinceMs = nowMs;
  }

  /** A frame left some process of this stream. */
  delivered(): void {
    this.#hasDelivered = true;
  }

  fail(nowMs: number): FailureVerdict {
    this.#failuresMs = [...this.#failuresMs.filter((atMs) => nowMs - atMs < FAILURE_WINDOW_MS), nowMs];
    const failures = this.#failuresMs.length;
    const lifeMs = nowMs - (this.#playingSinceMs ?? nowMs);
    this.#playingSinceMs = undefined;
    if (failures > MAX_FAILURES || this.#isTooLateToBegin(nowMs)) return { isGivenUp: true };
    const retryDelayMs = lifeMs < GOOD_LIFE_MS ? (RETRY_DELAYS_MS[failures - 1] ?? 0) : 0;
    return { isGivenUp: false, failures, retryDelayMs };
  }

  /** A client that never saw a frame leaves after ten seconds, and wants to know why long before. */
  #isTooLateToBegin(nowMs: number): boolean {
    if (this.#hasDelivered) return false;
    const isHung = nowMs - (this.#playAskedMs ?? nowMs) >= FIRST_PLAY_DEADLINE_MS;
    const isLate = nowMs - (this.#beganMs ?? nowMs) > FIRST_FRAME_BUDGET_MS;
    return isHung || isLate || this.#failuresMs.length > MAX_FAILURES_BEFORE_FIRST_FRAME;
  }
}
