/**
 * A program in a session and process group of its own: what it starts ends with it, and signals that are meant for the
 * host do not reach it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delay } from '../support/lifecycle.js';
import { LastLines, readLines } from '../support/lines.js';
import { isGroupAlive } from './proc.js';

const POLL_MS = 50;
const POLLS_PER_LOOK = 5;
/** How long the kernel may take to end what was killed. */
const KILL_MS = 2000;
const KEPT_LINES = 5;

/** A command before it runs. */
export interface CommandLine {
  /** Program and arguments. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string | undefined;
  /** Called with each line that it writes. */
  onLine?(line: string): void;
}

/** How a program ended: `status 0`, `signal SIGTERM`. */
export interface ProgramExit {
  readonly isSuccess: boolean;
  readonly text: string;
}

/** Signals every process of a group; 0 only asks. @returns false when there is none */
const signalGroup = (groupId: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
};

const isGone = async (groupId: number, deadlineMs: number): Promise<boolean> => {
  const endMs = performance.now() + deadlineMs;
  for (let poll = 1; signalGroup(groupId, 0); poll += 1) {
    // Zombies that nobody collects can be signalled, too. Telling them apart takes all of /proc: not each time.
    if (poll % POLLS_PER_LOOK === 0 && !isGroupAlive(groupId)) return true;
    if (performance.now() >= endMs) return !isGroupAlive(groupId);
    await delay(POLL_MS);
  }
  return true;
};

/**
 * Ends a process group: SIGTERM, and SIGKILL to what is left after the deadline.
 * @param deadlineMs 0 kills at once
 * @returns whether it ended by itself
 */
export const endGroup = async (groupId: number, deadlineMs: number): Promise<boolean> => {
  if (!signalGroup(groupId, 'SIGTERM')) return true;
  if (await isGone(groupId, deadlineMs)) return true;
  signalGroup(groupId, 'SIGKILL');
  await isGone(groupId, KILL_MS);
  return false;
};

/** A running program. */
export class ProcessGroup {
  /** Resolves when the program itself has ended, whatever it started. */
  readonly exited: Promise<ProgramExit>;
  readonly #child: ChildProcess;
  readonly #lines: LastLines;

  private constructor(child: ChildProcess, lines: LastLines) {
    this.#child = child;
    this.#lines = lines;
    this.exited = new Promise((resolve) => {
      child.once('exit', (status, signal) =>
        resolve({ isSuccess: status === 0, text: signal === null ? `status ${status}` : `signal ${signal}` }),
      );
    });
  }

  /** @throws Error of `spawn` (ENOENT, EACCES, …) when it cannot be started */
  static async start(command: CommandLine): Promise<ProcessGroup> {
    const [program = '', ...args] = command.argv;
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...command.environment },
      cwd: command.workingDirectory,
    });
    const lines = new LastLines(KEPT_LINES);
    for (const stream of [child.stdout, child.stderr]) {
      readLines(stream, (line) => {
        lines.add(line);
        command.onLine?.(line);
      });
    }
    const group = new ProcessGroup(child, lines);
    await once(child, 'spawn');
    return group;
  }

  /** Its process group, which has the pid of the program. */
  get id(): number {
    return this.#child.pid ?? 0;
  }

  /** The newest lines that it wrote. */
  get lastLines(): string {
    return this.#lines.text();
  }

  /** See {@link endGroup}. */
  end(deadlineMs: number): Promise<boolean> {
    return endGroup(this.id, deadlineMs);
  }
}
