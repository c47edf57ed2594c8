/**
 * Keeps the machine awake and its screen lit while somebody streams.
 *
 * Both locks are asked for, as neither does all: logind's keeps the machine from sleeping whoever asks, also where no
 * desktop runs, but GNOME blanks the screen all the same; the desktop's own, through its portal, keeps that from blanking.
 */
import type { Environment } from '../config/paths.js';
import type { Logger } from '../support/logger.js';
import { type TakeSleepLock, takeLogindLock, takePortalLock } from './sleep-locks.js';

const REMEDY =
  'forbid it in the power settings, or see “Staying awake” in docs/headless.md for what has to be there';

const LOCKS = [
  { name: 'logind', take: takeLogindLock },
  { name: 'desktop portal', take: takePortalLock },
] as const;

interface Lock {
  readonly name: string;
  state: 'asked' | 'held' | 'lost';
  problem: string;
  drop(): void;
}

/** The locks of all streams together: taken with the first, let go with the last. */
export class SleepInhibitor {
  readonly #environment: Environment;
  readonly #logger: Logger;
  readonly #streams = new Set<unknown>();
  #locks: readonly Lock[] = [];
  /** What was told last: nothing is told twice in a row. */
  #told = '';

  /** @param options `environment` says where the system bus and the session bus are */
  constructor(options: { readonly environment: Environment; readonly logger: Logger }) {
    this.#environment = options.environment;
    this.#logger = options.logger;
  }

  /** The machine stays awake until this stream is released. Again for the same stream: no effect. */
  hold(stream: unknown): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    // What was refused or lost under way is asked for again with the next stream.
    this.#locks = LOCKS.map(
      ({ name, take }) =>
        this.#locks.find((lock) => lock.name === name && lock.state !== 'lost') ?? this.#take(name, take),
    );
  }

  /** Unknown streams are ignored. */
  release(stream: unknown): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return;
    this.#dropLocks();
  }

  close(): void {
    this.#streams.clear();
    this.#dropLocks();
  }

  #dropLocks(): void {
    for (const lock of this.#locks) lock.drop();
    this.#locks = [];
  }

  #take(name: string, take: TakeSleepLock): Lock {
    const lock: Lock = { name, state: 'asked', problem: '', drop: () => undefined };
    const onChange = (state: Lock['state'], problem = ''): void => {
      // One that was dropped has nothing to say any more.
      if (!this.#locks.includes(lock)) return;
      Object.assign(lock, { state, problem });
      this.#report();
    };
    lock.drop = take(this.#environment, {
      onHeld: () => onChange('held'),
      onLost: (problem) => onChange('lost', problem),
    });
    return lock;
  }

  #report(): void {
    if (this.#locks.some(({ state }) => state === 'asked')) return;
    const by = this.#locks.filter(({ state }) => state === 'held').map(({ name }) => name);
    const problem = this.#locks
      .filter(({ state }) => state === 'lost')
      .map((lock) => `${lock.name}: ${lock.problem}`)
      .join('; ');
    const told = `${by}; ${problem}`;
    if (told === this.#told) return;
    this.#told = told;
    if (by.length === 0)
      this.#logger.warn({ problem, remedy: REMEDY }, 'the machine may go to sleep while a client streams');
    else
      this.#logger.info(
        { by: by.join(', '), ...(problem && { without: problem }) },
        'the machine stays awake while a client streams',
      );
  }
}
