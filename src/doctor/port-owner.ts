/** Which program holds a port, from /proc. Of other users' programs only root learns the name. */
import fs from 'node:fs';

const TABLES = { tcp: ['tcp', 'tcp6'], udp: ['udp', 'udp6'] } as const;
/** `TCP_LISTEN` in /proc/net/tcp; UDP sockets have 07. */
const LISTENING = '0A';

/** The inodes of the sockets bound to a port, in a table such as /proc/net/tcp (proc(5)). Pure. */
export const findInodes = (table: string, port: number, protocol: 'tcp' | 'udp'): readonly string[] =>
  table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => {
      const isBound = Number.parseInt(local.split(':')[1] ?? '', 16) === port;
      return isBound && (protocol === 'udp' || state === LISTENING);
    })
    .map((fields) => fields[9] ?? '');

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

const listOpenSockets = (pid: string): readonly string[] => {
  try {
    const folder = `/proc/${pid}/fd`;
    return fs.readdirSync(folder).map((fd) => fs.readlinkSync(`${folder}/${fd}`));
  } catch {
    // Another user's, or ended meanwhile.
    return [];
  }
};

/** @returns such as `sunshine (pid 123)`; undefined when it cannot be told */
export const findPortOwner = (port: number, protocol: 'tcp' | 'udp'): string | undefined => {
  const inodes = TABLES[protocol].flatMap((name) => findInodes(read(`/proc/net/${name}`), port, protocol));
  const wanted = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const pid = fs
    .readdirSync('/proc')
    .find((name) => /^\d+$/.test(name) && listOpenSockets(name).some((link) => wanted.has(link)));
  return pid === undefined ? undefined : `${read(`/proc/${pid}/comm`).trim()} (pid ${pid})`;
};
