/**
 * The media process of one stream, as its owner sees it: graphs by name, and reports. The graphs that a stream cannot do
 * without play in one child; each optional one plays in a child of its own, because a state change blocks the thread
 * that asks for it: a sound server that never answers must not keep the picture's commands from being read.
 */
import { Companion } from './companion.js';
import {
  type ExitListener,
  type MediaChild,
  type MediaProcessOptions,
  type MediaStats,
  spawnMediaChild,
} from './media-child.js';
import type { GraphDescription, MediaReport, PropertyValue } from './messages.js';

export { childDescriptor, type MediaProcessOptions, mediaEnvironment } from './media-child.js';

/**
 * Starts a media process. It becomes ready by itself (await {@link MediaProcess.ready} to know), so that a spare one
 * can stand by before its session exists; everything it will need to inherit must exist now.
 */
export const spawnMediaProcess = (options: MediaProcessOptions): MediaProcess =>
  new MediaProcess(options, () => spawnMediaChild(options));

/** A running media process. Create it with {@link spawnMediaProcess}. */
export class MediaProcess {
  readonly #options: MediaProcessOptions;
  readonly #spawn: () => MediaChild;
  readonly #main: MediaChild;
  readonly #companions = new Map<string, Companion>();
  readonly #reportListeners: ((report: MediaReport) => void)[] = [];
  readonly #stderrListeners: ((line: string) => void)[] = [];
  #isEnding = false;

  /** @param spawn starts the child for the required graphs now, and one for each optional graph later */
  constructor(options: MediaProcessOptions, spawn: () => MediaChild) {
    this.#options = options;
    this.#spawn = () => {
      const child = spawn();
      child.onStderrLine((line) => this.#onStderrLine(line));
      return child;
    };
    this.#main = this.#spawn();
    this.#main.onReport((report) => this.#report(report));
    // Sound alone would keep spending the numbers that a successor continues.
    this.#main.onExit(() => this.kill());
  }

  /** Resolves with GStreamer's version once commands are taken. @throws LumenError LUMEN_MEDIA_FAILED */
  get ready(): Promise<string> {
    return this.#main.ready;
  }

  /** Of the child that plays the required graphs; undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#main.pid;
  }

  /** Process ids of the children that play optional graphs at this moment. */
  get companionPids(): readonly number[] {
    return [...this.#companions.values()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** The required graphs are gone, or their process was abandoned. */
  get hasExited(): boolean {
    return this.#main.hasExited;
  }

  /** Some child did not end after SIGKILL: it may still send, and spend numbers of the session page. */
  get wasAbandoned(): boolean {
    return this.#main.wasAbandoned || [...this.#companions.values()].some((one) => one.wasAbandoned);
  }

  /** Calls `listener` with every report that is not the answer to a question (`ready` and `playing` included). */
  onReport(listener: (report: MediaReport) => void): void {
    this.#reportListeners.push(listener);
  }

  /** Calls `listener` with every line that any child writes to its standard error from now on. */
  onStderrLine(listener: (line: string) => void): void {
    this.#stderrListeners.push(listener);
  }

  /** Calls `listener` once, when the required graphs' process is gone or abandoned. */
  onExit(listener: ExitListener): void {
    this.#main.onExit(listener);
  }

  /**
   * Plays graphs on one clock and one base time; to be called once. The optional ones are started when the others play,
   * and are not waited for: their failures come as `error` reports.
   * @param baseTimeNs what an earlier process returned, or null for a new running time
   * @param deadlineMs the longest that the start of the required graphs may take
   * @returns the base time in nanoseconds of CLOCK_MONOTONIC, as decimal digits
   * @throws LumenError LUMEN_MEDIA_FAILED with the first error of a graph that is not optional, or at the deadline
   */
  async play(
    graphs: readonly GraphDescription[],
    baseTimeNs: string | null,
    deadlineMs?: number,
  ): Promise<string> {
    for (const graph of graphs) if (graph.isOptional) this.#addCompanion(graph);
    const required = graphs.filter((graph) => !graph.isOptional);
    const playedNs = await this.#main.play(required, baseTimeNs, deadlineMs);
    if (!this.#isEnding) for (const companion of this.#companions.values()) companion.start(playedNs);
    return playedNs;
  }

  #addCompanion(graph: GraphDescription): void {
    const companion = new Companion({
      graph,
      spawn: this.#spawn,
      report: (report) => this.#report(report),
      logger: this.#options.logger,
    });
    this.#companions.set(graph.name, companion);
  }

  /** Asks `element` of `graph` for a key frame with headers. @param count number of the request */
  forceKeyUnit(graph: string, element: string, count: number): void {
    this.#main.forceKeyUnit(graph, element, count);
  }

  /** Sets a property while the graph plays. One that does not exist comes back as an `error` report. */
  set(graph: string, element: string, property: string, value: PropertyValue): void {
    const companion = this.#companions.get(graph);
    if (companion === undefined) this.#main.set(graph, element, property, value);
    else companion.set(element, property, value);
  }

  /**
   * Reads every element's `stats`; an optional graph that does not answer at once is left out.
   * @throws LumenError LUMEN_MEDIA_FAILED when the required graphs give no answer in 2 s
   */
  async stats(): Promise<MediaStats> {
    const optional = [...this.#companions.values()].map((companion) => companion.stats());
    const [required, ...others] = await Promise.all([this.#main.stats(), ...optional]);
    return Object.assign({}, ...others, required);
  }

  /** See {@link MediaChild.inspect}. */
  inspect(names: readonly string[]): Promise<readonly string[]> {
    return this.#main.inspect(names);
  }

  /** See {@link MediaChild.check}. */
  check(launch: string): Promise<string | null> {
    return this.#main.check(launch);
  }

  /** The last lines that the required graphs' process wrote to its standard error. */
  get standardError(): string {
    return this.#main.standardError;
  }

  /**
   * Ends all children: by their own means until the deadline, then with SIGKILL. Resolves when they are gone, or
   * {@link MediaProcess.wasAbandoned} a second after SIGKILL.
   */
  async stop(deadlineMs = 1000): Promise<void> {
    this.#isEnding = true;
    const companions = [...this.#companions.values()].map((companion) => companion.stop(deadlineMs));
    await Promise.all([this.#main.stop(deadlineMs), ...companions]);
  }

  /** Ends all children at once. */
  kill(): void {
    this.#isEnding = true;
    this.#main.kill();
    for (const companion of this.#companions.values()) companion.kill();
  }

  #onStderrLine(line: string): void {
    for (const listener of this.#stderrListeners) listener(line);
  }

  #report(report: MediaReport): void {
    for (const listener of this.#reportListeners) listener(report);
  }
}
