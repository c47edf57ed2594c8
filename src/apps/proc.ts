/** What `/proc` tells of processes: who lives, in which group, since when, with which mark in the environment. */
import fs from 'node:fs';

const readText = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return undefined;
  }
};

interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly isZombie: boolean;
  /** Start in clock ticks since boot: with the pid it names one process for good. */
  readonly startTicks: string;
}

/* proc(5): the name in parentheses may hold anything, so fields are counted from the last parenthesis. */
const readStat = (pid: number): ProcessStat | undefined => {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    isZombie: fields[0] === 'Z',
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    startTicks: fields[19] ?? '',
  };
};

/** The start of a living process in clock ticks since boot; undefined when there is none of that pid. */
export const startTicksOf = (pid: number): string | undefined => {
  const stat = readStat(pid);
  return stat === undefined || stat.isZombie ? undefined : stat.startTicks;
};

const listProcesses = (): readonly ProcessStat[] =>
  fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined && !stat.isZombie) as ProcessStat[];

/** Whether a process group has a living process. */
export const isGroupAlive = (groupId: number): boolean =>
  listProcesses().some((stat) => stat.groupId === groupId);

const hasVariable = (pid: number, variable: string): boolean =>
  readText(`/proc/${pid}/environ`)?.split('\0').includes(variable) ?? false;

/** The groups of this process and of those that it was started from. */
const listOwnGroups = (): ReadonlySet<number> => {
  const groups = new Set<number>();
  for (let stat = readStat(process.pid); stat !== undefined; stat = readStat(stat.parentPid))
    groups.add(stat.groupId);
  return groups;
};

/**
 * The process groups of those living processes that were started with a variable, or inherited it; without the groups
 * that this process itself was started from.
 */
export const listGroupsWith = (name: string, value: string): readonly number[] => {
  const own = listOwnGroups();
  const marked = listProcesses().filter(({ pid }) => hasVariable(pid, `${name}=${value}`));
  return [...new Set(marked.map(({ groupId }) => groupId))].filter((groupId) => !own.has(groupId));
};
