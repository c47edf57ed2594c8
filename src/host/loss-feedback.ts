/**
 * What a client says about its losses, and what the stream makes of it: counts the reports, and once a second lets the
 * adaptation decide and the media process follow. Source: `protocol/control.md` §6.2 and §6.5.
 */
import type { ClientMessage, FrameFecStatus } from '../control/message.js';
import { LossAdaptation } from '../session/adapt.js';
import type { StageTimes } from '../session/stage-times.js';
import type { StreamTuning, VideoPlan } from '../session/stream-plan.js';
import type { Logger } from '../support/logger.js';

/** What was reported since the stream began, and where the adaptation stands. */
export interface LossCounts {
  readonly fecReports: number;
  readonly lossStats: number;
  /** Reports that contradict themselves; they are left out. */
  readonly implausible: number;
  readonly blocksRecovered: number;
  readonly blocksLost: number;
  /** Data shards that the client missed, rebuilt ones included. */
  readonly shardsLost: number;
  /** Percent of the data shards; of late, the worst counting most. */
  readonly lossPercent: number;
  /** False where it is switched off or the encoder cannot change in place. */
  readonly isAdaptive: boolean;
  readonly encoderKbps: number;
  readonly fullEncoderKbps: number;
  readonly fecPercentage: number;
}

export interface LossFeedbackOptions {
  readonly video: VideoPlan;
  /** The owner lets streams adapt. */
  readonly isAdaptive: boolean;
  /** The client tells of each block that needed its parity or was lost. */
  readonly reportsBlocks: boolean;
  /** Changes the stream; false where its encoder cannot do that in place. */
  tune(tuning: StreamTuning): boolean;
  readonly logger: Logger;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs?: () => number;
}

interface Totals {
  readonly atMs: number;
  readonly frames: number;
  readonly dataShards: number;
}

/** What was reported since the last step; `statedLost` is what loss stats say. */
const createWindow = () => ({
  shardsLost: 0,
  statedLost: 0,
  keyFrameRequests: 0,
  lostBlocks: { count: 0, dataShards: 0, dataShardsLost: 0 },
});

const LEAVE_OUT_REMEDY =
  'where the encoder can change it without a key frame, name its bitrate under live in the pipeline file, and in encode as a placeholder';

/** One stream's feedback. */
export class LossFeedback {
  readonly #options: LossFeedbackOptions;
  readonly #adaptation: LossAdaptation;
  readonly #nowMs: () => number;
  #isAdaptive: boolean;
  #before: Totals | undefined;
  #hadLostBlocks = false;
  #counts = { fecReports: 0, lossStats: 0, implausible: 0, blocksRecovered: 0, blocksLost: 0, shardsLost: 0 };
  #window = createWindow();

  constructor(options: LossFeedbackOptions) {
    this.#options = options;
    this.#isAdaptive = options.isAdaptive;
    this.#adaptation = new LossAdaptation(options.video);
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  get counts(): LossCounts {
    return {
      ...this.#counts,
      lossPercent: 100 * this.#adaptation.loss,
      isAdaptive: this.#isAdaptive,
      encoderKbps: this.#isAdaptive ? this.#adaptation.tuning.encoderKbps : this.#options.video.encoderKbps,
      fullEncoderKbps: this.#options.video.encoderKbps,
      fecPercentage: this.#isAdaptive
        ? this.#adaptation.tuning.fecPercentage
        : this.#options.video.fecPercentage,
    };
  }

  take(message: Extract<ClientMessage, { kind: 'frameFecStatus' | 'lossStats' }>): void {
    if (message.kind === 'frameFecStatus') this.#takeFecStatus(message);
    else {
      this.#counts.lossStats += 1;
      this.#window.statedLost += message.lossCount;
    }
  }

  /** The client could not go on without a key frame: some frame was lost to it. */
  takeKeyFrameRequest(): void {
    this.#window.keyFrameRequests += 1;
  }

  /** Data shards come before parity, so those that a report misses were lost, and not only late. */
  #takeFecStatus({ dataPackets, parityPackets, dataReceived, parityReceived }: FrameFecStatus): void {
    const counts = this.#counts;
    counts.fecReports += 1;
    if (dataPackets === 0 || dataReceived > dataPackets || parityReceived > parityPackets) {
      counts.implausible += 1;
      return;
    }
    const isLost = dataReceived + parityReceived < dataPackets;
    if (isLost) counts.blocksLost += 1;
    else counts.blocksRecovered += 1;
    counts.shardsLost += dataPackets - dataReceived;
    this.#window.shardsLost += dataPackets - dataReceived;
    if (!isLost) return;
    const { lostBlocks } = this.#window;
    lostBlocks.count += 1;
    lostBlocks.dataShards += dataPackets;
    lostBlocks.dataShardsLost += dataPackets - dataReceived;
  }

  /** To be called about once a second with the media plane's figures. */
  onStages(stages: StageTimes): void {
    const now: Totals = { atMs: this.#nowMs(), frames: stages.frames, dataShards: stages.dataShards };
    const before = this.#before;
    this.#before = now;
    const { shardsLost, statedLost, lostBlocks, keyFrameRequests } = this.#window;
    this.#window = createWindow();
    // Of a frame that is gone altogether there is no report. A request may follow its report into the next window.
    const isExplained = !this.#options.reportsBlocks || lostBlocks.count > 0 || this.#hadLostBlocks;
    this.#hadLostBlocks = lostBlocks.count > 0;
    if (before === undefined) return;
    // Another media process counts from zero.
    const isSame = now.dataShards >= before.dataShards && now.frames >= before.frames;
    const wasFull = this.#adaptation.isFull;
    const tuning = this.#adaptation.step({
      ms: now.atMs - before.atMs,
      frames: now.frames - (isSame ? before.frames : 0),
      dataShards: now.dataShards - (isSame ? before.dataShards : 0),
      // Clients send the one or the other.
      dataShardsLost: Math.max(shardsLost, statedLost),
      lostBlocks,
      hasLostWholeFrames: keyFrameRequests > 0 && !isExplained,
    });
    if (tuning !== undefined && this.#isAdaptive) this.#follow(tuning, wasFull);
  }

  /** Each decision is in the log: the first and the last of a spell of losses for everybody, those between for debugging. */
  #follow(tuning: StreamTuning, wasFull: boolean): void {
    const { logger, video } = this.#options;
    if (!this.#options.tune(tuning)) {
      this.#isAdaptive = false;
      const remedy = LEAVE_OUT_REMEDY;
      logger.info({ remedy }, 'the pipeline file lets the bitrate stay as it is: losses change nothing');
      return;
    }
    const fields = {
      lossPercent: Number((100 * this.#adaptation.loss).toFixed(1)),
      ...tuning,
      fullEncoderKbps: video.encoderKbps,
    };
    if (wasFull) logger.info(fields, 'datagrams are lost: more parity, fewer bits');
    else if (this.#adaptation.isFull) logger.info(fields, 'the losses are over: full bitrate');
    else logger.debug(fields, 'bitrate and parity follow the losses');
  }
}
