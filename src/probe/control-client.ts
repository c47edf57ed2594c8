/**
 * The client's end of the control channel: connecting, the first messages, the periodic ping, and what the host sends
 * (`protocol/control.md` §1, §5, §6).
 */
import { ControlCipher } from '../control/cipher.js';
import { CONTROL_CHANNELS, type Delivery, EnetHost, type PeerId } from '../control/enet.js';
import {
  type ClientMessage,
  type FrameFecStatus,
  formatClientMessage,
  HOST_MESSAGE,
  type HostMessage,
  parseHostMessage,
  TERMINATION_CODE,
} from '../control/message.js';
import { delay } from '../support/lifecycle.js';
import { type Logger, RateLimitedWarning } from '../support/logger.js';

/** Channels of `protocol/control.md` §1.2. */
const CHANNEL = { general: 0x00, urgent: 0x01, mouse: 0x03 } as const;
const CONNECT_TIMEOUT_MS = 10_000;
/** Peer timeout of the stock client: a silent host is given up after ten seconds. */
const PEER_TIMEOUT = { limit: 2, minimumMs: 10_000, maximumMs: 10_000 } as const;
const PING_INTERVAL_MS = 100;
const LINGER_MS = 2000;
const WIGGLE_PAUSE_MS = 10;
/** Old short form of a graceful end: two bytes, little-endian. */
const SHORT_GRACEFUL = 0x0100;

