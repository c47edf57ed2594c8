/**
 * Where Lumen keeps its files (XDG base directories), and the care that folders of secrets and sockets need:
 * mode 0700, ours, and not a link that somebody else laid.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LumenError } from '../support/errors.js';

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Absolute paths; nothing is created by knowing them. */
export interface LumenPaths {
  /** `$XDG_CONFIG_HOME/lumen` */
  readonly configDir: string;
  readonly configFile: string;
  /** Pipeline descriptions of the user, which shadow the shipped ones. */
  readonly pipelinesDir: string;
  /** `$XDG_STATE_HOME/lumen`: key, certificate, paired clients. */
  readonly stateDir: string;
  /** What running apps owe the system. */
  readonly appsDir: string;
  /** `$XDG_RUNTIME_DIR/lumen`, or a private folder under /tmp. */
  readonly runtimeDir: string;
  /** The UNIX socket through which other `lumen` commands reach the `lumen serve` on that base port. */
  adminSocket(port: number): string;
}

/* The XDG base directory specification says that relative paths are invalid and to be ignored. */
const baseDir = (value: string | undefined, fallback: string): string =>
  value !== undefined && path.isAbsolute(value) ? value : fallback;

/**
 * @param env default: the environment of this process
 * @param userId owner of the fallback runtime folder, whose name carries it
 */
export const resolvePaths = (
  env: Environment = process.env,
  userId: number = process.getuid?.() ?? 0,
): LumenPaths => {
  const home = baseDir(env['HOME'], os.homedir());
  const configDir = path.join(baseDir(env['XDG_CONFIG_HOME'], path.join(home, '.config')), 'lumen');
  const stateDir = path.join(baseDir(env['XDG_STATE_HOME'], path.join(home, '.local', 'state')), 'lumen');
  const runtimeBase = baseDir(env['XDG_RUNTIME_DIR'], '');
  const runtimeDir = runtimeBase === '' ? `/tmp/lumen-${userId}` : path.join(runtimeBase, 'lumen');
  return {
    configDir,
    configFile: path.join(configDir, 'config.toml'),
    pipelinesDir: path.join(configDir, 'pipelines'),
    stateDir,
    appsDir: path.join(stateDir, 'apps'),
    runtimeDir,
    adminSocket: (port) => path.join(runtimeDir, `serve-${port}.sock`),
  };
};

const modeText = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

const findProblem = (stat: fs.Stats, userId: number): string | undefined => {
  if (!stat.isDirectory()) return 'it is not a folder (or it is a symbolic link)';
  if (stat.uid !== userId) return `it belongs to user ${stat.uid}, not to ${userId}`;
  if ((stat.mode & 0o077) !== 0)
    return `others may enter it (mode ${modeText(stat.mode)}); run: chmod 700 on it`;
  return undefined;
};

/**
 * Makes `dir` (mode 0700, parents as needed) or checks that the one there is a real folder of ours which nobody else
 * can enter. A folder in /tmp may have been laid by another user, so what does not fit is refused, never repaired.
 * @throws LumenError LUMEN_STATE_UNREADABLE
 */
export const ensurePrivateDir = (dir: string, userId: number = process.getuid?.() ?? 0): void => {
  try {
    fs.mkdirSync(path.dirname(dir), { recursive: true, mode: 0o700 });
    fs.mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new LumenError('LUMEN_STATE_UNREADABLE', { file: dir, problem: String(error) }, error);
    }
  }
  const problem = findProblem(fs.lstatSync(dir), userId);
  if (problem !== undefined) throw new LumenError('LUMEN_STATE_UNREADABLE', { file: dir, problem });
};
