/**
 * When a wanted key frame may be made. Clients ask again every 30 ms or so; a key frame is many times as large as
 * another frame, so there is at most one per window of max(2 frames, 100 ms). A request inside the window is owed, not
 * lost. Pure: the time is passed in, the timer is the caller's.
 */

const MIN_WINDOW_MS = 100;
const WINDOW_FRAMES = 2;

/** `force`: make one now. `owed`: at `dueMs`. `absorbed`: a key frame that the client cannot have missed yet comes anyway. */
export type KeyFrameDecision = 'force' | 'owed' | 'absorbed';

/** One stream's gate. All times are milliseconds of one monotonic clock. */
export class KeyFrameGate {
  /** At most one key frame in this time. */
  readonly windowMs: number;
  readonly #frameMs: number;
  #lastMs: number | undefined;
  #isOwed = false;

  /** @param fps frames a second, above 0 */
  constructor(fps: number) {
    this.#frameMs = 1000 / fps;
    this.windowMs = Math.max(MIN_WINDOW_MS, (WINDOW_FRAMES * 1000) / fps);
  }

  /** When the owed key frame may be made; undefined while none is owed. */
  get dueMs(): number | undefined {
    return this.#isOwed && this.#lastMs !== undefined ? this.#lastMs + this.windowMs : undefined;
  }

  /** The encoder made its first frame: a key frame, which pays for everything asked so far. */
  firstFrame(nowMs: number): void {
    this.#lastMs = nowMs;
    this.#isOwed = false;
  }

  /** The encoder was stopped: nothing is owed until it starts again. */
  stopped(): void {
    this.#lastMs = undefined;
    this.#isOwed = false;
  }

  /** The client, or a dropped frame, asks for a key frame. */
  request(nowMs: number): KeyFrameDecision {
    // The client's first request and its first ping come in either order, and what answers one answers the other.
    if (this.#lastMs === undefined || nowMs - this.#lastMs < this.#frameMs) return 'absorbed';
    this.#isOwed = true;
    return this.takeDue(nowMs) ? 'force' : 'owed';
  }

  /** To call at {@link dueMs}. @returns true when a key frame is to be made now */
  takeDue(nowMs: number): boolean {
    const dueMs = this.dueMs;
    if (dueMs === undefined || nowMs < dueMs) return false;
    this.#lastMs = nowMs;
    this.#isOwed = false;
    return true;
  }
}
