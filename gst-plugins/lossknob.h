/*
 * lossknob.h: loss on purpose. The same seed and percentage lose the same datagrams of a stream, on every machine.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  uint64_t state;
  uint64_t threshold; /* of 2^53 */
} LossKnob;

static inline void
loss_knob_seed (LossKnob *knob, uint32_t seed)
{
  knob->state = seed;
}

/* `percent` 0–100; outside it is clamped. */
static inline void
loss_knob_set_percent (LossKnob *knob, double percent)
{
  if (!(percent > 0))
    knob->threshold = 0;
  else if (percent >= 100)
    knob->threshold = UINT64_C (1) << 53;
  else
    knob->threshold = (uint64_t) (percent / 100 * 9007199254740992.0);
}

/* Whether the next datagram is to be lost. The generator is splitmix64 (Steele, Lea, Flood 2014). It steps at 0 % too,
 * so that a change of the percentage does not shift what a seed selects. */
static inline bool
loss_knob_hits (LossKnob *knob)
{
  uint64_t z = (knob->state += UINT64_C (0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  z ^= z >> 31;
  return (z >> 11) < knob->threshold;
}
