/**
 * Answers over IPv6's multicast group what the mDNS library answers over IPv4's alone: for networks that have nothing
 * but IPv6. Names are the library's, which has made sure that they are free where there is IPv4. Source: RFC 6762.
 */
import dgram from 'node:dgram';
import os from 'node:os';
import type { Logger } from '../support/logger.js';
import { DNS_TYPE, type DnsQuestion, type DnsRecord, readQuestions, writeAnswer } from './dns-message.js';

/** What is announced. Names without the dot at their end. */
export interface ServiceNames {
  /** `den._nvstream._tcp.local` */
  readonly instance: string;
  /** `_nvstream._tcp.local` */
  readonly type: string;
  /** `den-lumen.local` */
  readonly host: string;
}

export interface Ipv6ResponderOptions {
  readonly httpPort: number;
  /** Announced on this interface alone; undefined for all. */
  readonly interfaceName: string | undefined;
  /** Asked for again at each answer: the library may have to take another name. */
  names(): ServiceNames;
  readonly logger: Logger;
}

const GROUP = 'ff02::fb';
const PORT = 5353;
const HOP_LIMIT = 255;
/** Interfaces come and go. */
const REFRESH_MS = 15_000;
/** The same records are not multicast more often: RFC 6762 §6. */
const ANSWER_INTERVAL_MS = 1000;
const TTL_S = 120;
const ALL_SERVICES = '_services._dns-sd._udp.local';

type Interfaces = NodeJS.Dict<os.NetworkInterfaceInfo[]>;

/** IPv6 addresses by the name of their interface, loopback left out. */
export const listIpv6Interfaces = (
  only: string | undefined,
  interfaces: Interfaces = os.networkInterfaces(),
): ReadonlyMap<string, readonly string[]> =>
  new Map(
    Object.entries(interfaces)
      .filter(([name]) => only === undefined || name === only)
      .map(([name, infos]) => {
        const own = infos?.filter((info) => info.family === 'IPv6' && !info.internal) ?? [];
        return [name, own.map((info) => info.address)] as const;
      })
      .filter(([, addresses]) => addresses.length > 0),
  );

/** Everything there is to say on one interface. */
export const toRecords = (
  { instance, type, host }: ServiceNames,
  port: number,
  addresses: readonly string[],
): readonly DnsRecord[] => [
  { type: 'ptr', name: type, target: instance },
  { type: 'ptr', name: ALL_SERVICES, target: type },
  { type: 'srv', name: instance, target: host, port },
  { type: 'txt', name: instance },
  ...addresses.map((address) => ({ type: 'aaaa', name: host, address }) as const),
];

/** Whether one of the records answers the question. */
export const isAnswered = ({ name, type }: DnsQuestion, records: readonly DnsRecord[]): boolean =>
  records.some(
    (record) =>
      record.name.toLowerCase() === name.toLowerCase() &&
      (type === DNS_TYPE.any || type === DNS_TYPE[record.type]),
  );

export class Ipv6Responder {
  readonly #options: Ipv6ResponderOptions;
  readonly #socket = dgram.createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true });
  /** Interfaces whose group was joined, with the time of the latest answer there. */
  readonly #joined = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: Ipv6ResponderOptions) {
    this.#options = options;
    this.#socket.on('error', (error) => {
      options.logger.warn({ err: error }, 'the host is not announced over IPv6');
      this.#stop();
    });
    this.#socket.on('message', (message, from) => this.#onMessage(message, from.address));
  }

  /** Opens the port and announces. Never throws: what goes wrong is logged. */
  static start(options: Ipv6ResponderOptions): Ipv6Responder {
    const responder = new Ipv6Responder(options);
    responder.#socket.bind(PORT, () => responder.#onBound());
    return responder;
  }

  /** Takes the announcement back. */
  async close(): Promise<void> {
    for (const name of this.#joined.keys()) await this.#send(name, 0);
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    if (!this.#isClosed) this.#socket.close();
    this.#isClosed = true;
  }

  #onBound(): void {
    this.#socket.unref();
    this.#socket.setMulticastTTL(HOP_LIMIT);
    this.#refresh();
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
    this.#timer.unref();
  }

  /** Joins the group where it has not been joined, and announces there. */
  #refresh(): void {
    const interfaces = listIpv6Interfaces(this.#options.interfaceName);
    for (const name of this.#joined.keys()) if (!interfaces.has(name)) this.#joined.delete(name);
    for (const name of interfaces.keys()) if (!this.#joined.has(name) && this.#join(name)) this.#answer(name);
  }

  #join(name: string): boolean {
    try {
      this.#socket.addMembership(GROUP, `::%${name}`);
    } catch (error) {
      this.#options.logger.debug({ err: error, name }, 'the mdns group of an interface cannot be joined');
      return false;
    }
    this.#joined.set(name, Number.NEGATIVE_INFINITY);
    return true;
  }

  /** The zone of a link-local sender names the interface; others are answered on all. */
  #onMessage(message: Buffer, from: string): void {
    const questions = readQuestions(message);
    // Most of what is asked on a network is for others, and everybody hears all of it: it costs no look at the interfaces.
    const own = toRecords(this.#options.names(), this.#options.httpPort, ['::']);
    if (!questions.some((question) => isAnswered(question, own))) return;
    const zone = from.split('%')[1];
    for (const name of listIpv6Interfaces(this.#options.interfaceName).keys())
      if (zone === undefined || name === zone) this.#answer(name);
  }

  #answer(name: string): void {
    const nowMs = performance.now();
    if (nowMs - (this.#joined.get(name) ?? nowMs) < ANSWER_INTERVAL_MS) return;
    this.#joined.set(name, nowMs);
    void this.#send(name, TTL_S);
  }

  /** Never rejects: an interface that is gone is no failure. */
  #send(name: string, ttlS: number): Promise<void> {
    const addresses = listIpv6Interfaces(this.#options.interfaceName).get(name) ?? [];
    const records = toRecords(this.#options.names(), this.#options.httpPort, addresses);
    return new Promise((resolve) =>
      this.#socket.send(writeAnswer(records, ttlS), PORT, `${GROUP}%${name}`, (error) => {
        if (error) this.#options.logger.debug({ err: error, name }, 'an mdns answer could not be sent');
        resolve();
      }),
    );
  }
}
