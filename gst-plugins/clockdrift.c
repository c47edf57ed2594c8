/*
 * clockdrift.c: see clockdrift.h.
 */
#include "clockdrift.h"

void
clock_drift_reset (ClockDrift *drift)
{
  *drift = (ClockDrift) { 0 };
}

void
clock_drift_push (ClockDrift *drift, uint64_t sender_ns, uint64_t arrival_ns)
{
  int64_t lateness = (int64_t) (arrival_ns - sender_ns);

  if (drift->count == 0 || lateness < drift->least)
    drift->least = lateness;
  if (++drift->count < CLOCK_DRIFT_WINDOW)
    return;
  if (drift->windows++ == 0)
    drift->first = drift->least;
  drift->latest = drift->least;
  drift->count = 0;
}

int64_t
clock_drift_ns (const ClockDrift *drift)
{
  return drift->latest - drift->first;
}
