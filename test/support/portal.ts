/** The real desktop portal on a test's own bus, with a back end of ours that hands out a PipeWire node and inhibits. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageBus } from '../../src/support/dbus.js';
import { killChild } from './children.js';
import type { PipeWire } from './pipewire.js';
import { until } from './serve.js';

const BACKEND = fileURLToPath(new URL('../../../test/support/portal_backend.py', import.meta.url));
const FRONTEND = '/usr/libexec/xdg-desktop-portal';
const INTERFACES = 'org.freedesktop.impl.portal.ScreenCast;org.freedesktop.impl.portal.Inhibit;';
const BACKEND_NAME = 'org.freedesktop.impl.portal.desktop.lumentest';

export interface Portal {
  /** What the back end noted of screen casts so far: `asked`, `restored`, `closed`. */
  notes(): string[];
  /** What it noted of inhibitions so far: `inhibited FLAGS REASON`, `let go`. */
  inhibitions(): string[];
  stop(): Promise<void>;
}

/** @param answer what the person in front of the dialog does; with `forge` somebody else answers before */
export const startPortal = async (
  { environment: user }: Pick<PipeWire, 'environment'>,
  nodeId: number,
  answer: 'allow' | 'refuse' | 'forge',
): Promise<Portal> => {
  const runtimeDir = user['XDG_RUNTIME_DIR'] ?? '';
  const folder = fs.mkdtempSync(path.join(runtimeDir, 'portal-'));
  const log = path.join(folder, 'log');
  fs.writeFileSync(log, '');
  fs.writeFileSync(
    path.join(folder, 'lumentest.portal'),
    `[portal]\nDBusName=${BACKEND_NAME}\nInterfaces=${INTERFACES}\nUseIn=lumentest\n`,
  );
  const environment: NodeJS.ProcessEnv = {
    ...user,
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_DESKTOP_PORTAL_DIR: folder,
    XDG_CURRENT_DESKTOP: 'lumentest',
    GIO_USE_VFS: 'local',
  };
  const start = (command: string, args: readonly string[]): ChildProcess =>
    spawn(command, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  const backend = start('/usr/bin/python3', [BACKEND, String(nodeId), answer, log]);
  const bus = new MessageBus(environment['DBUS_SESSION_BUS_ADDRESS'] ?? '');
  await until(() => bus.hasOwner(BACKEND_NAME), 'the back end of the portal starts');
  const frontend = start(FRONTEND, []);
  await until(() => bus.hasOwner('org.freedesktop.portal.Desktop'), 'the portal starts', 15_000);
  bus.close();
  const lines = () => fs.readFileSync(log, 'utf8').split('\n').filter(Boolean);
  const isInhibition = (line: string) => /^(inhibited|let go)/.test(line);
  return {
    notes: () => lines().filter((line) => !isInhibition(line)),
    inhibitions: () => lines().filter(isInhibition),
    stop: async () => {
      await killChild(frontend);
      await killChild(backend);
    },
  };
};
