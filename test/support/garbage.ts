/** Which objects the garbage collector has taken: what is never taken is a leak. */
import v8 from 'node:v8';
import vm from 'node:vm';
import { until } from './serve.js';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

export class Collected {
  #count = 0;
  readonly #registry = new FinalizationRegistry(() => {
    this.#count += 1;
  });

  watch(object: object): void {
    this.#registry.register(object, undefined);
  }

  /** Collects garbage until at least `count` of the watched objects are gone. @throws when they stay */
  async reaches(count: number): Promise<void> {
    const isReached = (): boolean => {
      collectGarbage();
      return this.#count >= count;
    };
    await until(isReached, `${count} objects are collected`, 20_000);
  }
}
