/**
 * `npm run accept`: the long forms of what the tests show shortly, with the figures printed and written as JSON.
 * Every figure stands beside the bound that it must keep.
 */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { describeError } from '../../src/support/errors.js';
import { listVideoFormats, openStream, pair, probe } from '../support/client.js';
import { childrenOf, isAlive, Serve, TestHome, until } from '../support/serve.js';
import { caseName, fullMatrix, problemsOf, streamCase, useRgbSource } from '../support/video-formats.js';
import { adaptFigures } from './adapt.js';
import { CAPTURE_PARTS } from './capture.js';
import { clientFigures } from './clients.js';
import { atLeast, atMost, type Figure, formatFigure, isKept, shown } from './figures.js';
import { soundFigures } from './sound.js';
import { stageFigures } from './stages.js';
import { swayFigures } from './sway.js';

const MODE_1080P60 = { width: 1920, height: 1080, fps: 60 } as const;
const FULL_HD = { mode: MODE_1080P60, bitrateKbps: 20_000 } as const;
const MIB = 1024 * 1024;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

const statusField = (pid: number, field: string): number => {
  const match = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN);
};
const residentMib = (pid: number): number => statusField(pid, 'VmRSS') / 1024;
const descriptorCount = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length;

const pidOf = (serve: Serve): number => {
  if (serve.child.pid === undefined) throw new Error('lumen serve has no process id');
  return serve.child.pid;
};

/** Runs `work` with a paired host of its own. */
const withServe = async <T>(work: (serve: Serve) => Promise<T>, args: readonly string[] = []): Promise<T> => {
  const home = new TestHome();
  const serve = await Serve.start(home, args);
  try {
    await pair(serve);
    return await work(serve);
  } finally {
    await serve.stop();
    home.remove();
  }
};

const measureStream = (serve: Serve, dropPercent: number) =>
  probe(serve, { ...FULL_HD, seconds: 30, dropPercent, ending: 'quit' });

const streamFigures = (): Promise<Figure[]> =>
  withServe(async (serve) => {
    const streaming = measureStream(serve, 0);
    await until(async () => (await serve.status()).sessions[0]?.state === 'playing', 'the stream plays');
    await serve.status(); // Starts a new sample of the event loop.
    await sleep(20_000);
    const status = await serve.status();
    const mediaPid = status.sessions[0]?.mediaPid ?? 0;
    const mediaMib = residentMib(mediaPid);
    const report = await streaming;
    if (report.failure !== null) throw new Error(report.failure.problem);
    return [
      atLeast('1080p60 20 Mbit/s, 30 s: frames a second', report.frames.perSecond, '', 59.5),
      atMost('1080p60 20 Mbit/s, 30 s: frames lost', report.frames.lost, '', 0),
      atMost('1080p60 20 Mbit/s, 30 s: pictures wrong', report.frames.wrong ?? Number.NaN, '', 0),
      atMost('1080p60 20 Mbit/s, 30 s: audio gaps', report.audio?.gaps ?? Number.NaN, '', 0),
      shown('host latency p50', report.hostLatencyMs?.p50 ?? Number.NaN, 'ms'),
      shown('host latency p99', report.hostLatencyMs?.p99 ?? Number.NaN, 'ms'),
      shown('arrival jitter p99', report.arrivalJitterMs?.p99 ?? Number.NaN, 'ms'),
      atMost('control process: event-loop delay p99', status.eventLoopDelayMs.p99, 'ms', 5),
      atMost('control process: memory', status.memoryBytes / MIB, 'MiB', 150),
      atMost('media process at 1080p: memory', mediaMib, 'MiB', 300),
    ];
  });

const lossFigures = (): Promise<Figure[]> =>
  withServe(async (serve) => {
    const report = await measureStream(serve, 2);
    if (report.failure !== null) throw new Error(report.failure.problem);
    const { lost, received } = report.frames;
    return [
      atLeast('2 % datagrams dropped, 30 s: datagrams dropped', report.datagrams.dropsInjected, '', 1),
      shown('2 % datagrams dropped, 30 s: frames recovered', report.frames.recovered, ''),
      atMost(
        '2 % datagrams dropped, 30 s: frames lost',
        (100 * lost) / Math.max(1, lost + received),
        '%',
        0.1,
      ),
      atMost('2 % datagrams dropped, 30 s: pictures wrong', report.frames.wrong ?? Number.NaN, '', 0),
      atLeast('2 % datagrams dropped, 30 s: frames a second', report.frames.perSecond, '', 59),
      atMost(
        '2 % datagrams dropped, 30 s: longest freeze',
        report.frames.longestGapMs ?? Number.NaN,
        'ms',
        500,
      ),
    ];
  });

const startFigures = (): Promise<Figure[]> =>
  withServe(async (serve) => {
    const firstFrameMs: number[] = [];
    const idrMs: number[] = [];
    for (let run = 0; run < 10; run += 1) {
      const stream = await openStream(serve, FULL_HD);
      const ms = await stream.firstFrame;
      if (ms === null) throw new Error('a stream showed no picture');
      firstFrameMs.push(ms);
      await sleep(500);
      idrMs.push((await stream.requestIdr()).ms);
      await stream.quit();
      // The next spare media process is made three seconds after the last one was taken.
      await sleep(4000);
    }
    return [
      atMost('launch to first decoded frame, p50 of 10', median(firstFrameMs), 'ms', 500),
      shown('launch to first decoded frame, longest of 10', Math.max(...firstFrameMs), 'ms'),
      shown('key-frame round trip, p50 of 10', median(idrMs), 'ms'),
    ];
  });

