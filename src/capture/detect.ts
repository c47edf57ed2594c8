/** The back ends in the order in which they are tried, and which of them the running session takes. */
import { SOURCE_KINDS, type SourceKind, type VideoSource } from '../config/settings.js';
import { LumenError } from '../support/errors.js';
import { createGamescopeBackend } from './backends/gamescope.js';
import { createHyprlandBackend } from './backends/hyprland.js';
import { createKwinBackend } from './backends/kwin.js';
import { createMutterBackend } from './backends/mutter.js';
import { createPipewireBackend } from './backends/pipewire.js';
import { createPortalBackend } from './backends/portal.js';
import { createSwayBackend } from './backends/sway.js';
import { createTestBackend } from './backends/test.js';
import type { CaptureBackend, CaptureContext } from './capture.js';

const FACTORIES: Readonly<Record<SourceKind, (context: CaptureContext) => CaptureBackend>> = {
  mutter: createMutterBackend,
  kwin: createKwinBackend,
  sway: createSwayBackend,
  hyprland: createHyprlandBackend,
  gamescope: createGamescopeBackend,
  portal: createPortalBackend,
  pipewire: createPipewireBackend,
  test: createTestBackend,
};

/** All back ends; in the order of `auto`, compositors first, the test pattern last. */
export const createBackends = (context: CaptureContext): readonly CaptureBackend[] =>
  SOURCE_KINDS.map((kind) => FACTORIES[kind](context));

/** A back end, and why it is the one. */
export interface CaptureChoice {
  readonly backend: CaptureBackend;
  readonly target: string | undefined;
  readonly reason: string;
}

/** A back end that is not usable here, and why. */
export interface CaptureRefusal {
  readonly backend: CaptureBackend;
  readonly error: LumenError;
}

export interface CaptureVerdicts {
  readonly usable: readonly CaptureChoice[];
  readonly refused: readonly CaptureRefusal[];
}

/** `pipewire` shows what it is told to show: without a name there is nothing to choose. */
const isAutomatic = ({ name }: CaptureBackend): boolean => name !== 'pipewire';

/** Asks every back end whether it could show something by itself; both lists keep the order of `backends`. */
export const judgeBackends = async (backends: readonly CaptureBackend[]): Promise<CaptureVerdicts> => {
  const usable: CaptureChoice[] = [];
  const refused: CaptureRefusal[] = [];
  const ask = async (backend: CaptureBackend): Promise<CaptureChoice | CaptureRefusal> => {
    try {
      return { backend, target: undefined, reason: await backend.check() };
    } catch (error) {
      if (error instanceof LumenError) return { backend, error };
      throw error;
    }
  };
  for (const verdict of await Promise.all(backends.filter(isAutomatic).map(ask)))
    if ('error' in verdict) refused.push(verdict);
    else usable.push(verdict);
  return { usable, refused };
};

/** A sentence and the next step. */
interface Advice {
  readonly text: string;
  readonly remedy: string;
}

/**
 * What to say where a desktop runs and nothing gives its picture: its compositor is none that Lumen talks to, such as one
 * with `ext-image-copy-capture-v1` alone, and no portal speaks for it. Undefined where there is a picture, or no desktop.
 */
export const adviseDesktop = (
  { usable }: CaptureVerdicts,
  environment: CaptureContext['environment'],
): Advice | undefined => {
  const display = environment['WAYLAND_DISPLAY'] || environment['DISPLAY'];
  if (!display || usable.some(({ backend }) => backend.name !== 'test')) return undefined;
  return {
    text: `nothing gives a picture of the desktop at ${display}: it is none of GNOME, KDE, sway, Hyprland and gamescope, or does not answer this session, and no desktop portal shows its screens`,
    remedy:
      'start Lumen from within the desktop; where it is another one, install and start its portal (for wlroots: xdg-desktop-portal-wlr); then: lumen sources',
  };
};

/** The first that is usable: those behind it are not asked, since asking may start a program. */
const chooseAutomatically = async (backends: readonly CaptureBackend[]): Promise<CaptureChoice> => {
  let refusal: LumenError | undefined;
  for (const backend of backends.filter(isAutomatic)) {
    try {
      return { backend, target: undefined, reason: await backend.check() };
    } catch (error) {
      if (!(error instanceof LumenError)) throw error;
      refusal = error;
    }
  }
  throw refusal ?? new Error('there is no back end');
};

/**
 * The back end that a configured source means.
 * @throws LumenError of the back end's `check` where the source names one that is not usable now
 */
export const chooseBackend = async (
  backends: readonly CaptureBackend[],
  source: VideoSource,
): Promise<CaptureChoice> => {
  if (source.kind === 'auto') return chooseAutomatically(backends);
  const backend = backends.find(({ name }) => name === source.kind);
  if (backend === undefined) throw new Error(`there is no back end ${source.kind}`);
  return { backend, target: source.target, reason: await backend.check(source.target) };
};
