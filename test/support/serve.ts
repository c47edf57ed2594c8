/** Starts the real `lumen serve` as a user would, in folders of its own, on loopback alone. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LossCounts } from '../../src/host/loss-feedback.js';

const LUMEN = fileURLToPath(new URL('../../../bin/lumen.js', import.meta.url));
const PORT_OFFSETS = { tcp: [-5, 0, 21], udp: [9, 10, 11] } as const;

/** Waits until `condition` gives something, looking again every few milliseconds. @throws after `deadlineMs` */
export const until = async <T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  deadlineMs = 10_000,
): Promise<T> => {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await sleep(10);
  }
};

const canListen = async (port: number): Promise<boolean> => {
  const server = net.createServer().listen(port, '127.0.0.1');
  const [event] = await Promise.race([
    once(server, 'listening').then(() => ['listening']),
    new Promise<string[]>((resolve) => server.once('error', () => resolve(['error']))),
  ]);
  await new Promise((resolve) => server.close(resolve));
  return event === 'listening';
};

const canBind = async (port: number): Promise<boolean> => {
  const socket = dgram.createSocket('udp4');
  const outcome = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
  socket.close();
  return outcome;
};

/** Whether a host could start on this base port. */
export const arePortsFree = async (base: number): Promise<boolean> => {
  const tcp = await Promise.all(PORT_OFFSETS.tcp.map((offset) => canListen(base + offset)));
  const udp = await Promise.all(PORT_OFFSETS.udp.map((offset) => canBind(base + offset)));
  return [...tcp, ...udp].every(Boolean);
};

/** A base port all of whose offsets are free, below the range that the kernel hands out by itself. */
export const findBasePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const base = 10_000 + Math.floor(Math.random() * 400) * 50;
    if (await arePortsFree(base)) return base;
  }
  throw new Error('no free base port');
};

/** What a finished command printed. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Folders of one test's user: configuration, state and runtime files live and die with them. */
export class TestHome {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lumen-test-'));
  readonly environment: NodeJS.ProcessEnv;
  /** What starts a program for this user: a command that its own follows, such as one that enters a namespace. */
  readonly #launcher: readonly string[];

  constructor(environment: NodeJS.ProcessEnv = {}, launcher: readonly string[] = []) {
    this.#launcher = launcher;
    for (const name of ['config', 'state', 'runtime'])
      fs.mkdirSync(path.join(this.directory, name), { mode: 0o700 });
    this.environment = {
      ...process.env,
      HOME: this.directory,
      XDG_CONFIG_HOME: path.join(this.directory, 'config'),
      XDG_STATE_HOME: path.join(this.directory, 'state'),
      XDG_RUNTIME_DIR: path.join(this.directory, 'runtime'),
      // The desktop of whoever runs the tests is none of theirs.
      DBUS_SESSION_BUS_ADDRESS: '',
      ...environment,
    };
  }

  /** Folder for the probe's certificate and pinned hosts. */
  get probeStateDir(): string {
    return path.join(this.directory, 'probe');
  }

  /** Starts `lumen ARGUMENTS`; its output is the caller's to read. */
  start(args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
    const [file = '', ...rest] = [...this.#launcher, process.execPath, LUMEN, ...args];
    return spawn(file, rest, { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs `lumen ARGUMENTS` to its end. */
  async lumen(args: readonly string[], deadlineMs = 20_000): Promise<CommandResult> {
    const child = this.start(args);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    const [status] = (await once(child, 'close')) as [number | null];
    clearTimeout(timer);
    return { status, stdout, stderr };
  }

  remove(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Has the end of a log printed after each test of this suite that failed. */
export const showLogWhenFailed = (log: () => string | undefined): void => {
  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`${log()?.slice(-9000)}\n`);
  });
};

/** A running `lumen serve`. */
export class Serve {
  readonly port: number;
  readonly home: TestHome;
  readonly child: ChildProcess;
  /** Everything it printed and logged so far. */
  output = '';
  readonly #endings: (() => Promise<unknown>)[] = [];

  private constructor(port: number, home: TestHome, child: ChildProcess) {
    this.port = port;
    this.home = home;
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
  }

  /** @param args further arguments of serve */
  static async start(home: TestHome, args: readonly string[] = [], basePort?: number): Promise<Serve> {
    const port = basePort ?? (await findBasePort());
    const fixed = [
      'serve',
      '--port',
      String(port),
      '--bind-address',
      '127.0.0.1',
      '--no-discovery',
      '--source',
      'test',
      '--log-level',
      'debug',
    ];
    const child = home.start([...fixed, ...args]);
    const serve = new Serve(port, home, child);
    await until(
      () => serve.output.includes('Pair with') || child.exitCode !== null,
      'lumen serve starts',
      50_000,
    );
    if (child.exitCode !== null)
      throw new Error(`lumen serve ended with ${child.exitCode}:\n${serve.output}`);
    return serve;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The data of `lumen status --json`. */
  async status(): Promise<HostStatus> {
    const result = await this.home.lumen(['status', '--json', '--port', String(this.port)]);
    if (result.status !== 0) throw new Error(result.stderr);
    return JSON.parse(result.stdout) as HostStatus;
  }

  /** Has `end` called once it has stopped. What a failed test leaves running would keep the test program from ending. */
  onStopped(end: () => Promise<unknown>): void {
    this.#endings.push(end);
  }

  /** Asks it to stop, as Ctrl-C does. @returns how long that took in milliseconds */
  async stop(signal: NodeJS.Signals = 'SIGTERM', deadlineMs = 10_000): Promise<number> {
    const startMs = performance.now();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal);
      const timer = setTimeout(() => this.child.kill('SIGKILL'), deadlineMs);
      await once(this.child, 'exit');
      clearTimeout(timer);
    }
    const tookMs = performance.now() - startMs;
    for (const end of this.#endings.splice(0)) await end();
    return tookMs;
  }
}

/** The part of `lumen status --json` that tests read. */
export interface HostStatus {
  readonly pid: number;
  readonly memoryBytes: number;
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>> | number>>;
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number };
  readonly sessions: readonly {
    readonly id: string;
    readonly state: string;
    readonly address: string;
    readonly app: number;
    readonly mediaPid: number | null;
    readonly frameIndex: number;
    readonly stages: { readonly captureMs: { readonly p50: number; readonly p99: number } } | null;
    readonly counts: {
      readonly control?: Readonly<Record<string, number>>;
      readonly loss?: LossCounts;
      readonly keyFramesForced?: number;
    } | null;
  }[];
}

/** Process ids of the children of `pid`, from /proc. */
export const childrenOf = (pid: number): number[] => {
  const children: number[] = [];
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) === pid) children.push(Number(name));
    } catch {
      // The process ended between the listing and the reading.
    }
  }
  return children;
};

/** Whether a process exists and is not a zombie. */
export const isAlive = (pid: number): boolean => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return false;
  }
};
