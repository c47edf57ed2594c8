/*
 * test_gfkernel.c: every kernel that runs on this processor gives the bytes of ISA-L and of schoolbook arithmetic, for
 * all lengths, alignments and shapes, and touches nothing else.
 */
#include <gst/check/gstcheck.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gfkernel.h"

#define MAX_SHARDS 255
#define MAX_BYTES 1500
/* Shards lie this far apart, so that each can start at any alignment between bytes that must not change. */
#define SPACING (MAX_BYTES + 128)
#define UNTOUCHED 0xA5

typedef struct
{
  guint rows, columns;
  gsize bytes;
  guint8 matrix[MAX_SHARDS * MAX_SHARDS];
  guint8 *sources[MAX_SHARDS];
  guint8 *targets[MAX_SHARDS];
  guint8 *source_memory, *target_memory, *wanted_memory;
} Product;

static Product *
product_new (void)
{
  Product *p = g_new0 (Product, 1);

  p->source_memory = g_malloc (MAX_SHARDS * SPACING);
  p->target_memory = g_malloc (MAX_SHARDS * SPACING);
  p->wanted_memory = g_malloc (MAX_SHARDS * SPACING);
  return p;
}

static void
product_free (Product *p)
{
  g_free (p->source_memory);
  g_free (p->target_memory);
  g_free (p->wanted_memory);
  g_free (p);
}

static void
fill (GRand *rand, guint8 *bytes, gsize count)
{
  for (gsize i = 0; i < count; i++)
    bytes[i] = (guint8) g_rand_int (rand);
}

/* Random coefficients (0 and 1 among them), contents and alignments. */
static void
product_init (Product *p, GRand *rand, guint rows, guint columns, gsize bytes)
{
  p->rows = rows;
  p->columns = columns;
  p->bytes = bytes;
  fill (rand, p->matrix, rows * columns);
  fill (rand, p->source_memory, columns * SPACING);
  for (guint i = 0; i < columns; i++)
    p->sources[i] = p->source_memory + i * SPACING + g_rand_int_range (rand, 0, 128);
  for (guint i = 0; i < rows; i++)
    p->targets[i] = p->target_memory + i * SPACING + g_rand_int_range (rand, 0, 128);
  /* and in no order */
  for (guint i = columns - 1; i > 0; i--) {
    guint other = (guint) g_rand_int_range (rand, 0, (gint) i + 1);
    guint8 *kept = p->sources[i];

    p->sources[i] = p->sources[other];
    p->sources[other] = kept;
  }
}

static void
product_run (Product *p, GfKernel kernel)
{
  gpointer tables = g_malloc (gf_kernel_table_bytes (kernel, p->rows, p->columns));

  memset (p->target_memory, UNTOUCHED, p->rows * SPACING);
  gf_kernel_prepare (kernel, p->rows, p->columns, p->matrix, tables);
  gf_kernel_combine (kernel, p->rows, p->columns, tables, p->sources, p->targets, p->bytes);
  g_free (tables);
}

static guint8
slow_multiply (guint a, guint b)
{
  guint product = 0;

  for (; b != 0; b >>= 1, a = a & 0x80 ? (a << 1) ^ 0x11d : a << 1) {
    if (b & 1)
      product ^= a;
  }
  return (guint8) product;
}

static void
product_run_slowly (Product *p)
{
  memset (p->target_memory, UNTOUCHED, p->rows * SPACING);
  for (guint r = 0; r < p->rows; r++) {
    for (gsize at = 0; at < p->bytes; at++) {
      guint8 sum = 0;

      for (guint c = 0; c < p->columns; c++)
        sum ^= slow_multiply (p->matrix[r * p->columns + c], p->sources[c][at]);
      p->targets[r][at] = sum;
    }
  }
}

/* Compares all memory of the targets, also what lies between them. ISA-L is the oracle for the lengths that it takes. */
static void
check_all_kernels (Product *p)
{
  if (p->bytes >= gf_kernel_min_bytes (GF_KERNEL_ISAL))
    product_run (p, GF_KERNEL_ISAL);
  else
    product_run_slowly (p);
  memcpy (p->wanted_memory, p->target_memory, p->rows * SPACING);
  for (GfKernel kernel = GF_KERNEL_ISAL + 1; kernel < GF_KERNELS; kernel++) {
    if (!gf_kernel_runs_here (kernel) || p->bytes < gf_kernel_min_bytes (kernel))
      continue;
    product_run (p, kernel);
    fail_unless (memcmp (p->target_memory, p->wanted_memory, p->rows * SPACING) == 0,
        "%s differs: %u rows, %u columns, %" G_GSIZE_FORMAT " bytes", gf_kernel_name (kernel), p->rows, p->columns,
        p->bytes);
  }
}

