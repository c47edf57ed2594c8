/** A sway desktop for half a minute, media processes that die, and outputs that must not pile up. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStream, pair, probe } from '../support/client.js';
import { childrenOf, Serve, TestHome, until } from '../support/serve.js';
import { type Sway, startSway } from '../support/sway.js';
import { atLeast, atMost, type Figure, shown } from './figures.js';

const MODE = { width: 1280, height: 720, fps: 60 } as const;
const WINDOW = `videotestsrc is-live=true pattern=black ! video/x-raw,format=BGRx,width=${MODE.width},height=${MODE.height},framerate=60/1 ! framecounter`;
const STREAM = { mode: MODE, bitrateKbps: 10_000 } as const;
const CYCLES = 20;

const descriptorCount = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length;

/** The client leaves for a moment, so that the window can be put on the output that is kept for it. */
const streamPicture = async (serve: Serve, sway: Sway): Promise<Figure[]> => {
  await probe(serve, { ...STREAM, seconds: 0.5, ending: 'disconnect' });
  const window = await sway.showWindow(WINDOW);
  // The first pictures may still show it on its way to the whole screen.
  await probe(serve, { ...STREAM, seconds: 1, ending: 'disconnect' });
  const report = await probe(serve, { ...STREAM, seconds: 30, ending: 'disconnect' });
  if (report.failure !== null) throw new Error(report.failure.problem);
  const stream = await openStream(serve, STREAM);
  if ((await stream.firstFrame) === null) throw new Error('no picture');
  const mediaPid = (await serve.status()).sessions[0]?.mediaPid;
  if (!mediaPid) throw new Error('no media process');
  const before = (await stream.stats()).frames;
  process.kill(mediaPid, 'SIGKILL');
  const killedMs = performance.now();
  await until(async () => (await stream.stats()).frames.decoded > before.decoded + 3, 'the picture is back');
  const backMs = performance.now() - killedMs;
  await stream.quit();
  window.kill('SIGKILL');
  return [
    atLeast('sway 720p60, 30 s: frames a second', report.frames.perSecond, '', 59.5),
    atMost('sway 720p60, 30 s: frames lost', report.frames.lost, '', 0),
    atMost('sway 720p60, 30 s: pictures wrong', report.frames.wrong ?? Number.NaN, '', 0),
    shown('sway 720p60, 30 s: pictures repeated', report.frames.repeated ?? Number.NaN, ''),
    shown('sway 720p60, 30 s: host latency p50', report.hostLatencyMs?.p50 ?? Number.NaN, 'ms'),
    atMost('sway, media process killed: picture back', backMs, 'ms', 1000),
  ];
};

const repeatStreams = async (serve: Serve, sway: Sway): Promise<Figure[]> => {
  const pid = serve.child.pid ?? 0;
  const settle = async (): Promise<void> => {
    await until(async () => (await serve.status()).sessions.length === 0, 'no session is left');
    await until(() => childrenOf(pid).length === 1, 'one spare media process is left');
  };
  await settle();
  const before = descriptorCount(pid);
  for (let run = 0; run < CYCLES; run += 1) {
    const stream = await openStream(serve, STREAM);
    if ((await stream.firstFrame) === null) throw new Error('no picture');
    await stream.quit();
  }
  await settle();
  await sleep(500);
  const outputs = await sway.outputs();
  return [
    // One of its own, and where sway cannot remove any (up to 1.7) one small one that is used again.
    atMost(`sway, ${CYCLES} streams: outputs left`, outputs.length, '', 2),
    atMost(
      `sway, ${CYCLES} streams: outputs of a client's size left`,
      outputs.filter((output) => output !== 'HEADLESS-1 1280x720' && !output.endsWith(' 16x16')).length,
      '',
      0,
    ),
    atMost(`sway, ${CYCLES} streams: descriptors more`, descriptorCount(pid) - before, '', 0),
  ];
};

export const swayFigures = async (): Promise<Figure[]> => {
  const sway = await startSway();
  const home = new TestHome({ ...sway.environment });
  const serve = await Serve.start(home, ['--source', 'sway']);
  try {
    await pair(serve);
    return [...(await streamPicture(serve, sway)), ...(await repeatStreams(serve, sway))];
  } finally {
    await serve.stop();
    await sway.stop();
    home.remove();
  }
};