/** Worked bytes of `protocol/input.md`: haptics enable, and the mouse moved by (1,1) and back. */
const HAPTICS_ENABLE = Buffer.from('000000060d0000000100', 'hex');
const WIGGLE = ['00000008070000000001' + '0001', '0000000807000000ffff' + 'ffff'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

/** What comes from the host. */
export interface ControlClientEvents {
  /** Any message but the termination. */
  onMessage(message: HostMessage): void;
  /** The host says goodbye with this code. */
  onTermination(code: number): void;
  /** The connection ended without a word. */
  onLost(): void;
}

/** What the connection needs to know, from the SETUP and ANNOUNCE of the session. */
export interface ControlClientOptions {
  /** Numeric address of the host. */
  readonly address: string;
  readonly port: number;
  readonly connectData: number;
  /** 16 bytes. */
  readonly riKey: Buffer;
  readonly isV2: boolean;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
}

/** A connected control channel. Ends with {@link ControlClient.disconnect} or {@link ControlClient.vanish}. */
export class ControlClient {
  readonly #events: ControlClientEvents;
  readonly #cipher: ControlCipher;
  readonly #warnings: RateLimitedWarning;
  readonly #enet: EnetHost;
  #peer: PeerId | undefined;
  #isOpen = true;
  #fecReports = 0;
  #pings: NodeJS.Timeout | undefined;
  #onDisconnected: () => void = () => undefined;
  #onConnected: () => void = () => undefined;

  private constructor(options: ControlClientOptions, events: ControlClientEvents) {
    this.#events = events;
    this.#cipher = new ControlCipher(options.riKey, options.isV2, 'client');
    this.#warnings = new RateLimitedWarning(options.logger);
    this.#enet = EnetHost.createClient({
      onConnect: () => this.#onConnected(),
      onDisconnect: () => this.#onDisconnect(),
      onMessage: ({ data }) => this.#onPacket(data),
    });
  }

  /**
   * Connects, sends the two opening messages and starts the periodic ping.
   * @throws Error when the host does not answer within 10 s or refuses
   */
  static async connect(options: ControlClientOptions, events: ControlClientEvents): Promise<ControlClient> {
    const client = new ControlClient(options, events);
    try {
      await client.#connect(options);
    } catch (error) {
      client.vanish();
      throw error;
    }
    client.#begin();
    return client;
  }

  #connect(options: ControlClientOptions): Promise<void> {
    const { address, port, connectData, signal } = options;
    return new Promise((resolve, reject) => {
      const finish = (problem?: string): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        if (problem === undefined) resolve();
        else reject(new Error(problem));
      };
      const giveUp = (): void => finish('given up');
      const timer = setTimeout(
        () => finish('the control port does not answer within 10 s'),
        CONNECT_TIMEOUT_MS,
      );
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#onConnected = () => finish();
      this.#onDisconnected = () => finish('the host refused the control connection');
      this.#peer = this.#enet.connect({ address, port, channels: CONTROL_CHANNELS, data: connectData });
    });
  }

  #begin(): void {
    if (this.#peer === undefined) return;
    this.#onDisconnected = () => this.#events.onLost();
    this.#enet.setPeerTimeout(this.#peer, PEER_TIMEOUT.limit, PEER_TIMEOUT.minimumMs, PEER_TIMEOUT.maximumMs);
    this.send({ kind: 'requestIdr' }, CHANNEL.general);
    this.send({ kind: 'startB' }, CHANNEL.general);
    this.#pings = setInterval(() => this.send({ kind: 'ping', undefinedBytes: 0 }), PING_INTERVAL_MS);
  }

  /** What a client's input stream does first: enables haptics and wakes the display by a wiggle of the mouse. */
  async startInput(): Promise<void> {
    this.send({ kind: 'input', packet: HAPTICS_ENABLE }, CHANNEL.general);
    for (const packet of WIGGLE) {
      this.send({ kind: 'input', packet }, CHANNEL.mouse);
      await delay(WIGGLE_PAUSE_MS);
    }
  }

  requestIdr(): void {
    this.send({ kind: 'requestIdr' }, CHANNEL.urgent);
    this.#enet.flush();
  }

  /** Tells the host of a block that needed its parity or was given up; like the stock client, without asking for delivery. */
  reportFec(status: FrameFecStatus): void {
    if (this.send(status, CHANNEL.general, 'unsequenced')) this.#fecReports += 1;
  }

  /** FEC reports sent so far. */
  get fecReports(): number {
    return this.#fecReports;
  }

  /** Encrypts and sends a message. @returns false when the connection is gone */
  send(message: ClientMessage, channel: number = CHANNEL.general, delivery: Delivery = 'reliable'): boolean {
    if (!this.#isOpen) return false;
    return this.sendPacket(this.#cipher.seal(formatClientMessage(message)), channel, delivery);
  }

  /** Encrypts and sends any plaintext: for tests of a host. @returns false when the connection is gone */
  sendPlaintext(plaintext: Buffer, channel: number = CHANNEL.general): boolean {
    return this.sendPacket(this.#cipher.seal(plaintext), channel);
  }

  /** Sends bytes as they are: for tests of a host. @returns false when the connection is gone */
  sendPacket(packet: Buffer, channel: number = CHANNEL.general, delivery: Delivery = 'reliable'): boolean {
    if (!this.#isOpen || this.#peer === undefined) return false;
    return this.#enet.send(this.#peer, channel, packet, delivery);
  }

  /** Smoothed round-trip time of the control channel in whole milliseconds; null when it is gone. */
  get roundTripTimeMs(): number | null {
    if (!this.#isOpen || this.#peer === undefined) return null;
    return this.#enet.roundTripTimeMs(this.#peer) ?? null;
  }

  /** Delivers what is queued, says goodbye and waits at most two seconds for the answer. */
  async disconnect(): Promise<void> {
    if (!this.#isOpen || this.#peer === undefined) return;
    clearInterval(this.#pings);
    const gone = new Promise<void>((resolve) => {
      this.#onDisconnected = resolve;
    });
    this.#enet.disconnect(this.#peer, 0, 'later');
    let timer: NodeJS.Timeout | undefined;
    const linger = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LINGER_MS);
    });
    await Promise.race([gone, linger]);
    clearTimeout(timer);
    this.vanish();
  }

  /** Closes the socket without a word. */
  vanish(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#pings);
    this.#enet.close();
  }

  #onDisconnect(): void {
    if (this.#isOpen) this.#onDisconnected();
  }

  #onPacket(packet: Buffer): void {
    const opened = this.#cipher.open(packet);
    if (!opened.ok) {
      this.#warnings.warn(
        opened.reason,
        { reason: opened.reason, bytes: packet.length },
        'control message dropped',
      );
      return;
    }
    const parsed = parseHostMessage(opened.plaintext);
    if (parsed.ok) this.#onMessage(parsed.message);
    else if (isShortGraceful(opened.plaintext)) this.#onTermination(TERMINATION_CODE.closedByServer);
    else this.#warnings.warn('unreadable', { reason: parsed.reason }, 'control message dropped');
  }

  #onMessage(message: HostMessage): void {
    if (message.kind === 'termination') this.#onTermination(message.code);
    else this.#events.onMessage(message);
  }

  /** As the stock client: the acknowledgement leaves, then the connection is dropped. */
  #onTermination(code: number): void {
    this.#onDisconnected = () => undefined;
    clearInterval(this.#pings);
    this.#events.onTermination(code);
    setImmediate(() => {
      if (this.#isOpen) this.#enet.flush();
      this.vanish();
    });
  }
}

const isShortGraceful = (plaintext: Buffer): boolean =>
  plaintext.length >= 6 &&
  plaintext.readUInt16LE(0) === HOST_MESSAGE.termination &&
  plaintext.readUInt16LE(2) < 4 &&
  plaintext.readUInt16LE(4) === SHORT_GRACEFUL;
