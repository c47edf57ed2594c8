/**
 * The benchmark's figures as rows, what they are held against, and how both are printed and written. Pure: no program
 * runs here.
 */

/** How far a stand-in may be from the measured original before its row stops counting. */
export const COMPARABLE_WITHIN = 0.15;

/** One figure of several senders, measured side by side. */
export interface Row {
  /** Where the row stands in the JSON, such as `['path', 'C', 'cpu_ms_per_s']`. */
  readonly path: readonly string[];
  readonly unit: string;
  /**
   * For each sender one value a round, without a value for rounds that it sat out. `ours` and its variants (`ours_…`)
   * are Lumen.
   */
  readonly samples: Readonly<Record<string, readonly number[]>>;
  /** What the originals measured on a machine of the same kind, where that is known. */
  readonly reference?: Readonly<Record<string, number>>;
  /** Added to a value before it is held against the reference: a cost that the reference includes. */
  readonly referenceIncludes?: number;
}

/** One figure and the bound that it is held to. */
export interface Check {
  readonly name: string;
  readonly value: number;
  /** Its standard error, where the rounds tell. */
  readonly error?: number;
  readonly bound: { readonly kind: 'min' | 'max'; readonly value: number };
  readonly unit: string;
  /** Why the figure means less than it seems to, where it does. */
  readonly note?: string;
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
};

/** Of the values that there are; NaN where there is none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/**
 * The standard error of the median of values that are spread normally but for a few that lie far off: 1.2533 times that of
 * their mean, with their deviation taken from the quartiles, which are 1.349 of it apart. NaN where there is one value,
 * which says nothing of others.
 */
const medianError = (values: readonly number[]): number => {
  const count = values.filter(Number.isFinite).length;
  if (count < 2) return Number.NaN;
  return (1.2533 * (quantile(values, 0.75) - quantile(values, 0.25))) / 1.349 / Math.sqrt(count);
};

/** The median over rounds; NaN for a sender that the row does not have. */
export const figureOf = (row: Row, sender: string): number => median(row.samples[sender] ?? []);

const ratiosOf = (row: Row, ours: string, other: string): readonly number[] => {
  const others = row.samples[other] ?? [];
  return (row.samples[ours] ?? []).map((value, round) => value / (others[round] ?? Number.NaN));
};

/** `ours` (or a variant) in multiples of another sender: the median of the rounds' own ratios, because a machine drifts. */
export const ratioOf = (row: Row, ours: string, other: string): number => median(ratiosOf(row, ours, other));

/** The standard error of that. */
export const ratioErrorOf = (row: Row, ours: string, other: string): number =>
  medianError(ratiosOf(row, ours, other));

/** How far a stand-in is from its original, as a share (0.2: 20 % above); undefined where no original is known. */
export const deviationOf = (row: Row, sender: string): number | undefined => {
  const original = row.reference?.[sender];
  if (original === undefined) return undefined;
  return (figureOf(row, sender) + (row.referenceIncludes ?? 0)) / original - 1;
};

/** Unknown originals do not make a row incomparable: nothing can be said. */
export const isComparable = (row: Row, sender: string): boolean =>
  Math.abs(deviationOf(row, sender) ?? 0) <= COMPARABLE_WITHIN;

export const isKept = ({ value, bound }: Check): boolean =>
  bound.kind === 'max' ? value <= bound.value : value >= bound.value;

const isOurs = (sender: string): boolean => sender.startsWith('ours');

const round = (value: number): number | null =>
  Number.isFinite(value) ? Number(value.toPrecision(4)) : null;

const percent = (share: number): string => `${share < 0 ? '-' : '+'}${Math.abs(Math.round(share * 100))} %`;

type Json = { [name: string]: Json | number | string | boolean | null };

const rowToJson = (row: Row): Json => {
  const senders = Object.keys(row.samples);
  const json: Json = { unit: row.unit };
  for (const sender of senders) json[sender] = round(figureOf(row, sender));
  for (const ours of senders.filter(isOurs))
    for (const other of senders.filter((sender) => !isOurs(sender)))
      json[`ratio_${ours === 'ours' ? '' : `${ours.slice('ours_'.length)}_`}${other}`] = round(
        ratioOf(row, ours, other),
      );
  const off = senders.filter((sender) => !isComparable(row, sender));
  if (off.length > 0)
    json['not_comparable'] = Object.fromEntries(
      off.map((sender) => [sender, percent(deviationOf(row, sender) ?? 0)]),
    );
  return json;
};

/** The rows as one tree by their paths, with the checks beside them. */
export const toJson = (rows: readonly Row[], checks: readonly Check[], machine: Json): Json => {
  const tree: Json = { machine };
  for (const row of rows) {
    let branch: Json = tree;
    for (const name of row.path.slice(0, -1)) {
      branch[name] ??= {};
      branch = branch[name] as Json;
    }
    branch[row.path.at(-1) ?? ''] = rowToJson(row);
  }
  tree['checks'] = Object.fromEntries(
    checks.map((check) => [
      check.name,
      {
        value: round(check.value),
        ...(check.error === undefined ? {} : { error: round(check.error) }),
        [check.bound.kind]: check.bound.value,
        ok: isKept(check),
      },
    ]),
  );
  return tree;
};

const number = (value: number): string => {
  if (!Number.isFinite(value)) return '-';
  return value === 0 || Math.abs(value) >= 100
    ? String(Math.round(value))
    : String(Number(value.toPrecision(3)));
};

const cell = (row: Row, sender: string): string => {
  const off = isComparable(row, sender) ? '' : ` (not comparable: ${percent(deviationOf(row, sender) ?? 0)})`;
  const ratio = isOurs(sender) ? '' : ` [${number(ratioOf(row, 'ours', sender))}x]`;
  return `${sender} ${number(figureOf(row, sender))}${ratio}${off}`;
};

/** A line for each row. In brackets: ours in multiples of that sender. */
export const formatRows = (rows: readonly Row[]): string => {
  const names = rows.map((row) => `${row.path.join('.')} (${row.unit})`);
  const width = Math.max(0, ...names.map((name) => name.length));
  return rows
    .map(
      (row, i) =>
        `${(names[i] ?? '').padEnd(width)}  ${Object.keys(row.samples)
          .map((sender) => cell(row, sender))
          .join('  ')}\n`,
    )
    .join('');
};

/** A line for each check: `ok` or `MISS`, the figure and its bound. */
export const formatChecks = (checks: readonly Check[]): string =>
  checks
    .map((check) => {
      const bound = `${check.bound.kind === 'max' ? 'at most' : 'at least'} ${check.bound.value}`;
      const note = check.note === undefined ? '' : `  (${check.note})`;
      const verdict = isKept(check) ? 'ok  ' : 'MISS';
      const error = Number.isFinite(check.error) ? ` ± ${(check.error ?? 0).toPrecision(2)}` : '';
      return `${verdict}  ${check.name}: ${number(check.value)}${error} ${check.unit}, ${bound}${note}\n`;
    })
    .join('');
