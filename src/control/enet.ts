/**
 * An ENet host on Node's event loop. Binding of `native/enet_addon.cc`, which uses libenet (IPv4 only).
 * Source: `protocol/control.md` §1.
 */
import net from 'node:net';
import { loadNative } from '../support/native.js';

/** Reliable and ordered, ordered only, or neither; order holds within one channel. */
export type Delivery = 'reliable' | 'unreliable' | 'unsequenced';

/** Identifies one connection; never reused by the same host. */
export type PeerId = number;

export interface EnetEvents {
  /** A connection is complete. @param data the connect data, unsigned 32 bit */
  onConnect?(event: { peerId: PeerId; address: string; port: number; data: number }): void;
  /** A connection ended: by the other side, by a timeout, or by a gentle disconnect from here. */
  onDisconnect?(event: { peerId: PeerId; data: number }): void;
  onMessage?(event: { peerId: PeerId; channel: number; data: Buffer }): void;
}

export interface EnetListenOptions {
  /** Numeric IPv4 address; `::` stands for every IPv4 address. */
  readonly address: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Most connections at the same time, 1–4094. */
  readonly maxPeers: number;
  /** Most connections from one address; absent means no such bound. */
  readonly peersPerAddress?: number;
  /** Channels granted to a connection, 1–255. */
  readonly channelLimit: number;
}

interface NativeEnetHost {
  readonly port: number;
  readonly unexpectedCount: number;
  readonly halfOpenCount: number;
  connect(address: string, port: number, channels: number, data: number): PeerId;
  send(peerId: PeerId, channel: number, data: Buffer, delivery: Delivery): boolean;
  disconnect(peerId: PeerId, data: number, how: 'now' | 'later' | 'gentle'): void;
  setExpected(connectData: Uint32Array, addresses: readonly string[]): void;
  setPeerTimeout(peerId: PeerId, limit: number, minimumMs: number, maximumMs: number): void;
  roundTripTimeMs(peerId: PeerId): number | undefined;
  hasUnacknowledged(peerId: PeerId): boolean;
  flush(): void;
  close(): void;
}

type NativeListener = (kind: string, peerId: PeerId, a: unknown, b: unknown, c: unknown) => void;

interface EnetAddon {
  EnetHost: new (
    address: string | null,
    port: number,
    maxPeers: number,
    peersPerAddress: number,
    channelLimit: number,
    onEvent: NativeListener,
  ) => NativeEnetHost;
}

const MAXIMUM_PEERS = 4095;
/** The client asks for 48 channels: `protocol/control.md` §1. */
export const CONTROL_CHANNELS = 48;

let loaded: EnetAddon | undefined;
const addon = (): EnetAddon => {
  loaded ??= loadNative('enet') as EnetAddon;
  return loaded;
};

/** libenet knows no IPv6: the wildcard of both families becomes IPv4's, and v4-mapped addresses lose their prefix. */
const toIpv4 = (address: string): string => {
  if (address === '::') return '0.0.0.0';
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
};

const createListener =
  (events: EnetEvents): NativeListener =>
  (kind, peerId, a, b, c) => {
    if (kind === 'message') events.onMessage?.({ peerId, channel: a as number, data: b as Buffer });
    else if (kind === 'disconnect') events.onDisconnect?.({ peerId, data: a as number });
    else events.onConnect?.({ peerId, data: a as number, address: b as string, port: c as number });
  };

/** One UDP socket with its ENet connections. It keeps the process alive until {@link EnetHost.close}. */
export class EnetHost {
  readonly #native: NativeEnetHost;

  private constructor(native: NativeEnetHost) {
    this.#native = native;
  }

  /**
   * Opens a host that others connect to.
   * @throws Error with `code` (`EADDRINUSE`, …) when the port cannot be had
   */
  static listen(options: EnetListenOptions, events: EnetEvents): EnetHost {
    const { port, maxPeers, peersPerAddress = MAXIMUM_PEERS, channelLimit } = options;
    const address = toIpv4(options.address);
    const native = new (addon().EnetHost)(
      address,
      port,
      maxPeers,
      peersPerAddress,
      channelLimit,
      createListener(events),
    );
    return new EnetHost(native);
  }

  /** Opens a host for one outgoing connection. */
  static createClient(events: EnetEvents): EnetHost {
    return new EnetHost(
      new (addon().EnetHost)(null, 0, 1, MAXIMUM_PEERS, CONTROL_CHANNELS, createListener(events)),
    );
  }

  /** The bound UDP port; 0 once closed and for a client that has not sent anything. */
  get port(): number {
    return this.#native.port;
  }

  /**
   * Starts to connect; `onConnect` or `onDisconnect` says how it went.
   * @throws Error with code `ENOBUFS` when this host has no connection left to give
   */
  connect(target: { address: string; port: number; channels: number; data: number }): PeerId {
    return this.#native.connect(toIpv4(target.address), target.port, target.channels, target.data);
  }

  /**
   * Queues a message of at most 64 KiB for this turn of the loop.
   * @returns false if the peer is gone or cannot take it
   */
  send(peerId: PeerId, channel: number, data: Buffer, delivery: Delivery): boolean {
    return this.#native.send(peerId, channel, data, delivery);
  }

  /**
   * Ends a connection: `gentle` tells the other side and waits for its answer, `later` first delivers what is queued,
   * `now` tells it once and forgets. `now` gives no `onDisconnect`, nor does a connection that was not complete.
   */
  disconnect(peerId: PeerId, data: number, how: 'now' | 'later' | 'gentle'): void {
    this.#native.disconnect(peerId, data, how);
  }

  /**
   * From now on only these connections are answered: those with one of the connect data, or from one of the addresses.
   * Any is answered until the first call. Addresses that are not IPv4 are left out, as none can come from there.
   * @throws RangeError for more than 256 of either
   */
  setExpected(connectData: readonly number[], addresses: readonly string[]): void {
    this.#native.setExpected(
      Uint32Array.from(connectData),
      addresses.map(toIpv4).filter((address) => net.isIPv4(address)),
    );
  }

  /** Attempts to connect that were not expected and thrown away unanswered. */
  get unexpectedCount(): number {
    return this.#native.unexpectedCount;
  }

  /** Connections that the other side began and did not complete within 2 s. */
  get halfOpenCount(): number {
    return this.#native.halfOpenCount;
  }

  /** When an unanswered peer is given up: after `limit` doublings but within the two bounds, in milliseconds. */
  setPeerTimeout(peerId: PeerId, limit: number, minimumMs: number, maximumMs: number): void {
    this.#native.setPeerTimeout(peerId, limit, minimumMs, maximumMs);
  }

  /** Smoothed round-trip time in milliseconds (500 until measured), undefined for a peer that is gone. */
  roundTripTimeMs(peerId: PeerId): number | undefined {
    return this.#native.roundTripTimeMs(peerId);
  }

  /** Whether something sent reliably still waits for the peer's acknowledgement. */
  hasUnacknowledged(peerId: PeerId): boolean {
    return this.#native.hasUnacknowledged(peerId);
  }

  /** Puts what is queued on the wire at once. */
  flush(): void {
    this.#native.flush();
  }

  /** Gives the port back and forgets every connection without telling the other side. */
  close(): void {
    this.#native.close();
  }
}
