/**
 * How a stream follows the losses that its client reports: more parity where datagrams are lost at random, fewer bits
 * where they are lost because there are too many. All of it stays inside the client's figure, so more parity means
 * fewer bits for the picture and never more datagrams. Pure: one step for each window of reports.
 */
import { encoderKbps } from './negotiate.js';
import type { StreamTuning, VideoPlan } from './stream-plan.js';

/** What one window of time brought. */
export interface LossWindow {
  /** Length, milliseconds. */
  readonly ms: number;
  readonly frames: number;
  /** Data shards sent, and those of them that the client missed. */
  readonly dataShards: number;
  readonly dataShardsLost: number;
  /** Parity blocks that could not be rebuilt: how many, and their part of the two figures above. */
  readonly lostBlocks: {
    readonly count: number;
    readonly dataShards: number;
    readonly dataShardsLost: number;
  };
  /** Frames of which nothing came. */
  readonly hasLostWholeFrames: boolean;
}

/** A block may be lost this often: one frame in ten thousand, which at 60 a second is one in three minutes. */
const BLOCK_LOSS_TARGET = 1e-4;
/** The next second may be worse than this one. */
const LOSS_MARGIN = 1.25;
/** Frames differ in size, and the smaller the block the more parity it needs in percent. */
const SMALL_BLOCK = 0.6;
/** Blocks between which the percentage is chosen; for the smallest the fewest parity shards count instead. */
const MIN_BLOCK_SHARDS = 8;
const MAX_BLOCK_SHARDS = 127;
const MAX_FEC_PERCENTAGE = 100;
const FEC_STEP = 5;
/** Of the smallest blocks, which percentages do not help. */
const TINY_BLOCK = 2;
const MAX_MIN_FEC_PACKETS = 4;
/** Of so few shards one lost by chance says nothing. */
const MIN_SHARDS = 50;

/** From here on there is too much for the link, whatever the parity makes of it. */
const HEAVY_LOSS = 0.1;
/** What is left of an estimate a second later, where nothing more is lost. */
const DECAY_PER_SECOND = 0.7;
const NEGLIGIBLE_LOSS = 0.002;
const BURST_BLOCKS = 2;
/** A queue that overflows is relieved by this at the least. */
const CUT = 0.85;
/** Least share of the client's figure; below it the person must choose a smaller one. */
const MIN_SHARE = 0.4;
/**
 * How the share rises after a cut: along a cubic that is flat where the loss began, so that a link at its limit is met
 * again late and gently, and steep beyond. From the least share to the whole in 23 s.
 */
const RISE = 0.00015;
/** A smaller change of the bitrate is not worth it. */
const MIN_CHANGE = 0.03;

/** How likely more than `spare` of `shards` are lost, when each is with probability `loss`. */
const lossBeyond = (shards: number, spare: number, loss: number): number => {
  let term = (1 - loss) ** shards;
  let covered = term;
  for (let lost = 1; lost <= spare; lost += 1) {
    term *= ((shards - lost + 1) / lost) * (loss / (1 - loss));
    covered += term;
  }
  return Math.max(0, 1 - covered);
};

/**
 * The fewest parity shards by which a block of `dataShards` survives random loss, up to `most`.
 * @param loss share of the datagrams lost, 0–1
 * Example: 25 data shards and 5 % loss need 8, or 32 %; 6 need 5.
 */
export const parityFor = (dataShards: number, loss: number, most = dataShards): number => {
  let parity = 0;
  while (parity < most && lossBeyond(dataShards + parity, parity, loss) > BLOCK_LOSS_TARGET) parity += 1;
  return parity;
};

/** A share of the shards, 0–1. */
const shareLost = (lost: number, sent: number): number =>
  sent <= 0 ? 0 : Math.min(1, Math.max(0, lost) / Math.max(sent, MIN_SHARDS));

const decayed = (loss: number, ms: number): number => {
  const left = loss * DECAY_PER_SECOND ** (ms / 1000);
  return left < NEGLIGIBLE_LOSS ? 0 : left;
};

/** How much of the client's figure is used. */
class Share {
  #value = 1;
  /** The last cut: from where, to where, and how long ago. */
  #from = 1;
  #to = 1;
  #sinceMs = 0;

  get value(): number {
    return this.#value;
  }

  cut(loss: number): void {
    this.#from = this.#value;
    this.#value = Math.max(MIN_SHARE, this.#value * Math.min(CUT, 1 - loss));
    this.#to = this.#value;
    this.#sinceMs = 0;
  }

