/*
 * cadence.c: see cadence.h.
 */
#include "cadence.h"

#define NS_PER_SECOND UINT64_C (1000000000)

static uint32_t
clamp (uint32_t value, uint32_t low, uint32_t high)
{
  return value < low ? low : value > high ? high : value;
}

/* Exact to the nanosecond for any step: the grid never accumulates rounding (step * d * 1e9 stays below 2^64 because
 * step <= rate_n <= 1e6 and d <= 1e4). */
static uint64_t
next_place_ns (const Cadence *cadence)
{
  return cadence->base_ns + cadence->step * (uint64_t) cadence->rate_d * NS_PER_SECOND / cadence->rate_n;
}

/* rate_n frames last exactly rate_d seconds, so the origin can follow without losing anything. */
static void
advance (Cadence *cadence, uint64_t places)
{
  uint64_t step = cadence->step + places;

  cadence->base_ns += step / cadence->rate_n * cadence->rate_d * NS_PER_SECOND;
  cadence->step = (uint32_t) (step % cadence->rate_n);
}

void
cadence_init (Cadence *cadence, uint32_t rate_n, uint32_t rate_d)
{
  cadence->rate_n = clamp (rate_n, 1, CADENCE_MAX_NUMERATOR);
  cadence->rate_d = clamp (rate_d, 1, CADENCE_MAX_DENOMINATOR);
  cadence_restart (cadence);
}

void
cadence_restart (Cadence *cadence)
{
  cadence->is_started = false;
  cadence->was_early = false;
  cadence->was_repeat = false;
  cadence->base_ns = 0;
  cadence->step = 0;
}

uint64_t
cadence_interval_ns (const Cadence *cadence)
{
  return cadence->rate_d * NS_PER_SECOND / cadence->rate_n;
}

static uint64_t
credit_ns (const Cadence *cadence)
{
  return cadence->was_repeat ? cadence_interval_ns (cadence) / 2 : cadence_interval_ns (cadence) * 9 / 20;
}

uint64_t
cadence_fresh_due_ns (const Cadence *cadence, uint64_t arrived_ns)
{
  if (!cadence->is_started)
    return 0;
  uint64_t place_ns = next_place_ns (cadence), credit = credit_ns (cadence);
  uint64_t due_ns = place_ns > credit ? place_ns - credit : 0;

  if (cadence->was_early && due_ns > arrived_ns + cadence_interval_ns (cadence) / 3)
    return cadence_repeat_due_ns (cadence);
  return due_ns;
}

uint64_t
cadence_repeat_due_ns (const Cadence *cadence)
{
  if (!cadence->is_started)
    return CADENCE_NEVER;
  return next_place_ns (cadence) + cadence_interval_ns (cadence) / 2;
}

void
cadence_fresh_left (Cadence *cadence, uint64_t now_ns)
{
  uint64_t place_ns = next_place_ns (cadence);

  cadence->was_early = cadence->is_started && !cadence->was_repeat && now_ns + credit_ns (cadence) / 2 <= place_ns;
  cadence->was_repeat = false;
  /* A late frame moves the grid; an early one has spent credit and must not. */
  if (!cadence->is_started || now_ns > place_ns) {
    cadence->is_started = true;
    cadence->base_ns = now_ns;
    cadence->step = 0;
  }
  advance (cadence, 1);
}

uint64_t
cadence_repeat_left (Cadence *cadence, uint64_t now_ns)
{
  uint64_t due_ns = cadence_repeat_due_ns (cadence);
  uint64_t missed = 0;

  if (due_ns != CADENCE_NEVER && now_ns > due_ns)
    missed = (now_ns - due_ns) / cadence_interval_ns (cadence);
  cadence->was_early = false;
  cadence->was_repeat = true;
  advance (cadence, missed + 1);
  return missed;
}

bool
cadence_is_stale (const Cadence *cadence, uint64_t now_ns)
{
  return cadence->is_started && next_place_ns (cadence) > now_ns + 2 * cadence_interval_ns (cadence);
}
