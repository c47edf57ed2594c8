/*
 * sequencewindow.h: which RTP sequence numbers of a stream have come, to tell a duplicate from what is merely late, and
 * where numbers are missing. Plain arithmetic; the numbers are of 16 bits and wrap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SEQUENCE_WINDOW_NUMBERS 65536

/* All zero: nothing has come. */
typedef struct
{
  bool has_any;
  uint16_t highest;
  uint8_t seen[SEQUENCE_WINDOW_NUMBERS / 8];
} SequenceWindow;

/* Forgets everything. */
void sequence_window_reset (SequenceWindow *window);

/* Notes a number; true when it came before. A step that leaves numbers out, or goes back further than reordering does (1024),
 * is added to `*gaps`; the latter forgets all that came before. */
bool sequence_window_note (SequenceWindow *window, uint16_t sequence, uint64_t *gaps);
