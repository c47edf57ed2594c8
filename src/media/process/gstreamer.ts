/**
 * GStreamer through node-gtk: loads the bindings once and names the few types that the media process uses. Nothing
 * outside `media/process/` imports this, and nothing in it may run on a streaming thread: no pad probes, no element
 * signals (a handler blocks its thread until JavaScript runs, and stopping the graph then deadlocks).
 */
import gi from 'node-gtk';

/** A `GstStructure`. GTypes and 64-bit values are `bigint`. */
export interface Structure {
  getName(): string;
  nFields(): number;
  nthFieldName(index: number): string;
  getFieldType(name: string): bigint;
  getUint64(name: string): [boolean, bigint];
  getInt64(name: string): [boolean, bigint];
  getUint(name: string): [boolean, number];
  getInt(name: string): [boolean, number];
  getBoolean(name: string): [boolean, boolean];
  getDouble(name: string): [boolean, number];
  getString(name: string): string | null;
  getFraction(name: string): [boolean, number, number];
}

export interface GstObject {
  readonly name: string;
}

export interface Pad {
  sendEvent(event: unknown): boolean;
}

export interface Element extends GstObject {
  readonly stats?: Structure | null;
  getStaticPad(name: string): Pad | null;
}

export interface Clock {
  getTime(): bigint;
}

export interface Message {
  readonly type: number;
  readonly src: GstObject | null;
  getStructure(): Structure | null;
  parseError(): [{ message: string; code: number; domain: number }, string | null];
  parseWarning(): [{ message: string }, string | null];
  parseStateChanged(): [number, number, number];
}

export interface Bus {
  addSignalWatch(): void;
  removeSignalWatch(): void;
  on(event: 'message', listener: (message: Message) => void): void;
}

export interface Pipeline extends Element {
  getBus(): Bus;
  getByName(name: string): Element | null;
  getChildrenCount(): number;
  getChildByIndex(index: number): Element | null;
  /** `gst_child_proxy_lookup`: `element::property` → [found, object, property's specification]. */
  lookup(name: string): [boolean, unknown, unknown];
  add(element: Element): boolean;
  useClock(clock: Clock): void;
  setStartTime(time: bigint): void;
  setBaseTime(time: bigint): void;
  setState(state: number): number;
}

interface GstNamespace {
  init(args: null): void;
  versionString(): string;
  parseLaunchFull(launch: string, context: null, flags: number): Element;
  utilSetObjectArg(object: Element, property: string, value: string): void;
  readonly CLOCK_TIME_NONE: bigint;
  readonly Pipeline: new () => Pipeline;
  readonly ElementFactory: {
    find(factory: string): GstObject | null;
    make(factory: string, name: string): Element | null;
  };
  readonly SystemClock: { obtain(): Clock };
  readonly ParseFlags: { readonly FATAL_ERRORS: number };
  readonly State: { readonly NULL: number; readonly PAUSED: number; readonly PLAYING: number };
  readonly StateChangeReturn: {
    readonly FAILURE: number;
    readonly ASYNC: number;
    readonly NO_PREROLL: number;
  };
  readonly MessageType: {
    readonly EOS: number;
    readonly ERROR: number;
    readonly WARNING: number;
    readonly STATE_CHANGED: number;
    readonly ELEMENT: number;
  };
}

interface GstVideoNamespace {
  videoEventNewUpstreamForceKeyUnit(runningTime: bigint, allHeaders: boolean, count: number): unknown;
}

interface GLibNamespace {
  readonly MainContext: { default(): { iteration(mayBlock: boolean): boolean } };
  quarkToString(quark: number): string;
}

export const GLib = gi.require('GLib', '2.0') as GLibNamespace;
export const Gst = gi.require('Gst', '1.0') as GstNamespace;
Gst.init(null);
// Must come after init: loading GstVideo registers types that need it.
export const GstVideo = gi.require('GstVideo', '1.0') as GstVideoNamespace;

const PUMP_INTERVAL_MS = 5;
const ITERATIONS_PER_PUMP = 100;

/** Lets GLib dispatch what is due now: bus messages become `message` events. */
export const pumpContext = (): void => {
  const context = GLib.MainContext.default();
  for (let i = 0; i < ITERATIONS_PER_PUMP && context.iteration(false); i += 1);
};

/** Pumps GLib's context from a Node timer. A GLib main loop instead would keep Node's own timers from firing. */
export const startPump = (): NodeJS.Timeout => setInterval(pumpContext, PUMP_INTERVAL_MS);
