/**
 * One stream of the probe: from the launch to its end, in the order of a stock client (`protocol/rtsp.md` §7), with
 * handles for tests that need to misbehave.
 */
import { lookup } from 'node:dns/promises';
import type { HostMessage } from '../control/message.js';
import { delay } from '../support/lifecycle.js';
import { ControlClient } from './control-client.js';
import { cancelApp, openPairedHost, type PairedHost, stageError } from './host-info.js';
import { askHostStages } from './host-stages.js';
import { KeyFrameRequests, type RoundTrip } from './key-frames.js';
import { findApp, type Launch, launchApp } from './launch.js';
import { elapsedMs, type MeasuredPart } from './measurement.js';
import { ENCRYPT, type StreamOptions } from './options.js';
import type { Ending, PlannedStream, ProbeStream } from './probe-stream.js';
import { monotonicNs, Receiver } from './receiver.js';
import type { MediaPort } from './receiver-graphs.js';
import { RunRecord } from './record.js';
import {
  describeClientEnd,
  describePlannedEnd,
  describeTermination,
  type EndReport,
  type FailureReport,
  type ProbeReport,
} from './report.js';
import { type Agreement, type Negotiated, negotiateStream } from './rtsp-client.js';
import { toFailure } from './stages.js';
import { buildStreamGraphs } from './stream-graphs.js';

/** Limits of the stock client for the first datagram and for the first frame after it (`protocol/video.md` §1.2). */
const FIRST_DATAGRAM_DEADLINE_MS = 10_000;
const FIRST_FRAME_DEADLINE_MS = 10_000;
const START_POLL_MS = 10;

const REMEDY = {
  rtsp: "are the host's RTSP port (TCP 48010 by default) and its log all right?",
  control: 'is UDP port 47999 (base port + 10) of the host open?',
  media: 'run it again with GST_DEBUG=3 and --log-level debug to see more',
} as const;

class Stream implements PlannedStream {
  readonly ended: Promise<EndReport>;
  readonly firstFrame: Promise<number | null>;
  readonly #options: StreamOptions;
  readonly #record: RunRecord;
  readonly #receiver: Receiver;
  readonly #keyFrames: KeyFrameRequests;
  #address = '';
  #playing: Promise<void> = Promise.resolve();
  #control: ControlClient | undefined;
  #end: EndReport | undefined;
  #failure: FailureReport | null = null;
  #resolveEnded: (end: EndReport) => void = () => undefined;
  #resolveFirstFrame: (ms: number | null) => void = () => undefined;

