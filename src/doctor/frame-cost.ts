/** How much processor time a graph takes for each frame, whatever else runs on this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Environment } from '../config/paths.js';

/** Two runs, whose difference leaves out what it takes to start. */
const FRAMES = { few: 10, many: 60 } as const;
const RUN_MS = 30_000;
/** `sysconf(_SC_CLK_TCK)`: 100 on every Linux of today (proc(5)). */
const TICKS_PER_SECOND = 100;
const MAX_REASON_CHARACTERS = 200;

/** Processor milliseconds for one frame; or what the graph said when it failed. */
export type FrameCost =
  | { readonly ok: true; readonly msPerFrame: number }
  | { readonly ok: false; readonly reason: string };

/** User and system time of all children that have ended, in milliseconds (proc(5): cutime, cstime). */
const childrenCpuMs = (): number => {
  const text = fs.readFileSync('/proc/self/stat', 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (1000 * (Number(fields[13]) + Number(fields[14]))) / TICKS_PER_SECOND;
};

/** Runs a graph to its end. @returns milliseconds, or why it failed */
const runGraph = async (command: string, environment: Environment): Promise<number | string> => {
  const before = childrenCpuMs();
  const child = spawn('sh', ['-c', `exec env ${command}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...environment },
  });
  let errors = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (chunk: string) => {
    errors = (errors + chunk).slice(0, 4000);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  if (status === 0) return childrenCpuMs() - before;
  if (status === null) return `it took longer than ${RUN_MS / 1000} s, or crashed`;
  const said = errors.split('\n').find((line) => /error/i.test(line));
  return said?.slice(0, MAX_REASON_CHARACTERS) ?? `it ended with status ${status}`;
};

/**
 * Measures a graph. Nothing else may be started meanwhile: processor time is counted by the children that end.
 * @param toCommand the graph with so many frames, as `formatLaunchCommand` writes it
 */
export const measureFrameCost = async (
  toCommand: (frames: number) => string,
  environment: Environment,
): Promise<FrameCost> => {
  const few = await runGraph(toCommand(FRAMES.few), environment);
  if (typeof few === 'string') return { ok: false, reason: few };
  const many = await runGraph(toCommand(FRAMES.many), environment);
  if (typeof many === 'string') return { ok: false, reason: many };
  return { ok: true, msPerFrame: Math.max(0, many - few) / (FRAMES.many - FRAMES.few) };
};
