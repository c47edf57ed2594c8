/*
 * sequencewindow.c: see sequencewindow.h.
 */
#include "sequencewindow.h"

#include <string.h>

/* A step back up to this is reordering; more is a gap. */
#define MAX_REORDER 1024

static bool
is_seen (const SequenceWindow *window, uint16_t sequence)
{
  return (window->seen[sequence / 8] >> (sequence % 8)) & 1;
}

void
sequence_window_reset (SequenceWindow *window)
{
  memset (window, 0, sizeof (*window));
}

bool
sequence_window_note (SequenceWindow *window, uint16_t sequence, uint64_t *gaps)
{
  int16_t step = (int16_t) (sequence - window->highest);
  bool is_duplicate = false;

  if (!window->has_any) {
    window->has_any = true;
    window->highest = sequence;
  } else if (step > 0) {
    uint16_t s = window->highest;

    *gaps += step > 1;
    /* numbers skipped now may still come: they must not look like those of a round ago */
    while (s != sequence) {
      s++;
      window->seen[s / 8] &= (uint8_t) ~(1u << (s % 8));
    }
    window->highest = sequence;
  } else if (step < -MAX_REORDER) {
    ++*gaps;
    memset (window->seen, 0, sizeof (window->seen));
    window->highest = sequence;
  } else {
    is_duplicate = is_seen (window, sequence);
  }
  window->seen[sequence / 8] |= (uint8_t) (1u << (sequence % 8));
  return is_duplicate;
}
