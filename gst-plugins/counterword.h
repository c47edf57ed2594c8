/*
 * counterword.h: the 64 bits that framecounter draws as cells: marker, number and checksum. Pure.
 *
 *   0        8                                              48             64
 *   ├─ 0xb2 ─┼──────────── number, 40 bits ─────────────────┼─── CRC-16 ───┤
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_WORD_BITS 64u
#define COUNTER_NUMBER_BITS 40
#define COUNTER_NUMBER_MASK ((UINT64_C (1) << COUNTER_NUMBER_BITS) - 1)

/* The word of the lowest 40 bits of `number`. */
uint64_t counter_word_encode (uint64_t number);

/* False when the word is none, or damaged. */
bool counter_word_decode (uint64_t word, uint64_t *number);

/* Reads the number from the brightness of the 64 cells, each 0 to 255, the highest bit first. The marker says what is
 * black and what is white, so that neither range nor brightness of the picture matter. */
bool counter_word_read_cells (const uint32_t brightness[COUNTER_WORD_BITS], uint64_t *number);
