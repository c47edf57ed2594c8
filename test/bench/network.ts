/**
 * Networks for measurements, made of namespaces that nobody else sees and that are removed again, whatever happens:
 * a device that swallows everything, and a switch port of 1 Gbit/s with a shallow buffer. Needs root.
 */
import { runSystem } from './tools.js';

/** Where to send from, and to. */
export interface Network {
  readonly namespace: string;
  readonly host: string;
}

const ip = (...args: readonly string[]): Promise<string> => runSystem('ip', args);
const inside = (namespace: string, ...args: readonly string[]): Promise<string> =>
  ip('-n', namespace, ...args);

let made = 0;

/** Makes namespaces, runs the work, removes them. Their devices go with them. */
const withNamespaces = async <T>(
  count: number,
  work: (names: readonly string[]) => Promise<T>,
): Promise<T> => {
  const names = Array.from({ length: count }, () => `lumen-bench-${process.pid}-${made++}`);
  const added: string[] = [];
  try {
    for (const name of names) {
      await ip('netns', 'add', name);
      added.push(name);
      await inside(name, 'link', 'set', 'lo', 'up');
    }
    return await work(names);
  } finally {
    for (const name of added) await ip('netns', 'del', name);
  }
};

/** Runs `work` with a device that takes datagrams in and does nothing with them: what is left is the sender's own cost. */
export const withBlackHole = <T>(work: (network: Network) => Promise<T>): Promise<T> =>
  withNamespaces(1, async ([namespace = '']) => {
    await inside(namespace, 'link', 'add', 'hole', 'type', 'ifb');
    await inside(namespace, 'address', 'add', '10.99.0.1/24', 'dev', 'hole');
    await inside(namespace, 'link', 'set', 'hole', 'up');
    await inside(
      namespace,
      ...['neighbour', 'add', '10.99.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'hole', 'nud', 'permanent'],
    );
    return work({ namespace, host: '10.99.0.2' });
  });

/** A modelled switch port between two hosts. */
export interface SwitchPort extends Network {
  /** Where the receiving side listens. */
  readonly clientNamespace: string;
  /** Datagrams that the port had no room for, so far. */
  dropped(): Promise<number>;
}

/**
 * The port's buffer, bytes. In tbf a burst is what passes at once, and `limit` what waits behind it: a burst that comes at
 * no time at all fits when it is no larger than their sum, as in a buffer that drains meanwhile.
 */
const PORT_BUFFER_BYTES = 125_000;
/** Covers what a late timer of this machine costs the port in throughput: 0.12 ms. */
const PORT_BURST_BYTES = 15_000;
/** Preamble, checksum and gap of an Ethernet frame, which tbf does not see. */
const WIRE_OVERHEAD_BYTES = 24;

const addPair = async (from: string, device: string, to: string, peer: string, subnet: string) => {
  await inside(from, 'link', 'add', device, 'type', 'veth', 'peer', 'name', peer, 'netns', to);
  await inside(from, 'address', 'add', `${subnet}.1/24`, 'dev', device);
  await inside(to, 'address', 'add', `${subnet}.2/24`, 'dev', peer);
  await inside(from, 'link', 'set', device, 'up');
  await inside(to, 'link', 'set', peer, 'up');
};

const droppedBy = async (namespace: string, device: string): Promise<number> => {
  const text = await runSystem('tc', ['-n', namespace, '-s', '-j', 'qdisc', 'show', 'dev', device]);
  const disciplines = JSON.parse(text) as readonly { readonly kind: string; readonly drops?: number }[];
  return disciplines.find(({ kind }) => kind === 'tbf')?.drops ?? 0;
};

/**
 * Runs `work` with sender, port and client in three namespaces. A message with segmentation offload reaches the port at
 * once, as over an uplink of endless speed, and tbf cuts it into its datagrams, each of which it counts and may drop.
 * Single datagrams cost this chain some ten microseconds each, which slows a sender of single datagrams down: for such a
 * one the chain is too kind.
 */
export const withSwitchPort = <T>(work: (port: SwitchPort) => Promise<T>): Promise<T> =>
  withNamespaces(3, async ([sender = '', port = '', client = '']) => {
    await addPair(port, 'in', sender, 'uplink', '10.98.1');
    await addPair(port, 'out', client, 'uplink', '10.98.2');
    await inside(sender, 'route', 'add', 'default', 'via', '10.98.1.1');
    await inside(client, 'route', 'add', 'default', 'via', '10.98.2.1');
    await ip('netns', 'exec', port, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    const limit = String(PORT_BUFFER_BYTES - PORT_BURST_BYTES);
    await runSystem('tc', [
      ...['-n', port, 'qdisc', 'add', 'dev', 'out', 'root', 'tbf', 'rate', '1gbit'],
      ...['burst', String(PORT_BURST_BYTES), 'limit', limit, 'overhead', String(WIRE_OVERHEAD_BYTES)],
    ]);
    return work({
      namespace: sender,
      clientNamespace: client,
      host: '10.98.2.2',
      dropped: () => droppedBy(port, 'out'),
    });
  });
