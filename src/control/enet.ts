/**
 * An ENet host on Node's event loop, over IPv4 and IPv6. Binding of `native/enet_addon.cc`. Source: `protocol/control.md` §1.
 */
import { normaliseAddress } from '../support/address.js';
import { loadNative } from '../support/native.js';

/** Reliable and ordered, ordered only, or neither; order holds within one channel. */
export type Delivery = 'reliable' | 'unreliable' | 'unsequenced';

/** Identifies one connection; never reused by the same host. */
export type PeerId = number;

export interface EnetEvents {
  /** A connection is complete. @param data the connect data, unsigned 32 bit; the address is normalised */
  onConnect?(event: { peerId: PeerId; address: string; port: number; data: number }): void;
  /** A connection ended: by the other side, by a timeout, or by a gentle disconnect from here. */
  onDisconnect?(event: { peerId: PeerId; data: number }): void;
  onMessage?(event: { peerId: PeerId; channel: number; data: Buffer }): void;
  /**
   * A datagram of a peer came from elsewhere; its first reliable message is `data`. True makes that the peer's address
   * from now on; absent means never. Called in the middle of receiving: it must not call the host.
   */
  mayMove?(event: { peerId: PeerId; data: Buffer; address: string }): boolean;
}

export interface EnetListenOptions {
  /** Numeric; `::` takes IPv4 too. */
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
  readonly strayCount: number;
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
    mayMove: (peerId: PeerId, data: Buffer, address: string) => boolean,
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

const createListener =
  (events: EnetEvents): NativeListener =>
  (kind, peerId, a, b, c) => {
    if (kind === 'message') events.onMessage?.({ peerId, channel: a as number, data: b as Buffer });
    else if (kind === 'disconnect') events.onDisconnect?.({ peerId, data: a as number });
    else {
      const address = normaliseAddress(b as string);
      events.onConnect?.({ peerId, data: a as number, address, port: c as number });
    }
  };

const createMoveCheck =
  (events: EnetEvents) =>
  (peerId: PeerId, data: Buffer, address: string): boolean =>
    events.mayMove?.({ peerId, data, address: normaliseAddress(address) }) ?? false;

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
    const { address, port, maxPeers, peersPerAddress = MAXIMUM_PEERS, channelLimit } = options;
    const native = new (addon().EnetHost)(
      address,
      port,
      maxPeers,
      peersPerAddress,
      channelLimit,
      createListener(events),
      createMoveCheck(events),
    );
    return new EnetHost(native);
  }

  /** Opens a host for one outgoing connection. */
  static createClient(events: EnetEvents): EnetHost {
    const onEvent = createListener(events);
    const mayMove = createMoveCheck(events);
    return new EnetHost(
      new (addon().EnetHost)(null, 0, 1, MAXIMUM_PEERS, CONTROL_CHANNELS, onEvent, mayMove),
    );
  }

  /** The bound UDP port; 0 once closed and for a client that has not sent anything. */
  get port(): number {
    return this.#native.port;
  }

  /**
   * Starts to connect; `onConnect` or `onDisconnect` says how it went.
   * @throws Error with code `ENOBUFS` when this host has no connection left to give, `EAFNOSUPPORT` for an IPv6 address
   * on a machine without IPv6
   */
  connect(target: { address: string; port: number; channels: number; data: number }): PeerId {
    return this.#native.connect(target.address, target.port, target.channels, target.data);
  }

  /**
   * Queues a message of at most 64 KiB for this turn of the loop.
   * @returns false if the peer is gone or cannot take it, as when a thousand wait for it already
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
   * Any is answered until the first call.
   * @throws RangeError for more than 256 of either
   */
  setExpected(connectData: readonly number[], addresses: readonly string[]): void {
    this.#native.setExpected(Uint32Array.from(connectData), addresses);
  }

  /** Attempts to connect that were not expected and thrown away unanswered. */
  get unexpectedCount(): number {
    return this.#native.unexpectedCount;
  }

  /** Connections that the other side began and did not complete within 2 s. */
  get halfOpenCount(): number {
    return this.#native.halfOpenCount;
  }

  /** Datagrams that name a peer but came from elsewhere and were thrown away, as `mayMove` did not speak for them. */
  get strayCount(): number {
    return this.#native.strayCount;
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
