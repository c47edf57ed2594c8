/**
 * One playing graph: a launch string, its bus and its failures. Knows GStreamer and nothing of what the graph is for.
 * Everything here runs on the JavaScript thread.
 */
import { receiveDescriptor } from '../../support/sockets.js';
import type { Fields, GraphDescription, MediaReport, PropertyValue } from '../messages.js';
import { type Clock, GLib, Gst, GstVideo, type Message, type Pipeline, pumpContext } from './gstreamer.js';
import { toFields } from './structure.js';

export type Reporter = (report: MediaReport) => void;

/** A failure with the code that goes into the `error` report. */
export class GraphError extends Error {
  readonly code: string;
  readonly element: string;

  constructor(code: string, element: string, message: string) {
    super(message);
    this.code = code;
    this.element = element;
  }
}

/** `starting` becomes `playing` or `failed`; `stopped` is the end of all. */
type GraphState = 'starting' | 'playing' | 'failed' | 'stopped';

const parsePipeline = (launch: string): Pipeline => {
  // FATAL_ERRORS: otherwise a graph with a link or property that failed would play without it.
  const element = Gst.parseLaunchFull(launch, null, Gst.ParseFlags.FATAL_ERRORS);
  if (!(element instanceof Gst.Pipeline)) throw new Error('a graph needs at least two linked elements');
  return element as Pipeline;
};

