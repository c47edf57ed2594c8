/*
 * histogram.h: a fixed-size log-linear histogram of durations, for the p50 and p99 that elements report in `stats`.
 * It forgets nothing: quantiles are over the life of the histogram.
 *
 * Threads: one histogram may be written and read by any number of threads without a lock. All accesses are relaxed
 * atomics, so a reader may miss the samples that are being added while it sums up, which is good enough for a figure
 * that is looked at once a second.
 */
#pragma once

#include <stdint.h>

/* 16 sub-buckets an octave: a quantile is at most 1/32 (3.1 %) from the sample it stands for. */
#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

typedef struct
{
  uint32_t counts[HISTOGRAM_BUCKETS];
} Histogram;

/* Empties it. A Histogram of zero bytes (g_new0, instance memory of a GObject) needs no call. */
void histogram_reset (Histogram *histogram);

/* Adds one sample in nanoseconds, 0 to 2^64 - 1. */
void histogram_add (Histogram *histogram, uint64_t ns);

/* Number of samples added. */
uint64_t histogram_count (const Histogram *histogram);

/* The sample below which `quantile` (0 to 1, clamped) of all samples lie, in nanoseconds; 0 when there are none. */
uint64_t histogram_quantile (const Histogram *histogram, double quantile);
