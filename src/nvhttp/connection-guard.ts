/**
 * Bounds what strangers can hold open: connections in all and per address. What is refused is closed without a word
 * and counted. It also knows every open socket, so that closing a server does not wait for anybody.
 */
import type net from 'node:net';
import { ConnectionLimit } from '../support/connection-limit.js';

/** Bounds of one listener. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Per IPv4 address or IPv6 /64, so that one peer cannot take all. */
  readonly maxConnectionsPerAddress: number;
}

/** Watches the connections of one server. */
export class ConnectionGuard {
  readonly #limit: ConnectionLimit;
  readonly #sockets = new Set<net.Socket>();
  #refused = 0;

  /** @param server HTTP or HTTPS; for HTTPS the raw TCP connections count, handshake or not */
  constructor(server: net.Server, limits: ConnectionLimits) {
    this.#limit = new ConnectionLimit(limits.maxConnections, limits.maxConnectionsPerAddress);
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
    const address = socket.remoteAddress ?? '';
    if (!this.#limit.take(address)) {
      this.#refused += 1;
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#limit.release(address);
    });
  }
}
