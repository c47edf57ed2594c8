/**
 * A real systemd-logind to take locks of. Where systemd runs this machine that is its own; elsewhere (containers) one is
 * started on a system bus of the test's own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from './serve.js';

const BUS_POLICY = `<policy context="default"><allow user="*"/><allow own="*"/><allow eavesdrop="false"/>
  <allow send_destination="*"/><allow send_type="signal"/><allow receive_type="signal"/></policy>`;

export interface Logind {
  /** The environment in which programs find it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Who holds a lock, as `systemd-inhibit --list` prints them: one line a lock. */
  locks(): Promise<string[]>;
  stop(): Promise<void>;
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
};

const listLocks = async (environment: Logind['environment']): Promise<string[]> => {
  const { stdout } = await promisify(execFile)('systemd-inhibit', ['--list', '--no-legend', '--no-pager'], {
    env: { ...environment },
  });
  return stdout.split('\n').filter((line) => line.startsWith('Lumen '));
};

const startBus = async (folder: string): Promise<{ bus: ChildProcess; address: string }> => {
  const address = `unix:path=${path.join(folder, 'bus')}`;
  const file = path.join(folder, 'bus.conf');
  const text = `<busconfig><type>system</type><listen>${address}</listen><auth>EXTERNAL</auth>${BUS_POLICY}</busconfig>`;
  fs.writeFileSync(file, text);
  const bus = spawn('dbus-daemon', [`--config-file=${file}`, '--nofork'], { stdio: 'ignore' });
  await until(() => fs.existsSync(path.join(folder, 'bus')), 'the system bus is there');
  return { bus, address };
};

export const startLogind = async (): Promise<Logind> => {
  if (fs.existsSync('/run/systemd/system')) {
    return { environment: process.env, locks: () => listLocks(process.env), stop: async () => undefined };
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-logind-'));
  const { bus, address } = await startBus(folder);
  const environment = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: address };
  const logind = spawn('/lib/systemd/systemd-logind', { stdio: 'ignore', env: environment });
  const locks = () => listLocks(environment);
  await until(async () => (await locks().catch(() => undefined)) !== undefined, 'systemd-logind answers');
  return {
    environment,
    locks,
    stop: async () => {
      await end(logind);
      await end(bus);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
};