/** Why a launch string does not parse, or null where it does. */
export const findLaunchProblem = (launch: string): string | null => {
  try {
    parsePipeline(launch);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

/** A parsed graph. Create it with {@link Graph.parse}. */
export class Graph {
  readonly name: string;
  readonly #pipeline: Pipeline;
  readonly #report: Reporter;
  readonly #onSettled: () => void;
  #state: GraphState = 'starting';

  /**
   * Parses the launch string and sets the properties, without starting anything.
   * @param onSettled called when the graph has left the state `starting`
   * @throws GraphError with code `parse` or `property`
   */
  static parse(description: GraphDescription, report: Reporter, onSettled: () => void): Graph {
    let pipeline: Pipeline;
    try {
      pipeline = parsePipeline(description.launch);
    } catch (error) {
      throw new GraphError('parse', '', error instanceof Error ? error.message : String(error));
    }
    const graph = new Graph(description, pipeline, report, onSettled);
    for (const { element, property, value } of description.properties) graph.set(element, property, value);
    for (const { element, property } of description.received?.properties ?? [])
      graph.set(element, property, receiveDescriptor(description.received?.channel ?? -1));
    return graph;
  }

  private constructor(
    description: GraphDescription,
    pipeline: Pipeline,
    report: Reporter,
    onSettled: () => void,
  ) {
    this.name = description.name;
    this.#pipeline = pipeline;
    this.#report = report;
    this.#onSettled = onSettled;
    const bus = pipeline.getBus();
    bus.addSignalWatch();
    bus.on('message', (message) => this.#onMessage(message));
  }

  get state(): GraphState {
    return this.#state;
  }

  /** Plays on `clock` with the running time counted from `baseTimeNs`. A failure is reported, not thrown. */
  start(clock: Clock, baseTimeNs: bigint): void {
    this.#pipeline.useClock(clock);
    // Without a start time the pipeline leaves the base time alone.
    this.#pipeline.setStartTime(Gst.CLOCK_TIME_NONE);
    this.#pipeline.setBaseTime(baseTimeNs);
    const isLive = this.#pipeline.setState(Gst.State.PAUSED) === Gst.StateChangeReturn.NO_PREROLL;
    const result = this.#pipeline.setState(Gst.State.PLAYING);
    pumpContext();
    if (this.#state !== 'starting') return;
    if (result === Gst.StateChangeReturn.FAILURE) {
      this.fail('state', '', 'the graph refused to start', '');
    } else if (isLive || result !== Gst.StateChangeReturn.ASYNC) {
      // A live graph runs already, even where its sink still waits for a first buffer that a sampler holds back.
      this.#settle('playing');
    }
  }

  /** @throws GraphError with code `property` where the element or its property does not exist */
  set(elementName: string, property: string, value: PropertyValue): void {
    const element = this.#element(elementName);
    if (!this.#pipeline.lookup(`${elementName}::${property}`)[0])
      throw new GraphError('property', elementName, `element "${elementName}" has no property "${property}"`);
    Gst.utilSetObjectArg(element, property, String(value));
  }

  /**
   * Asks the encoder for a key frame with all headers.
   * @throws GraphError with code `command` where the element or its source pad does not exist
   */
  forceKeyUnit(elementName: string, count: number): void {
    const pad = this.#element(elementName).getStaticPad('src');
    if (pad === null)
      throw new GraphError('command', elementName, `element "${elementName}" has no pad "src"`);
    pad.sendEvent(GstVideo.videoEventNewUpstreamForceKeyUnit(Gst.CLOCK_TIME_NONE, true, count));
  }

  /** The `stats` of every element of the graph that has such a property, by element name. */
  stats(): Readonly<Record<string, Fields>> {
    const stats: Record<string, Fields> = {};
    for (let i = 0; i < this.#pipeline.getChildrenCount(); i += 1) {
      const element = this.#pipeline.getChildByIndex(i);
      if (element === null || !this.#pipeline.lookup(`${element.name}::stats`)[0]) continue;
      stats[element.name] = toFields(element.stats);
    }
    return stats;
  }

  /** Reports the graph's first failure and stops it; further ones are consequences of the first. */
  fail(code: string, element: string, message: string, debug: string): void {
    if (this.#state === 'failed' || this.#state === 'stopped') return;
    this.#report({ type: 'error', graph: this.name, element, code, message, debug });
    const wasStarting = this.#state === 'starting';
    this.#state = 'failed';
    // Stopping can block for a minute where a source is wedged: let the report leave first.
    setImmediate(() => this.#pipeline.setState(Gst.State.NULL));
    if (wasStarting) this.#onSettled();
  }

  /** Stops the graph for good. May block for as long as its elements take. */
  stop(): void {
    this.#state = 'stopped';
    this.#pipeline.getBus().removeSignalWatch();
    this.#pipeline.setState(Gst.State.NULL);
  }

  #element(name: string) {
    const element = this.#pipeline.getByName(name);
    if (element === null)
      throw new GraphError('property', name, `there is no element "${name}" in graph "${this.name}"`);
    return element;
  }

  #settle(state: 'playing'): void {
    if (this.#state !== 'starting') return;
    this.#state = state;
    this.#onSettled();
  }

  #onMessage(message: Message): void {
    const source = message.src?.name ?? '';
    switch (message.type) {
      case Gst.MessageType.ERROR: {
        const [error, debug] = message.parseError();
        this.fail(`${GLib.quarkToString(error.domain)}:${error.code}`, source, error.message, debug ?? '');
        break;
      }
      case Gst.MessageType.WARNING: {
        const [error, debug] = message.parseWarning();
        this.#report({
          type: 'warning',
          graph: this.name,
          element: source,
          message: error.message,
          debug: debug ?? '',
        });
        break;
      }
      case Gst.MessageType.EOS:
        this.#report({ type: 'eos', graph: this.name });
        break;
      case Gst.MessageType.ELEMENT:
        this.#reportElementMessage(source, message);
        break;
      case Gst.MessageType.STATE_CHANGED:
        if (source === this.#pipeline.name && message.parseStateChanged()[1] === Gst.State.PLAYING)
          this.#settle('playing');
        break;
      default:
        break;
    }
  }

  #reportElementMessage(element: string, message: Message): void {
    const structure = message.getStructure();
    if (structure === null) return;
    this.#report({
      type: 'message',
      graph: this.name,
      element,
      name: structure.getName(),
      fields: toFields(structure),
    });
  }
}
