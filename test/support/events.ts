/** Collects values that callbacks deliver and lets a test await the next one. */
export class Inbox<T> {
  readonly all: T[] = [];
  readonly #waiting: { accept: (value: T) => boolean; resolve: (value: T) => void }[] = [];
  #taken = 0;

  push(value: T): void {
    this.all.push(value);
    const index = this.#waiting.findIndex((waiter) => waiter.accept(value));
    if (index < 0) return;
    this.#taken = this.all.length;
    this.#waiting.splice(index, 1)[0]?.resolve(value);
  }

  /** The next value, from those not yet taken on, that `accept` likes. Rejects after `timeoutMs`. */
  next(what: string, accept: (value: T) => boolean = () => true, timeoutMs = 3000): Promise<T> {
    const index = this.all.findIndex((value, place) => place >= this.#taken && accept(value));
    if (index >= 0) {
      this.#taken = index + 1;
      return Promise.resolve(this.all[index] as T);
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what} did not come in ${timeoutMs} ms`)), timeoutMs);
      this.#waiting.push({
        accept,
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
      });
    });
  }
}