  rise(ms: number): void {
    if (this.#value === 1) return;
    this.#sinceMs += ms;
    const flatAtS = Math.cbrt((this.#from - this.#to) / RISE);
    this.#value = Math.min(1, this.#from + RISE * (this.#sinceMs / 1000 - flatAtS) ** 3);
  }
}

/** One stream's adaptation. */
export class LossAdaptation {
  readonly #video: VideoPlan;
  readonly #share = new Share();
  #tuning: StreamTuning;
  /** Of late: all loss, and what of it parity is made for. */
  #loss = 0;
  #randomLoss = 0;

  constructor(video: VideoPlan) {
    this.#video = video;
    this.#tuning = this.#full;
  }

  /** What the stream was agreed with. */
  get #full(): StreamTuning {
    const { encoderKbps: kbps, fecPercentage, minFecPackets } = this.#video;
    return { encoderKbps: kbps, fecPercentage, minFecPackets };
  }

  get tuning(): StreamTuning {
    return this.#tuning;
  }

  /** Nothing is held back. */
  get isFull(): boolean {
    return this.#tuning.encoderKbps === this.#video.encoderKbps;
  }

  /** Share of the data shards that were lost of late, 0–1. */
  get loss(): number {
    return this.#loss;
  }

  /** @returns the new tuning where it changes */
  step(window: LossWindow): StreamTuning | undefined {
    const { ms, dataShards, dataShardsLost, lostBlocks } = window;
    const loss = shareLost(dataShardsLost, dataShards);
    this.#loss = Math.max(loss, decayed(this.#loss, ms));
    // What comes in bursts is no matter of parity, and a block that was rebuilt did not lose much.
    const random = shareLost(dataShardsLost - lostBlocks.dataShardsLost, dataShards - lostBlocks.dataShards);
    this.#randomLoss = Math.max(random, decayed(this.#randomLoss, ms));
    const parity = this.#chooseParity(window);
    // The parity was enough for as much loss at random: what was lost all the same came in a burst.
    const isCovered = parity.fecPercentage <= this.#tuning.fecPercentage;
    const hasBurst = window.hasLostWholeFrames || lostBlocks.count >= BURST_BLOCKS;
    if (loss >= HEAVY_LOSS || (isCovered && hasBurst)) this.#share.cut(loss);
    else this.#share.rise(ms);
    const next = { ...parity, encoderKbps: this.#encoderKbps(parity) };
    if (!this.#isWorthIt(next)) return undefined;
    this.#tuning = next;
    return next;
  }

  /** No parity at all is the owner's wish and stays so; otherwise the owner's figure is the least. */
  #chooseParity(window: LossWindow): Pick<StreamTuning, 'fecPercentage' | 'minFecPackets'> {
    const { fecPercentage, minFecPackets } = this.#video;
    if (fecPercentage === 0 || this.#randomLoss === 0) return { fecPercentage, minFecPackets };
    const loss = Math.min(0.5, this.#randomLoss * LOSS_MARGIN);
    const mean = window.dataShards / Math.max(1, window.frames);
    const block = Math.min(MAX_BLOCK_SHARDS, Math.max(MIN_BLOCK_SHARDS, Math.round(mean * SMALL_BLOCK)));
    const wanted = Math.ceil((100 * parityFor(block, loss)) / block / FEC_STEP) * FEC_STEP;
    return {
      fecPercentage: Math.max(fecPercentage, Math.min(wanted, MAX_FEC_PERCENTAGE)),
      minFecPackets: Math.max(minFecPackets, parityFor(TINY_BLOCK, loss, MAX_MIN_FEC_PACKETS)),
    };
  }

  #encoderKbps(parity: Pick<StreamTuning, 'fecPercentage' | 'minFecPackets'>): number {
    const full = this.#full;
    const share = this.#share.value;
    const isFull = share === 1 && parity.fecPercentage === full.fecPercentage;
    if (isFull && parity.minFecPackets === full.minFecPackets) return full.encoderKbps;
    const kbps = encoderKbps(this.#video.wireKbps * share, { ...this.#video, ...parity }, 0);
    return Math.min(kbps, full.encoderKbps);
  }

  #isWorthIt(next: StreamTuning): boolean {
    const { encoderKbps: kbps, fecPercentage, minFecPackets } = this.#tuning;
    if (next.fecPercentage !== fecPercentage || next.minFecPackets !== minFecPackets) return true;
    const full = this.#video.encoderKbps;
    return (
      next.encoderKbps !== kbps &&
      (next.encoderKbps === full || Math.abs(next.encoderKbps - kbps) >= full * MIN_CHANGE)
    );
  }
}
