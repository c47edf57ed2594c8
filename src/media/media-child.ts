/**
 * The control process's side of one child that runs `media/process/main`: starts it, talks to it in `messages.ts`, and
 * ends it in time. `media-process.ts` makes a stream's media plane of such children.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LumenError } from '../support/errors.js';
import { withDeadline } from '../support/lifecycle.js';
import { LastLines, readLines } from '../support/lines.js';
import type { Logger } from '../support/logger.js';
import type { Fields, GraphDescription, MediaCommand, MediaReport, PropertyValue } from './messages.js';

/** The number that the first handed-down descriptor has in the child, behind the three standard ones. */
const FIRST_CHILD_DESCRIPTOR = 3;
/** GStreamer's very first start scans every plugin, which takes seconds on a slow disk. */
const READY_DEADLINE_MS = 15_000;
/** A graph that starts takes well under a second; more is a wedged source or driver. */
const PLAY_DEADLINE_MS = 5_000;
const REPLY_DEADLINE_MS = 2_000;
const KEPT_STDERR_LINES = 20;
/** How long the last words of an ended process are waited for. */
const STDERR_GRACE_MS = 100;
/** The kernel ends a process within milliseconds of SIGKILL, unless a driver keeps one of its threads. */
const KILL_GRACE_MS = 1000;

export interface MediaProcessOptions {
  /**
   * Descriptors that every child inherits, in order. They stay the caller's, who keeps them open until the process has
   * been stopped. Their numbers there: {@link childDescriptor}.
   */
  readonly descriptors: readonly number[];
  readonly logger: Logger;
  /** The child's environment. `LUMEN_PLUGIN_DIR` replaces the folder of the project's own elements. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Every element's `stats`, by graph and then by element name. */
export type MediaStats = Readonly<Record<string, Readonly<Record<string, Fields>>>>;
export type MediaError = Extract<MediaReport, { type: 'error' }>;
export type ExitListener = (code: number | null, signal: NodeJS.Signals | null) => void;

/** The number that descriptor `index` of {@link MediaProcessOptions.descriptors} has inside a child. */
export const childDescriptor = (index: number): number => FIRST_CHILD_DESCRIPTOR + index;

/** The environment of a media process: the given one with the project's elements in front of the plugin path. */
export const mediaEnvironment = (environment: MediaProcessOptions['environment']): NodeJS.ProcessEnv => {
  const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));
  const own = environment['LUMEN_PLUGIN_DIR'] ?? join(packageRoot, 'build', 'gst-plugins');
  const others = environment['GST_PLUGIN_PATH'];
  return { ...environment, GST_PLUGIN_PATH: others ? `${own}${delimiter}${others}` : own };
};

/** Starts a child. It becomes ready by itself; await {@link MediaChild.ready} to know. */
export const spawnMediaChild = (options: MediaProcessOptions): MediaChild => {
  const main = fileURLToPath(new URL('./process/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe', ...options.descriptors, 'ipc'],
    env: mediaEnvironment(options.environment),
  });
  return new MediaChild(child, options.logger);
};

/** Text of an `error` report for people: where and what. */
const describeReport = (report: MediaError): string => {
  const place = [report.graph && `graph "${report.graph}"`, report.element && `element "${report.element}"`];
  const where = place.filter(Boolean).join(', ');
  return `${report.message}${where && ` (${where})`} [${report.code}]`;
};

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A running child. Create it with {@link spawnMediaChild}. */
export class MediaChild {
  /** Resolves with GStreamer's version once commands are taken. @throws LumenError LUMEN_MEDIA_FAILED */
  readonly ready: Promise<string>;
  readonly #child: ChildProcess;
  readonly #logger: Logger;
  readonly #stderr = new LastLines(KEPT_STDERR_LINES);
  readonly #reportListeners: ((report: MediaReport) => void)[] = [];
  readonly #exitListeners: ExitListener[] = [];
  readonly #stderrListeners: ((line: string) => void)[] = [];
  readonly #replies = new Map<number, Waiter<MediaReport>>();
  readonly #exited: Promise<void>;
  readonly #killGraceMs: number;
  #hasExited = false;
  #wasAbandoned = false;
  #nextId = 1;
  #readyWaiter: Waiter<string> | undefined;
  #playWaiter: Waiter<string> | undefined;
  #lastError: string | undefined;
  /** How it ended, once it has. */
  #end: string | undefined;

