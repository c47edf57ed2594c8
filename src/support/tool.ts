/** Runs other programs for their answer: bounded in time and size, and never an error. */
import { spawn } from 'node:child_process';

const DEADLINE_MS = 5000;
const MAX_CHARACTERS = 512 * 1024;

/** What a program answered; undefined where it is not installed. */
export interface ToolAnswer {
  /** null when it was killed at the deadline. */
  readonly status: number | null;
  readonly output: string;
}

/** @returns undefined when there is no such program */
export const runTool = (
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  deadlineMs = DEADLINE_MS,
): Promise<ToolAnswer | undefined> =>
  new Promise((resolve) => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        output = (output + chunk).slice(0, MAX_CHARACTERS);
      });
    }
    // What the program started itself may hold its pipes open for longer than it lives.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      resolve({ status: null, output });
    }, deadlineMs);
    child.once('error', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output });
    });
  });
