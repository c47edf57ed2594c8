/**
 * The measurements of `npm run bench`: each gives rows of figures. Senders take turns in short rounds, so that a busy
 * machine or a change of its clock meets all of them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Network, withBlackHole, withSwitchPort } from './network.js';
import * as reference from './reference.js';
import { median, type Row } from './report.js';
import { type Build, type Figures, figure, runTool, startListener } from './tools.js';

/** How much is measured. */
export interface Extent {
  /** Rounds in which senders take turns: many, as a machine’s neighbours come and go. */
  readonly rounds: number;
  /** Length of one turn. */
  readonly turnS: number;
  /** Length of a run that is not compared with another. */
  readonly runS: number;
  /** Length of the runs that are about time: the switch port, the sustained stream. */
  readonly longS: number;
}

export const FULL: Extent = { rounds: 43, turnS: 0.4, runS: 3, longS: 60 };
export const QUICK: Extent = { rounds: 7, turnS: 0.4, runS: 1, longS: 10 };

export const WORKLOADS = ['A', 'B', 'C'] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

/** bench-stream's arguments for every sender of the path. `ours_64k` has groups of 64 KB, as faster links do. */
const SENDERS: Readonly<Record<string, readonly string[]>> = {
  idle: ['--sender', 'idle'],
  ours: ['--sender', 'lumen'],
  ours_64k: ['--sender', 'lumen', '--link-kbps', '2500000'],
  ours_send_only: ['--sender', 'bare'],
  ours_64k_send_only: ['--sender', 'bare', '--link-kbps', '2500000'],
  sunshine: ['--sender', 'sunshine'],
  sunshine_send_only: ['--sender', 'sunshine', '--send-only'],
  wolf: ['--sender', 'wolf'],
  seed: ['--sender', 'seed'],
};

/** Held to a bound that is far off, or to none, so that few rounds tell: they take part in every third. */
const OCCASIONAL: readonly string[] = [
  'ours_send_only',
  'ours_64k_send_only',
  'sunshine_send_only',
  'wolf',
  'seed',
];

const LOOPBACK = '127.0.0.1';
/** Beyond the stream itself: start, warm-up, end. */
const TOOL_PATIENCE_S = 20;

interface Target {
  readonly build: Build;
  readonly host: string;
  readonly port: number;
  readonly namespace?: string;
}

const stream = async (target: Target, args: readonly string[], seconds: number): Promise<Figures> => {
  const common = ['--host', target.host, '--port', String(target.port), '--seconds', String(seconds)];
  const limitS = seconds + TOOL_PATIENCE_S;
  return (await runTool(
    target.build,
    'bench-stream',
    [...args, ...common],
    limitS,
    target.namespace,
  )) as Figures;
};

type Runs = Readonly<Record<string, readonly Figures[]>>;

/** Each round begins with another sender, and every other one goes backwards: who runs after whom is nobody’s advantage. */
const turnsOf = <T>(senders: readonly T[], round: number): readonly T[] => {
  const first = round % senders.length;
  const turns = [...senders.slice(first), ...senders.slice(0, first)];
  return round % 2 === 0 ? turns : turns.reverse();
};

const runAll = async (target: Target, workload: WorkloadName, extent: Extent): Promise<Runs> => {
  const runs: Record<string, Figures[]> = {};
  for (let round = 0; round < extent.rounds; round++) {
    const present = Object.entries(SENDERS).filter(([name]) => round % 3 === 0 || !OCCASIONAL.includes(name));
    for (const [name, args] of turnsOf(present, round)) {
      runs[name] ??= [];
      runs[name][round] = await stream(target, [...args, '--workload', workload], extent.turnS);
    }
  }
  return runs;
};

const samplesOf = (
  runs: Runs,
  value: (figures: Figures, round: number) => number,
  senders: readonly string[] = Object.keys(runs).filter((sender) => sender !== 'idle'),
): Record<string, number[]> =>
  Object.fromEntries(senders.map((sender) => [sender, (runs[sender] ?? []).map(value)]));

