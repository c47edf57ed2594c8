/** Whether a figure that is sampled over time grows. */

/** One sample: when, and what was read. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

const MS_PER_HOUR = 3_600_000;

/**
 * Growth per hour by least squares over the second half of the time: the first half is warm-up.
 * @returns units per hour; 0 for fewer than two samples or no time between them
 */
export const slopePerHour = (samples: readonly Sample[]): number => {
  const first = samples[0]?.atMs ?? 0;
  const middle = first + ((samples.at(-1)?.atMs ?? 0) - first) / 2;
  const half = samples.filter(({ atMs }) => atMs >= middle);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const meanAt = mean(half.map(({ atMs }) => atMs));
  const meanValue = mean(half.map(({ value }) => value));
  const spread = half.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
  if (spread === 0) return 0;
  const shared = half.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - meanValue), 0);
  return (shared / spread) * MS_PER_HOUR;
};
