/*
 * fuzz.h: what the fuzz targets share: reading an input as a series of small choices, and checks that hold for every
 * input. A target is one LLVMFuzzerTestOneInput; libFuzzer calls it, or replay.c does, with files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What must hold whatever came in. Fails in release builds too: that is what fuzzing looks for. */
#define FUZZ_CHECK(condition) \
  do { \
    if (!(condition)) { \
      fprintf (stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      abort (); \
    } \
  } while (0)

typedef struct
{
  const uint8_t *data;
  size_t left;
} FuzzInput;

/* Zero once the input has run out. */
static inline uint8_t
fuzz_byte (FuzzInput *input)
{
  if (input->left == 0)
    return 0;
  input->left--;
  return *input->data++;
}

static inline uint32_t
fuzz_u16 (FuzzInput *input)
{
  uint32_t high = fuzz_byte (input);

  return high << 8 | fuzz_byte (input);
}

static inline uint32_t
fuzz_u32 (FuzzInput *input)
{
  uint32_t high = fuzz_u16 (input);

  return high << 16 | fuzz_u16 (input);
}

/* A copy of up to `wanted` bytes in memory of exactly that size, so that a reader's overrun is seen. Free with free. */
static inline uint8_t *
fuzz_take (FuzzInput *input, size_t wanted, size_t *got)
{
  size_t size = wanted < input->left ? wanted : input->left;
  /* malloc (0) may give NULL, which memcpy must not see */
  uint8_t *copy = malloc (size > 0 ? size : 1);

  if (copy == NULL)
    abort ();
  /* an empty input may be NULL, with which nothing may be computed */
  if (size > 0) {
    memcpy (copy, input->data, size);
    input->data += size;
    input->left -= size;
  }
  *got = size;
  return copy;
}

/* Reads every byte of a result, so that one that lies outside is seen. */
static inline uint32_t
fuzz_touch (const uint8_t *bytes, size_t size)
{
  static volatile uint32_t keep;
  uint32_t sum = 0;

  for (size_t i = 0; i < size; i++)
    sum += bytes[i];
  keep = sum;
  return keep;
}
