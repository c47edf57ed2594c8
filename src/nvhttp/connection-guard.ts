/**
 * Bounds what strangers can hold open: connections in all and per address. What is refused is closed without a word
 * and counted. It also knows every open socket, so that closing a server does not wait for anybody.
 */
import type net from 'node:net';
import { limitKey } from '../support/address.js';

/** Bounds of one listener. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Per IPv4 address or IPv6 /64, so that one peer cannot take all. */
  readonly maxConnectionsPerAddress: number;
}

/** Watches the connections of one server. */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits;
  readonly #sockets = new Set<net.Socket>();
  readonly #perAddress = new Map<string, number>();
  #refused = 0;

  /** @param server HTTP or HTTPS; for HTTPS the raw TCP connections count, handshake or not */
  constructor(server: net.Server, limits: ConnectionLimits) {
    this.#limits = limits;
    server.on('connection', (socket) => this.#admit(socket));
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Connections refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #admit(socket: net.Socket): void {
    // A peer that resets a connection is no event: clients probe ports that way (`protocol/http.md` §1).
    socket.on('error', () => socket.destroy());
    const key = limitKey(socket.remoteAddress ?? '');
    const count = this.#perAddress.get(key) ?? 0;
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    if (this.#sockets.size >= maxConnections || count >= maxConnectionsPerAddress) {
      this.#refused += 1;
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#perAddress.set(key, count + 1);
    socket.once('close', () => this.#release(socket, key));
  }

  #release(socket: net.Socket, key: string): void {
    this.#sockets.delete(socket);
    const count = (this.#perAddress.get(key) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(key, count);
    else this.#perAddress.delete(key);
  }
}
