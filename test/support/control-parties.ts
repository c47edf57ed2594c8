/**
 * Both ends of a control connection for tests: a real server, clients over real ENet, and sessions that note what they
 * are told.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ControlCipher } from '../../src/control/cipher.js';
import { CONTROL_CHANNELS, EnetHost } from '../../src/control/enet.js';
import { type ClientMessage, formatClientMessage } from '../../src/control/message.js';
import { ControlServer } from '../../src/control/server.js';
import type { ControlPeer, ControlSession } from '../../src/control/session.js';
import { createSilentLogger, type Logger } from '../../src/support/logger.js';
import { Inbox } from './events.js';
import { until } from './serve.js';

/** What a session was told by the control server. */
export type SessionEvent =
  | { kind: 'connected'; peer: ControlPeer }
  | { kind: 'message'; message: ClientMessage }
  | { kind: 'disconnected'; reason: string };

/** A session that notes what it is told. */
export class FakeSession implements ControlSession {
  readonly events = new Inbox<SessionEvent>();
  connectData = 4242;
  peerAddress = '127.0.0.1';
  hasSessionId = true;
  riKey = randomBytes(16);
  isV2 = true;

  onConnected(peer: ControlPeer): void {
    this.events.push({ kind: 'connected', peer });
  }

  onMessage(message: ClientMessage): void {
    this.events.push({ kind: 'message', message });
  }

  onDisconnected(reason: 'disconnect' | 'timeout'): void {
    this.events.push({ kind: 'disconnected', reason });
  }

  async peer(): Promise<ControlPeer> {
    const event = await this.events.next('the connection', (candidate) => candidate.kind === 'connected');
    assert.ok(event.kind === 'connected');
    return event.peer;
  }
}

export interface ClientOptions {
  readonly address?: string;
  readonly connectData?: number;
  readonly cipher?: ControlCipher;
}

/** A client that connects over ENet and keeps what comes back. */
export class FakeClient {
  readonly connected = new Inbox<true>();
  readonly ended = new Inbox<true>();
  readonly packets = new Inbox<Buffer>();
  readonly cipher: ControlCipher;
  readonly #host: EnetHost;
  readonly #peerId: number;

  constructor(port: number, session: ControlSession, options: ClientOptions = {}) {
    this.cipher = options.cipher ?? new ControlCipher(session.riKey, session.isV2, 'client');
    this.#host = EnetHost.createClient({
      onConnect: () => this.connected.push(true),
      onDisconnect: () => this.ended.push(true),
      onMessage: ({ data }) => this.packets.push(data),
    });
    const data = options.connectData ?? session.connectData;
    const address = options.address ?? '127.0.0.1';
    this.#peerId = this.#host.connect({ address, port, channels: CONTROL_CHANNELS, data });
  }

  sendRaw(packet: Buffer): void {
    this.#host.send(this.#peerId, 0, packet, 'reliable');
  }

  send(message: ClientMessage): Buffer {
    const packet = this.cipher.seal(formatClientMessage(message));
    this.sendRaw(packet);
    return packet;
  }

  disconnect(): void {
    this.#host.disconnect(this.#peerId, 0, 'gentle');
  }

  close(): void {
    this.#host.close();
  }
}

export interface ServerOptions {
  readonly livenessMs?: number;
  readonly address?: string;
  readonly logger?: Logger;
}

/** A server and the clients of one test; `close` ends both. */
export class ControlParties {
  readonly server: ControlServer;
  readonly #clients: FakeClient[] = [];

  constructor(options: ServerOptions = {}) {
    this.server = ControlServer.listen({
      address: options.address ?? '127.0.0.1',
      port: 0,
      logger: options.logger ?? createSilentLogger(),
      livenessMs: options.livenessMs ?? 10_000,
    });
  }

  /** A client that has asked for a connection. */
  addClient(session: ControlSession, options: ClientOptions = {}): FakeClient {
    const client = new FakeClient(this.server.port, session, options);
    this.#clients.push(client);
    return client;
  }

  /** A client whose ENet connection stands. */
  async connect(session: ControlSession, options: ClientOptions = {}): Promise<FakeClient> {
    const client = this.addClient(session, options);
    await client.connected.next('the ENet connection');
    return client;
  }

  close(): void {
    for (const client of this.#clients) client.close();
    this.server.close();
  }
}

/** Until it is so; fails after three seconds. */
export const waitUntil = async (isThere: () => boolean): Promise<void> => {
  await until(isThere, 'what the control server counts', 3_000);
};
