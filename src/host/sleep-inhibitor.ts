/**
 * Keeps the machine awake while somebody streams, by logind's inhibitor lock (`systemd-inhibit`). The lock lives in a
 * child that ends with our end of its standard input, so that a host that is killed leaves no lock behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Environment } from '../config/paths.js';
import type { Logger } from '../support/logger.js';

/** `idle` keeps the desktop from blanking the picture that is streamed. */
const LOCK = ['--what=sleep:idle', '--who=Lumen', '--why=A Moonlight client is streaming', '--mode=block'];
const MAX_ERROR_CHARACTERS = 300;

const describeExit = (code: number | null, errors: string): string =>
  errors.trim() || `systemd-inhibit ended with status ${code}`;

/** One lock for all streams: taken with the first, let go with the last. */
export class SleepInhibitor {
  readonly #environment: Environment;
  readonly #logger: Logger;
  readonly #streams = new Set<unknown>();
  #lock: ChildProcess | undefined;
  /** The last problem that was told: a machine that always refuses is told of once. */
  #told = '';

  /** @param options `environment` of the child says where the system bus is */
  constructor(options: { readonly environment: Environment; readonly logger: Logger }) {
    this.#environment = options.environment;
    this.#logger = options.logger;
  }

  /** The machine stays awake until this stream is released. Again for the same stream: no effect. */
  hold(stream: unknown): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    this.#lock ??= this.#takeLock();
  }

  /** Unknown streams are ignored. */
  release(stream: unknown): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return;
    this.#dropLock();
  }

  close(): void {
    this.#streams.clear();
    this.#dropLock();
  }

  #dropLock(): void {
    this.#lock?.stdin?.end();
    this.#lock = undefined;
  }

  #takeLock(): ChildProcess {
    // cat reads until our end of the pipe is closed, by us or by the kernel.
    const child = spawn('systemd-inhibit', [...LOCK, 'cat'], {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...this.#environment },
    });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(0, MAX_ERROR_CHARACTERS);
    });
    // The child's end is told by `close`; a pipe that broke before says nothing more.
    child.stdin?.on('error', (error) => this.#logger.trace({ err: error }, 'the sleep lock has ended'));
    child.once('error', (error: NodeJS.ErrnoException) =>
      this.#onLost(child, error.code === 'ENOENT' ? 'systemd-inhibit is not installed' : error.message),
    );
    child.once('close', (code) => this.#onLost(child, describeExit(code, errors)));
    return child;
  }

  #onLost(child: ChildProcess, problem: string): void {
    if (this.#lock !== child) return;
    this.#lock = undefined;
    if (problem === this.#told) return;
    this.#told = problem;
    const remedy = 'forbid it in the power settings, or see docs/headless.md';
    this.#logger.warn({ problem, remedy }, 'the machine may go to sleep while a client streams');
  }
}