/** One value for all the rounds of a sender, where a median would hide what happens seldom. */
const overRounds = (
  samples: Readonly<Record<string, readonly number[]>>,
  fold: (one: number, other: number) => number,
): Record<string, number[]> =>
  Object.fromEntries(Object.entries(samples).map(([sender, values]) => [sender, [values.reduce(fold)]]));

const perSecond = (figures: Figures, name: string): number =>
  figure(figures, name) / figure(figures, 'seconds');

const PACED = ['ours', 'ours_64k', 'sunshine', 'wolf', 'seed'] as const;

const cpuRow = (path: readonly string[], runs: Runs): Row => {
  const idle = (runs['idle'] ?? []).map((figures) => figure(figures, 'cpu_ms_per_s'));
  return {
    path,
    unit: 'ms',
    samples: samplesOf(runs, (figures, round) => figure(figures, 'cpu_ms_per_s') - (idle[round] ?? 0)),
    referenceIncludes: median(idle),
  };
};

const loopbackRows = (workload: WorkloadName, runs: Runs): Row[] => {
  const pacing = (name: string, unit: string, originals?: Readonly<Record<string, number>>): Row => ({
    path: ['pacing', workload, name],
    unit,
    samples: samplesOf(runs, (figures) => figure(figures, name), PACED),
    ...(originals === undefined ? {} : { reference: originals }),
  });
  return [
    {
      ...cpuRow(['path', workload, 'cpu_ms_per_s'], runs),
      reference: reference.PATH_CPU_MS_PER_S[workload] ?? {},
    },
    {
      path: ['path', workload, 'send_calls_per_s'],
      unit: '1/s',
      samples: samplesOf(runs, (figures) => perSecond(figures, 'send_calls'), PACED),
      reference: reference.SEND_CALLS_PER_S[workload] ?? {},
    },
    {
      path: ['path', workload, 'sleeps_per_s'],
      unit: '1/s',
      samples: samplesOf(runs, (figures) => perSecond(figures, 'sleeps'), PACED),
    },
    pacing('spread_us_p50', 'us', reference.SPREAD_US_P50[workload]),
    pacing('spread_us_p99', 'us'),
    pacing('late_us_p50', 'us'),
    pacing('late_us_p99', 'us'),
    pacing('burst_p50', 'datagrams'),
    {
      path: ['pacing', workload, 'max_burst'],
      unit: 'datagrams',
      samples: overRounds(
        samplesOf(runs, (figures) => figure(figures, 'max_burst'), PACED),
        (one, other) => Math.max(one, other),
      ),
      reference: reference.MAX_BURST[workload] ?? {},
    },
    {
      path: ['path', workload, 'frames_dropped'],
      unit: 'frames',
      samples: overRounds(
        samplesOf(runs, (figures) => figure(figures, 'frames_dropped'), PACED),
        (one, other) => one + other,
      ),
    },
  ];
};

/** Payloaders alone. */
export const measurePayloaders = async (build: Build, extent: Extent): Promise<Row[]> => {
  const args = [String(extent.rounds), String(extent.turnS / 4)];
  const result = (await runTool(build, 'bench-payloader', args, 300)) as Record<
    string,
    Record<string, number>
  >;
  return WORKLOADS.map((workload) => ({
    path: ['payloader', workload, 'mb_per_cpu_s'],
    unit: 'MB/s',
    samples: Object.fromEntries(Object.entries(result[workload] ?? {}).map(([name, rate]) => [name, [rate]])),
    reference: reference.PAYLOADER_MB_PER_CPU_S[workload] ?? {},
  }));
};

/** The whole path over loopback: its CPU time, calls and pacing. */
export const measurePath = async (build: Build, extent: Extent): Promise<Row[]> => {
  const drain = await startListener(build, 'bench-drain', [LOOPBACK]);
  const target = { build, host: LOOPBACK, port: drain.port };
  const rows: Row[] = [];
  try {
    for (const workload of WORKLOADS)
      rows.push(...loopbackRows(workload, await runAll(target, workload, extent)));
  } finally {
    await drain.end();
  }
  return rows;
};