GST_START_TEST (test_gfkernel_the_best_one_runs_here)
{
  fail_unless (gf_kernel_runs_here (GF_KERNEL_ISAL));
  fail_unless (gf_kernel_runs_here (gf_kernel_best ()));
  for (GfKernel kernel = gf_kernel_best () + 1; kernel < GF_KERNELS; kernel++)
    fail_if (gf_kernel_runs_here (kernel));
}

GST_END_TEST;

GST_START_TEST (test_gfkernel_every_product_of_two_bytes_is_exact)
{
  Product *p = product_new ();

  p->rows = p->columns = 1;
  p->bytes = 256;
  p->sources[0] = p->source_memory;
  p->targets[0] = p->target_memory;
  for (guint i = 0; i < 256; i++)
    p->source_memory[i] = (guint8) i;
  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++) {
    if (!gf_kernel_runs_here (kernel))
      continue;
    for (guint factor = 0; factor < 256; factor++) {
      p->matrix[0] = (guint8) factor;
      product_run (p, kernel);
      for (guint i = 0; i < 256; i++)
        fail_unless_equals_int (p->target_memory[i], slow_multiply (factor, i));
    }
  }
  product_free (p);
}

GST_END_TEST;

/* Lengths: tails of vectors and of blocks. Rows 1 to 26: every size of a row group. */
GST_START_TEST (test_gfkernel_every_length_gives_the_bytes_of_the_oracle)
{
  Product *p = product_new ();
  GRand *rand = g_rand_new_with_seed (17);

  for (gsize bytes = 1; bytes <= MAX_BYTES; bytes++) {
    product_init (p, rand, 1 + bytes % 26, 1 + (bytes * 7) % 9, bytes);
    check_all_kernels (p);
  }
  g_rand_free (rand);
  product_free (p);
}

GST_END_TEST;

GST_START_TEST (test_gfkernel_random_shapes_give_the_bytes_of_the_oracle)
{
  Product *p = product_new ();
  GRand *rand = g_rand_new_with_seed (19);

  for (guint round = 0; round < 4000; round++) {
    /* small ones mostly: a few rounds in a hundred are as large as they get */
    gint most = round % 40 == 0 ? MAX_SHARDS : 40;
    guint columns = (guint) g_rand_int_range (rand, 1, most);
    guint rows = (guint) g_rand_int_range (rand, 1, MIN (most, MAX_SHARDS - (gint) columns + 1));

    product_init (p, rand, rows, columns, (gsize) g_rand_int_range (rand, 1, MAX_BYTES + 1));
    check_all_kernels (p);
  }
  g_rand_free (rand);
  product_free (p);
}

GST_END_TEST;

/* One page between two that must not be touched. */
static guint8 *
fenced_page (gsize page)
{
  guint8 *memory = mmap (NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  fail_unless (memory != MAP_FAILED);
  fail_unless_equals_int (mprotect (memory + page, page, PROT_READ | PROT_WRITE), 0);
  return memory + page;
}

GST_START_TEST (test_gfkernel_nothing_beyond_the_shards_is_touched)
{
  static const guint8 matrix[] = { 3, 7, 11, 200, 1, 90 };
  gsize page = (gsize) sysconf (_SC_PAGESIZE);
  guint8 *pages[5], *shards[5];
  guint8 tables[6 * 32] __attribute__ ((aligned (8)));

  for (guint i = 0; i < 5; i++)
    pages[i] = fenced_page (page);
  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++) {
    if (!gf_kernel_runs_here (kernel))
      continue;
    gf_kernel_prepare (kernel, 2, 3, matrix, tables);
    for (gsize bytes = gf_kernel_min_bytes (kernel); bytes <= MAX_BYTES; bytes++) {
      for (guint at_end = 0; at_end < 2; at_end++) {
        for (guint i = 0; i < 5; i++)
          shards[i] = pages[i] + (at_end ? page - bytes : 0);
        gf_kernel_combine (kernel, 2, 3, tables, shards, shards + 3, bytes);
      }
    }
  }
  for (guint i = 0; i < 5; i++)
    munmap (pages[i] - page, 3 * page);
}

GST_END_TEST;

static Suite *
gfkernel_suite (void)
{
  Suite *s = suite_create ("gfkernel");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_gfkernel_the_best_one_runs_here);
  tcase_add_test (tc, test_gfkernel_every_product_of_two_bytes_is_exact);
  tcase_add_test (tc, test_gfkernel_every_length_gives_the_bytes_of_the_oracle);
  tcase_add_test (tc, test_gfkernel_random_shapes_give_the_bytes_of_the_oracle);
  tcase_add_test (tc, test_gfkernel_nothing_beyond_the_shards_is_touched);
  return s;
}

GST_CHECK_MAIN (gfkernel);
