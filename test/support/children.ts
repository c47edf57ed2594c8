/** Programs that tests start. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends a program with SIGKILL, as a crash would, and waits for that; one that has ended or never started is left alone. */
export const killChild = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
};
