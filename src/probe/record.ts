/**
 * What is known of one run so far, so that a report can be made of it at any moment, also of a run that failed early.
 */

import type { StageTimes } from '../session/stage-times.js';
import type { PairedHost } from './host-info.js';
import type { KeyFrameRequests, RoundTrip } from './key-frames.js';
import type { Launch } from './launch.js';
import { elapsedMs, type MeasuredPart, measure } from './measurement.js';
import { ENCRYPT, type StreamOptions } from './options.js';
import { type ReceiverStats, readReceiverStats } from './receiver-graphs.js';
import type { EndReport, FailureReport, ProbeReport, RequestReport } from './report.js';
import type { Negotiated } from './rtsp-client.js';
import { Stages } from './stages.js';

/** The last reading of all counters. */
export interface Reading {
  readonly measured: MeasuredPart;
  readonly keyFrames: number;
  /** CLOCK_MONOTONIC; 0 while there is none. */
  readonly firstDatagramNs: bigint;
  readonly lastFrameNs: bigint;
}

const NOTHING: Reading = {
  measured: measure(readReceiverStats({}), 0n),
  keyFrames: 0,
  firstDatagramNs: 0n,
  lastFrameNs: 0n,
};

/** Notes of one run; each part is filled in when it is known. Times are CLOCK_MONOTONIC in nanoseconds, 0 is "not yet". */
export class RunRecord {
  readonly stages = new Stages();
  readonly roundTrips: RoundTrip[] = [];
  readonly #options: StreamOptions;
  host: PairedHost | undefined;
  launch: Launch | undefined;
  negotiated: Negotiated | undefined;
  keyFrames: KeyFrameRequests | undefined;
  reading: Reading = NOTHING;
  launchNs = 0n;
  firstFrameNs = 0n;
  endNs = 0n;
  controlRttMs: number | null = null;
  /** Of the latest HDR mode message; null before the first. */
  isHdr: boolean | null = null;
  fecReports = 0;
  hostStages: StageTimes | null = null;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Takes a reading of all counters down. */
  take(stats: ReceiverStats, nowNs: bigint): void {
    this.reading = {
      measured: measure(stats, nowNs),
      keyFrames: stats.depay.number('key-frames'),
      firstDatagramNs: stats.source.ns('first-datagram-ns'),
      lastFrameNs: stats.depay.ns('last-frame-ns'),
    };
    if (this.firstFrameNs !== 0n || stats.counter.number('frames') === 0) return;
    // Exact where the counter notes the moment, otherwise late by at most the interval of the polling.
    const exactNs = stats.counter.ns('first-frame-ns');
    this.firstFrameNs = exactNs === 0n ? nowNs : exactNs;
  }

  /** The report of what happened until now. */
  toReport(end: EndReport, failure: FailureReport | null): ProbeReport {
    const { measured, keyFrames, firstDatagramNs } = this.reading;
    const { address } = this.#options;
    const info = this.host?.info;
    const request = this.#toRequest();
    const nonceRepeats = request.encryption.video ? measured.frames.nonceRepeats : null;
    return {
      version: 1,
      host: {
        name: info?.hostname ?? '',
        address: address.host,
        httpPort: address.port,
        appVersion: info?.appVersion ?? '',
        uniqueId: info?.uniqueId ?? '',
        videoFormats: info?.videoFormats ?? [],
      },
      request,
      stages: this.stages.times,
      launchToFirstDatagramMs: elapsedMs(this.launchNs, firstDatagramNs),
      launchToFirstFrameMs: elapsedMs(this.launchNs, this.firstFrameNs),
      streamMs: this.firstFrameNs === 0n ? 0 : (elapsedMs(this.firstFrameNs, this.endNs) ?? 0),
      ...measured,
      frames: { ...measured.frames, nonceRepeats },
      keyFrames: {
        received: keyFrames,
        requests: this.keyFrames?.count ?? 0,
        roundTripsMs: this.roundTrips.map(({ ms }) => ms),
        roundTripsFrames: this.roundTrips.map(({ frames }) => frames),
      },
      hdr: this.isHdr,
      controlRttMs: this.controlRttMs,
      fecReports: this.fecReports,
      hostStages: this.hostStages,
      end,
      failure,
    };
  }

  #toRequest(): RequestReport {
    const { mode, bitrateKbps, colorSpace, fullRange, app, verb } = this.#options;
    const { codec, bitDepth, chroma, packetSize } = this.negotiated ?? this.#options;
    const bits = this.negotiated?.encryption ?? 0;
    return {
      app: this.launch?.app.title ?? app ?? '',
      verb: this.launch?.verb ?? (verb === 'resume' ? 'resume' : 'launch'),
      ...mode,
      bitrateKbps,
      codec,
      bitDepth,
      chroma,
      colorSpace,
      fullRange,
      packetSize,
      encryption: {
        rtsp: this.launch?.sessionUrl.isEncrypted ?? false,
        controlV2: (bits & ENCRYPT.control) !== 0,
        video: (bits & ENCRYPT.video) !== 0,
        audio: (bits & ENCRYPT.audio) !== 0,
      },
    };
  }
}
