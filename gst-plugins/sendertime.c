/*
 * sendertime.c: see sendertime.h.
 */
#include "sendertime.h"

#define NS_PER_SECOND UINT64_C (1000000000)

void
sender_time_reset (SenderTime *time)
{
  *time = (SenderTime) { .last_ns = SENDER_TIME_NONE };
}

uint64_t
sender_time_unwrap (SenderTime *time, uint32_t value, uint32_t bits)
{
  uint32_t mask = bits >= 32 ? UINT32_MAX : (UINT32_C (1) << bits) - 1;
  uint32_t step = (value - (uint32_t) time->ticks) & mask;

  if (!time->has_epoch)
    time->ticks = value;
  else if (step <= mask / 2)
    time->ticks += step;
  return time->ticks;
}

static uint64_t
ticks_to_ns (uint64_t ticks, uint32_t rate)
{
  return ticks / rate * NS_PER_SECOND + ticks % rate * NS_PER_SECOND / rate;
}

static uint64_t
distance (uint64_t a, uint64_t b)
{
  return a > b ? a - b : b - a;
}

uint64_t
sender_time_map (SenderTime *time, uint64_t ticks, uint32_t rate, uint64_t arrival_ns)
{
  bool is_tied = time->has_epoch && ticks >= time->epoch_ticks;
  uint64_t ns = 0;

  if (is_tied) {
    ns = time->epoch_ns + ticks_to_ns (ticks - time->epoch_ticks, rate);
    is_tied = arrival_ns == SENDER_TIME_NONE || distance (ns, arrival_ns) <= SENDER_TIME_MAX_ERROR_NS;
  }
  if (!is_tied) {
    ns = arrival_ns != SENDER_TIME_NONE ? arrival_ns : time->last_ns != SENDER_TIME_NONE ? time->last_ns + 1 : 0;
    time->has_epoch = true;
    time->epoch_ticks = ticks;
    time->epoch_ns = ns;
  }
  if (time->last_ns != SENDER_TIME_NONE && ns <= time->last_ns)
    ns = time->last_ns + 1;
  time->last_ns = ns;
  return ns;
}
