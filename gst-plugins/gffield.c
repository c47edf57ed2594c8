/*
 * gffield.c: see gffield.h.
 */
#include "gffield.h"

#include <glib.h>

#define POLYNOMIAL 0x11d

uint8_t gf_exp[2 * 255];
uint8_t gf_log[256];

static uint32_t
twice (uint32_t value)
{
  return (value << 1) ^ ((value & 0x80) != 0 ? POLYNOMIAL : 0);
}

void
gf_field_init (void)
{
  static gsize is_ready;
  uint32_t value = 1;

  if (!g_once_init_enter (&is_ready))
    return;
  for (uint32_t power = 0; power < 255; power++) {
    gf_exp[power] = gf_exp[power + 255] = (uint8_t) value;
    gf_log[value] = (uint8_t) power;
    value = twice (value);
  }
  g_once_init_leave (&is_ready, 1);
}

uint8_t
gf_multiply (uint8_t a, uint8_t b)
{
  return a == 0 || b == 0 ? 0 : gf_exp[gf_log[a] + gf_log[b]];
}

uint8_t
gf_invert (uint8_t a)
{
  return a == 0 ? 0 : gf_exp[255 - gf_log[a]];
}

/* Row i of the matrix, which makes bit i of the product, is its byte 7 - i. */
uint64_t
gf_bit_matrix (uint8_t factor)
{
  uint64_t matrix = 0;
  uint32_t column = factor;

  for (unsigned bit = 0; bit < 8; bit++) {
    for (unsigned i = 0; i < 8; i++)
      matrix |= (uint64_t) (column >> i & 1) << ((7 - i) * 8 + bit);
    column = twice (column);
  }
  return matrix;
}