/** The same without a receiver: what is left is the sender's own cost. */
export const measureBlackHole = (build: Build, extent: Extent): Promise<Row[]> =>
  withBlackHole(async ({ namespace, host }: Network) => {
    const rows: Row[] = [];
    for (const workload of WORKLOADS) {
      const runs = await runAll({ build, namespace, host, port: 5000 }, workload, extent);
      rows.push(cpuRow(['path', workload, 'black_hole_cpu_ms_per_s'], runs));
    }
    return rows;
  });

const X264 = [
  ...['videotestsrc', 'is-live=true', '!', 'video/x-raw,width=1920,height=1080,framerate=60/1', '!'],
  ...['x264enc', 'tune=zerolatency', 'speed-preset=superfast', '!', 'fakesink'],
];

const withEncoderBeside = async <T>(work: () => Promise<T>): Promise<T> => {
  const encoder: ChildProcess = spawn('gst-launch-1.0', ['--quiet', ...X264], { stdio: 'ignore' });
  encoder.on('error', () => undefined); // Where GStreamer's tools are missing the figure is that of a quiet machine.
  try {
    return await work();
  } finally {
    encoder.kill('SIGKILL');
  }
};

/** What a sleep between two groups costs, with nothing done before or after it. */
export const measureSleep = async (build: Build, extent: Extent): Promise<Row[]> => {
  const args = [String(extent.rounds), String(extent.turnS)];
  const samples = (await runTool(build, 'bench-sleep', args, 300)) as Record<string, number[]>;
  return [{ path: ['pacing', 'sleep', 'cpu_us'], unit: 'us', samples }];
};

/** Frames of just the sizes that keep the seed busy past the next one. */
const AWKWARD_DATAGRAMS = [17, 18, 19, 20, 21, 22, 23, 33, 34, 35] as const;

const awkwardRow = async (target: Target, extent: Extent): Promise<Row> => {
  const dropped = { ours: 0, seed: 0 };
  for (const datagrams of AWKWARD_DATAGRAMS)
    for (const [name, sender] of [['ours', 'lumen'] as const, ['seed', 'seed'] as const]) {
      const args = ['--sender', sender, '--workload', 'A', '--datagrams', String(datagrams)];
      dropped[name] += figure(await stream(target, args, extent.runS), 'frames_dropped');
    }
  return {
    path: ['pacing', 'awkward_sizes', 'frames_dropped'],
    unit: 'frames',
    samples: { ours: [dropped.ours], seed: [dropped.seed] },
  };
};

/** Pacing with a busy encoder beside it, and with awkward frame sizes. */
export const measureHardPacing = async (build: Build, extent: Extent): Promise<Row[]> => {
  const drain = await startListener(build, 'bench-drain', [LOOPBACK]);
  const target = { build, host: LOOPBACK, port: drain.port };
  try {
    const awkward = await awkwardRow(target, extent);
    const beside = await withEncoderBeside(() =>
      stream(target, ['--sender', 'lumen', '--workload', 'C'], extent.runS * 2),
    );
    const names = ['late_us_p50', 'late_us_p99', 'max_burst', 'frames_dropped'] as const;
    return [
      awkward,
      ...names.map((name) => ({
        path: ['pacing', 'C_beside_x264', name],
        unit: name.endsWith('burst') ? 'datagrams' : name.startsWith('late') ? 'us' : 'frames',
        samples: { ours: [figure(beside, name)] },
      })),
    ];
  } finally {
    await drain.end();
  }
};

/** Parity kernels alone, by shape `k,m,bytes`. */
export const measureParity = async (build: Build): Promise<Row[]> => {
  const result = (await runTool(build, 'bench-parity', ['--json'], 300)) as {
    readonly parity: Record<string, Record<string, number>>;
  };
  return Object.entries(result.parity).map(([shape, { ratio: _, ...rates }]) => ({
    path: ['parity', shape, 'gb_per_s'],
    unit: 'GB/s',
    samples: Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, [rate]])),
    reference: reference.PARITY_GB_PER_S[shape] ?? {},
  }));
};

