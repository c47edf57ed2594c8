/**
 * What the figures have to show. A bound stands here as it was set; a row that was not measured gives no check.
 */
import { type Check, figureOf, isComparable, type Row, ratioErrorOf, ratioOf } from './report.js';

type Bound = Check['bound'];

const atMost = (value: number): Bound => ({ kind: 'max', value });
const atLeast = (value: number): Bound => ({ kind: 'min', value });

/** Datagrams of the largest group of a frame at the default link: the fewest equal parts of at most 1.25 times 45 KB. */
const largestGroup = (datagrams: number, datagramBytes: number): number =>
  Math.ceil(datagrams / Math.ceil((datagrams * datagramBytes) / (45_000 * 1.25)));

class Checks {
  readonly list: Check[] = [];
  readonly #rows: ReadonlyMap<string, Row>;

  constructor(rows: readonly Row[]) {
    this.#rows = new Map(rows.map((row) => [row.path.join('.'), row]));
  }

  /** Our own figure. */
  value(path: string, bound: Bound): void {
    const row = this.#rows.get(path);
    if (row === undefined) return;
    this.list.push({ name: path, value: figureOf(row, 'ours'), bound, unit: row.unit });
  }

  /** Ours in multiples of another's. */
  ratio(path: string, ours: string, other: string, bound: Bound): void {
    const row = this.#rows.get(path);
    if (row === undefined) return;
    const check = {
      name: `${path}: ${ours} / ${other}`,
      value: ratioOf(row, ours, other),
      error: ratioErrorOf(row, ours, other),
      bound,
      unit: 'times',
    };
    this.list.push(isComparable(row, other) ? check : { ...check, note: `${other} is not comparable here` });
  }

  /** Ours in multiples of the cheapest of the others that do the same work. */
  cheapest(path: string, others: readonly string[], bound: Bound): void {
    const row = this.#rows.get(path);
    if (row === undefined) return;
    const [value, error] = others
      .map((other) => [ratioOf(row, 'ours', other), ratioErrorOf(row, 'ours', other)] as const)
      .reduce((most, one) => (one[0] > most[0] ? one : most));
    this.list.push({ name: `${path}: ours / cheapest`, value, error, bound, unit: 'times' });
  }
}

/** `hasGfni`: the processor multiplies in GF(2^8) by itself; without it less is asked of the parity kernel. */
export const checksOf = (rows: readonly Row[], hasGfni: boolean): readonly Check[] => {
  const checks = new Checks(rows);
  const payloader = hasGfni ? { A: 8, B: 6, C: 5, concat: 2 } : { A: 4, B: 3, C: 2.5, concat: 1 };
  for (const workload of ['A', 'B', 'C'] as const)
    checks.ratio(`payloader.${workload}.mb_per_cpu_s`, 'ours', 'wolf', atLeast(payloader[workload]));
  checks.ratio('payloader.C.mb_per_cpu_s', 'ours', 'sunshine', atLeast(payloader.concat));

  checks.ratio('path.C.cpu_ms_per_s', 'ours', 'sunshine', atMost(0.75));
  checks.ratio('path.C.cpu_ms_per_s', 'ours_64k', 'sunshine', atMost(0.6));
  checks.ratio('path.C.black_hole_cpu_ms_per_s', 'ours', 'sunshine', atMost(0.7));
  checks.ratio('path.C.black_hole_cpu_ms_per_s', 'ours_64k', 'sunshine', atMost(0.55));
  checks.ratio('path.C.cpu_ms_per_s', 'ours', 'wolf', atMost(0.4));
  checks.cheapest('path.A.cpu_ms_per_s', ['sunshine', 'wolf'], atMost(1.1));

  checks.value('pacing.C.late_us_p50', atMost(60));
  checks.value('pacing.C.late_us_p99', atMost(200));
  checks.value('pacing.C.max_burst', atMost(largestGroup(228, 1408)));
  checks.value('pacing.awkward_sizes.frames_dropped', atMost(0));
  checks.value('port.B.datagrams_lost', atMost(0));
  checks.value('port.B.computed_datagrams_lost', atMost(0));
  checks.value('sustained.C.frames_dropped', atMost(0));
  checks.value('sustained.C.queue_full', atMost(0));
  for (const source of ['59.94_into_60', '60_into_60_jitter', '30_into_60', '2_into_120'])
    checks.value(`cadence.${source}.fresh_us_p99`, atMost(200));
  checks.value('cadence.60_into_60_jitter.repeats_percent', atMost(0.1));
  checks.value('cadence.59.94_into_60.repeats_percent', atMost(0.1));
  checks.value('cadence.120_into_60.out_per_s', atMost(60.1));
  checks.value('cadence.30_into_60.out_per_s', atLeast(59.9));
  checks.value('cadence.2_into_120.out_per_s', atLeast(119));

  return checks.list;
};
