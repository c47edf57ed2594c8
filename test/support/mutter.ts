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
  /** Turns its only monitor upright, which exchanges width and height, or back. */
  turn(isUpright: boolean): Promise<void>;
  /** Plugs in a pointer: what moves it to a place of the first output, counted from there. It goes with `kill`. */
  plugPointer(): Promise<(x: number, y: number) => Promise<void>>;
  /** Ends it with SIGKILL: as a crash would. */
  kill(): Promise<void>;
}

interface Window {
  stop(): Promise<void>;
}

const DISPLAY_CONFIG = 'org.gnome.Mutter.DisplayConfig';

type Monitors = readonly [
  [string],
  [string, number, number, number, number, number[], Record<string, unknown>][],
][];

const askDisplays = async (
  bus: MessageBus,
  member: string,
  signature = '',
  values: readonly unknown[] = [],
) =>
  bus.call(
    {
      destination: DISPLAY_CONFIG,
      path: '/org/gnome/Mutter/DisplayConfig',
      interface: DISPLAY_CONFIG,
      member,
    },
    signature,
    values,
  );

const withBus = async <T>(address: string, work: (bus: MessageBus) => Promise<T>): Promise<T> => {
  const bus = new MessageBus(address);
  try {
    return await work(bus);
  } finally {
    bus.close();
  }
};

const readOutputs = async (bus: MessageBus): Promise<string[]> => {
  const [, monitors] = await askDisplays(bus, 'GetCurrentState');
  return (monitors as Monitors).map(([[connector], modes]) => {
    const current = modes.find((mode) => mode[6]['is-current'] === true);
    return `${connector} ${current?.[1]}x${current?.[2]}`;
  });
};

const turnMonitor = async (bus: MessageBus, isUpright: boolean): Promise<void> => {
  const [serial, monitors] = await askDisplays(bus, 'GetCurrentState');
  const [[[connector], [[mode]]]] = monitors as [[[string], [[string]]]];
  const monitor = [0, 0, 1, isUpright ? 1 : 0, true, [[connector, mode, {}]]];
  // 1: for now, not for the next start.
  await askDisplays(bus, 'ApplyMonitorsConfig', 'uua(iiduba(ssa{sv}))a{sv}', [serial, 1, [monitor], {}]);
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
  const isThere = () => withBus(address, (bus) => bus.hasOwner('org.gnome.Mutter.ScreenCast'));
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
    outputs: () => withBus(address, readOutputs),
    turn: (isUpright) => withBus(address, (bus) => turnMonitor(bus, isUpright)),
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