  constructor(options: StreamOptions, record: RunRecord) {
    this.#options = options;
    this.#record = record;
    this.#receiver = new Receiver(options.logger, options.environment);
    this.#keyFrames = new KeyFrameRequests({
      send: () => this.#control?.requestIdr(),
      nowNs: monotonicNs,
      frameIntervalMs: 1000 / Math.max(options.mode.fps, 1),
    });
    record.keyFrames = this.#keyFrames;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.firstFrame = new Promise((resolve) => {
      this.#resolveFirstFrame = resolve;
    });
  }

  get riKey(): Buffer {
    return this.#record.launch?.riKey ?? Buffer.alloc(0);
  }

  /** All steps up to the video pings. @throws LumenError `LUMEN_PROBE_FAILED` */
  async start(): Promise<void> {
    const { stages } = this.#record;
    const host = await stages.run('serverinfo', 'is the host running?', () => this.#openHost());
    const app = await stages.run('applist', "see the host's log", () => findApp(this.#options, host));
    const decoder = await stages.run('decoder', REMEDY.media, () =>
      this.#receiver.findDecoder(this.#options.codec),
    );
    const launch = await stages.run('launch', "see the host's log", () =>
      launchApp(this.#options, host, app, () => {
        this.#record.launchNs = monotonicNs();
      }),
    );
    this.#record.launch = launch;
    const negotiated = await stages.run('rtsp', REMEDY.rtsp, () => this.#negotiate(launch, decoder));
    this.#record.negotiated = negotiated;
    await stages.run('control', REMEDY.control, () => this.#connectControl(launch, negotiated));
    await stages.run('media', REMEDY.media, () => this.#playing);
    this.#begin(negotiated);
  }

  async #openHost(): Promise<PairedHost> {
    const { address } = this.#options;
    const [host, found] = await Promise.all([
      openPairedHost(this.#options),
      lookup(address.host, { verbatim: false }),
    ]);
    this.#record.host = host;
    this.#address = found.address;
    return host;
  }

  #negotiate(launch: Launch, decoder: string): Promise<Negotiated> {
    return negotiateStream(this.#options, launch, this.#address, (agreement, audio) =>
      this.#playGraphs(launch, agreement, audio, decoder),
    );
  }

  /**
   * Audio pings begin right after the SETUP of audio, so that is when the graphs start. The video graph plays along and
   * stays silent. What goes wrong is seen where the media stage waits for it.
   */
  #playGraphs(launch: Launch, agreement: Agreement, audio: MediaPort, decoder: string): void {
    this.#playing = this.#play(launch, agreement, audio, decoder);
    this.#playing.catch(() => undefined);
  }

  async #play(launch: Launch, agreement: Agreement, audio: MediaPort, wantedDecoder: string): Promise<void> {
    const { codec } = agreement;
    const decoder = codec === this.#options.codec ? wantedDecoder : await this.#receiver.findDecoder(codec);
    const graphs = buildStreamGraphs(this.#options, {
      hostAddress: this.#address,
      decoder,
      launch,
      agreement,
      audio,
    });
    await this.#receiver.play(graphs, {
      onKeyFrame: (index, arrivalNs) => this.#onKeyFrame(index, arrivalNs),
      onLost: (first, last) => this.#onLost(first, last),
      onFecStatus: (status) => this.#control?.reportFec(status),
      onFailed: (problem) => this.#fail({ stage: 'media', problem, remedy: REMEDY.media }),
    });
  }

  async #connectControl(launch: Launch, negotiated: Negotiated): Promise<void> {
    const { logger, signal } = this.#options;
    this.#control = await ControlClient.connect(
      {
        address: this.#address,
        port: negotiated.controlPort,
        connectData: negotiated.connectData,
        riKey: launch.riKey,
        isV2: (negotiated.encryption & ENCRYPT.control) !== 0,
        logger,
        signal,
      },
      {
        onMessage: (message) => this.#onMessage(message),
        onTermination: (code) =>
          this.#finishWith(describeTermination(code, this.#record.firstFrameNs !== 0n)),
        onLost: () => this.#finishWith(describeClientEnd(-1)),
      },
    );
  }

  #onMessage(message: HostMessage): void {
    if (message.kind === 'hdrMode') this.#record.isHdr = message.isEnabled;
    this.#options.onEvent?.({ type: 'control', message });
  }

  #begin(negotiated: Negotiated): void {
    this.#receiver.startVideoPings(this.#address, negotiated.video);
    this.#options.onEvent?.({ type: 'playing' });
    this.#watchStart().catch((error: unknown) => this.#fail(toFailure(error)));
    this.#control?.startInput().catch((error: unknown) => this.#fail(toFailure(error)));
  }

  /** Waits for the first datagram and the first decoded frame, each with the stock client's limit. */
  async #watchStart(): Promise<void> {
    const { stages } = this.#record;
    const hasDatagram = await stages.run('first datagram', REMEDY.media, () =>
      this.#waitUntil(FIRST_DATAGRAM_DEADLINE_MS, () => this.#record.reading.firstDatagramNs !== 0n),
    );
    if (this.#end !== undefined) return;
    if (!hasDatagram) {
      this.#finishWith(describeClientEnd(-100));
      return;
    }
    const hasFrame = await stages.run('first frame', REMEDY.media, () =>
      this.#waitUntil(FIRST_FRAME_DEADLINE_MS, () => this.#record.firstFrameNs !== 0n),
    );
    if (this.#end !== undefined) return;
    if (hasFrame) this.#announceFirstFrame();
    else this.#failFirstFrame();
  }

  #announceFirstFrame(): void {
    const report = this.#record.toReport(describeClientEnd(-1), null);
    const ms = report.launchToFirstFrameMs ?? 0;
    this.#resolveFirstFrame(ms);
    this.#options.onEvent?.({ type: 'first-frame', launchToFirstFrameMs: ms });
  }

  #failFirstFrame(): void {
    if (this.#record.reading.measured.frames.received === 0) {
      this.#finishWith(describeClientEnd(-101));
      return;
    }
    this.#fail({
      stage: 'first frame',
      problem: 'frames arrive, but the decoder gives no picture',
      remedy: 'look at the frames: --save FILE, then ffprobe FILE',
    });
  }

  /** Reads the counters until `isDone`. @returns false at the deadline; false also when the stream ends meanwhile */
  async #waitUntil(deadlineMs: number, isDone: () => boolean): Promise<boolean> {
    const endMs = performance.now() + deadlineMs;
    while (this.#end === undefined) {
      await this.#read();
      if (isDone()) return true;
      if (performance.now() >= endMs) return false;
      await delay(START_POLL_MS);
    }
    return false;
  }

  /** Takes a reading of all counters into the record. */
  async #read(): Promise<void> {
    this.#record.take(await this.#receiver.stats(), monotonicNs());
  }

  #onKeyFrame(index: number, arrivalNs: bigint): void {
    this.#keyFrames.onKeyFrame(index, arrivalNs);
    this.#options.onEvent?.({ type: 'key-frame', frameIndex: index });
  }

  #onLost(first: number, last: number): void {
    this.#keyFrames.onLost(last);
    this.#options.onEvent?.({ type: 'frame-lost', first, last });
  }

  #fail(failure: FailureReport): void {
    // What breaks after the end is a consequence of the end.
    if (this.#end !== undefined) return;
    this.#failure ??= failure;
    this.#finishWith({ reason: 'stopped', code: -1, hostCode: null, text: 'the probe gave up' });
  }

  #finishWith(end: EndReport): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#record.endNs = monotonicNs();
    this.#keyFrames.stop();
    this.#resolveEnded(end);
    this.#resolveFirstFrame(null);
  }

  async requestIdr(): Promise<RoundTrip> {
    await this.#read();
    const trip = await this.#keyFrames.measure(this.#record.reading.measured.frames.lastIndex);
    this.#record.roundTrips.push(trip);
    return trip;
  }

  async stats(): Promise<MeasuredPart> {
    await this.#read();
    return this.#record.reading.measured;
  }

  setDropPercent(percent: number): void {
    this.#receiver.setDropPercent(percent);
  }

  sendControl(plaintext: Buffer, channel?: number): boolean {
    return this.#control?.sendPlaintext(plaintext, channel) ?? false;
  }

  sendRaw(packet: Buffer, channel?: number): boolean {
    return this.#control?.sendPacket(packet, channel) ?? false;
  }

  disconnect(): Promise<ProbeReport> {
    return this.finish('disconnect', 'stopped');
  }

  vanish(): Promise<ProbeReport> {
    return this.finish('vanish', 'stopped');
  }

  quit(): Promise<ProbeReport> {
    return this.finish('quit', 'stopped');
  }

  /** Ends the stream in the given way, unless it has ended by itself, and reports. */
  async finish(ending: Ending, reason: 'time' | 'stopped'): Promise<ProbeReport> {
    await this.#attempt(() => this.#lastReading());
    this.#finishWith(describePlannedEnd(reason, elapsedMs(this.#record.reading.lastFrameNs, monotonicNs())));
    await this.#attempt(() => this.#leave(ending));
    await this.close();
    return this.#record.toReport(this.#end ?? describeClientEnd(-1), this.#failure);
  }

  /** Does one step of the end; the steps after it are due whether it works or not. */
  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#failure ??= toFailure(error);
    }
  }

  async #lastReading(): Promise<void> {
    this.#record.controlRttMs = this.#control?.roundTripTimeMs ?? null;
    this.#record.fecReports = this.#control?.fecReports ?? 0;
    await this.#askHost();
    await this.#read();
    if (this.#end !== undefined || this.#options.snapshotFile === null) return;
    const hasPicture = await this.#receiver.takeSnapshot(this.#options.snapshotFile);
    if (!hasPicture)
      throw stageError('snapshot', 'no picture could be written', 'does the folder of the file exist?');
  }

  /** While the session lives: later the host knows nothing of it. */
  async #askHost(): Promise<void> {
    const { host } = this.#record;
    if (host !== undefined)
      this.#record.hostStages = await askHostStages(this.#options.adminSocket, host.tls.certPem);
  }

  async #leave(ending: Ending): Promise<void> {
    if (ending === 'vanish') this.#control?.vanish();
    else await this.#control?.disconnect();
    if (ending === 'quit' && this.#record.host !== undefined) await this.#cancel(this.#record.host);
  }

  /** The caller's signal may be what ends the stream; the host is told nevertheless. */
  #cancel(host: PairedHost): Promise<void> {
    return cancelApp({ ...this.#options, signal: undefined }, host);
  }

  /** Gives everything back; also after a start that failed. */
  async close(): Promise<void> {
    this.#keyFrames.stop();
    this.#control?.vanish();
    await this.#receiver.stop();
  }
}

/**
 * Starts a stream and notes in `record` how far it came, also when it fails.
 * @throws LumenError `LUMEN_PROBE_FAILED` with the stage
 */
export const openStream = async (options: StreamOptions, record: RunRecord): Promise<PlannedStream> => {
  const stream = new Stream(options, record);
  try {
    await stream.start();
    return stream;
  } catch (error) {
    await stream.close();
    throw error;
  }
};

/**
 * Starts a stream; resolves when its video pings have begun. The caller ends it.
 * @throws as {@link openStream}
 */
export const startStream = (options: StreamOptions): Promise<ProbeStream> =>
  openStream(options, new RunRecord(options));
