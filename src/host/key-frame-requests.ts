/** Runs one stream's key-frame gate on the clock: what is owed is paid when its window ends. */
import { KeyFrameGate } from '../control/key-frame-gate.js';

export class KeyFrameRequests {
  readonly #gate: KeyFrameGate;
  readonly #force: () => void;
  #timer: NodeJS.Timeout | undefined;
  #requested = 0;
  #forced = 0;

  /**
   * @param fps frames a second of the stream
   * @param force makes the encoder produce a key frame now
   */
  constructor(fps: number, force: () => void) {
    this.#gate = new KeyFrameGate(fps);
    this.#force = force;
  }

  get counts(): { readonly requested: number; readonly forced: number } {
    return { requested: this.#requested, forced: this.#forced };
  }

  /** The picture was released: its first frame is a key frame and answers all that came before. */
  firstFrame(): void {
    this.#gate.firstFrame(performance.now());
  }

  request(): void {
    this.#requested += 1;
    const decision = this.#gate.request(performance.now());
    if (decision === 'force') this.#pay();
    else if (decision === 'owed') this.#payLater();
  }

  /** Forgets what is owed: the stream stopped. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gate.stopped();
  }

  #pay(): void {
    this.#forced += 1;
    this.#force();
  }

  #payLater(): void {
    const { dueMs } = this.#gate;
    if (this.#timer !== undefined || dueMs === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#gate.takeDue(performance.now())) this.#pay();
        else this.#payLater();
      },
      Math.max(1, Math.ceil(dueMs - performance.now())),
    );
  }
}
