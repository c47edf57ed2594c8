/** What captures of an output by the element `wlrscreencopysrc` have in common, whichever compositor it is. */
import path from 'node:path';
import { describeError, LumenError } from '../support/errors.js';
import type { Logger } from '../support/logger.js';
import type { Capture, CaptureContext, CaptureMode } from './capture.js';

/** An output as compositors describe it. */
export interface Output {
  /** `HDMI-A-1`, `HEADLESS-2` */
  readonly name: string;
  /** Make and model, for people. */
  readonly description: string;
  /** It is on. One that is off has no mode. */
  readonly isActive: boolean;
  /** Pixels; undefined when it is off. */
  readonly mode: { readonly width: number; readonly height: number } | undefined;
}

export interface OutputCaptureOptions {
  readonly kind: 'sway' | 'hyprland';
  readonly output: string;
  readonly description: string;
  /** Path of the compositor's Wayland socket, for the media process. */
  readonly display: string;
  listOutputs(): Promise<readonly Output[]>;
  /** Where it was made for a client: puts it back to the client's mode when somebody has given it another size. */
  readonly made?: { readonly mode: CaptureMode; restore(): Promise<void> } | undefined;
  /** Undoes what was made for it; called once. */
  release(): Promise<void>;
  readonly logger: Logger;
}

/** After that it is left as it is, and scaled: somebody else insists. */
const MAX_RESTORES = 3;

/** Where the compositor of this session is. */
export interface CompositorAddress {
  /** Value of the variable by which its own tools find it. */
  readonly id: string;
  /** Path of its Wayland socket, for the media process. */
  readonly display: string;
}

/**
 * Finds the compositor in which this host was started.
 * @param variable that the compositor sets for what runs in it
 * @throws LumenError LUMEN_CAPTURE_FAILED where this is no session of it
 */
export const findCompositor = (
  environment: CaptureContext['environment'],
  compositor: string,
  variable: string,
): CompositorAddress => {
  const { [variable]: id, WAYLAND_DISPLAY: display, XDG_RUNTIME_DIR: runtime } = environment;
  if (id && display) return { id, display: path.resolve(runtime ?? '/', display) };
  throw new LumenError('LUMEN_CAPTURE_FAILED', {
    capture: compositor,
    problem: `${id ? 'WAYLAND_DISPLAY' : variable} is not set`,
    remedy: `start Lumen from within ${compositor}, or choose another source: lumen sources`,
  });
};

export const describeMode = ({ width, height, fps }: CaptureMode): string => `${width}x${height}@${fps}`;

/** @throws LumenError LUMEN_SOURCE_MISSING naming the outputs that are on */
export const requireOutput = (kind: string, outputs: readonly Output[], name: string): Output => {
  const active = outputs.filter(({ isActive }) => isActive);
  const found = active.find((output) => output.name === name);
  if (found !== undefined) return found;
  const names = active.map((output) => output.name).join(', ');
  throw new LumenError('LUMEN_SOURCE_MISSING', {
    source: `${kind}:${name}`,
    alternatives: `; there are: ${names || 'none'}`,
  });
};

export const createOutputCapture = (options: OutputCaptureOptions): Capture => {
  const { kind, output, description, display } = options;
  let closing: Promise<void> | undefined;
  const find = async (): Promise<Output> => requireOutput(kind, await options.listOutputs(), output);
  let restores = 0;
  /** The element follows a new size by itself, so what cannot be put back is still streamed. */
  const restore = async ({ mode }: Output): Promise<void> => {
    const { made, logger } = options;
    if (made === undefined || mode === undefined || restores >= MAX_RESTORES) return;
    if (mode.width === made.mode.width && mode.height === made.mode.height) return;
    restores += 1;
    const sizes = { output, size: `${mode.width}x${mode.height}`, wanted: describeMode(made.mode) };
    try {
      await made.restore();
      logger.info(sizes, 'the output was put back to the client’s mode');
    } catch (error) {
      logger.warn({ ...sizes, problem: describeError(error) }, 'the output keeps its size: it is scaled');
    }
  };
  const describeSize = ({ mode }: Output): string => `${mode?.width}x${mode?.height}`;
  return {
    // One output may be shown, changed and shown again.
    identity: `${display} ${output} ${process.hrtime.bigint()}`,
    description,
    properties: { display, output },
    async check() {
      await restore(await find());
    },
    explainSilence: async () =>
      `the output ${output} is on (${describeSize(await find())}), but no picture of it was copied`,
    describeFormat: async () => `shared memory, ${describeSize(await find())}`,
    close() {
      closing ??= options.release();
      return closing;
    },
  };
};
