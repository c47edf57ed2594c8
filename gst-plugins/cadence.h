/*
 * cadence.h: when a frame may leave and when the last one is repeated. Pure arithmetic on nanoseconds: no clock, no
 * thread, no GObject.
 *
 * The rate is kept by one moving point, the *next place*: where the frame after the last one belongs on the grid of the
 * negotiated rate. A fresh frame may come before its place by the credit (nine twentieths of an interval, which
 * lets a source of the same rate jitter without waiting, also after one frame of it that was later than the others: the
 * grid keeps what that one moved it by); when nothing fresh came half an interval after the place, the last
 * frame is repeated, that is 1.5 intervals after a frame that was on time. After a repeat the credit is half an interval:
 * a fresh frame that comes right behind it need not wait, and the grid still keeps the rate.
 *
 *        frame          next place
 *   ───────┼──────┬──────────┼──────────┬────────▶ t
 *          │      └─ credit ─┘          │
 *          │  fresh may leave from here   repeat leaves here
 *
 * A source that is faster than the rate by a little uses up the credit and would then have its frames wait longer and
 * longer, up to a whole interval. So once the frame before left early, a frame that would wait for more than a third of
 * an interval is put off to the repeat's time: its successor overtakes it, one frame is dropped, and the credit is
 * back.
 *
 * At 60/1: interval 16.67 ms, credit 7.5 ms, first repeat 25 ms after the frame.
 */
#ifndef LUMEN_CADENCE_H
#define LUMEN_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

#define CADENCE_NEVER UINT64_MAX
/* Bounds of the fraction, so that a second's worth of frames cannot overflow 64 bits. */
#define CADENCE_MAX_NUMERATOR 1000000u
#define CADENCE_MAX_DENOMINATOR 10000u

typedef struct
{
  uint32_t rate_n;  /* frames ... */
  uint32_t rate_d;  /* ... in this many seconds */
  bool is_started;  /* a frame has left */
  uint64_t base_ns; /* the grid's origin */
  uint32_t step;    /* the next place is base + step intervals; below rate_n after normalising */
  bool was_early;   /* the last frame left before its place, by half the credit or more */
  bool was_repeat;  /* the last frame was one */
} Cadence;

/* Starts at rate_n/rate_d frames a second. Values out of bounds are clamped into 1..CADENCE_MAX_*. */
void cadence_init (Cadence *cadence, uint32_t rate_n, uint32_t rate_d);

/* Forgets the grid: the next fresh frame leaves at once. */
void cadence_restart (Cadence *cadence);

/* One interval, rounded down. */
uint64_t cadence_interval_ns (const Cadence *cadence);

/* Earliest time at which a fresh frame that came at arrived_ns may leave; 0 when none has left yet. */
uint64_t cadence_fresh_due_ns (const Cadence *cadence, uint64_t arrived_ns);

/* Time at which the last frame leaves again if nothing fresh came; CADENCE_NEVER when none has left yet. */
uint64_t cadence_repeat_due_ns (const Cadence *cadence);

/* A fresh frame left at now_ns. */
void cadence_fresh_left (Cadence *cadence, uint64_t now_ns);

/* A repeat left at now_ns. Places that went by unused (the caller was kept from sending) are skipped, not made up for;
 * returns how many. */
uint64_t cadence_repeat_left (Cadence *cadence, uint64_t now_ns);

/* True when the grid lies so far ahead of now_ns that the clock must have been set back: call cadence_restart. */
bool cadence_is_stale (const Cadence *cadence, uint64_t now_ns);

#endif
