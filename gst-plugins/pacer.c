/*
 * pacer.c: see pacer.h. Every duration is rounded up, so rounding can slow the clock by 1 ns a group and never
 * speeds it up; the carried clock makes up for it at the next burst.
 */
#include "pacer.h"

#define NS_PER_S 1000000000u
#define INTERVAL_MIN_NS 1000000u
#define INTERVAL_MAX_NS 100000000u
/* Bursts before the mean says anything about the stream. */
#define BURSTS_FOR_A_MEAN 32u
/* Most departure times for a burst, while groups stay within their bound. Whole datagrams can double the number, and 48
 * messages still fit one send call, and two such bursts the kernel's queue. */
#define DEPARTURES_PER_BURST 24u

static uint64_t
max_u64 (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t
ns_for_bytes (uint64_t bytes, uint64_t rate)
{
  return (bytes * NS_PER_S + rate - 1) / rate;
}

static uint64_t
rate_for (uint64_t bytes, uint64_t ns)
{
  return max_u64 ((bytes * NS_PER_S + ns - 1) / ns, 1);
}

void
pacer_init (Pacer *pacer, PacerShape shape, uint32_t link_kbps)
{
  *pacer = (Pacer) {
    .interval_ns = PACER_INTERVAL_DEFAULT_NS,
  };
  pacer_configure (pacer, shape, link_kbps);
}

void
pacer_configure (Pacer *pacer, PacerShape shape, uint32_t link_kbps)
{
  if (link_kbps == 0)
    link_kbps = 1;
  pacer->shape = shape;
  /* 1 kbit/s = 125 B/s; nine tenths of that are 112.5. */
  pacer->link_rate = (uint64_t) link_kbps * 225 / 2;
  pacer->burst_rate = pacer->link_rate;
  pacer->cap_bytes_max = link_kbps > PACER_FAST_LINK_KBPS ? PACER_CAP_BYTES_FAST : PACER_CAP_BYTES;
}

void
pacer_learn_interval (Pacer *pacer, uint64_t delta_ns)
{
  if (delta_ns < INTERVAL_MIN_NS || delta_ns > INTERVAL_MAX_NS)
    return;
  if (!pacer->interval_known) {
    pacer->interval_ns = delta_ns;
    pacer->interval_known = true;
    return;
  }
  pacer->interval_ns = (pacer->interval_ns * 7 + delta_ns) / 8;
}

/* The rate of the burst in hand. A burst that waited in the queue has less time left, but never less than half an
 * interval: catching up at twice the stream's own rate is enough, and no pause of ours may become a burst. */
static uint64_t
burst_rate (const Pacer *pacer, uint64_t arrival_ns, uint64_t bytes)
{
  if (pacer->shape == PACER_SPREAD)
    return rate_for (bytes, pacer->interval_ns * 3 / 4);

  uint64_t end_ns = arrival_ns + 2 * pacer->interval_ns;
  uint64_t left_ns = end_ns > pacer->due_ns ? end_ns - pacer->due_ns : 0;
  left_ns = max_u64 (left_ns, pacer->interval_ns / 2);
  return max_u64 (pacer->link_rate, rate_for (bytes, left_ns));
}

void
pacer_begin (Pacer *pacer, uint64_t now_ns, uint64_t arrival_ns, uint64_t bytes)
{
  pacer->due_ns = max_u64 (pacer->due_ns, now_ns);
  pacer->burst_rate = burst_rate (pacer, arrival_ns, bytes);
  pacer->burst_bytes = pacer->left_bytes = bytes;

  if (pacer->bursts == 0)
    pacer->mean_burst_bytes = bytes;
  else
    pacer->mean_burst_bytes = (pacer->mean_burst_bytes * 15 + bytes) / 16;
  if (pacer->bursts < BURSTS_FOR_A_MEAN)
    pacer->bursts++;
}

static uint64_t
min_u64 (uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* What leaves in PACER_GROUP_NS at the burst's rate. */
static uint64_t
cap_bytes (const Pacer *pacer)
{
  return max_u64 (min_u64 (pacer->burst_rate * (PACER_GROUP_NS / 1000) / 1000000, pacer->cap_bytes_max), 1);
}

/* The next of the equal parts that are left of the burst. 228 datagrams of 1408 bytes at a cap of 45 000 are 7.13 caps,
 * so six parts of 38 datagrams, 1.19 caps each. */
static uint64_t
planned_group (const Pacer *pacer)
{
  uint64_t cap = cap_bytes (pacer), most = min_u64 (cap * 5 / 4, PACER_GROUP_BYTES_MAX), left = pacer->left_bytes;
  uint64_t parts = max_u64 ((left + most - 1) / most, 1);

  return (left + parts - 1) / parts;
}

/* Bytes that may leave now without making the burst in progress on the wire larger than a group. */
static uint64_t
run_room (const Pacer *pacer, uint64_t now_ns)
{
  uint64_t cap = cap_bytes (pacer);

  if (pacer->run_bytes == 0 || now_ns >= pacer->gone_ns + PACER_DEBT_NS)
    return PACER_GROUP_BYTES_MAX;
  return cap > pacer->run_bytes ? cap - pacer->run_bytes : 0;
}

uint32_t
pacer_group_bytes (const Pacer *pacer, uint64_t now_ns)
{
  uint64_t bytes;

  if (pacer->shape == PACER_NONE)
    return UINT32_MAX;
  if (pacer->shape != PACER_KERNEL) {
    bytes = planned_group (pacer);
    return (uint32_t) (pacer_wake_ns (pacer, now_ns) != 0 ? bytes : min_u64 (bytes, run_room (pacer, now_ns)));
  }
  /* The kernel keeps the time between pieces, so they may be smaller than what a sleep is worth. */
  bytes = max_u64 (pacer->burst_rate * (PACER_GROUP_NS / 6 / 1000) / 1000000,
      (pacer->burst_bytes + DEPARTURES_PER_BURST - 1) / DEPARTURES_PER_BURST);
  return (uint32_t) min_u64 (bytes, pacer->cap_bytes_max);
}

uint64_t
pacer_wake_ns (const Pacer *pacer, uint64_t now_ns)
{
  const uint64_t nearest_ns = now_ns + PACER_DEBT_NS;

  if (pacer->shape == PACER_NONE || pacer->shape == PACER_KERNEL)
    return 0;
  if (pacer->due_ns < nearest_ns && run_room (pacer, now_ns) >= cap_bytes (pacer) / 2)
    return 0;
  return max_u64 (pacer->due_ns, nearest_ns);
}

uint64_t
pacer_wake_after_ns (const Pacer *pacer, uint64_t bytes)
{
  return bytes < pacer->left_bytes ? pacer->due_ns + ns_for_bytes (bytes, pacer->burst_rate) : 0;
}

uint64_t
pacer_sent (Pacer *pacer, uint64_t now_ns, uint32_t bytes)
{
  uint64_t drain_ns, departure_ns;

  if (pacer->shape == PACER_NONE)
    return now_ns;
  pacer->run_bytes = (now_ns < pacer->gone_ns + PACER_DEBT_NS ? pacer->run_bytes : 0) + bytes;
  pacer->gone_ns = now_ns;
  pacer->left_bytes -= min_u64 (bytes, pacer->left_bytes);
  drain_ns = ns_for_bytes (bytes, pacer->burst_rate);
  /* Lateness is repaid by at most one group: what is older is forgiven. */
  if (now_ns > drain_ns)
    pacer->due_ns = max_u64 (pacer->due_ns, now_ns - drain_ns);
  departure_ns = pacer->shape == PACER_KERNEL ? max_u64 (pacer->due_ns, now_ns) : now_ns;
  pacer->due_ns += drain_ns;
  return departure_ns;
}

void
pacer_gone (Pacer *pacer, uint64_t now_ns)
{
  pacer->gone_ns = now_ns;
}

uint32_t
pacer_needed_link_kbps (const Pacer *pacer)
{
  uint64_t rate;

  if (pacer->bursts < BURSTS_FOR_A_MEAN || !pacer->interval_known)
    return 0;
  rate = rate_for (pacer->mean_burst_bytes, pacer->interval_ns);
  if (rate <= pacer->link_rate)
    return 0;
  rate = rate * 2 / 225 + 1;
  return rate < UINT32_MAX ? (uint32_t) rate : UINT32_MAX;
}