  /**
   * @param child a process that runs `media/process/main` with an IPC channel and a pipe as standard error
   * @param killGraceMs how long after SIGKILL it is abandoned; tests use less
   */
  constructor(child: ChildProcess, logger: Logger, killGraceMs = KILL_GRACE_MS) {
    this.#child = child;
    this.#killGraceMs = killGraceMs;
    this.#logger = logger.child({ module: 'media', mediaPid: child.pid });
    this.ready = this.#within('start', READY_DEADLINE_MS, (waiter) => {
      this.#readyWaiter = waiter;
    });
    // A spare that nobody awaits yet must not end the host when it fails.
    this.ready.catch(() => undefined);
    if (child.stderr) readLines(child.stderr, (line) => this.#onStderr(line));
    child.on('message', (report: MediaReport) => this.#onReport(report));
    this.#exited = new Promise((resolve) => {
      this.#exitListeners.push(() => resolve());
    });
    this.#watchExit();
  }

  #watchExit(): void {
    const ended = (code: number | null, signal: NodeJS.Signals | null) =>
      this.#onExit(
        signal === null ? `it ended with status ${code}` : `it was ended by ${signal}`,
        code,
        signal,
      );
    // `close` comes when standard error is read to its end, `exit` alone where something else still holds that pipe.
    this.#child.once('close', ended);
    this.#child.once('exit', (code, signal) =>
      setTimeout(() => ended(code, signal), STDERR_GRACE_MS).unref(),
    );
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined)
        this.#onExit(`it could not be started: ${error.message}`, null, null);
      else this.#logger.debug({ err: error }, 'media process channel');
    });
  }

  /** Undefined where the process could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** True also for one that was abandoned. */
  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** It did not end after SIGKILL, and may still use what it inherited. */
  get wasAbandoned(): boolean {
    return this.#wasAbandoned;
  }

  /** Calls `listener` with every report that is not the answer to a question (`ready` and `playing` included). */
  onReport(listener: (report: MediaReport) => void): void {
    this.#reportListeners.push(listener);
  }

  /** Calls `listener` with every line that the process writes to its standard error from now on. */
  onStderrLine(listener: (line: string) => void): void {
    this.#stderrListeners.push(listener);
  }

  /** Calls `listener` once, when the process is gone or abandoned. */
  onExit(listener: ExitListener): void {
    this.#exitListeners.push(listener);
  }

  /**
   * Plays graphs on one clock and one base time; to be called once.
   * @param baseTimeNs what an earlier process returned, or null for a new running time
   * @returns the base time in nanoseconds of CLOCK_MONOTONIC, as decimal digits
   * @throws LumenError LUMEN_MEDIA_FAILED with the first error of a graph, or at the deadline
   */
  async play(
    graphs: readonly GraphDescription[],
    baseTimeNs: string | null,
    deadlineMs = PLAY_DEADLINE_MS,
  ): Promise<string> {
    await this.ready;
    return this.#within('play', deadlineMs, (waiter) => {
      this.#playWaiter = waiter;
      this.#send({ type: 'play', graphs, baseTimeNs });
    });
  }

  /** Asks `element` of `graph` for a key frame with headers. @param count number of the request */
  forceKeyUnit(graph: string, element: string, count: number): void {
    this.#send({ type: 'force-key-unit', graph, element, count });
  }

  /** Sets a property while the graph plays. One that does not exist comes back as an `error` report. */
  set(graph: string, element: string, property: string, value: PropertyValue): void {
    this.#send({ type: 'set', graph, element, property, value });
  }

  /** Reads every element's `stats`. @throws LumenError LUMEN_MEDIA_FAILED when no answer comes in 2 s */
  async stats(): Promise<MediaStats> {
    const reply = await this.#ask((id) => ({ type: 'stats', id }));
    return reply.type === 'stats' ? reply.graphs : {};
  }

  /**
   * Which of `names` do not exist here.
   * @param names `element` or `element.property`
   * @throws LumenError LUMEN_MEDIA_FAILED when no answer comes in 2 s
   */
  async inspect(names: readonly string[]): Promise<readonly string[]> {
    await this.ready;
    const reply = await this.#ask((id) => ({ type: 'inspect', id, names }));
    return reply.type === 'inspection' ? reply.missing : [];
  }

  /**
   * Why `launch` does not parse here, or null where it does. A value out of its range parses: GLib's warning about it
   * is in {@link MediaProcess.standardError} once the process has stopped.
   * @throws LumenError LUMEN_MEDIA_FAILED when no answer comes in 2 s
   */
  async check(launch: string): Promise<string | null> {
    await this.ready;
    const reply = await this.#ask((id) => ({ type: 'check', id, launch }));
    return reply.type === 'checked' ? reply.problem : null;
  }

  /** The last lines that the process wrote to its standard error. */
  get standardError(): string {
    return this.#stderr.text();
  }

  /**
   * Ends the process: by its own means until the deadline, then with SIGKILL. Resolves when it is gone, or abandoned
   * because it is not gone a second after SIGKILL.
   */
  async stop(deadlineMs = 1000): Promise<void> {
    if (this.#hasExited) return;
    this.#send({ type: 'stop' });
    if (await this.#isGoneWithin(deadlineMs)) return;
    this.kill();
    if (await this.#isGoneWithin(this.#killGraceMs)) return;
    this.#abandon();
  }

  #isGoneWithin(ms: number): Promise<boolean> {
    return withDeadline(this.#exited, ms, 'its end').then(
      () => true,
      () => this.#hasExited,
    );
  }

  /** Lets go of a process that the kernel cannot end now: it must not hold the session's end or the host's. */
  #abandon(): void {
    this.#wasAbandoned = true;
    this.#logger.error(
      { pid: this.pid, remedy: `look at /proc/${this.pid}/stack and restart what its driver waits for` },
      'a media process did not end after SIGKILL: it is left behind',
    );
    if (this.#child.connected) this.#child.disconnect();
    this.#child.stderr?.destroy();
    this.#child.unref();
    this.#onExit('it did not end after SIGKILL', null, 'SIGKILL');
  }

  /** Ends the process at once. */
  kill(): void {
    if (!this.#hasExited) this.#child.kill('SIGKILL');
  }

  #send(command: MediaCommand): void {
    if (this.#hasExited || !this.#child.connected) return;
    this.#child.send(command, (error) => {
      if (error)
        this.#logger.debug(
          { err: error, command: command.type },
          'a command did not reach the media process',
        );
    });
  }

  #ask(command: (id: number) => MediaCommand): Promise<MediaReport> {
    const id = this.#nextId;
    this.#nextId += 1;
    const reply = this.#within<MediaReport>('answer', REPLY_DEADLINE_MS, (waiter) => {
      this.#replies.set(id, waiter);
      this.#send(command(id));
    });
    return reply.finally(() => this.#replies.delete(id));
  }

  /** A promise that also ends when the process does, or after `deadlineMs`. */
  async #within<T>(what: string, deadlineMs: number, begin: (waiter: Waiter<T>) => void): Promise<T> {
    if (this.#hasExited) throw this.#failure(this.#end ?? 'it has already ended');
    const outcome = new Promise<T>((resolve, reject) => begin({ resolve, reject }));
    try {
      return await withDeadline(outcome, deadlineMs, `its ${what}`);
    } catch (error) {
      throw error instanceof LumenError
        ? error
        : this.#failure(error instanceof Error ? error.message : String(error));
    }
  }

  #failure(problem: string): LumenError {
    const lines = this.#stderr.text();
    return new LumenError('LUMEN_MEDIA_FAILED', { problem, ...(lines && { standardError: lines }) });
  }

  #onStderr(line: string): void {
    this.#stderr.add(line);
    for (const listener of this.#stderrListeners) listener(line);
    this.#logger.debug({ line }, 'media process wrote to standard error');
  }

  #onReport(report: MediaReport): void {
    if (report.type === 'stats' || report.type === 'inspection' || report.type === 'checked') {
      this.#replies.get(report.id)?.resolve(report);
      return;
    }
    if (report.type === 'ready') this.#readyWaiter?.resolve(report.gstreamerVersion);
    if (report.type === 'playing') this.#playWaiter?.resolve(report.baseTimeNs);
    if (report.type === 'error') this.#onError(report);
    for (const listener of this.#reportListeners) listener(report);
  }

  #onError(report: MediaError): void {
    const problem = describeReport(report);
    this.#lastError ??= problem;
    this.#readyWaiter?.reject(this.#failure(problem));
    this.#playWaiter?.reject(this.#failure(problem));
  }

  #onExit(how: string, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#end = this.#lastError === undefined ? how : `${this.#lastError}; ${how}`;
    const failure = this.#failure(this.#end);
    this.#readyWaiter?.reject(failure);
    this.#playWaiter?.reject(failure);
    for (const waiter of this.#replies.values()) waiter.reject(failure);
    for (const listener of this.#exitListeners) listener(code, signal);
  }
}
