/**
 * `npm run soak [-- MINUTES]`: one stream for long, with what happens to a long stream: a key-frame request every two
 * seconds, a resume every minute, and a media process that is killed every two. Samples memory, descriptors and threads
 * of `lumen serve` and of the media process that streams, and fails when they grow.
 */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeStream } from '../../src/probe/probe-stream.js';
import { describeError } from '../../src/support/errors.js';
import { openStream, pair } from '../support/client.js';
import { Serve, TestHome, until } from '../support/serve.js';
import { type Sample, slopePerHour } from './slope.js';

const SAMPLE_MS = 1000;
const KEY_FRAME_MS = 2000;
const RESUME_MS = 60_000;
const KILL_MS = 120_000;
const STREAM = { mode: { width: 1280, height: 720, fps: 60 }, bitrateKbps: 10_000 } as const;
const KIB_PER_MIB = 1024;

/**
 * What may come on top of the middle of the run, by its end. A slope over few minutes is noise times sixty, so the
 * bound is on the growth that the slope means over the time measured, and never finer than the noise.
 */
const BOUNDS = {
  memoryMib: { perHour: 60, noise: 12 },
  descriptors: { perHour: 1, noise: 2 },
  threads: { perHour: 1, noise: 2 },
} as const;
type Figure = keyof typeof BOUNDS;
const FIGURES = Object.keys(BOUNDS) as readonly Figure[];

type Samples = Readonly<Record<Figure, Sample[]>>;
const noSamples = (): Samples => ({ memoryMib: [], descriptors: [], threads: [] });

const readFigures = (pid: number): Readonly<Record<Figure, number>> => {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    memoryMib: field('VmRSS') / KIB_PER_MIB,
    descriptors: fs.readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
  };
};

const take = (samples: Samples, pid: number): void => {
  const atMs = performance.now();
  const figures = readFigures(pid);
  for (const figure of FIGURES) samples[figure].push({ atMs, value: figures[figure] });
};

/** A stream and what was done to it. */
class Soak {
  readonly #serve: Serve;
  #stream: ProbeStream | undefined;
  readonly counts = { keyFrames: 0, resumes: 0, kills: 0, frames: 0, wrong: 0 };
  readonly serveSamples = noSamples();
  /** Of each media process that streamed, in turn: they are replaced at every resume and kill. */
  readonly mediaSamples: Samples[] = [];
  #mediaPid = 0;

  constructor(serve: Serve) {
    this.#serve = serve;
  }

  async #open(): Promise<ProbeStream> {
    const stream = await openStream(this.#serve, STREAM);
    if ((await stream.firstFrame) === null) throw new Error('no picture');
    return stream;
  }

  async #findMedia(): Promise<number> {
    const pid = await until(
      async () => (await this.#serve.status()).sessions[0]?.mediaPid ?? undefined,
      'a media process',
    );
    if (pid !== this.#mediaPid) {
      this.#mediaPid = pid;
      this.mediaSamples.push(noSamples());
    }
    return pid;
  }

