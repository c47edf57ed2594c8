/** A real sway without a screen, of a test's own: not as root, which sway refuses. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { mediaEnvironment } from '../../src/media/media-process.js';
import { killChild } from './children.js';
import { until } from './serve.js';

/** Debian's nobody and nogroup. */
const NOBODY = 65_534;

export interface Sway {
  /** What a program of its session has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the outputs that are on, with their modes: `HEADLESS-1 1280x720`. */
  outputs(): Promise<string[]>;
  /** @throws with sway's words */
  command(text: string): Promise<void>;
  /** Shows a window, and waits until it is there: the launch line in front of `waylandsink`, full screen on the output that has the focus. */
  showWindow(launch: string): Promise<ChildProcess>;
  /** As a crash would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const swaymsg = async (environment: NodeJS.ProcessEnv, args: readonly string[]): Promise<string> =>
  (await promisify(execFile)('swaymsg', ['--raw', ...args], { env: environment })).stdout;

interface OutputReply {
  readonly name: string;
  readonly active: boolean;
  readonly current_mode?: { readonly width: number; readonly height: number };
}

const listOutputs = async (environment: NodeJS.ProcessEnv): Promise<string[]> => {
  const outputs = JSON.parse(await swaymsg(environment, ['-t', 'get_outputs'])) as OutputReply[];
  return outputs
    .filter(({ active }) => active)
    .map(({ name, current_mode: mode }) => `${name} ${mode?.width}x${mode?.height}`);
};

/** The folder is the compositor's user's; root reads it all the same. */
const makeRuntimeFolder = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-sway-'));
  fs.chmodSync(folder, 0o700);
  if (process.getuid?.() === 0) fs.chownSync(folder, NOBODY, NOBODY);
  return folder;
};

export const startSway = async (): Promise<Sway> => {
  const folder = makeRuntimeFolder();
  const session = {
    SWAYSOCK: path.join(folder, 'sway.sock'),
    WAYLAND_DISPLAY: path.join(folder, 'wayland-1'),
  };
  const children: ChildProcess[] = [];
  const sway = spawn('sway', ['--config', '/dev/null'], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      SWAYSOCK: session.SWAYSOCK,
      WLR_BACKENDS: 'headless',
      WLR_RENDERER: 'pixman',
      WLR_LIBINPUT_NO_DEVICES: '1',
    },
  });
  const environment = { ...mediaEnvironment(process.env), ...session, XDG_RUNTIME_DIR: folder };
  const stop = async (): Promise<void> => {
    for (const child of children) await killChild(child);
    await killChild(sway);
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(
      async () => (await listOutputs(environment).catch(() => [])).length > 0,
      'sway has an output',
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    environment: session,
    stop,
    outputs: () => listOutputs(environment),
    command: async (text) => {
      await swaymsg(environment, [text]);
    },
    showWindow: async (launch) => {
      const args = ['-q', ...`${launch} ! waylandsink sync=false`.split(' ')];
      const child = spawn('gst-launch-1.0', args, { env: environment, stdio: 'ignore' });
      children.push(child);
      await until(
        async () => (await swaymsg(environment, ['-t', 'get_tree'])).includes(`"pid": ${child.pid},`),
        'the window is there',
      );
      await swaymsg(environment, [`[pid=${child.pid}] fullscreen enable`]);
      return child;
    },
    kill: () => killChild(sway),
  };
};
