/**
 * An address translator between a client and a host, on loopback: the client talks to `inside`, the host sees `outside`.
 * `roam` gives the client's datagrams another address or other ports, as a router or another network would.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

export interface NatOptions {
  /** Where the client finds the host; of 127.0.0.0/8, as all addresses here. */
  readonly inside: string;
  /** Where the host sees the client. */
  readonly outside: string;
  readonly host: string;
  readonly tcpPorts: readonly number[];
  readonly udpPorts: readonly number[];
}

/** One UDP port of the host. */
class UdpPort {
  readonly #listener = dgram.createSocket('udp4');
  readonly #host: string;
  readonly port: number;
  readonly #mappings = new Map<string, dgram.Socket>();
  /** The latest datagram of the client. */
  latest: Buffer | undefined;
  #outside: string;

  constructor(options: NatOptions, port: number) {
    this.#host = options.host;
    this.port = port;
    this.#outside = options.outside;
    this.#listener.on('message', (datagram, from) => this.#forward(datagram, from));
  }

  async open(inside: string): Promise<void> {
    this.#listener.bind(this.port, inside);
    await once(this.#listener, 'listening');
  }

  roam(outside: string): void {
    this.#outside = outside;
    for (const socket of this.#mappings.values()) socket.close();
    this.#mappings.clear();
  }

  close(): void {
    this.roam(this.#outside);
    this.#listener.close();
  }

  #forward(datagram: Buffer, from: dgram.RemoteInfo): void {
    const key = `${from.address}:${from.port}`;
    const socket = this.#mappings.get(key) ?? this.#map(key, from);
    this.latest = datagram;
    socket.send(datagram, this.port, this.#host);
  }

  #map(key: string, client: dgram.RemoteInfo): dgram.Socket {
    const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    this.#mappings.set(key, socket);
    socket.on('message', (reply) => this.#listener.send(reply, client.port, client.address));
    socket.bind(0, this.#outside);
    return socket;
  }
}

export class Nat {
  readonly #servers: net.Server[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #ports: UdpPort[];

  private constructor(options: NatOptions) {
    this.#ports = options.udpPorts.map((port) => new UdpPort(options, port));
  }

  static async open(options: NatOptions): Promise<Nat> {
    const nat = new Nat(options);
    for (const port of nat.#ports) await port.open(options.inside);
    for (const port of options.tcpPorts) await nat.#openTcp(options, port);
    return nat;
  }

  /** From now on the client's datagrams come from new ports of `outside`; what is on its way to the old ones is lost. */
  roam(outside: string): void {
    for (const port of this.#ports) port.roam(outside);
  }

  /** The latest datagram that the client sent to a UDP port: what an onlooker sees. */
  latestOn(udpPort: number): Buffer | undefined {
    return this.#ports.find(({ port }) => port === udpPort)?.latest;
  }

  close(): void {
    for (const port of this.#ports) port.close();
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #openTcp({ inside, outside, host }: NatOptions, port: number): Promise<void> {
    const server = net.createServer({ allowHalfOpen: true }, (client) => {
      const upstream = net.connect({ host, port, localAddress: outside, allowHalfOpen: true });
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
      client.pipe(upstream).pipe(client);
    });
    this.#servers.push(server);
    server.listen(port, inside);
    await once(server, 'listening');
  }
}