/** B with a key frame of six times the size every two seconds. */
const WITH_KEY_FRAMES = ['--workload', 'B', '--key-every', '240', '--key-factor', '6'] as const;

const PORT_SENDERS: Readonly<Record<string, readonly string[]>> = {
  ours: ['--sender', 'lumen'],
  ours_none: ['--sender', 'lumen', '--pacing', 'none'],
  sunshine: ['--sender', 'sunshine'],
  wolf: ['--sender', 'wolf'],
  seed: ['--sender', 'seed'],
};

/** Runs every sender through `target` and gives two figures of each run. */
const portRuns = async (
  target: Target,
  seconds: number,
  lostBy: (figures: Figures) => Promise<number> | number,
): Promise<{ readonly lost: Record<string, number[]>; readonly sent: Record<string, number[]> }> => {
  const lost: Record<string, number[]> = {};
  const sent: Record<string, number[]> = {};
  for (const [name, args] of Object.entries(PORT_SENDERS)) {
    const figures = await stream(target, [...args, ...WITH_KEY_FRAMES], seconds);
    lost[name] = [await lostBy(figures)];
    sent[name] = [figure(figures, 'datagrams')];
  }
  return { lost, sent };
};

/** Through a switch port of 1 Gbit/s with 125 KB of buffer (tbf): datagrams that it had no room for. */
export const measureSwitchPort = (build: Build, extent: Extent): Promise<Row[]> =>
  withSwitchPort(async (port) => {
    const drain = await startListener(build, 'bench-drain', [port.host], port.clientNamespace);
    const target = { build, namespace: port.namespace, host: port.host, port: drain.port };
    let before = await port.dropped();
    const newlyDropped = async (): Promise<number> => {
      const after = await port.dropped();
      const dropped = after - before;
      before = after;
      return dropped;
    };
    try {
      const { lost, sent } = await portRuns(target, extent.longS, newlyDropped);
      return [
        { path: ['port', 'B', 'datagrams_lost'], unit: 'datagrams', samples: lost },
        { path: ['port', 'B', 'datagrams_sent'], unit: 'datagrams', samples: sent },
      ];
    } finally {
      await drain.end();
    }
  });

/** The same port as arithmetic over the times of the send calls, over loopback: nothing slows any sender down. */
export const measureComputedPort = async (build: Build, extent: Extent): Promise<Row[]> => {
  const drain = await startListener(build, 'bench-drain', [LOOPBACK]);
  try {
    const target = { build, host: LOOPBACK, port: drain.port };
    const { lost } = await portRuns(target, extent.longS / 4, (figures) => figure(figures, 'port_lost'));
    return [{ path: ['port', 'B', 'computed_datagrams_lost'], unit: 'datagrams', samples: lost }];
  } finally {
    await drain.end();
  }
};

/** C into the probe's receiving elements. */
export const measureSustained = async (build: Build, extent: Extent): Promise<Row[]> => {
  const receiver = await startListener(build, 'bench-receive', ['1392']);
  const target = { build, host: LOOPBACK, port: receiver.port };
  const sent = await stream(
    target,
    ['--sender', 'lumen', '--workload', 'C', '--key-every', '240'],
    extent.longS,
  );
  const received = await receiver.end();
  const row = (name: string, unit: string, value: number): Row => ({
    path: ['sustained', 'C', name],
    unit,
    samples: { ours: [value] },
  });
  return [
    row('frames_sent', 'frames', figure(sent, 'frames')),
    row('source_slips', 'times', figure(sent, 'source_slips')),
    row('frames_dropped', 'frames', figure(sent, 'frames_dropped')),
    row('queue_full', 'times', figure(sent, 'queue_full')),
    row('send_errors', 'datagrams', figure(sent, 'send_errors') + figure(sent, 'eagain')),
    row('frames_received', 'frames', figure(received, 'frames')),
    row('frames_lost_by_receiver', 'frames', figure(received, 'frames_lost')),
  ];
};
