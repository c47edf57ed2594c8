/*
 * counterword.c: see counterword.h.
 */
#include "counterword.h"

#define MARKER 0xb2u /* 10110010 */
#define MARKER_BITS 8
#define CRC_BITS 16
/* Black and white of the marker must be this far apart, in 8-bit steps, to be taken for a counter. */
#define MIN_CONTRAST 32
/* Cells of each colour in the marker. */
#define MARKER_HALF 4

/* CRC-16/CCITT-FALSE of the top 48 bits of a code word: start 0xffff, so that an all-black strip is not a number. */
static uint16_t
checksum (uint64_t word)
{
  uint32_t crc = 0xffff;

  for (int bit = 63; bit >= CRC_BITS; bit--) {
    uint32_t top = ((crc >> 15) ^ (uint32_t) (word >> bit)) & 1;

    crc = (crc << 1) & 0xffff;
    if (top)
      crc ^= 0x1021;
  }
  return (uint16_t) crc;
}

uint64_t
counter_word_encode (uint64_t number)
{
  uint64_t word =
      ((uint64_t) MARKER << (COUNTER_WORD_BITS - MARKER_BITS)) | ((number & COUNTER_NUMBER_MASK) << CRC_BITS);

  return word | checksum (word);
}

bool
counter_word_decode (uint64_t word, uint64_t *number)
{
  if (word >> (COUNTER_WORD_BITS - MARKER_BITS) != MARKER || (word & 0xffff) != checksum (word))
    return false;
  *number = (word >> CRC_BITS) & COUNTER_NUMBER_MASK;
  return true;
}

bool
counter_word_read_cells (const uint32_t brightness[COUNTER_WORD_BITS], uint64_t *number)
{
  uint32_t white = 0, black = 0;
  uint64_t word = 0;

  for (uint32_t cell = 0; cell < MARKER_BITS; cell++) {
    if ((MARKER >> (MARKER_BITS - 1 - cell)) & 1)
      white += brightness[cell];
    else
      black += brightness[cell];
  }
  if (white < black + MARKER_HALF * MIN_CONTRAST)
    return false;
  for (uint32_t cell = 0; cell < COUNTER_WORD_BITS; cell++)
    word = (word << 1) | (brightness[cell] * 2 * MARKER_HALF > white + black);
  return counter_word_decode (word, number);
}
