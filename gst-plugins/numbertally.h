/*
 * numbertally.h: what a row of frame numbers says of the frames: how many are missing, came again, or came too late. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All zero before the first number. */
typedef struct
{
  bool has_last;
  uint64_t first, last;
  uint64_t backwards; /* numbers below the one before */
  uint64_t repeated;  /* numbers equal to it */
  uint64_t skipped;   /* numbers that never came in between */
} NumberTally;

void number_tally_add (NumberTally *tally, uint64_t number);
