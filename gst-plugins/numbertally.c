/*
 * numbertally.c: see numbertally.h.
 */
#include "numbertally.h"

void
number_tally_add (NumberTally *tally, uint64_t number)
{
  if (!tally->has_last) {
    tally->has_last = true;
    tally->first = number;
  } else if (number < tally->last) {
    tally->backwards++;
  } else if (number == tally->last) {
    tally->repeated++;
  } else {
    tally->skipped += number - tally->last - 1;
  }
  tally->last = number;
}
