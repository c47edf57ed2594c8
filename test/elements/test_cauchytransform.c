/*
 * test_cauchytransform.c: the transform gives the bytes of the matrix, for every shape that it takes, all lengths and
 * alignments, with every width of vectors that runs on this processor, and touches nothing but the parity.
 */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "cauchytransform.h"
#include "rsfec.h"

#define MAX_BYTES 400
/* Shards lie this far apart, so that each can start at any alignment between bytes that must not change. */
#define SPACING (MAX_BYTES + 128)
#define UNTOUCHED 0xA5
/* The smallest that cauchy_transform_pays() takes. */
#define DATA_MIN 64
#define PARITY_MIN 13
#define PARITY_MAX 128

static const GfKernel kernels[] = { GF_KERNEL_AVX2, GF_KERNEL_GFNI_AVX2, GF_KERNEL_GFNI_AVX512 };

typedef struct
{
  guint8 *memory, *wanted;
  guint8 *shards[RS_FEC_MAX_SHARDS];
  gpointer tables;
  guint8 matrix[RS_FEC_MAX_SHARDS * RS_FEC_MAX_SHARDS];
} Block;

static Block *
block_new (GRand *rand)
{
  Block *block = g_new0 (Block, 1);

  block->memory = g_malloc (RS_FEC_MAX_SHARDS * SPACING);
  block->wanted = g_malloc (RS_FEC_MAX_SHARDS * SPACING);
  block->tables = g_malloc (gf_kernel_table_bytes (GF_KERNEL_ISAL, RS_FEC_MAX_SHARDS, RS_FEC_MAX_SHARDS));
  for (gsize i = 0; i < RS_FEC_MAX_SHARDS * SPACING; i++)
    block->memory[i] = (guint8) g_rand_int (rand);
  for (guint i = 0; i < RS_FEC_MAX_SHARDS; i++)
    block->shards[i] = block->memory + i * SPACING + g_rand_int_range (rand, 0, 128);
  return block;
}

static void
block_free (Block *block)
{
  g_free (block->memory);
  g_free (block->wanted);
  g_free (block->tables);
  g_free (block);
}

/* What ISA-L makes of the matrix. */
static void
block_expect (Block *block, guint k, guint m, gsize bytes)
{
  memset (block->memory + k * SPACING, UNTOUCHED, m * SPACING);
  for (guint j = 0; j < m; j++) {
    for (guint i = 0; i < k; i++)
      block->matrix[j * k + i] = rs_fec_coefficient (RS_FEC_VIDEO, m, j, i);
  }
  gf_kernel_prepare (GF_KERNEL_ISAL, m, k, block->matrix, block->tables);
  gf_kernel_combine (GF_KERNEL_ISAL, m, k, block->tables, block->shards, block->shards + k, bytes);
  memcpy (block->wanted, block->memory, (k + m) * SPACING);
}

/* Compares all memory, also the data and what lies between the shards. */
static void
block_check (Block *block, guint k, guint m, gsize bytes)
{
  block_expect (block, k, m, bytes);
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++) {
    if (!gf_kernel_runs_here (kernels[i]))
      continue;
    fail_unless (cauchy_transform_pays (kernels[i], k, m, bytes));
    memset (block->memory + k * SPACING, UNTOUCHED, m * SPACING);
    cauchy_transform_encode (kernels[i], k, m, block->shards, bytes);
    fail_unless (memcmp (block->memory, block->wanted, (k + m) * SPACING) == 0,
        "%s differs: %u data, %u parity, %" G_GSIZE_FORMAT " bytes", gf_kernel_name (kernels[i]), k, m, bytes);
  }
}

GST_START_TEST (test_cauchytransform_every_shape_gives_the_bytes_of_the_matrix)
{
  GRand *rand = g_rand_new_with_seed (11);
  Block *block = block_new (rand);

  for (guint m = PARITY_MIN; m <= PARITY_MAX; m++) {
    for (guint k = DATA_MIN; k + m <= RS_FEC_MAX_SHARDS; k++)
      block_check (block, k, m, 130);
  }
  block_free (block);
  g_rand_free (rand);
}

GST_END_TEST;

GST_START_TEST (test_cauchytransform_every_length_gives_the_bytes_of_the_matrix)
{
  static const struct
  {
    guint k, m;
  } shapes[] = { { 64, 13 }, { 114, 23 }, { 190, 38 }, { 127, 128 } };
  GRand *rand = g_rand_new_with_seed (12);
  Block *block = block_new (rand);

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (gsize bytes = 128; bytes <= MAX_BYTES; bytes++)
      block_check (block, shapes[i].k, shapes[i].m, bytes);
  }
  block_free (block);
  g_rand_free (rand);
}

GST_END_TEST;

GST_START_TEST (test_cauchytransform_pays_for_large_blocks_only)
{
  fail_if (cauchy_transform_pays (GF_KERNEL_ISAL, 190, 38, 1408));
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++) {
    if (!gf_kernel_runs_here (kernels[i]))
      continue;
    fail_unless (cauchy_transform_pays (kernels[i], DATA_MIN, PARITY_MIN, 1408));
    fail_unless (cauchy_transform_pays (kernels[i], 127, PARITY_MAX, 1408));
    fail_if (cauchy_transform_pays (kernels[i], DATA_MIN - 1, 38, 1408));
    fail_if (cauchy_transform_pays (kernels[i], 190, PARITY_MIN - 1, 1408));
    fail_if (cauchy_transform_pays (kernels[i], 126, PARITY_MAX + 1, 1408));
    fail_if (cauchy_transform_pays (kernels[i], 190, 38, 31));
  }
  fail_if (cauchy_transform_pays (GF_KERNEL_GFNI_AVX512, 190, 38, 127));
}

GST_END_TEST;

static Suite *
cauchytransform_suite (void)
{
  Suite *s = suite_create ("cauchytransform");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_cauchytransform_every_shape_gives_the_bytes_of_the_matrix);
  tcase_add_test (tc, test_cauchytransform_every_length_gives_the_bytes_of_the_matrix);
  tcase_add_test (tc, test_cauchytransform_pays_for_large_blocks_only);
  return s;
}

GST_CHECK_MAIN (cauchytransform);
