/**
 * What is owed to the system while an app runs, on the disk, so that it is paid even when the host is killed: one file
 * per run, whose name says which host process it belongs to. Whoever takes a dead host's record over renames it, which
 * only one can do.
 */
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSecretFile, replaceSecretFile } from '../identity/secret-file.js';
import { describeError } from '../support/errors.js';
import type { Logger } from '../support/logger.js';
import { startTicksOf } from './proc.js';

const recordSchema = z.strictObject({
  version: z.literal(1),
  /** Names the run, and stands in the environment of all its processes. */
  runId: z.string().regex(/^[0-9a-f]{16}$/),
  title: z.string(),
  stopMs: z.number().min(0).max(60_000),
  /** Variables beside those of the host. */
  environment: z.record(z.string(), z.string()),
  workingDirectory: z.string().nullable(),
  /** Commands in the order in which they are to run. */
  undo: z.array(z.array(z.string()).min(1)),
});

/** The content of a record. */
export type RunRecord = z.output<typeof recordSchema>;

const FILE_NAME = /^([0-9a-f]{16})\.(\d+)-(\d+)\.json$/;

const fileFor = (folder: string, runId: string): string =>
  path.join(folder, `${runId}.${process.pid}-${startTicksOf(process.pid) ?? 0}.json`);

/** Writes a record of this process, anew or again. */
export const writeRecord = (folder: string, record: RunRecord): void => {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  replaceSecretFile(fileFor(folder, record.runId), JSON.stringify(record));
};

/** Nothing is owed any more. */
export const removeRecord = (folder: string, runId: string): void => {
  fs.rmSync(fileFor(folder, runId), { force: true });
};

const listNames = (folder: string): readonly string[] => {
  try {
    return fs.readdirSync(folder);
  } catch {
    // No app was ever started.
    return [];
  }
};

const readRecord = (file: string): RunRecord => {
  const result = recordSchema.safeParse(JSON.parse(readSecretFile(file) ?? ''));
  if (!result.success) throw new Error(result.error.issues[0]?.message ?? 'not a record');
  return result.data;
};

/**
 * Takes over the records of hosts that are no more. One that cannot be read is set aside and told.
 * @returns now records of this process
 */
export const claimRecords = (folder: string, logger: Logger): readonly RunRecord[] => {
  const claimed: RunRecord[] = [];
  for (const name of listNames(folder)) {
    const [, runId, pid, startTicks] = FILE_NAME.exec(name) ?? [];
    if (runId === undefined || startTicksOf(Number(pid)) === startTicks) continue;
    const file = fileFor(folder, runId);
    try {
      fs.renameSync(path.join(folder, name), file);
    } catch {
      // Another host that starts at this moment was faster.
      continue;
    }
    try {
      claimed.push(readRecord(file));
    } catch (error) {
      fs.renameSync(file, `${file}.damaged`);
      const remedy = `undo what the app changed by hand; ${file}.damaged may say what that was`;
      logger.error({ problem: describeError(error), remedy }, 'what an app left behind cannot be read');
    }
  }
  return claimed;
};
