/**
 * The messages between the control process and a media process. They travel as JSON over Node's IPC channel, so 64-bit
 * values are decimal strings. The media process knows graphs, elements and properties; it knows nothing of Moonlight.
 */

/** A property's value. Strings stand for anything that `gst_util_set_object_arg` understands (enums by nick, caps, fractions). */
export type PropertyValue = string | number | boolean;

/** One graph in gst-launch syntax; elements that are addressed later carry `name=`. */
export interface GraphDescription {
  /** Name for messages: `video`, `audio`, … */
  readonly name: string;
  readonly launch: string;
  /** Set after parsing and before PLAYING: secrets and descriptors, which have no place in a launch string. */
  readonly properties: readonly {
    readonly element: string;
    readonly property: string;
    readonly value: PropertyValue;
  }[];
  /** Properties that take the descriptors which were sent through `channel` before the graph, in the order sent. */
  readonly received?: {
    /** Number of the channel's end in the media process. */
    readonly channel: number;
    readonly properties: readonly { readonly element: string; readonly property: string }[];
  };
  /** When true, the graph plays in a child process of its own: whatever happens to it is reported, and the others play on. */
  readonly isOptional: boolean;
}

/** Control process → media process. */
export type MediaCommand =
  /** Parse and play all graphs on the monotonic system clock with one base time; `baseTimeNs` continues an earlier process's time. */
  | {
      readonly type: 'play';
      readonly graphs: readonly GraphDescription[];
      readonly baseTimeNs: string | null;
    }
  /** Send an upstream force-key-unit event (all headers) from the source pad of `element`. */
  | {
      readonly type: 'force-key-unit';
      readonly graph: string;
      readonly element: string;
      readonly count: number;
    }
  | {
      readonly type: 'set';
      readonly graph: string;
      readonly element: string;
      readonly property: string;
      readonly value: PropertyValue;
    }
  /** Ask for every element's `stats`; answered by one `stats` report with the same id. */
  | { readonly type: 'stats'; readonly id: number }
  /** Ask which of `names` (`element` or `element.property`) exist here; answered by one `inspection` with the same id. */
  | { readonly type: 'inspect'; readonly id: number; readonly names: readonly string[] }
  /** Parse `launch` without playing it; answered by one `checked` with the same id. */
  | { readonly type: 'check'; readonly id: number; readonly launch: string }
  /** Stop all graphs and exit with status 0. */
  | { readonly type: 'stop' };

/** The value of one field of a `stats` structure or an element message. 64-bit integers are numbers up to 2^53 and strings above. */
export type FieldValue = string | number | boolean | null;
export type Fields = Readonly<Record<string, FieldValue>>;

/** Media process → control process. */
export type MediaReport =
  /** GStreamer is initialised and commands are taken. */
  | { readonly type: 'ready'; readonly gstreamerVersion: string }
  /** Every graph reached PLAYING (or, for a graph held back by a sampler, is on its way there without error). */
  | { readonly type: 'playing'; readonly baseTimeNs: string }
  /** An element message from the bus: `name` is the structure's name. */
  | {
      readonly type: 'message';
      readonly graph: string;
      readonly element: string;
      readonly name: string;
      readonly fields: Fields;
    }
  /** The graph failed and was stopped. `code` is `domain:number` of the GError, or `parse`, `property`, `state`, `command`, `internal`; an error that is no graph's has an empty `graph`. */
  | {
      readonly type: 'error';
      readonly graph: string;
      readonly element: string;
      readonly code: string;
      readonly message: string;
      readonly debug: string;
    }
  | {
      readonly type: 'warning';
      readonly graph: string;
      readonly element: string;
      readonly message: string;
      readonly debug: string;
    }
  | { readonly type: 'eos'; readonly graph: string }
  /** What an `inspect` asked for and is not installed, in the order asked. */
  | { readonly type: 'inspection'; readonly id: number; readonly missing: readonly string[] }
  /** `problem` is null where the launch string parses. */
  | { readonly type: 'checked'; readonly id: number; readonly problem: string | null }
  /** By graph, then by element name. */
  | {
      readonly type: 'stats';
      readonly id: number;
      readonly graphs: Readonly<Record<string, Readonly<Record<string, Fields>>>>;
    };
