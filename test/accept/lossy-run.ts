/**
 * One stream through a network that is bad at times; a program of its own, to be started in a network namespace of its own
 * (`unshare --net`). Arguments: `random` (one datagram in twenty is lost) or `narrow` (the link is too small for the
 * client's figure), then those of `lumen serve`. Prints one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import { openStream, pair } from '../support/client.js';
import { Serve, TestHome, until } from '../support/serve.js';

/** What the stream was like. */
export interface LossyRun {
  readonly received: number;
  readonly lost: number;
  readonly recovered: number;
  readonly discarded: number;
  readonly wrong: number;
  readonly longestGapMs: number;
  readonly datagramsLost: number;
  /** On the wire as received, before the loss and in it. */
  readonly cleanKbps: number;
  readonly lossyKbps: number;
  readonly leastEncoderKbps: number;
  /** Seconds from the end of a loss to the full bitrate, the longest; null where nothing was adapted. */
  readonly fullAgainS: number | null;
}

const LOSS_PERCENT = 5;
const FIGURE_KBPS = 10_000;
/** Two thirds of the figure, behind the buffer of a cheap router. */
const NARROW_KBPS = 6500;
const NARROW_BUFFER_BYTES = 80_000;
const CLEAN_MS = 8000;
const LOSS_MS = 20_000;
const ROUNDS = 2;
const FULL_AGAIN_DEADLINE_MS = 40_000;
const VIDEO_OFFSET = 9;
const OVER = 'the losses are over: full bitrate';

const run = (command: string): string => {
  const [file = '', ...args] = command.split(' ');
  return execFileSync(file, args, { encoding: 'utf8' });
};

/** Datagrams leave one by one: a rule for packets would otherwise take a whole group at once. */
const prepareNetwork = (): void => {
  run('ip link set lo up gso_max_segs 1');
  run('nft add table ip loss');
  run('nft add chain ip loss input { type filter hook input priority 0 ; }');
};

/** What can be wrong with the network, for a while. */
interface Trouble {
  /** @param port that video comes from */
  start(port: number): void;
  /** @returns how many datagrams it took */
  end(): number;
}

const TROUBLES: Readonly<Record<string, Trouble>> = {
  random: {
    start: (port) => {
      run(
        `nft add rule ip loss input udp sport ${port} numgen random mod 100 < ${LOSS_PERCENT} counter drop`,
      );
    },
    end: () => {
      const dropped = /counter packets (\d+)/.exec(run('nft list table ip loss'))?.[1];
      run('nft flush chain ip loss input');
      return Number(dropped ?? 0);
    },
  },
  narrow: {
    start: () => {
      run(`tc qdisc add dev lo root tbf rate ${NARROW_KBPS}kbit burst 16000 limit ${NARROW_BUFFER_BYTES}`);
    },
    end: () => {
      const dropped = /dropped (\d+)/.exec(run('tc -s qdisc show dev lo'))?.[1];
      run('tc qdisc del dev lo root');
      return Number(dropped ?? 0);
    },
  },
};

const rateKbps = async (stream: ProbeStream, ms: number): Promise<number> => {
  const before = (await stream.stats()).datagrams.bytes;
  await sleep(ms);
  return (((await stream.stats()).datagrams.bytes - before) * 8) / ms;
};

const leastEncoderKbps = (log: string): number =>
  Math.min(...[...log.matchAll(/"encoderKbps":(\d+),"fullEncoderKbps"/g)].map((match) => Number(match[1])));

/** Seconds until the log says that the stream is back, from now on. */
const awaitFull = async (serve: Serve, from: number): Promise<number> => {
  const startMs = performance.now();
  await until(() => serve.output.includes(OVER, from), OVER, FULL_AGAIN_DEADLINE_MS);
  return (performance.now() - startMs) / 1000;
};

const streamThroughTrouble = async (
  serve: Serve,
  trouble: Trouble,
  isAdaptive: boolean,
): Promise<LossyRun> => {
  const stream = await openStream(serve, {
    mode: { width: 1280, height: 720, fps: 60 },
    bitrateKbps: FIGURE_KBPS,
  });
  if ((await stream.firstFrame) === null) throw new Error('no picture');
  const rates = { clean: [] as number[], lossy: [] as number[] };
  const fullAgainS: number[] = [];
  let datagramsLost = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.clean.push(await rateKbps(stream, CLEAN_MS));
    trouble.start(serve.port + VIDEO_OFFSET);
    await sleep(LOSS_MS / 2);
    rates.lossy.push(await rateKbps(stream, LOSS_MS / 2));
    const from = serve.output.length;
    datagramsLost += trouble.end();
    if (isAdaptive) fullAgainS.push(await awaitFull(serve, from));
    else await sleep(CLEAN_MS);
  }
  const { frames } = await stream.quit();
  return {
    received: frames.received,
    lost: frames.lost,
    recovered: frames.recovered,
    discarded: frames.discarded,
    wrong: frames.wrong ?? Number.NaN,
    longestGapMs: frames.longestGapMs ?? Number.NaN,
    datagramsLost,
    cleanKbps: Math.min(...rates.clean),
    lossyKbps: Math.max(...rates.lossy),
    leastEncoderKbps: leastEncoderKbps(serve.output),
    fullAgainS: isAdaptive ? Math.max(...fullAgainS) : null,
  };
};

prepareNetwork();
const [name = '', ...args] = process.argv.slice(2);
const trouble = TROUBLES[name];
if (trouble === undefined) throw new Error(`there is no trouble named "${name}"`);
const home = new TestHome();
const serve = await Serve.start(home, args);
try {
  await pair(serve);
  const result = await streamThroughTrouble(serve, trouble, args.length === 0);
  process.stdout.write(`${JSON.stringify(result)}\n`);
} finally {
  await serve.stop();
  home.remove();
}
