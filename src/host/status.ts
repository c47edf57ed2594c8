/** What `lumen status` shows: the process, the sessions, and each stage of their media plane. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { AdminReply } from '../admin/messages.js';
import type { WaitingClient } from '../nvhttp/pairing.js';
import type { Session } from '../session/session.js';
import { formatStageTimes, type StageTimes, toStageTimes } from '../session/stage-times.js';
import { formatLinkRate } from '../support/link-rate.js';
import type { LossCounts } from './loss-feedback.js';
import { formatWaiting } from './pairing-requests.js';
import type { ConnectionCounts } from './session-wiring.js';

/** How finely the event loop's delay is sampled, in milliseconds; the samples below this are the timer's own. */
const DELAY_RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;

/** One session as the status sees it. */
export interface SessionView {
  /** Of its app. */
  readonly title: string;
  readonly session: Session;
  readonly counts: ConnectionCounts | undefined;
  readonly roundTripTimeMs: number | undefined;
  /** Where its client is now, which is elsewhere than it launched from when it roamed. */
  readonly controlAddress: string | undefined;
}

/** Watches the event loop from its creation on. */
export class HostStatus {
  readonly #delay: IntervalHistogram;
  readonly #counters: () => Readonly<Record<string, unknown>>;

  /** @param counters what the protocol servers have counted */
  constructor(counters: () => Readonly<Record<string, unknown>>) {
    this.#counters = counters;
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
    this.#delay.enable();
  }

  close(): void {
    this.#delay.disable();
  }

  /**
   * Asks the media processes for their figures and puts all together.
   * @param waitingClients those that wait for their PIN
   */
  async report(views: readonly SessionView[], waitingClients: readonly WaitingClient[]): Promise<AdminReply> {
    const sessions = await Promise.all(views.map(toSessionReport));
    const data = {
      pid: process.pid,
      memoryBytes: process.memoryUsage.rss(),
      eventLoopDelayMs: { p50: this.#delayMs(50), p99: this.#delayMs(99) },
      counters: this.#counters(),
      waitingClients,
      sessions,
    };
    this.#delay.reset();
    return { ok: true, text: formatStatus(data), data };
  }

  /** The histogram holds whole intervals: what is beyond the asked-for one is delay. */
  #delayMs(percentile: number): number {
    return Math.max(0, this.#delay.percentile(percentile) / NS_PER_MS - DELAY_RESOLUTION_MS);
  }
}

const toSessionReport = async ({ session, title, counts, roundTripTimeMs, controlAddress }: SessionView) => ({
  id: session.id,
  state: session.state,
  app: session.appId,
  title,
  client: session.clientFingerprint.slice(0, 16),
  address: controlAddress ?? session.connection.peerAddress,
  linkKbps: session.plan?.linkKbps ?? null,
  mediaPid: session.media?.pid ?? null,
  frameIndex: session.media?.frameIndex ?? 0,
  roundTripTimeMs: roundTripTimeMs ?? null,
  counts: counts ?? null,
  stages: await readStages(session),
});

/** The figures of its stream now. A media process that is being replaced has none. */
const readStages = async (session: Session): Promise<StageTimes | null> => {
  try {
    return toStageTimes((await session.media?.stats()) ?? {}) ?? null;
  } catch {
    return null;
  }
};

/** One line: what was lost, and what the stream does about it. */
const formatLoss = (loss: LossCounts): string => {
  const parity = `parity ${loss.fecPercentage} %, encoder ${loss.encoderKbps} of ${loss.fullEncoderKbps} kbit/s`;
  const state = loss.isAdaptive ? parity : `${parity}, not adaptive`;
  return `loss         ${loss.lossPercent.toFixed(1)} % lately, ${loss.shardsLost} datagrams in ${loss.fecReports + loss.lossStats} reports (${loss.blocksRecovered} blocks recovered, ${loss.blocksLost} lost), ${state}`;
};

type StatusData = {
  readonly pid: number;
  readonly memoryBytes: number;
  readonly eventLoopDelayMs: { readonly p50: number; readonly p99: number };
  readonly waitingClients: readonly WaitingClient[];
  readonly sessions: readonly Awaited<ReturnType<typeof toSessionReport>>[];
};

const formatStatus = (data: StatusData): string => {
  const memoryMiB = (data.memoryBytes / 1024 / 1024).toFixed(0);
  const head = `lumen serve ${data.pid}: ${memoryMiB} MiB, event loop delay p99 ${data.eventLoopDelayMs.p99.toFixed(1)} ms`;
  const waiting = data.waitingClients.map((client) => `waits for its PIN: ${formatWaiting(client)}`);
  if (data.sessions.length === 0) return [head, ...waiting, 'No sessions.'].join('\n');
  const lines = data.sessions.flatMap((session) => [
    `session ${session.id}: ${session.title}, ${session.state}, ${session.address}, frame ${session.frameIndex}, round trip ${session.roundTripTimeMs ?? '–'} ms${session.linkKbps === null ? '' : `, link ${formatLinkRate(session.linkKbps)}`}`,
    ...(session.counts?.loss === undefined ? [] : [`  ${formatLoss(session.counts.loss)}`]),
    ...(session.stages === null ? [] : formatStageTimes(session.stages).map((line) => `  ${line}`)),
  ]);
  return [head, ...waiting, ...lines].join('\n');
};
