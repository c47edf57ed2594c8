/**
 * GNOME's compositor without a screen, on a test's own PipeWire and bus, and clients that draw into it. Software drawing:
 * about 30 frames a second. Everything is a direct child, ended by process id.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { MessageBus } from '../../src/support/dbus.js';
import { killChild } from './children.js';
import type { PipeWire } from './pipewire.js';
import { until } from './serve.js';

const DISPLAY = 'lumen-test';

/** A window that draws a number, `fps` times a second. */
export const counterWindow = (
  { width, height }: { readonly width: number; readonly height: number },
  fps: number,
): string =>
  'videotestsrc is-live=true pattern=black ! ' +
  `video/x-raw,format=BGRx,width=${width},height=${height},framerate=${fps}/1 ! framecounter`;

export interface Mutter {
  /** The environment in which Wayland clients find it. */
  readonly environment: NodeJS.ProcessEnv;
  readonly pid: number;
  /** Shows what `launch` gives on the whole of the output, until it is stopped. */
  startWindow(launch: string): Window;
  /** Connectors and current sizes of its outputs, `Meta-0 1280x720`. */
  outputs(): Promise<string[]>;
  /** Plugs in a pointer: what moves it to a place of the first output, counted from there. It goes with `kill`. */
  plugPointer(): Promise<(x: number, y: number) => Promise<void>>;
  /** Ends it with SIGKILL: as a crash would. */
  kill(): Promise<void>;
}

interface Window {
  stop(): Promise<void>;
}

const readOutputs = async (address: string): Promise<string[]> => {
  const name = 'org.gnome.Mutter.DisplayConfig';
  const bus = new MessageBus(address);
  try {
    const [, monitors] = await bus.call(
      {
        destination: name,
        path: '/org/gnome/Mutter/DisplayConfig',
        interface: name,
        member: 'GetCurrentState',
      },
      '',
      [],
    );
    type State = [[string], [string, number, number, number, number, number[], Record<string, unknown>][]];
    return (monitors as State[]).map(([[connector], modes]) => {
      const current = modes.find((mode) => mode[6]['is-current'] === true);
      return `${connector} ${current?.[1]}x${current?.[2]}`;
    });
  } finally {
    bus.close();
  }
};

const plugPointer = async (bus: MessageBus): Promise<(x: number, y: number) => Promise<void>> => {
  const name = 'org.gnome.Mutter.RemoteDesktop';
  const path = '/org/gnome/Mutter/RemoteDesktop';
  const [session] = await bus.call(
    { destination: name, path, interface: name, member: 'CreateSession' },
    '',
    [],
  );
  const ask = (member: string, signature: string, values: readonly unknown[]) =>
    bus.call(
      { destination: name, path: String(session), interface: `${name}.Session`, member },
      signature,
      values,
    );
  await ask('Start', '', []);
  return async (x, y) => {
    // Into the corner first: there is no other place that is known.
    await ask('NotifyPointerMotionRelative', 'dd', [-100_000, -100_000]);
    await ask('NotifyPointerMotionRelative', 'dd', [x, y]);
  };
};

/** @param monitor mode of a monitor that is always there, such as `800x600@30`; none without */
export const startMutter = async (pipewire: PipeWire, monitor?: string): Promise<Mutter> => {
  const environment: NodeJS.ProcessEnv = { ...pipewire.environment, LIBGL_ALWAYS_SOFTWARE: '1' };
  const address = environment['DBUS_SESSION_BUS_ADDRESS'] ?? '';
  const monitors = monitor === undefined ? [] : ['--virtual-monitor', monitor];
  const args = ['--headless', '--wayland', '--no-x11', '--wayland-display', DISPLAY, ...monitors];
  const child = spawn('mutter', args, { env: environment, stdio: 'ignore' });
  const children = [child];
  const runtimeDir = environment['XDG_RUNTIME_DIR'] ?? '';
  await until(() => fs.existsSync(path.join(runtimeDir, DISPLAY)), 'mutter starts', 15_000);
  const isThere = async (): Promise<boolean> => {
    const bus = new MessageBus(address);
    const hasOwner = await bus.hasOwner('org.gnome.Mutter.ScreenCast');
    bus.close();
    return hasOwner;
  };
  await until(isThere, 'mutter answers', 15_000);
  let bus: MessageBus | undefined;
  const clients: NodeJS.ProcessEnv = { ...environment, WAYLAND_DISPLAY: DISPLAY };
  return {
    environment: clients,
    pid: child.pid ?? 0,
    startWindow: (launch) => {
      const sink = 'waylandsink fullscreen=true sync=false';
      const window = spawn('gst-launch-1.0', ['-q', ...`${launch} ! ${sink}`.split(' ')], {
        env: clients,
        stdio: 'ignore',
      });
      children.push(window);
      return { stop: () => killChild(window) };
    },
    outputs: () => readOutputs(address),
    plugPointer: () => {
      bus ??= new MessageBus(address);
      return plugPointer(bus);
    },
    kill: async () => {
      bus?.close();
      for (const one of children.reverse()) await killChild(one);
    },
  };
};
