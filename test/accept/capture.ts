/**
 * The desktop as a source, with a real GNOME compositor without a screen: its outputs, stillness, losses, a hundred
 * streams.
 */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { listVideoNodes } from '../../src/capture/pipewire.js';
import { openStream, pair } from '../support/client.js';
import { seesCounting } from '../support/counting.js';
import { counterWindow, type Mutter, startMutter } from '../support/mutter.js';
import { assertNumbersGoOn } from '../support/numbering.js';
import { type PipeWire, sessionOf, startPipeWire } from '../support/pipewire.js';
import { childrenOf, Serve, TestHome, until } from '../support/serve.js';
import { atLeast, atMost, type Figure, shown } from './figures.js';

const MODE = { width: 1280, height: 720, fps: 30 } as const;
const STILL_SECONDS = 60;
const CYCLES = 100;
/** What a stream may take to come back to life after a loss. */
const BUDGET_MS = 40_000;
/** Of the host's log, when a run fails. */
const LOG_CHARACTERS = 8000;

/** A desktop of this run's own, and a host that streams it. */
interface Desktop {
  readonly pipewire: PipeWire;
  mutter: Mutter;
  readonly serve: Serve;
}

const withDesktop = async <T>(work: (desktop: Desktop) => Promise<T>): Promise<T> => {
  const pipewire = await startPipeWire();
  const home = new TestHome(sessionOf(pipewire));
  const desktop: Partial<{ -readonly [Key in keyof Desktop]: Desktop[Key] }> = { pipewire };
  try {
    desktop.mutter = await startMutter(pipewire);
    desktop.serve = await Serve.start(home, ['--source', 'mutter']);
    await pair(desktop.serve);
    return await work(desktop as Desktop);
  } catch (error) {
    process.stderr.write(`${desktop.serve?.output.slice(-LOG_CHARACTERS)}\n`);
    throw error;
  } finally {
    await desktop.serve?.stop();
    await desktop.mutter?.kill();
    await pipewire.stop();
    home.remove();
  }
};

const open = async (serve: Serve, mode: { width: number; height: number; fps: number } = MODE) => {
  const stream = await openStream(serve, { mode, bitrateKbps: 5000 });
  if ((await stream.firstFrame) === null) throw new Error('no picture');
  return stream;
};

const outputGoneMs = async ({ mutter }: Desktop): Promise<number> => {
  const startMs = performance.now();
  await until(async () => (await mutter.outputs()).length === 0, 'the output is gone');
  return performance.now() - startMs;
};

const mediaPidOf = async (serve: Serve): Promise<number> => {
  const pid = (await serve.status()).sessions[0]?.mediaPid;
  if (!pid) throw new Error('no media process');
  return pid;
};

const outputFigures = (): Promise<Figure[]> =>
  withDesktop(async (desktop) => {
    const { serve, mutter } = desktop;
    const stream = await open(serve);
    const [output = ''] = await mutter.outputs();
    const window = mutter.startWindow(counterWindow(MODE, 15));
    await seesCounting(stream);
    process.kill(await mediaPidOf(serve), 'SIGKILL');
    await sleep(100);
    const killedMs = performance.now();
    await seesCounting(stream);
    const backMs = performance.now() - killedMs;
    const outputs = (await mutter.outputs()).length;
    await window.stop();
    await stream.quit();
    const goneMs = await outputGoneMs(desktop);
    const last = await open(serve);
    await serve.stop('SIGKILL');
    const goneAfterKillMs = await outputGoneMs(desktop);
    await last.vanish();
    return [
      atLeast('mutter: the output has the size of the client', output.endsWith('1280x720') ? 1 : 0, '', 1),
      atMost('mutter: outputs after the media process was killed', outputs, '', 1),
      atMost('mutter: media process killed, the window moves again', backMs, 'ms', BUDGET_MS),
      atMost('mutter: output gone after the stream', goneMs, 'ms', 5000),
      atMost('mutter: output gone after serve was killed', goneAfterKillMs, 'ms', 5000),
    ];
  });

const stillFigures = (fps: number): Promise<Figure[]> =>
  withDesktop(async ({ serve, mutter }) => {
    const mode = { ...MODE, width: 640, height: 360, fps };
    const stream = await open(serve, mode);
    const before = (await stream.stats()).frames;
    const startMs = performance.now();
    await sleep(STILL_SECONDS * 1000);
    const after = (await stream.stats()).frames;
    const perSecond = (1000 * (after.received - before.received)) / (performance.now() - startMs);
    // Each picture of it is a change after half a second of stillness.
    const window = mutter.startWindow(counterWindow(mode, 2));
    await sleep(15_000);
    const capture = (await serve.status()).sessions[0]?.stages?.captureMs;
    await window.stop();
    await stream.quit();
    const what = `still screen for ${STILL_SECONDS} s at ${fps} fps`;
    return [
      atLeast(`${what}: frames a second`, perSecond, '', 0.99 * fps),
      atMost(`${what}: frames lost`, after.lost - before.lost, '', 0),
      atMost(`${what}: a change waits in the host, p50`, capture?.p50 ?? Number.NaN, 'ms', 2000 / fps),
      shown(`${what}: a change waits in the host, p99`, capture?.p99 ?? Number.NaN, 'ms'),
    ];
  });

