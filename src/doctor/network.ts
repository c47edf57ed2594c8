/** Ports, send buffers and the announcement on the local network. */
import dgram from 'node:dgram';
import net from 'node:net';
import os from 'node:os';
import type { Config } from '../config/config.js';
import { PORT_OFFSET, type PortUse, SEND_BUFFER_BYTES, TCP_USES, UDP_USES } from '../config/ports.js';
import { bindUdp, closeDescriptor } from '../support/sockets.js';
import { type Finding, note, ok, problem, warning } from './finding.js';
import type { NeededPorts } from './firewall.js';
import { findPortOwner } from './port-owner.js';

const MDNS = { address: '224.0.0.251', port: 5353 } as const;
const MDNS_ANSWER_MS = 1500;
const SYSCTL_FILE = '/etc/sysctl.d/60-lumen.conf';
const SYSCTL_BYTES = 33_554_432;

/** The ports of this configuration. */
export const portsOf = ({ port }: Pick<Config, 'port'>): NeededPorts => {
  const toPort = (use: PortUse): number => port + PORT_OFFSET[use];
  return { tcp: TCP_USES.map(toPort), udp: UDP_USES.map(toPort) };
};

const isTcpFree = (port: number, host: string): Promise<NodeJS.ErrnoException | undefined> =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', resolve);
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

const isUdpFree = (port: number, address: string): NodeJS.ErrnoException | undefined => {
  try {
    closeDescriptor(bindUdp({ address, port }).fd);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
};

const judgePort = (
  port: number,
  protocol: 'tcp' | 'udp',
  error: NodeJS.ErrnoException | undefined,
): Finding | undefined => {
  if (error === undefined) return undefined;
  const name = `${protocol.toUpperCase()} port ${port}`;
  if (error.code === 'EADDRINUSE') {
    const owner = findPortOwner(port, protocol) ?? 'another program';
    return problem(
      'network.ports',
      `${name} is in use by ${owner}`,
      'stop it, or set another base port: port = N',
    );
  }
  return problem(
    'network.ports',
    `${name} cannot be opened: ${error.message}`,
    'correct bind_address or port',
  );
};

/** @param isServing a `lumen serve` of this user has the ports */
export const checkPorts = async (config: Config, isServing: boolean): Promise<readonly Finding[]> => {
  const { tcp, udp } = portsOf(config);
  const list = `TCP ${tcp.join(', ')} and UDP ${udp.join(', ')}`;
  if (isServing) return [ok('network.ports', `lumen serve runs and has ${list}`)];
  const address = config.bindAddress;
  const verdicts = [
    ...(await Promise.all(tcp.map(async (port) => judgePort(port, 'tcp', await isTcpFree(port, address))))),
    ...udp.map((port) => judgePort(port, 'udp', isUdpFree(port, address))),
  ].filter((verdict) => verdict !== undefined);
  return verdicts.length > 0 ? verdicts : [ok('network.ports', `${list} are free`)];
};

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** @param grantedBytes of a socket that wanted {@link SEND_BUFFER_BYTES} */
export const judgeSendBuffer = (grantedBytes: number): Finding => {
  const text = `the kernel grants send buffers of ${mebibytes(grantedBytes)}`;
  if (grantedBytes >= SEND_BUFFER_BYTES) return ok('network.buffers', text);
  return warning(
    'network.buffers',
    `${text}, ${mebibytes(SEND_BUFFER_BYTES)} are wanted: fast streams lose datagrams in bursts`,
    `echo 'net.core.wmem_max = ${SYSCTL_BYTES}' | sudo tee ${SYSCTL_FILE}; sudo sysctl --system`,
  );
};

export const checkSendBuffer = async (): Promise<readonly Finding[]> => {
  const bound = bindUdp({ address: '127.0.0.1', port: 0, sendBufferBytes: SEND_BUFFER_BYTES });
  closeDescriptor(bound.fd);
  return [judgeSendBuffer(bound.sendBufferBytes)];
};

/* A question for PTR records of _nvstream._tcp.local (RFC 6762 §18, RFC 1035 §4.1). */
const question = (): Buffer => {
  const labels = ['_nvstream', '_tcp', 'local'].map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]),
  );
  const header = Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 12, 0, 1])]);
};

/** A response (RFC 1035 §4.1.1: the first bit of the flags) that speaks of hosts. */
const isAnswer = (message: Buffer): boolean =>
  message.length > 12 && ((message[2] ?? 0) & 0x80) !== 0 && message.includes('_nvstream');

/** Asks for hosts as clients do. @returns whether any answered, or why nothing can be heard */
const askMdns = (): Promise<boolean | string> =>
  new Promise((resolve) => {
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    const finish = (result: boolean | string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => finish(false), MDNS_ANSWER_MS);
    socket.once('error', (error) => finish(error.message));
    socket.on('message', (message) => {
      if (isAnswer(message)) finish(true);
    });
    socket.bind(MDNS.port, () => {
      try {
        socket.addMembership(MDNS.address);
        socket.setMulticastLoopback(true);
        socket.send(question(), MDNS.port, MDNS.address);
      } catch (error) {
        finish((error as Error).message);
      }
    });
  });

const BY_ADDRESS = 'in Moonlight, add the host by its address instead';

/** @param isServing a `lumen serve` of this user should answer */
export const checkMdns = async (config: Config, isServing: boolean): Promise<readonly Finding[]> => {
  const check = 'network.mdns';
  if (!config.discovery) return [note(check, 'the host is not announced: discovery = false', BY_ADDRESS)];
  const hasNetwork = Object.values(os.networkInterfaces()).some((infos) =>
    infos?.some((info) => !info.internal),
  );
  if (!hasNetwork)
    return [warning(check, 'this machine has no network but loopback', 'connect it to a network')];
  const answer = await askMdns();
  if (typeof answer === 'string') {
    return [
      warning(
        check,
        `multicast DNS cannot be used: ${answer}`,
        `stop what holds UDP ${MDNS.port} alone; ${BY_ADDRESS}`,
      ),
    ];
  }
  if (answer) return [ok(check, 'a host announces itself on the local network')];
  if (!isServing) return [ok(check, 'multicast DNS can be used')];
  return [
    warning(
      check,
      'lumen serve runs, but nobody hears its announcement',
      `let UDP ${MDNS.port} through the firewall; ${BY_ADDRESS}`,
    ),
  ];
};
