/*
 * histogram.c: see histogram.h. Values below 16 have a bucket each; above, every power of two is cut into 16 buckets.
 */
#include "histogram.h"

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

/* 1000 ns = 0b1111101000: top bit 9, shift 5, 1000 >> 5 = 31, so bucket 16 * 5 + 31 = 111 (992 to 1023 ns). */
static uint32_t
bucket_of (uint64_t ns)
{
  uint32_t shift;

  if (ns < SUB_COUNT)
    return (uint32_t) ns;
  shift = 63u - (uint32_t) __builtin_clzll (ns) - HISTOGRAM_SUB_BITS;
  return SUB_COUNT * shift + (uint32_t) (ns >> shift);
}

static uint64_t
bucket_middle (uint32_t bucket)
{
  uint32_t shift;

  if (bucket < 2 * SUB_COUNT)
    return bucket;
  shift = bucket / SUB_COUNT - 1;
  return ((uint64_t) (bucket % SUB_COUNT + SUB_COUNT) << shift) + ((1ULL << shift) >> 1);
}

void
histogram_reset (Histogram *histogram)
{
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
    __atomic_store_n (&histogram->counts[i], 0, __ATOMIC_RELAXED);
}

void
histogram_add (Histogram *histogram, uint64_t ns)
{
  __atomic_fetch_add (&histogram->counts[bucket_of (ns)], 1, __ATOMIC_RELAXED);
}

uint64_t
histogram_count (const Histogram *histogram)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
    sum += __atomic_load_n (&histogram->counts[i], __ATOMIC_RELAXED);
  return sum;
}

uint64_t
histogram_quantile (const Histogram *histogram, double quantile)
{
  uint64_t total = histogram_count (histogram), seen = 0, rank;
  uint32_t last = 0;

  if (total == 0)
    return 0;
  if (!(quantile > 0.0))
    quantile = 0.0;
  else if (quantile > 1.0)
    quantile = 1.0;
  rank = (uint64_t) (quantile * (double) (total - 1));
  for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
    uint32_t count = __atomic_load_n (&histogram->counts[i], __ATOMIC_RELAXED);

    if (count == 0)
      continue;
    last = i;
    seen += count;
    if (seen > rank)
      return bucket_middle (i);
  }
  /* Counts are only ever added, so this is reached only across a concurrent reset. */
  return bucket_middle (last);
}
