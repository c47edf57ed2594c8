/** The frame sampler's rows of `npm run bench`: what a fresh frame waits for, and how even the rate is, by source. */
import type { Extent } from './measurements.js';
import type { Row } from './report.js';
import { type Build, type Figures, figure, runTool } from './tools.js';

/** `FRAMES into RATE`: what the source gives, what the client wants, and by how much the source is early or late. */
const SOURCES: Readonly<
  Record<string, { readonly from: number; readonly to: number; readonly jitterUs: number }>
> = {
  '120_into_60': { from: 120, to: 60, jitterUs: 0 },
  '59.94_into_60': { from: 60_000 / 1001, to: 60, jitterUs: 0 },
  '60_into_60_jitter': { from: 60, to: 60, jitterUs: 3000 },
  '30_into_60': { from: 30, to: 60, jitterUs: 0 },
  '2_into_120': { from: 2, to: 120, jitterUs: 0 },
};

const UNITS: Readonly<Record<string, string>> = {
  fresh_us_p50: 'us',
  fresh_us_p99: 'us',
  repeats_percent: '%',
  dropped: 'frames',
  out_per_s: 'frames/s',
  realtime: 'yes or no',
};

const PATIENCE_S = 20;

/** All sources at once: each takes next to nothing of a processor. */
export const measureCadence = async (build: Build, extent: Extent): Promise<Row[]> => {
  const runs = Object.entries(SOURCES).map(async ([name, { from, to, jitterUs }]): Promise<Row[]> => {
    const args = [from, to, jitterUs, extent.longS].map(String);
    const figures = (await runTool(build, 'bench-sampler', args, extent.longS + PATIENCE_S)) as Figures;
    return Object.entries(UNITS).map(([key, unit]) => ({
      path: ['cadence', name, key],
      unit,
      samples: { ours: [figure(figures, key)] },
    }));
  });
  return (await Promise.all(runs)).flat();
};