  /** Adds what this stream has shown; `until` is what ends it. */
  async #count(stream: ProbeStream, until: string): Promise<void> {
    const { frames } = await stream.stats();
    this.counts.frames += frames.decoded;
    this.counts.wrong += frames.wrong ?? 0;
    process.stdout.write(
      `until ${until}: ${frames.decoded} pictures, ${frames.lost} lost, ${frames.wrong} wrong\n`,
    );
  }

  async #resume(stream: ProbeStream): Promise<ProbeStream> {
    await this.#count(stream, `resume ${this.counts.resumes + 1}`);
    await stream.disconnect();
    const next = await this.#open();
    this.counts.resumes += 1;
    await this.#findMedia();
    return next;
  }

  async #kill(stream: ProbeStream): Promise<void> {
    const before = (await stream.stats()).frames;
    process.kill(await this.#findMedia(), 'SIGKILL');
    this.counts.kills += 1;
    await sleep(200);
    await until(
      async () => (await stream.stats()).frames.decoded > before.decoded + 30,
      'the picture is back',
    );
    const after = (await stream.stats()).frames;
    process.stdout.write(
      `killed: ${after.lost - before.lost} pictures lost, ${(after.wrong ?? 0) - (before.wrong ?? 0)} wrong\n`,
    );
    await this.#findMedia();
  }

  #sample(): void {
    const pid = this.#serve.child.pid;
    const media = this.mediaSamples.at(-1);
    if (pid === undefined || media === undefined) return;
    take(this.serveSamples, pid);
    take(media, this.#mediaPid);
  }

  /** Streams for `durationMs`. @throws when the picture stays away */
  async run(durationMs: number): Promise<void> {
    this.#stream = await this.#open();
    await this.#findMedia();
    const startMs = performance.now();
    const next = { keyFrame: startMs, resume: startMs + RESUME_MS, kill: startMs + KILL_MS * 0.75 };
    while (performance.now() - startMs < durationMs) {
      const nowMs = performance.now();
      if (nowMs >= next.keyFrame) {
        next.keyFrame = nowMs + KEY_FRAME_MS;
        await this.#stream.requestIdr();
        this.counts.keyFrames += 1;
      }
      if (nowMs >= next.kill) {
        next.kill += KILL_MS;
        await this.#kill(this.#stream);
      }
      if (nowMs >= next.resume) {
        next.resume += RESUME_MS;
        this.#stream = await this.#resume(this.#stream);
      }
      this.#sample();
      await sleep(SAMPLE_MS);
    }
    await this.#count(this.#stream, 'the end');
    await this.#stream.quit();
  }
}

/** Prints a slope. @returns whether it keeps the bound */
const judge = (name: string, figure: Figure, samples: readonly Sample[]): boolean => {
  const slope = slopePerHour(samples);
  const hours = ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 2 / 3_600_000;
  const bound = Math.max(BOUNDS[figure].perHour, BOUNDS[figure].noise / Math.max(hours, 1e-9));
  const isKept = slope <= bound;
  const last = samples.at(-1)?.value ?? Number.NaN;
  process.stdout.write(
    `${isKept ? 'ok  ' : 'MISS'} ${name.padEnd(16)} ${figure.padEnd(12)} ${last.toFixed(1).padStart(7)} at the end, ` +
      `${slope.toFixed(1).padStart(8)} an hour, at most ${bound.toFixed(0)}\n`,
  );
  return isKept;
};

/** The media process that streamed longest stands for all of them. */
const longest = (all: readonly Samples[]): Samples =>
  all.reduce((best, one) => (one.threads.length > best.threads.length ? one : best), noSamples());

const report = (soak: Soak): number => {
  const { counts } = soak;
  process.stdout.write(
    `${counts.frames} pictures, ${counts.keyFrames} key frames asked for, ${counts.resumes} resumes, ` +
      `${counts.kills} media processes killed\n`,
  );
  const media = longest(soak.mediaSamples);
  const kept = FIGURES.flatMap((figure) => [
    judge('lumen serve', figure, soak.serveSamples[figure]),
    judge('media process', figure, media[figure]),
  ]);
  process.stdout.write(
    `${counts.wrong === 0 ? 'ok  ' : 'MISS'} pictures wrong: ${counts.wrong}, at most 0\n`,
  );
  const results = [...kept, counts.wrong === 0];
  const failed = results.filter((isKept) => !isKept).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  return failed;
};

const minutes = Number(process.argv[2] ?? 10);
if (!(minutes > 0)) {
  process.stderr.write('usage: npm run soak [-- MINUTES]\n');
  process.exit(2);
}
const home = new TestHome();
// The key frames that are asked for here are no losses: following them, the host would stream at its lowest bitrate.
const serve = await Serve.start(home, ['--no-adapt-to-loss']);
const soak = new Soak(serve);
let status = 1;
try {
  await pair(serve);
  await soak.run(minutes * 60_000);
  status = report(soak) === 0 ? 0 : 1;
} catch (error) {
  process.stdout.write(`the stream ended early: ${describeError(error)}\n0 passed, 1 failed\n`);
} finally {
  await serve.stop();
  home.remove();
}
process.exit(status);
