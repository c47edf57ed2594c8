/**
 * One optional graph in a child of its own. Whatever happens to it is an `error` report with the graph's name; it is
 * started again a few times, later each time, and then left.
 */
import os from 'node:os';
import { describeError } from '../support/errors.js';
import { runTask, withDeadline } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import type { MediaChild, MediaError, MediaStats } from './media-child.js';
import type { GraphDescription, MediaReport, PropertyValue } from './messages.js';

/** Before the first, second and third new start: a sound server that is restarted is back within these. */
const RETRY_DELAYS_MS = [1000, 5000, 30_000];
/** A graph that played this long has its retries back. */
const STEADY_MS = 60_000;
/** As sound servers have it; the kernel refuses it to users without the privilege or a limit that allows it. */
const NICENESS = -11;
/** Whoever reads `stats` waits for the picture's, not for these. */
const STATS_PATIENCE_MS = 250;

export interface CompanionOptions {
  readonly graph: GraphDescription;
  spawn(): MediaChild;
  report(report: MediaReport): void;
  readonly logger: Logger;
  /** Milliseconds before each new start; tests use less. */
  readonly retryDelaysMs?: readonly number[];
}

type Property = GraphDescription['properties'][number];
type Failure = Pick<MediaError, 'element' | 'code' | 'message' | 'debug'>;

const failureOf = (code: string, message: string): Failure => ({ element: '', code, message, debug: '' });

/** No later start can repair what is wrong with the description. */
const isLasting = ({ code }: Failure): boolean => code === 'parse' || code === 'property';

const isAboutCommand = ({ code }: Failure): boolean => code === 'command' || code === 'property';

export class Companion {
  readonly #options: CompanionOptions;
  /** As described and then as set, so that a new start has the latest values. */
  #properties: readonly Property[];
  #baseTimeNs = '';
  #child: MediaChild | undefined;
  /** When the running child began to play. */
  #playingSinceMs: number | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The end of the children that failed. */
  #ended: Promise<void> = Promise.resolve();
  #wasAbandoned = false;

  constructor(options: CompanionOptions) {
    this.#options = options;
    this.#properties = options.graph.properties;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Some child of this graph did not end after SIGKILL. */
  get wasAbandoned(): boolean {
    return this.#wasAbandoned || this.#child?.wasAbandoned === true;
  }

  /** Starts the graph, and again after a failure, on the base time `baseTimeNs`. */
  start(baseTimeNs: string): void {
    this.#baseTimeNs = baseTimeNs;
    this.#begin();
  }

  #begin(): void {
    // A host that has no descriptor or memory left cannot spawn: then there is no sound, and all else goes on.
    runTask(this.#options.logger, 'play optional graph', () => this.#run());
  }

  async #run(): Promise<void> {
    if (this.#isStopped) return;
    const child = this.#options.spawn();
    this.#child = child;
    this.#prefer(child);
    child.onReport((report) => this.#onReport(child, report));
    child.onExit((code, signal) => {
      const how = signal === null ? `with status ${code}` : `by signal ${signal}`;
      this.#fail(child, failureOf('internal', `its process ended ${how}`));
    });
    await this.#play(child);
  }

  /** Before it has threads, which inherit it. A sound that comes late is heard to break; a picture is only late. */
  #prefer({ pid }: MediaChild): void {
    if (pid === undefined) return;
    try {
      os.setPriority(pid, NICENESS);
    } catch (error) {
      this.#options.logger.debug({ problem: describeError(error) }, 'no priority for the sound');
    }
  }

  async #play(child: MediaChild): Promise<void> {
    const played = this.#properties;
    try {
      const graph = { ...this.#options.graph, properties: played, isOptional: false };
      await child.play([graph], this.#baseTimeNs);
    } catch (error) {
      this.#fail(child, failureOf('state', describeError(error)));
      return;
    }
    if (child !== this.#child) return;
    this.#playingSinceMs = performance.now();
    this.#options.logger.debug({ graph: this.#options.graph.name, mediaPid: child.pid }, 'graph plays');
    for (const property of this.#properties) if (!played.includes(property)) this.#send(property);
  }

  #onReport(child: MediaChild, report: MediaReport): void {
    if (child !== this.#child || report.type === 'ready' || report.type === 'playing') return;
    // What a graph that plays says of a command leaves it playing.
    const isPlaying = this.#playingSinceMs !== undefined;
    if (report.type === 'error' && !(isPlaying && isAboutCommand(report))) this.#fail(child, report);
    else this.#options.report(report);
  }

  #fail(child: MediaChild, failure: Failure): void {
    if (this.#isStopped || child !== this.#child) return;
    const { graph, report, logger, retryDelaysMs = RETRY_DELAYS_MS } = this.#options;
    const playedMs = performance.now() - (this.#playingSinceMs ?? performance.now());
    this.#failures = playedMs >= STEADY_MS ? 1 : this.#failures + 1;
    this.#child = undefined;
    this.#playingSinceMs = undefined;
    const delayMs = isLasting(failure) ? undefined : retryDelaysMs[this.#failures - 1];
    const next = delayMs === undefined ? 'not started again' : `started again in ${delayMs / 1000} s`;
    const { element, code, debug } = failure;
    report({
      type: 'error',
      graph: graph.name,
      element,
      code,
      debug,
      message: `${failure.message}; ${next}`,
    });
    this.#ended = this.#bury(child, delayMs);
    runTask(logger, 'end optional graph', () => this.#ended);
  }

  /** Its successor waits for its end: two would share a socket and the session's numbers. */
  async #bury(child: MediaChild, delayMs: number | undefined): Promise<void> {
    await child.stop(0);
    this.#wasAbandoned ||= child.wasAbandoned;
    if (delayMs !== undefined && !this.#isStopped) this.#retry = setTimeout(() => this.#begin(), delayMs);
  }

  /** Sets a property now, or when the graph plays. */
  set(element: string, property: string, value: PropertyValue): void {
    const others = this.#properties.filter((one) => one.element !== element || one.property !== property);
    const changed = { element, property, value };
    this.#properties = [...others, changed];
    if (this.#playingSinceMs !== undefined) this.#send(changed);
  }

  #send({ element, property, value }: Property): void {
    this.#child?.set(this.#options.graph.name, element, property, value);
  }

  /** Its `stats`, or nothing where it does not play or does not answer at once. */
  async stats(): Promise<MediaStats> {
    const child = this.#child;
    if (child === undefined || this.#playingSinceMs === undefined) return {};
    const answer = child.stats();
    answer.catch((error: unknown) => this.#fail(child, failureOf('state', describeError(error))));
    return withDeadline(answer, STATS_PATIENCE_MS, 'its answer').catch(() => ({}));
  }

  /** See {@link MediaChild.stop}. Nothing is started again. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    await Promise.all([this.#child?.stop(deadlineMs), this.#ended]);
  }

  /** Ends the process at once. Nothing is started again. */
  kill(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    this.#child?.kill();
  }
}
