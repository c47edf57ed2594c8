/**
 * Files that hold secrets: mode 0600, replaced or created whole or not at all, refused when others can read them.
 * Synchronous: they are small and rarely touched, and no half-done state can be seen.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LumenError } from '../support/errors.js';

const unreadable = (file: string, problem: string, cause?: unknown): LumenError =>
  new LumenError('LUMEN_STATE_UNREADABLE', { file, problem }, cause);

const isErrno = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/**
 * Reads a whole file of at most `maxBytes`.
 * @returns undefined when there is no such file
 * @throws LumenError LUMEN_STATE_UNREADABLE when it is not a plain file, too large, or open to others
 */
export const readSecretFile = (file: string, maxBytes = 4 * 1024 * 1024): string | undefined => {
  let fd: number;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw unreadable(file, `it cannot be opened (${(error as NodeJS.ErrnoException).code})`, error);
  }
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) throw unreadable(file, 'it is not a plain file');
    if (stat.size > maxBytes) throw unreadable(file, `it is larger than ${maxBytes} bytes`);
    if ((stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw unreadable(file, `others may read or change it (mode ${mode}); chmod 600 makes it private again`);
    }
    return fs.readFileSync(fd, 'utf8');
  } finally {
    fs.closeSync(fd);
  }
};

const syncFolder = (folder: string): void => {
  const fd = fs.openSync(folder, fs.constants.O_RDONLY);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
};

/* Writes a neighbour of `file` to the disk, then lets `publish` give it the final name. */
const writeThrough = (file: string, text: string, publish: (temporary: string) => void): void => {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const fd = fs.openSync(temporary, 'wx', 0o600);
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    publish(temporary);
    syncFolder(path.dirname(file));
  } finally {
    fs.rmSync(temporary, { force: true });
  }
};

/** Replaces `file` as a whole; after a crash there is the old content or the new, nothing between. */
export const replaceSecretFile = (file: string, text: string): void =>
  writeThrough(file, text, (temporary) => fs.renameSync(temporary, file));

/**
 * Creates `file` as a whole unless it exists.
 * @returns false when another process was first; its file is left as it is
 */
export const createSecretFile = (file: string, text: string): boolean => {
  let isOurs = true;
  writeThrough(file, text, (temporary) => {
    try {
      fs.linkSync(temporary, file);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      isOurs = false;
    }
  });
  return isOurs;
};