const killFigures = (): Promise<Figure[]> =>
  withServe(
    async (serve) => {
      const stream = await openStream(serve, { ...FULL_HD, encryption: 7 });
      if ((await stream.firstFrame) === null) throw new Error('no picture');
      const backMs: number[] = [];
      for (let run = 0; run < 3; run += 1) {
        await sleep(4000);
        const mediaPid = (await serve.status()).sessions[0]?.mediaPid;
        if (!mediaPid) throw new Error('no media process');
        const before = (await stream.stats()).frames;
        process.kill(mediaPid, 'SIGKILL');
        const killedMs = performance.now();
        await sleep(20);
        await until(
          async () => (await stream.stats()).frames.decoded > before.decoded + 3,
          'the picture is back',
        );
        backMs.push(performance.now() - killedMs);
      }
      const { frames } = await stream.stats();
      await stream.quit();
      return [
        atMost('media process killed: picture back, longest of 3', Math.max(...backMs), 'ms', 1000),
        atMost('media process killed: pictures wrong', frames.wrong ?? Number.NaN, '', 0),
        atMost('media process killed: nonce repeats', frames.nonceRepeats ?? Number.NaN, '', 0),
        atMost('media process killed: frames lost', frames.lost, '', 6),
      ];
    },
    ['--encryption-lan', 'opportunistic'],
  );

const hostKillFigures = (): Promise<Figure[]> =>
  withServe(async (serve) => {
    const stream = await openStream(serve, FULL_HD);
    if ((await stream.firstFrame) === null) throw new Error('no picture');
    const children = childrenOf(pidOf(serve));
    await serve.stop('SIGKILL');
    await sleep(1000);
    const left = children.filter(isAlive).length;
    await stream.vanish();
    return [atMost('host killed: processes left after 1 s', left, '', 0)];
  });

const leakFigures = (): Promise<Figure[]> =>
  withServe(async (serve) => {
    const pid = pidOf(serve);
    const cycle = async (): Promise<void> => {
      const stream = await openStream(serve, {
        mode: { width: 640, height: 360, fps: 30 },
        bitrateKbps: 2000,
      });
      if ((await stream.firstFrame) === null) throw new Error('no picture');
      await stream.quit();
    };
    const settle = async (): Promise<void> => {
      await until(async () => (await serve.status()).sessions.length === 0, 'no session is left');
      await until(() => childrenOf(pid).length === 1, 'one spare media process is left');
    };
    await cycle();
    await settle();
    const before = { descriptors: descriptorCount(pid), memory: residentMib(pid) };
    for (let run = 0; run < 50; run += 1) await cycle();
    await settle();
    await sleep(5000);
    return [
      atMost('50 start/stop cycles: descriptors more', descriptorCount(pid) - before.descriptors, '', 0),
      atMost('50 start/stop cycles: child processes beside the spare', childrenOf(pid).length - 1, '', 0),
      shown('50 start/stop cycles: memory more', residentMib(pid) - before.memory, 'MiB'),
    ];
  });

/** Every format proven here, with and without encryption, in both usual packet sizes, 5 s each. */
const formatFigures = async (): Promise<Figure[]> => {
  const home = new TestHome();
  useRgbSource(home);
  const serve = await Serve.start(home, ['--encryption-lan', 'opportunistic']);
  try {
    await pair(serve);
    const figures: Figure[] = [];
    for (const one of fullMatrix(await listVideoFormats(serve))) {
      const report = await streamCase(serve, one, 5);
      const problems = problemsOf(report, one);
      figures.push(atMost(`${caseName(one)}: problems`, problems.length, problems.join('; '), 0));
      figures.push(shown(`${caseName(one)}: colours off by`, report.picture.colorError ?? Number.NaN, ''));
    }
    return figures;
  } finally {
    await serve.stop();
    home.remove();
  }
};

const PARTS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  stream: streamFigures,
  loss: lossFigures,
  start: startFigures,
  kill: killFigures,
  'host-kill': hostKillFigures,
  leak: leakFigures,
  formats: formatFigures,
  adapt: adaptFigures,
  clients: clientFigures,
  sound: () => soundFigures(),
  ...CAPTURE_PARTS,
  stages: stageFigures,
  sway: swayFigures,
};

const runPart = async (name: string): Promise<{ figures: Figure[]; problem: string | null }> => {
  try {
    const figures = await (PARTS[name]?.() ?? Promise.reject(new Error(`there is no part ${name}`)));
    for (const figure of figures) process.stdout.write(`${formatFigure(figure)}\n`);
    return { figures, problem: null };
  } catch (error) {
    process.stdout.write(`MISS ${name}: ${describeError(error)}\n`);
    return { figures: [], problem: describeError(error) };
  }
};

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
const names = values.only?.split(',') ?? Object.keys(PARTS);
const parts: Record<string, { figures: Figure[]; problem: string | null }> = {};
for (const name of names) parts[name] = await runPart(name);
const figures = Object.values(parts).flatMap((part) => part.figures.filter(({ bound }) => bound !== null));
const problems = Object.values(parts).filter(({ problem }) => problem !== null).length;
const failed = figures.filter((figure) => !isKept(figure)).length + problems;
if (values.json !== undefined)
  fs.writeFileSync(values.json, `${JSON.stringify({ version: 1, parts }, null, 2)}\n`);
process.stdout.write(`${figures.length + problems - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
