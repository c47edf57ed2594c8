/**
 * Runs the benchmark's programs, which print one line of JSON each, and the ones that listen beside them. Programs run
 * one after the other: a figure of one must not carry the load of another.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** What a program printed: numbers, and words such as the shape of pacing. */
export type Figures = Readonly<Record<string, number | string>>;

/** The number of that name; 0 where the program did not print it. */
export const figure = (figures: Figures, name: string): number => Number(figures[name] ?? 0);

/** Where the programs and the plugin were built. */
export interface Build {
  readonly folder: string;
}

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));

/** `folder` is meson's build folder, by default the checkout's own. */
export const findBuild = (folder: string | undefined): Build => ({
  folder: path.resolve(folder ?? path.join(CHECKOUT, 'build')),
});

const environment = (build: Build): NodeJS.ProcessEnv => ({
  ...process.env,
  GST_PLUGIN_PATH: path.join(build.folder, 'gst-plugins'),
  GST_REGISTRY: path.join(build.folder, 'test', 'bench', 'registry.bin'),
});

/** The command line of a program, inside a network namespace where one is named. */
const commandLine = (build: Build, name: string, args: readonly string[], namespace?: string) => {
  const program = path.join(build.folder, 'test', 'bench', name);
  return namespace === undefined
    ? { file: program, args: [...args] }
    : { file: 'ip', args: ['netns', 'exec', namespace, program, ...args] };
};

/** Runs a program to its end and reads its line. `limitS` ends one that hangs. Throws with what it wrote to stderr. */
export const runTool = async (
  build: Build,
  name: string,
  args: readonly string[],
  limitS: number,
  namespace?: string,
): Promise<unknown> => {
  const line = commandLine(build, name, args, namespace);
  const { stdout } = await execFileAsync(line.file, line.args, {
    env: environment(build),
    timeout: limitS * 1000,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout);
};

/** A program that listens until it is told to end. */
export interface Listener {
  readonly port: number;
  /** Ends the program and gives the figures that it printed last. */
  end(): Promise<Figures>;
}

const nextLine = async (lines: AsyncIterator<string>, what: string): Promise<Record<string, number>> => {
  const { value, done } = await lines.next();
  if (done === true || typeof value !== 'string') throw new Error(`${what} ended without a line of figures`);
  return JSON.parse(value);
};

const endListener = async (child: ChildProcess, lines: AsyncIterator<string>): Promise<Figures> => {
  const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
  child.stdin?.end();
  try {
    return await nextLine(lines, child.spawnfile);
  } finally {
    clearTimeout(patience);
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
};

/** Starts a program that prints `{"port":N}` once it listens, and its figures when its standard input ends. */
export const startListener = async (
  build: Build,
  name: string,
  args: readonly string[],
  namespace?: string,
): Promise<Listener> => {
  const line = commandLine(build, name, args, namespace);
  const child = spawn(line.file, line.args, { env: environment(build), stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    const { port = 0 } = await nextLine(lines, name);
    return { port, end: () => endListener(child, lines) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
};

/** Runs a command of the system; throws with what it wrote to stderr. */
export const runSystem = async (file: string, args: readonly string[]): Promise<string> => {
  const { stdout } = await execFileAsync(file, [...args], { timeout: 10_000 });
  return stdout;
};
