/**
 * Three clients of one host at once, with modes and codecs of their own: one is killed, one roams, one leaves and
 * resumes; and somebody who saw the roaming one's pings tries to have its picture.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamOptions } from '../../src/probe/options.js';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import type { ProbeReport } from '../../src/probe/report.js';
import { openStream, pair } from './client.js';
import { Nat } from './nat.js';
import { type Serve, until } from './serve.js';

const HOST = '127.0.0.1';
/** Where the roaming client finds the host, and where the host sees it, before and after. */
const ROAMING = { inside: '127.0.0.2', before: '127.0.0.3', after: '127.0.0.4' } as const;
const ONLOOKER = '127.0.0.9';
const VIDEO_PORT_OFFSET = 9;
const PING_PAYLOAD_BYTES = 16;
/** Frames that must come after a change before the picture counts as back. */
const BACK_FRAMES = 15;

export interface ThreeClientsResult {
  /** Of the client that roamed: frames lost until then, and after its picture was back. */
  readonly roaming: {
    readonly lostBefore: number;
    readonly lostAfter: number;
    readonly backMs: number;
    /** Packets of sound that came afterwards. */
    readonly soundAfter: number;
  };
  /** Of the client that resumed: both its streams. */
  readonly resuming: readonly [ProbeReport, ProbeReport];
  readonly forged: {
    /** Datagrams that the onlooker received. */
    readonly received: number;
    /** Pings that the host rejected. */
    readonly rejected: number;
  };
}

type Wish = Partial<StreamOptions>;

/** The modes of the three; the second and the third are the roaming and the resuming one's. */
export type ThreeWishes = readonly [killed: string, roaming: Wish, resuming: Wish];

class ThreeClients {
  readonly #serve: Serve;
  readonly #wishes: ThreeWishes;
  readonly #phaseMs: number;
  readonly #nat: Nat;

  constructor(serve: Serve, wishes: ThreeWishes, phaseMs: number, nat: Nat) {
    this.#serve = serve;
    this.#wishes = wishes;
    this.#phaseMs = phaseMs;
    this.#nat = nat;
  }

  async run(): Promise<ThreeClientsResult> {
    const killed = this.#startKilled();
    try {
      const roaming = await this.#open('roaming', this.#wishes[1], ROAMING.inside);
      const first = await this.#open('resuming', this.#wishes[2], HOST);
      await until(() => this.#arePlaying(3), 'three clients are streaming', 20_000);
      await sleep(this.#phaseMs);
      const forged = await this.#forge();
      killed.kill('SIGKILL');
      await sleep(this.#phaseMs);
      const roamed = await this.#roam(roaming);
      const before = await first.disconnect();
      const second = await this.#open('resuming', { ...this.#wishes[2], verb: 'resume' }, HOST);
      await sleep(this.#phaseMs);
      const after = await second.quit();
      const last = await roaming.quit();
      return {
        roaming: {
          ...roamed,
          lostAfter: last.frames.lost - roamed.lostWhenBack,
          soundAfter: (last.audio?.packets ?? 0) - roamed.soundWhenBack,
        },
        resuming: [before, after],
        forged,
      };
    } finally {
      killed.kill('SIGKILL');
    }
  }

  /** A process of its own: only that can be killed. */
  #startKilled() {
    const { home, host } = this.#serve;
    const stateDir = stateDirOf(this.#serve, 'killed');
    const mode = ['--mode', this.#wishes[0], '--bitrate', '2000', '--seconds', '600'];
    const child = home.start(['probe', 'stream', host, '--state-dir', stateDir, ...mode]);
    child.stdout.resume();
    child.stderr.resume();
    return child;
  }

  async #open(name: string, wish: Wish, host: string): Promise<ProbeStream> {
    const address = { host, port: this.#serve.port };
    const stream = await openStream(this.#serve, {
      ...wish,
      address,
      stateDir: stateDirOf(this.#serve, name),
    });
    if ((await stream.firstFrame) === null) throw new Error(`the ${name} client saw no picture`);
    return stream;
  }

  async #arePlaying(count: number): Promise<boolean> {
    const { sessions } = await this.#serve.status();
    return sessions.filter(({ state }) => state === 'playing').length === count;
  }

  async #rejectedPings(): Promise<number> {
    const { videoPings } = (await this.#serve.status()).counters;
    return typeof videoPings === 'object' ? (videoPings['rejected'] ?? 0) : 0;
  }

  /** Pings as the roaming client, with its payload and higher counters, from an address of the onlooker's. */
  async #forge(): Promise<ThreeClientsResult['forged']> {
    const port = this.#serve.port + VIDEO_PORT_OFFSET;
    const seen = this.#nat.latestOn(port);
    if (seen === undefined) throw new Error('no ping was seen');
    const before = await this.#rejectedPings();
    const socket = dgram.createSocket('udp4').bind(0, ONLOOKER);
    await once(socket, 'listening');
    let received = 0;
    socket.on('message', () => {
      received += 1;
    });
    for (let count = 1; count <= 5; count += 1) {
      const ping = Buffer.from(seen);
      ping.writeUInt32BE(seen.readUInt32BE(PING_PAYLOAD_BYTES) + 1000 * count, PING_PAYLOAD_BYTES);
      socket.send(ping, port, HOST);
      await sleep(this.#phaseMs / 5);
    }
    socket.close();
    return { received, rejected: (await this.#rejectedPings()) - before };
  }

  async #roam(stream: ProbeStream) {
    const lostBefore = (await stream.stats()).frames.lost;
    this.#nat.roam(ROAMING.after);
    const roamedMs = performance.now();
    // What was on its way when the address changed still arrives.
    await sleep(100);
    const { decoded } = (await stream.stats()).frames;
    const isBack = async () => (await stream.stats()).frames.decoded > decoded + BACK_FRAMES;
    await until(isBack, 'the picture of the roaming client is back', 10_000);
    const backMs = performance.now() - roamedMs;
    const { sessions } = await this.#serve.status();
    if (!sessions.some(({ address }) => address === ROAMING.after))
      throw new Error('its address is the old one');
    const { frames, audio } = await stream.stats();
    return { lostBefore, backMs, lostWhenBack: frames.lost, soundWhenBack: audio?.packets ?? 0 };
  }
}

const stateDirOf = (serve: Serve, name: string): string => path.join(serve.home.directory, name);

/**
 * Pairs and runs them against a host on 127.0.0.1.
 * @param wishes what each asks for; the first as `WIDTHxHEIGHT@FPS`
 * @param phaseMs how long things stay as they are between two events
 */
export const runThreeClients = async (
  serve: Serve,
  wishes: ThreeWishes,
  phaseMs: number,
): Promise<ThreeClientsResult> => {
  for (const name of ['killed', 'roaming', 'resuming'])
    await pair(serve, '1234', '1234', stateDirOf(serve, name));
  const ports = { tcpPorts: [-5, 0, 21], udpPorts: [9, 10, 11] };
  const nat = await Nat.open({
    inside: ROAMING.inside,
    outside: ROAMING.before,
    host: HOST,
    tcpPorts: ports.tcpPorts.map((offset) => serve.port + offset),
    udpPorts: ports.udpPorts.map((offset) => serve.port + offset),
  });
  try {
    return await new ThreeClients(serve, wishes, phaseMs, nat).run();
  } finally {
    nat.close();
  }
};
