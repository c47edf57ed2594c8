/*
 * test_cauchytransform.c: the transform gives the bytes of the matrix, for every shape that it takes, all lengths and
 * alignments, with every width of vectors that runs on this processor, and touches nothing but the parity.
 */
#include <gst/check/gstcheck.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static const struct
{
  GfKernel kernel;
  gsize min_bytes;
} kernels[] = { { GF_KERNEL_AVX2, 32 }, { GF_KERNEL_GFNI_AVX2, 32 }, { GF_KERNEL_GFNI_AVX512, 128 } };

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

/* What ISA-L makes of the matrix; it takes no less than 64 bytes, so what it makes of more is put back. */
static void
block_expect (Block *block, guint k, guint m, gsize bytes)
{
  memset (block->memory + k * SPACING, UNTOUCHED, m * SPACING);
  for (guint j = 0; j < m; j++) {
    for (guint i = 0; i < k; i++)
      block->matrix[j * k + i] = rs_fec_coefficient (RS_FEC_VIDEO, m, j, i);
  }
  gf_kernel_prepare (GF_KERNEL_ISAL, m, k, block->matrix, block->tables);
  gf_kernel_combine (GF_KERNEL_ISAL, m, k, block->tables, block->shards, block->shards + k, MAX (bytes, 64));
  for (guint j = 0; j < m && bytes < 64; j++)
    memset (block->shards[k + j] + bytes, UNTOUCHED, 64 - bytes);
  memcpy (block->wanted, block->memory, RS_FEC_MAX_SHARDS * SPACING);
}

/* Compares all memory, also the data, what lies between the shards and what follows them. */
static void
block_check (Block *block, guint k, guint m, gsize bytes)
{
  block_expect (block, k, m, bytes);
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++) {
    GfKernel kernel = kernels[i].kernel;

    if (!gf_kernel_runs_here (kernel) || bytes < kernels[i].min_bytes)
      continue;
    fail_unless (cauchy_transform_pays (kernel, k, m, bytes));
    memset (block->memory + k * SPACING, UNTOUCHED, m * SPACING);
    cauchy_transform_encode (kernel, k, m, block->shards, bytes);
    fail_unless (memcmp (block->memory, block->wanted, RS_FEC_MAX_SHARDS * SPACING) == 0,
        "%s differs: %u data, %u parity, %" G_GSIZE_FORMAT " bytes", gf_kernel_name (kernel), k, m, bytes);
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
    for (gsize bytes = 32; bytes <= MAX_BYTES; bytes++)
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
    GfKernel kernel = kernels[i].kernel;
    gsize bytes = kernels[i].min_bytes;

    if (!gf_kernel_runs_here (kernel))
      continue;
    fail_unless (cauchy_transform_pays (kernel, DATA_MIN, PARITY_MIN, bytes));
    fail_unless (cauchy_transform_pays (kernel, 127, PARITY_MAX, 1408));
    fail_if (cauchy_transform_pays (kernel, DATA_MIN - 1, 38, 1408));
    fail_if (cauchy_transform_pays (kernel, 190, PARITY_MIN - 1, 1408));
    fail_if (cauchy_transform_pays (kernel, 126, PARITY_MAX + 1, 1408));
    fail_if (cauchy_transform_pays (kernel, 190, 38, bytes - 1));
  }
}

GST_END_TEST;

/* Shards between pages that must not be touched, at the begin or at the end of theirs. */
GST_START_TEST (test_cauchytransform_nothing_beyond_the_shards_is_read)
{
  const guint k = 114, m = 23;
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  guint8 *memory = mmap (NULL, (2 * (k + m) + 1) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  guint8 *shards[RS_FEC_MAX_SHARDS];

  fail_unless (memory != MAP_FAILED);
  for (guint i = 0; i < k + m; i++)
    fail_unless_equals_int (mprotect (memory + (2 * i + 1) * page, page, PROT_READ | PROT_WRITE), 0);
  for (guint n = 0; n < G_N_ELEMENTS (kernels); n++) {
    for (gsize bytes = kernels[n].min_bytes; bytes <= MAX_BYTES && gf_kernel_runs_here (kernels[n].kernel); bytes++) {
      for (guint at_end = 0; at_end < 2; at_end++) {
        for (guint i = 0; i < k + m; i++)
          shards[i] = memory + (2 * i + 1) * page + (at_end ? page - bytes : 0);
        cauchy_transform_encode (kernels[n].kernel, k, m, shards, bytes);
      }
    }
  }
  munmap (memory, (2 * (k + m) + 1) * page);
}

GST_END_TEST;

static gpointer
encode_in_a_thread (gpointer data)
{
  Block *block = data;

  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++) {
    if (gf_kernel_runs_here (kernels[i].kernel))
      cauchy_transform_encode (kernels[i].kernel, 190, 38, block->shards, 130);
  }
  return NULL;
}

/* They find the tables unmade: each test runs in a process of its own. */
GST_START_TEST (test_cauchytransform_two_threads_begin_at_once)
{
  GRand *rand = g_rand_new_with_seed (13);
  Block *blocks[2] = { block_new (rand), block_new (rand) };
  GThread *threads[2];

  for (guint i = 0; i < 2; i++)
    threads[i] = g_thread_new (NULL, encode_in_a_thread, blocks[i]);
  for (guint i = 0; i < 2; i++) {
    g_thread_join (threads[i]);
    block_check (blocks[i], 190, 38, 130);
    block_free (blocks[i]);
  }
  g_rand_free (rand);
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
  tcase_add_test (tc, test_cauchytransform_nothing_beyond_the_shards_is_read);
  tcase_add_test (tc, test_cauchytransform_two_threads_begin_at_once);
  return s;
}

GST_CHECK_MAIN (cauchytransform);
