/**
 * What the originals of the stand-ins measured on one machine: two cores of a virtual x86-64 machine with AVX-512 and
 * GFNI, medians of five runs. A stand-in that is far from its original proves nothing, so each row is held against these.
 */

type Originals = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Megabytes of access units a CPU-second, 20 % parity. */
export const PAYLOADER_MB_PER_CPU_S: Originals = {
  A: { wolf: 481, sunshine: 3537 },
  B: { wolf: 470, sunshine: 1967 },
  C: { wolf: 500, sunshine: 1228 },
};

/** Milliseconds of CPU time a second over loopback, the source of the frames included. */
export const PATH_CPU_MS_PER_S: Originals = {
  A: { wolf: 16.8, sunshine: 6.1, sunshine_send_only: 5.8, seed: 11.3 },
  B: { wolf: 71.4, sunshine: 30.5, sunshine_send_only: 18.7, seed: 53.6 },
  C: { wolf: 242, sunshine: 122, sunshine_send_only: 59.5, seed: 109 },
};

export const SEND_CALLS_PER_S: Originals = {
  A: { seed: 240, sunshine: 120, wolf: 60 },
  B: { seed: 1080, sunshine: 720, wolf: 120 },
  C: { seed: 3600, sunshine: 2400, wolf: 240 },
};

/** First to last datagram of a frame, microseconds, median. */
export const SPREAD_US_P50: Originals = {
  A: { seed: 11868, sunshine: 32, wolf: 74 },
  B: { seed: 5938, sunshine: 1323, wolf: 199 },
  C: { seed: 2771, sunshine: 2488, wolf: 342 },
};

/** Datagrams back to back, the largest burst. */
export const MAX_BURST: Originals = {
  A: { seed: 16, sunshine: 43, wolf: 51 },
  B: { seed: 105, sunshine: 89, wolf: 138 },
  C: { seed: 144, sunshine: 92, wolf: 229 },
};

/** ISA-L 2.30 over data in, GB a second and core, by `k,m,bytes`. */
export const PARITY_GB_PER_S: Originals = {
  '50,10,1024': { isal_cached: 5.8, isal_uncached: 4.4 },
  '42,9,1040': { isal_cached: 5.8, isal_uncached: 4.5 },
  '114,23,1408': { isal_cached: 2.5, isal_uncached: 2.0 },
  '190,38,1408': { isal_cached: 1.5, isal_uncached: 1.2 },
};
