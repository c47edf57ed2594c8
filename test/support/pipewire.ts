/**
 * A real PipeWire daemon of a test's own, with its session manager and bus, and video producers whose frames carry a
 * machine-readable number. Everything is a direct child, ended by process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { listVideoNodes, type VideoNode } from '../../src/capture/pipewire.js';
import { mediaEnvironment } from '../../src/media/media-process.js';
import { killChild } from './children.js';
import { startSessionBus } from './session-bus.js';

const START_DEADLINE_MS = 10_000;
const POLL_MS = 50;

export interface PipeWire {
  /** The environment in which programs find this daemon. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  startProducer(options: ProducerOptions): Promise<Producer>;
  /** Ends the sound server with SIGKILL and starts another: all its sinks and streams are gone. */
  restartPulse(): Promise<void>;
  /** Ends the daemon and its session manager with SIGKILL; `start` makes new ones. */
  readonly daemon: { kill(): Promise<void>; start(): Promise<void> };
  /** Ends the producers, the daemon and its helpers, and removes the runtime folder. */
  stop(): Promise<void>;
}

/** What programs that have another home than these daemons need to find them and their bus. */
export const sessionOf = ({ environment }: Pick<PipeWire, 'environment'>): NodeJS.ProcessEnv => ({
  PIPEWIRE_RUNTIME_DIR: environment['XDG_RUNTIME_DIR'],
  DBUS_SESSION_BUS_ADDRESS: environment['DBUS_SESSION_BUS_ADDRESS'],
});

export interface ProducerOptions {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Replaces everything before `pipewiresink`. */
  readonly launch?: string;
}

export interface Producer {
  readonly node: VideoNode;
  readonly pid: number;
  /** Ends it with SIGKILL: as a crash would. */
  kill(): Promise<void>;
}

const until = async <T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const endMs = performance.now() + START_DEADLINE_MS;
  while (performance.now() < endMs) {
    const value = await probe();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${what} did not come up in ${START_DEADLINE_MS} ms`);
};

const isListening = (file: string): true | undefined => (fs.existsSync(file) ? true : undefined);

/** Starts `pipewire`, `wireplumber` and, on request, `pipewire-pulse`. Works as root and without a desktop. */
export const startPipeWire = async (options: { readonly pulse?: boolean } = {}): Promise<PipeWire> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-pipewire-'));
  fs.chmodSync(folder, 0o700);
  const children: ChildProcess[] = [];
  const environment: NodeJS.ProcessEnv = {
    ...mediaEnvironment(process.env),
    XDG_RUNTIME_DIR: folder,
    PIPEWIRE_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: path.join(folder, 'config'),
    XDG_STATE_HOME: path.join(folder, 'state'),
  };
  let pulse: ChildProcess | undefined;
  const pulseSocket = path.join(folder, 'pulse', 'native');
  const start = (command: string): ChildProcess => {
    const child = spawn(command, [], { env: environment, stdio: 'ignore' });
    children.push(child);
    return child;
  };
  const startPulse = async () => {
    pulse = start('pipewire-pulse');
    await until('pipewire-pulse', () => isListening(pulseSocket));
  };
  const stop = async () => {
    for (const child of children.reverse()) await killChild(child);
    fs.rmSync(folder, { recursive: true, force: true });
  };
  const socket = path.join(folder, 'pipewire-0');
  let running: ChildProcess[] = [];
  const daemon: PipeWire['daemon'] = {
    kill: async () => {
      for (const child of running) await killChild(child);
      // What a killed daemon leaves would be taken for the next one.
      fs.rmSync(socket, { force: true });
    },
    start: async () => {
      running = [start('pipewire')];
      await until('pipewire', () => isListening(socket));
      running.push(start('wireplumber'));
    },
  };
  try {
    const { daemon: bus, address } = await startSessionBus(environment);
    children.push(bus);
    environment['DBUS_SESSION_BUS_ADDRESS'] = address;
    await daemon.start();
    if (options.pulse) await startPulse();
  } catch (error) {
    await stop();
    throw error;
  }
  const restartPulse = async () => {
    if (pulse !== undefined) await killChild(pulse);
    fs.rmSync(pulseSocket, { force: true });
    await startPulse();
  };
  return {
    environment,
    stop,
    restartPulse,
    daemon,
    startProducer: (producer) => startProducer(environment, children, producer),
  };
};

const startProducer = async (
  environment: NodeJS.ProcessEnv,
  children: ChildProcess[],
  options: ProducerOptions,
): Promise<Producer> => {
  const { name, width, height, fps } = options;
  const picture = `video/x-raw,format=I420,width=${width},height=${height},framerate=${fps}/1`;
  const launch = options.launch ?? `videotestsrc is-live=true pattern=black ! ${picture} ! framecounter`;
  // sync=false: otherwise the producer stalls for ever once its first consumer has left.
  const sink = `pipewiresink mode=provide sync=false stream-properties=props,media.class=Video/Source,node.name=${name}`;
  const child = spawn('gst-launch-1.0', ['-q', ...`${launch} ! ${sink}`.split(' ')], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  children.push(child);
  const node = await until(`producer ${name}`, async () => {
    if (child.exitCode !== null) throw new Error(`producer ${name} ended with status ${child.exitCode}`);
    const nodes = await listVideoNodes(environment);
    return nodes.find((candidate) => candidate.name === name);
  });
  return { node, pid: child.pid ?? 0, kill: () => killChild(child) };
};
