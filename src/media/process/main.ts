/**
 * The media process: a graph runner. It plays launch strings on one clock and one base time, forwards what happens on
 * their buses and does what `messages.ts` lists; it knows nothing of Moonlight. One argument: the parent's process id.
 */
import { dieWithParent } from '../../support/sockets.js';
import type { GraphDescription, MediaCommand, MediaReport } from '../messages.js';
import { findLaunchProblem, Graph, GraphError } from './graph.js';
import { Gst, startPump } from './gstreamer.js';
import { findMissing } from './inspect.js';

/** Exit status of a process that met an error nobody caught. */
const EXIT_INTERNAL = 70;

const report = (message: MediaReport): void => {
  if (process.connected) process.send?.(message);
};

const reportFailure = (graph: string, error: unknown): void => {
  const known = error instanceof GraphError ? error : undefined;
  report({
    type: 'error',
    graph,
    element: known?.element ?? '',
    code: known?.code ?? 'internal',
    message: error instanceof Error ? error.message : String(error),
    debug: known === undefined && error instanceof Error ? (error.stack ?? '') : '',
  });
};

/** All graphs of this process. */
class Runner {
  readonly #graphs = new Map<string, Graph>();
  #baseTimeNs = 0n;
  #failed = false;
  #announced = false;

  /** Parses everything before anything starts, so that a bad graph costs no half-started picture. */
  play(descriptions: readonly GraphDescription[], baseTimeNs: string | null): void {
    for (const description of descriptions) this.#parse(description);
    if (this.#failed) return;
    const clock = Gst.SystemClock.obtain();
    this.#baseTimeNs = baseTimeNs === null ? clock.getTime() : BigInt(baseTimeNs);
    for (const graph of this.#graphs.values()) graph.start(clock, this.#baseTimeNs);
    this.#announceWhenPlaying();
  }

  #parse(description: GraphDescription): void {
    try {
      if (this.#graphs.has(description.name))
        throw new GraphError('parse', '', 'a graph of this name plays already');
      const graph = Graph.parse(description, report, () => this.#announceWhenPlaying());
      this.#graphs.set(description.name, graph);
    } catch (error) {
      reportFailure(description.name, error);
      this.#failed = true;
    }
  }

  /** Sends `playing` once every graph has started. */
  #announceWhenPlaying(): void {
    const isDone = [...this.#graphs.values()].every((graph) => graph.state === 'playing');
    if (this.#announced || !isDone) return;
    this.#announced = true;
    report({ type: 'playing', baseTimeNs: this.#baseTimeNs.toString() });
  }

  /** @throws GraphError with code `command` where there is no such graph */
  graph(name: string): Graph {
    const graph = this.#graphs.get(name);
    if (graph === undefined) throw new GraphError('command', '', `there is no graph "${name}"`);
    return graph;
  }

  reportStats(id: number): void {
    const graphs = Object.fromEntries([...this.#graphs.values()].map((graph) => [graph.name, graph.stats()]));
    report({ type: 'stats', id, graphs });
  }

  stop(): never {
    for (const graph of this.#graphs.values()) graph.stop();
    process.exit(0);
  }
}

const runner = new Runner();

const obey = (command: MediaCommand): void => {
  switch (command.type) {
    case 'play':
      runner.play(command.graphs, command.baseTimeNs);
      break;
    case 'force-key-unit':
      runner.graph(command.graph).forceKeyUnit(command.element, command.count);
      break;
    case 'set':
      runner.graph(command.graph).set(command.element, command.property, command.value);
      break;
    case 'stats':
      runner.reportStats(command.id);
      break;
    case 'inspect':
      report({ type: 'inspection', id: command.id, missing: findMissing(command.names) });
      break;
    case 'check':
      report({ type: 'checked', id: command.id, problem: findLaunchProblem(command.launch) });
      break;
    case 'stop':
      runner.stop();
  }
};

const crash = (error: unknown): void => {
  reportFailure('', error);
  // The report travels by a pipe that Node writes at once; the next turn is soon enough to be gone.
  setImmediate(() => process.exit(EXIT_INTERNAL));
};

process.on('uncaughtException', crash);
process.on('unhandledRejection', crash);
// Ctrl-C in a terminal reaches every process of its group; only the parent decides about the end.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (command: MediaCommand) => {
  try {
    obey(command);
  } catch (error) {
    reportFailure('graph' in command ? command.graph : '', error);
  }
});

dieWithParent(Number(process.argv[2]));
startPump();
report({ type: 'ready', gstreamerVersion: Gst.versionString() });
