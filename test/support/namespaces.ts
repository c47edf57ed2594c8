/**
 * Two network namespaces joined by a cable: one for a host, one for a client that has IPv6 alone. Needs root. They end
 * with their holders, and these end by themselves should the test be killed.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { until } from './serve.js';

const LIFETIME_S = 300;

/** Unique local addresses; the host also has an IPv4 one, which the client cannot reach. */
export const CABLE = {
  host: 'fd6c:756d::1',
  /** The same as hex digits. */
  hostBytes: 'fd6c756d000000000000000000000001',
  client: 'fd6c:756d::2',
  hostIpv4: '192.0.2.1',
} as const;

/** A process that holds a network namespace open. */
const hold = async (): Promise<ChildProcess> => {
  const own = fs.readlinkSync('/proc/self/ns/net');
  const holder = spawn('unshare', ['--net', 'sleep', String(LIFETIME_S)], { stdio: 'ignore' });
  await until(() => {
    if (holder.exitCode !== null) throw new Error('no network namespace can be made: are you root?');
    return holder.pid !== undefined && fs.readlinkSync(`/proc/${holder.pid}/ns/net`) !== own;
  }, 'a network namespace');
  return holder;
};

export class Namespaces {
  readonly #host: ChildProcess;
  readonly #client: ChildProcess;

  private constructor(host: ChildProcess, client: ChildProcess) {
    this.#host = host;
    this.#client = client;
  }

  static async create(): Promise<Namespaces> {
    const namespaces = new Namespaces(await hold(), await hold());
    try {
      namespaces.#plugIn();
      return namespaces;
    } catch (error) {
      namespaces.close();
      throw error;
    }
  }

  /** What starts a program in the host's namespace, or in the client's. */
  inside(which: 'host' | 'client'): readonly string[] {
    const { pid } = which === 'host' ? this.#host : this.#client;
    return ['nsenter', `--target=${pid}`, '--net'];
  }

  close(): void {
    this.#host.kill('SIGKILL');
    this.#client.kill('SIGKILL');
  }

  /** The host's end is in a bridge, which has the name of its card to itself: the mDNS library cannot read `x@y`. */
  #plugIn(): void {
    const ip = (which: 'host' | 'client', command: string) => {
      const [file = '', ...rest] = this.inside(which);
      execFileSync(file, [...rest, 'ip', ...command.split(' ')], { stdio: ['ignore', 'ignore', 'pipe'] });
    };
    ip('host', 'link add lan type bridge');
    ip('host', `link add cable master lan type veth peer name lan netns ${this.#client.pid}`);
    for (const which of ['host', 'client'] as const) {
      ip(which, `address add ${CABLE[which]}/64 dev lan nodad`);
      ip(which, 'link set lo up');
      ip(which, 'link set lan up');
    }
    ip('host', 'link set cable up');
    ip('host', `address add ${CABLE.hostIpv4}/24 dev lan`);
  }
}
