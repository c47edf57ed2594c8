/**
 * What is on the screen, behind one small interface: a back end opens a capture at a mode, and a capture is what the
 * source stage of a graph needs to show it. Types alone; the back ends are in `backends/`, `detect.ts` lists them.
 *
 * A back end lives in the control process and must never block it: every wait is asynchronous and has a deadline. What it
 * makes (an output, a screen cast) must go away with this process even when that is killed, or be removed by
 * {@link CaptureBackend.removeStale} at the next start.
 */
import type { SourceKind } from '../config/settings.js';
import type { PropertyValue } from '../media/messages.js';
import type { Logger } from '../support/logger.js';

/** What a client asked for: pixels and frames a second. */
export interface CaptureMode {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** `embedded`: drawn into the picture; `hidden`: not at all. */
export type CursorPolicy = 'embedded' | 'hidden';

export interface CaptureRequest {
  readonly mode: CaptureMode;
  readonly cursor: CursorPolicy;
  /**
   * What follows the back end's name in `--source`: a monitor, an output, a node. Absent: what the back end does by
   * itself, where it can a virtual output at `mode`.
   */
  readonly target?: string | undefined;
}

/** What a capture tells by itself. Nothing is told after {@link Capture.close}. */
export interface CaptureEvents {
  /** It gives no more pictures: compositor, daemon or session is gone. It still has to be closed. */
  onEnded(reason: string): void;
  /** Its picture has another size now: graphs that show it must be built anew. */
  onResized(): void;
}

/** An open capture. It belongs to who opened it, and lasts until it is closed. */
export interface Capture {
  /** Tells it from every other capture, also from a later one of the same thing. */
  readonly identity: string;
  /** For people: `virtual output 1280x720@60`, `monitor DP-1`. */
  readonly description: string;
  /** Properties of the element `source` in the stage {@link CaptureBackend.stageFor}. */
  readonly properties: Readonly<Record<string, PropertyValue>>;
  /**
   * Whether its pictures can still come.
   * @throws LumenError LUMEN_SOURCE_MISSING or LUMEN_PIPEWIRE_UNREACHABLE when not, though no event said so
   */
  check(): Promise<void>;
  /**
   * Opens a PipeWire connection of its own for one media process, where the default daemon is not the one to ask. It
   * becomes the property `fd` of the element `source`; the caller closes the descriptor.
   */
  openRemote?(): Promise<number>;
  /** Why no first frame came, in words for the log: what is known of permission, node, format, drawing. */
  explainSilence(): Promise<string>;
  /** How its pictures travel: `shared memory, 1280x720 BGRx`; undefined before that is agreed. */
  describeFormat(): Promise<string | undefined>;
  /** Ends it and removes what was made for it. May be called at any time, more than once. */
  close(): Promise<void>;
}

/** Something that `--source NAME:TARGET` can name. */
export interface CaptureTarget {
  readonly name: string;
  /** For people; may be empty. */
  readonly description: string;
}

/** A way to get pictures. */
export interface CaptureBackend {
  /** Its name in `--source`. */
  readonly name: SourceKind;
  /** For people: `GNOME (mutter)`. */
  readonly title: string;
  /** The source stage of what `target` names: a file of `pipelines/sources`. */
  stageFor(target?: string): string;
  /**
   * Whether {@link CaptureBackend.open} could work now. Asks nobody and makes nothing.
   * @returns why it could, for people: `GNOME answers on the session bus`
   * @throws LumenError saying why not
   */
  check(target?: string): Promise<string>;
  /** What it could show, beside a virtual output of its own. @throws LumenError as `check` does */
  list(): Promise<readonly CaptureTarget[]>;
  /**
   * @throws LumenError LUMEN_SOURCE_MISSING, LUMEN_PIPEWIRE_UNREACHABLE or LUMEN_CAPTURE_FAILED where a later try may do;
   * LUMEN_CAPTURE_REFUSED where somebody said no
   */
  open(request: CaptureRequest, events: CaptureEvents): Promise<Capture>;
  /**
   * Asks for the permission that {@link CaptureBackend.open} will need, where somebody has to give it: at start, so that
   * no client waits for a person. Absent where nobody is asked.
   */
  prepare?(target?: string): Promise<void>;
  /** Removes what an earlier host of this user left behind when it was killed. Called once, at start. */
  removeStale(): Promise<void>;
}

/** What a back end may use. */
export interface CaptureContext {
  /** Says which session, bus and daemon: `XDG_RUNTIME_DIR`, `DBUS_SESSION_BUS_ADDRESS`, `WAYLAND_DISPLAY`, … */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `$XDG_STATE_HOME/lumen`, which exists. */
  readonly stateDir: string;
  readonly logger: Logger;
}
