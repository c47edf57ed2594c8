/**
 * Hyprland: a headless output made over its IPC at the client's mode, or one that is there; captured by the element
 * `wlrscreencopysrc`. An output of ours is known by its name, which carries the process that made it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { delay } from '../../support/lifecycle.js';
import type {
  Capture,
  CaptureBackend,
  CaptureContext,
  CaptureEvents,
  CaptureMode,
  CaptureRequest,
} from '../capture.js';
import {
  askHyprland,
  hyprlandFailed,
  parseHyprlandOutputs,
  runHyprland,
  watchHyprland,
} from '../hyprland/ipc.js';
import {
  createOutputCapture,
  describeMode,
  findCompositor,
  type Output,
  requireOutput,
} from '../output-capture.js';
import { ReleaseGuard } from '../release-guard.js';

const RELEASE = 'hyprctl --instance "$1" output remove "$2"';
const MODE_DEADLINE_MS = 2000;
const POLL_MS = 20;
/** `LUMEN-4711-1`: process and a number of its own. */
const OUR_OUTPUT = /^LUMEN-(\d+)-\d+$/;

interface Session {
  /** `HYPRLAND_INSTANCE_SIGNATURE` */
  readonly instance: string;
  readonly socket: string;
  readonly eventSocket: string;
  readonly display: string;
}

const findSession = (environment: CaptureContext['environment']): Session => {
  const { id, display } = findCompositor(environment, 'Hyprland', 'HYPRLAND_INSTANCE_SIGNATURE');
  const folder = path.join(environment['XDG_RUNTIME_DIR'] ?? '/run', 'hypr', id);
  const inFolder = (name: string): string => path.join(folder, name);
  return {
    instance: id,
    socket: inFolder('.socket.sock'),
    eventSocket: inFolder('.socket2.sock'),
    display,
  };
};

const listOutputs = async ({ socket }: Session): Promise<Output[]> => {
  const outputs = parseHyprlandOutputs(await askHyprland(socket, 'j/monitors all'));
  if (outputs === undefined) throw hyprlandFailed('it gave no list of its monitors');
  return outputs;
};

let made = 0;

/** Sets the mode in the words of configurations up to 0.54, then of those in Lua, and waits for it. */
const setMode = async (session: Session, output: string, mode: CaptureMode): Promise<void> => {
  const size = describeMode(mode);
  await runHyprland(session.socket, [
    `keyword monitor ${output},${size},auto,1`,
    `eval hl.monitor({output="${output}",mode="${size}",position="auto",scale=1})`,
  ]);
  for (let waitedMs = 0; waitedMs < MODE_DEADLINE_MS; waitedMs += POLL_MS) {
    const now = (await listOutputs(session)).find(({ name }) => name === output)?.mode;
    if (now?.width === mode.width && now.height === mode.height) return;
    await delay(POLL_MS);
  }
  throw hyprlandFailed(`the output ${output} did not take the mode ${size}`);
};

/** @returns its name and how it is removed, also when this process is killed */
const makeOutput = async (
  session: Session,
  mode: CaptureMode,
  context: CaptureContext,
): Promise<{ output: string; release(): Promise<void> }> => {
  made += 1;
  const output = `LUMEN-${process.pid}-${made}`;
  await runHyprland(session.socket, [`output create headless ${output}`]);
  const guard = new ReleaseGuard(RELEASE, [session.instance, output], context);
  try {
    await setMode(session, output, mode);
    // New windows open where the client looks.
    await runHyprland(session.socket, [
      `dispatch focusmonitor ${output}`,
      `eval hl.dispatch(hl.dsp.focus({monitor="${output}"}))`,
    ]);
  } catch (error) {
    await guard.release();
    throw error;
  }
  return { output, release: () => guard.release() };
};

const openOutput = async (
  context: CaptureContext,
  { mode, target }: CaptureRequest,
  events: CaptureEvents,
): Promise<Capture> => {
  const session = findSession(context.environment);
  if (target !== undefined) requireOutput('hyprland', await listOutputs(session), target);
  const { output, release } =
    target === undefined
      ? await makeOutput(session, mode, context)
      : { output: target, release: async () => undefined };
  const stopWatching = watchHyprland(
    session.eventSocket,
    (name, data) => {
      if (name === 'monitorremoved' && data === output) events.onEnded(`the output ${output} is gone`);
    },
    () => events.onEnded('Hyprland is gone'),
  );
  return createOutputCapture({
    kind: 'hyprland',
    output,
    description: target === undefined ? `output ${output} ${describeMode(mode)}` : `output ${output}`,
    display: session.display,
    listOutputs: () => listOutputs(session),
    made: target === undefined ? { mode, restore: () => setMode(session, output, mode) } : undefined,
    logger: context.logger,
    release: () => {
      stopWatching();
      return release();
    },
  });
};

const isRunning = (pid: string): boolean => fs.existsSync(`/proc/${pid}`);

export const createHyprlandBackend = (context: CaptureContext): CaptureBackend => ({
  name: 'hyprland',
  title: 'Hyprland',
  stageFor: () => 'wlroots',
  async check(target) {
    const outputs = await listOutputs(findSession(context.environment));
    if (target !== undefined) requireOutput('hyprland', outputs, target);
    return 'Hyprland answers at its socket';
  },
  async list() {
    const outputs = await listOutputs(findSession(context.environment));
    return outputs.filter(({ isActive }) => isActive).map(({ name, description }) => ({ name, description }));
  },
  open: (request, events) => openOutput(context, request, events),
  async removeStale() {
    const session = findSession(context.environment);
    for (const { name } of await listOutputs(session)) {
      const [, pid] = OUR_OUTPUT.exec(name) ?? [];
      if (pid !== undefined && !isRunning(pid)) await runHyprland(session.socket, [`output remove ${name}`]);
    }
  },
});