/** Breaks something under a stream and repairs it after two seconds. @returns how long until a window moves again */
const lossMs = async (
  desktop: Desktop,
  lose: () => Promise<void>,
  repair: () => Promise<void>,
): Promise<number> => {
  const logStart = desktop.serve.output.length;
  const stream = await open(desktop.serve);
  await lose();
  await sleep(2000);
  await repair();
  const startMs = performance.now();
  await until(async () => (await desktop.mutter.outputs()).length === 1, 'a new output', BUDGET_MS);
  const window = desktop.mutter.startWindow(counterWindow(MODE, 15));
  await seesCounting(stream);
  const ms = performance.now() - startMs;
  assertNumbersGoOn(await stream.stats(), desktop.serve.output.slice(logStart));
  await window.stop();
  await stream.quit();
  return ms;
};

const lossFigures = (): Promise<Figure[]> =>
  withDesktop(async (desktop) => {
    const { pipewire, serve } = desktop;
    await serve.status(); // Starts a new sample of the event loop.
    const daemonMs = await lossMs(desktop, pipewire.daemon.kill, pipewire.daemon.start);
    const compositorMs = await lossMs(
      desktop,
      () => desktop.mutter.kill(),
      async () => {
        desktop.mutter = await startMutter(pipewire);
      },
    );
    const { p99 } = (await serve.status()).eventLoopDelayMs;
    return [
      atMost('PipeWire killed: moves again after it is back', daemonMs, 'ms', BUDGET_MS),
      atMost('compositor killed: moves again after it is back', compositorMs, 'ms', BUDGET_MS),
      atMost('control process meanwhile: event-loop delay p99', p99, 'ms', 5000),
    ];
  });

/** A producer that is killed: started again once, then left dead until the budget ends. */
const producerFigures = async (): Promise<Figure[]> => {
  const pipewire = await startPipeWire();
  const home = new TestHome({ PIPEWIRE_RUNTIME_DIR: pipewire.environment['PIPEWIRE_RUNTIME_DIR'] });
  const start = () => pipewire.startProducer({ name: 'lumen-accept', ...MODE });
  let producer = await start();
  const serve = await Serve.start(home, ['--source', 'pipewire:lumen-accept']);
  try {
    await pair(serve);
    const stream = await open(serve);
    await producer.kill();
    await sleep(2000);
    producer = await start();
    const backMs = performance.now();
    await seesCounting(stream);
    const movesMs = performance.now() - backMs;
    await producer.kill();
    const goneMs = performance.now();
    await until(() => serve.output.includes('session ended'), 'the end', BUDGET_MS + 20_000);
    const endMs = performance.now() - goneMs;
    await stream.vanish();
    const hasReason = /cannot be produced/.test(serve.output) && /0x800e9403/.test(serve.output);
    return [
      atMost('producer killed: moves again after it is back', movesMs, 'ms', BUDGET_MS),
      atMost('producer gone for good: stream ended', endMs, 'ms', BUDGET_MS + 10_000),
      atLeast('producer gone for good: reason in the log, code for the client', Number(hasReason), '', 1),
    ];
  } finally {
    await serve.stop();
    await pipewire.stop();
    home.remove();
  }
};

const descriptorCount = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length;

const cycleFigures = (): Promise<Figure[]> =>
  withDesktop(async ({ pipewire, serve, mutter }) => {
    const hostPid = serve.child.pid ?? 0;
    const cycle = async (): Promise<void> => {
      const stream = await open(serve, { width: 640, height: 360, fps: 30 });
      await stream.quit();
      await until(async () => (await serve.status()).sessions.length === 0, 'no session is left');
    };
    const settle = async (): Promise<void> => {
      await until(async () => (await mutter.outputs()).length === 0, 'no output is left');
      await until(() => childrenOf(hostPid).length === 1, 'one spare media process is left', 20_000);
      await sleep(1000);
    };
    await cycle();
    await settle();
    const before = { host: descriptorCount(hostPid), mutter: descriptorCount(mutter.pid) };
    for (let run = 0; run < CYCLES; run += 1) await cycle();
    await settle();
    const what = `${CYCLES} streams of mutter`;
    return [
      atMost(`${what}: outputs left`, (await mutter.outputs()).length, '', 0),
      atMost(`${what}: nodes left`, (await listVideoNodes(pipewire.environment)).length, '', 0),
      atMost(`${what}: descriptors more in the host`, descriptorCount(hostPid) - before.host, '', 0),
      atMost(`${what}: descriptors more in mutter`, descriptorCount(mutter.pid) - before.mutter, '', 2),
      atMost(`${what}: child processes beside the spare`, childrenOf(hostPid).length - 1, '', 0),
    ];
  });

export const CAPTURE_PARTS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  output: outputFigures,
  still: async () => [...(await stillFigures(60)), ...(await stillFigures(120))],
  'desktop-loss': async () => [...(await lossFigures()), ...(await producerFigures())],
  'desktop-cycles': cycleFigures,
};
