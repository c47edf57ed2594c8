/**
 * The receiving half of the probe: its graphs in a media process of their own, like the host's. Says what arrives;
 * decides nothing.
 */
import { rm, stat } from 'node:fs/promises';
import type { FrameFecStatus } from '../control/message.js';
import { type MediaProcess, spawnMediaProcess } from '../media/media-process.js';
import type { Fields, GraphDescription, MediaReport } from '../media/messages.js';
import { delay } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { stageError } from './host-info.js';
import type { ProbeCodec } from './options.js';
import {
  decodersFor,
  elementsFor,
  type MediaPort,
  pingProperties,
  type ReceiverStats,
  readCounters,
  readFecStatus,
  readReceiverStats,
} from './receiver-graphs.js';

const SNAPSHOT_DEADLINE_MS = 3000;
const SNAPSHOT_POLL_MS = 20;

/** What happens at the receiving end. */
export interface ReceiverEvents {
  onKeyFrame(index: number, arrivalNs: bigint): void;
  /** Frames `first` to `last` will never be complete. */
  onLost(first: number, last: number): void;
  /** A parity block needed its parity or was given up: what a client tells its host. At most 8 in 100 ms. */
  onFecStatus(status: FrameFecStatus): void;
  /** The video graph or the whole process is gone. */
  onFailed(problem: string): void;
}

/** Time now on the clock of all counters, in nanoseconds. */
export const monotonicNs = (): bigint => process.hrtime.bigint();

/** A media process that receives. Ends with {@link Receiver.stop}. */
export class Receiver {
  readonly #process: MediaProcess;
  readonly #logger: Logger;
  #events: ReceiverEvents | undefined;

  /** Starts the process; {@link Receiver.play} waits for it. */
  constructor(logger: Logger, environment: Readonly<Record<string, string | undefined>>) {
    this.#logger = logger;
    this.#process = spawnMediaProcess({ descriptors: [], logger, environment });
    this.#process.onReport((report) => this.#onReport(report));
    this.#process.onExit((code, signal) =>
      this.#events?.onFailed(`the receiving process ended (${signal ?? `status ${code}`})`),
    );
  }

  /** Process id, undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  /**
   * The best decoder that is installed. Asking also loads the plugins, so that starting the graphs is quick.
   * @throws LumenError `LUMEN_PROBE_FAILED` when there is none, or another element is missing
   */
  async findDecoder(codec: ProbeCodec): Promise<string> {
    const decoders = decodersFor(codec);
    const others = elementsFor(codec);
    const missing = await this.#process.inspect([...decoders, ...others]);
    const lacking = others.filter((name) => missing.includes(name));
    if (lacking.length > 0) {
      const problem = `GStreamer elements are missing: ${lacking.join(', ')}`;
      throw stageError('decoder', problem, 'run: npm run setup');
    }
    const decoder = decoders.find((name) => !missing.includes(name));
    if (decoder !== undefined) return decoder;
    const problem = `no decoder for ${codec} is installed (${decoders.join(', ')})`;
    throw stageError('decoder', problem, 'install gstreamer1.0-libav');
  }

  /** Plays the graphs. @throws LumenError `LUMEN_MEDIA_FAILED` */
  async play(graphs: readonly GraphDescription[], events: ReceiverEvents): Promise<void> {
    this.#events = events;
    await this.#process.play(graphs, null);
  }

  /** From now on the video socket pings the host, which makes it send. */
  startVideoPings(hostAddress: string, media: MediaPort): void {
    for (const { name, value } of pingProperties(hostAddress, media))
      this.#process.set('video', 'src', name, value);
  }

  /** All counters. @throws LumenError `LUMEN_MEDIA_FAILED` when the process is gone */
  async stats(): Promise<ReceiverStats> {
    return readReceiverStats(await this.#process.stats());
  }

  /** From now on that share of the received video datagrams is thrown away, percent. */
  setDropPercent(percent: number): void {
    this.#process.set('video', 'src', 'drop-percent', percent);
  }

  /**
   * Writes the next decoded picture to `file`.
   * @returns false when none came within three seconds
   */
  async takeSnapshot(file: string): Promise<boolean> {
    await rm(file, { force: true });
    this.#process.set('video', 'shutter', 'drop', false);
    for (let waitedMs = 0; waitedMs < SNAPSHOT_DEADLINE_MS; waitedMs += SNAPSHOT_POLL_MS) {
      await delay(SNAPSHOT_POLL_MS);
      const size = await stat(file).then(
        (found) => found.size,
        () => 0,
      );
      if (size > 0) return true;
    }
    return false;
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    this.#events = undefined;
    await this.#process.stop();
  }

  #onReport(report: MediaReport): void {
    if (report.type === 'message') this.#onMessage(report.name, report.fields);
    if (report.type === 'warning') this.#logger.debug({ element: report.element }, report.message);
    if (report.type !== 'error') return;
    if (report.graph === 'audio') this.#logger.warn({ problem: report.message }, 'audio is not received');
    else this.#events?.onFailed(`${report.element || report.graph}: ${report.message}`);
  }

  #onMessage(name: string, fields: Fields): void {
    const counters = readCounters(fields);
    if (name === 'moonlight-key-frame') {
      this.#events?.onKeyFrame(counters.number('frame-index'), counters.ns('arrival-ns'));
    } else if (name === 'moonlight-frame-lost') {
      this.#events?.onLost(counters.number('first'), counters.number('last'));
    } else if (name === 'moonlight-fec-status') {
      this.#events?.onFecStatus(readFecStatus(counters));
    }
  }
}
