/*
 * parity.c: how fast parity is made, ours beside ISA-L in one run. Speeds are of this machine; the ratios travel.
 *
 *   parity [--json]
 *
 * A figure is the median over rounds in which all variants take turns, in GB of data shards per second of CPU time, so
 * that a busy machine or a change of its clock meets all of them alike. The shards of a block lie in the cache, and the
 * first at the begin of a line of it, as they do when a frame has just been written.
 */
#include <inttypes.h>
#include <isa-l.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rsfec.h"

#define ROUNDS 9
#define ROUND_S 0.012

typedef struct
{
  uint32_t k, m;
  size_t bytes;
  RsFecCode code;
} Shape;

/* Blocks of video at 20 % in the workloads that are measured everywhere, two for which cauchytransform.h gains least, and
 * audio of 5 ms at 64 and 384 kbit/s. */
static const Shape shapes[] = {
  { 50, 10, 1024, RS_FEC_VIDEO },
  { 42, 9, 1040, RS_FEC_VIDEO },
  { 17, 4, 1408, RS_FEC_VIDEO },
  { 114, 23, 1408, RS_FEC_VIDEO },
  { 190, 38, 1408, RS_FEC_VIDEO },
  { 64, 13, 1408, RS_FEC_VIDEO },
  { 84, 17, 1408, RS_FEC_VIDEO },
  { 4, 2, 64, RS_FEC_AUDIO },
  { 4, 2, 240, RS_FEC_AUDIO },
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

typedef struct
{
  const Shape *shape;
  uint8_t *memory;
  uint8_t *shards[RS_FEC_MAX_SHARDS];
  bool present[RS_FEC_MAX_SHARDS];
  uint8_t *matrix;
  uint8_t *tables; /* ISA-L's */
  uint64_t *kernel_tables;
  RsFec *fec[GF_KERNELS];
} Block;

/* One call of what is measured. */
typedef struct
{
  const char *name;
  void (*run) (Block *block, GfKernel kernel);
  GfKernel kernel;
} Variant;

static void
encode_ours (Block *block, GfKernel kernel)
{
  const Shape *shape = block->shape;

  rs_fec_encode (block->fec[kernel], shape->code, shape->k, shape->m, block->shards, shape->bytes);
}

/* The same kernel by the matrix alone, where rs_fec_encode() may know a shorter way. */
static void
encode_matrix (Block *block, GfKernel kernel)
{
  const Shape *shape = block->shape;

  gf_kernel_combine (
      kernel, shape->m, shape->k, block->kernel_tables, block->shards, block->shards + shape->k, shape->bytes);
}

static void
encode_isal_cached (Block *block, GfKernel kernel)
{
  const Shape *shape = block->shape;

  (void) kernel;
  ec_encode_data (
      (int) shape->bytes, (int) shape->k, (int) shape->m, block->tables, block->shards, block->shards + shape->k);
}

static void
encode_isal_uncached (Block *block, GfKernel kernel)
{
  ec_init_tables ((int) block->shape->k, (int) block->shape->m, block->matrix, block->tables);
  encode_isal_cached (block, kernel);
}

#if defined(__x86_64__)
/* What ISA-L has for processors that lack AVX-512. */
static void
encode_isal_avx2 (Block *block, GfKernel kernel)
{
  const Shape *shape = block->shape;

  (void) kernel;
  ec_encode_data_avx2 (
      (int) shape->bytes, (int) shape->k, (int) shape->m, block->tables, block->shards, block->shards + shape->k);
}
#endif

static void
decode (Block *block, GfKernel kernel)
{
  const Shape *shape = block->shape;

  rs_fec_decode (block->fec[kernel], shape->code, shape->k, shape->m, block->shards, block->present, shape->bytes);
}

static void *
allocate (size_t bytes)
{
  void *memory = NULL;

  if (posix_memalign (&memory, 64, bytes) != 0)
    abort ();
  return memset (memory, 0, bytes);
}

static void
block_init (Block *block, const Shape *shape)
{
  uint32_t k = shape->k, m = shape->m, seed = 1;

  memset (block, 0, sizeof *block);
  block->shape = shape;
  block->memory = allocate ((k + m) * shape->bytes);
  block->matrix = allocate (k * m);
  block->tables = allocate ((size_t) 32 * k * m);
  for (uint32_t i = 0; i < k + m; i++) {
    block->shards[i] = block->memory + i * shape->bytes;
    block->present[i] = i >= m / 2; /* half of what could be lost */
  }
  for (size_t i = 0; i < k * shape->bytes; i++) {
    seed = seed * 1664525 + 1013904223;
    block->memory[i] = (uint8_t) (seed >> 24);
  }
  for (uint32_t row = 0; row < m; row++) {
    for (uint32_t column = 0; column < k; column++)
      block->matrix[row * k + column] = rs_fec_coefficient (shape->code, m, row, column);
  }
  ec_init_tables ((int) k, (int) m, block->matrix, block->tables);
  block->kernel_tables = allocate (gf_kernel_table_bytes (gf_kernel_best (), m, k));
  gf_kernel_prepare (gf_kernel_best (), m, k, block->matrix, block->kernel_tables);
  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++)
    block->fec[kernel] = rs_fec_new_with_kernel (kernel);
}

static void
block_clear (Block *block)
{
  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++)
    rs_fec_free (block->fec[kernel]);
  free (block->memory);
  free (block->matrix);
  free (block->tables);
  free (block->kernel_tables);
}

static double
cpu_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* Seconds of CPU for `calls` calls. */
static double
time_of (Block *block, const Variant *variant, uint32_t calls)
{
  double start = cpu_seconds ();

  for (uint32_t i = 0; i < calls; i++)
    variant->run (block, variant->kernel);
  return cpu_seconds () - start;
}

static int
compare_doubles (const void *a, const void *b)
{
  double left = *(const double *) a, right = *(const double *) b;

  return (left > right) - (left < right);
}

/* GB/s of each variant. */
static void
measure (Block *block, const Variant *variants, uint32_t count, double *speeds)
{
  double seconds[8][ROUNDS];
  uint32_t calls[8];

  for (uint32_t v = 0; v < count; v++) {
    double one;

    for (calls[v] = 16; (one = time_of (block, &variants[v], calls[v])) < ROUND_S / 4; calls[v] *= 2)
      ;
    calls[v] = (uint32_t) (calls[v] * ROUND_S / one) + 1;
  }
  for (uint32_t round = 0; round < ROUNDS; round++) {
    for (uint32_t v = 0; v < count; v++)
      seconds[v][round] = time_of (block, &variants[v], calls[v]) / calls[v];
  }
  for (uint32_t v = 0; v < count; v++) {
    qsort (seconds[v], ROUNDS, sizeof seconds[v][0], compare_doubles);
    speeds[v] = block->shape->k * (double) block->shape->bytes / seconds[v][ROUNDS / 2] / 1e9;
  }
}

/* The first is ours, the second what it is compared with. */
static uint32_t
encode_variants (Variant *variants)
{
  uint32_t count = 0;

  variants[count++] = (Variant) { "ours", encode_ours, gf_kernel_best () };
  variants[count++] = (Variant) { "isal_cached", encode_isal_cached, GF_KERNEL_ISAL };
  variants[count++] = (Variant) { "isal_uncached", encode_isal_uncached, GF_KERNEL_ISAL };
  variants[count++] = (Variant) { "ours_matrix", encode_matrix, gf_kernel_best () };
#if defined(__x86_64__)
  if (gf_kernel_runs_here (GF_KERNEL_GFNI_AVX2))
    variants[count++] = (Variant) { "ours_gfni_avx2", encode_ours, GF_KERNEL_GFNI_AVX2 };
  if (gf_kernel_runs_here (GF_KERNEL_AVX2)) {
    variants[count++] = (Variant) { "ours_avx2", encode_ours, GF_KERNEL_AVX2 };
    variants[count++] = (Variant) { "isal_avx2", encode_isal_avx2, GF_KERNEL_ISAL };
  }
#endif
  return count;
}

static uint32_t
decode_variants (Variant *variants)
{
  variants[0] = (Variant) { "ours", decode, gf_kernel_best () };
  variants[1] = (Variant) { "isal", decode, GF_KERNEL_ISAL };
  return 2;
}

static void
print_section (const char *title, uint32_t (*list) (Variant *), bool json)
{
  Variant variants[8];
  uint32_t count = list (variants);

  printf (json ? "\"%s\":{" : "%s, GB/s of data (kernel %s)\n", title, gf_kernel_name (gf_kernel_best ()));
  if (!json) {
    printf ("  %-12s", "k,m,bytes");
    for (uint32_t v = 0; v < count; v++)
      printf (" %14s", variants[v].name);
    printf (" %6s\n", "ratio");
  }
  for (uint32_t i = 0; i < SHAPES; i++) {
    double speeds[8];
    char name[40];
    Block block;

    block_init (&block, &shapes[i]);
    measure (&block, variants, count, speeds);
    block_clear (&block);
    snprintf (name, sizeof name, "%" PRIu32 ",%" PRIu32 ",%zu", shapes[i].k, shapes[i].m, shapes[i].bytes);
    printf (json ? "%s\"%s\":{" : "%s  %-12s", json && i > 0 ? "," : "", name);
    for (uint32_t v = 0; v < count; v++) {
      if (json)
        printf ("\"%s\":%.3f,", variants[v].name, speeds[v]);
      else
        printf (" %14.2f", speeds[v]);
    }
    printf (json ? "\"ratio\":%.3f}" : " %6.2f\n", speeds[0] / speeds[1]);
    fflush (stdout);
  }
  if (json)
    printf ("}");
}

int
main (int argc, char **argv)
{
  bool json = argc == 2 && strcmp (argv[1], "--json") == 0;

  if (argc > 1 && !json) {
    fprintf (stderr, "usage: %s [--json]\n", argv[0]);
    return 2;
  }
  if (json)
    printf ("{\"kernel\":\"%s\",", gf_kernel_name (gf_kernel_best ()));
  print_section ("parity", encode_variants, json);
  printf (json ? "," : "\n");
  print_section ("recovery", decode_variants, json);
  if (json)
    printf ("}\n");
  return 0;
}
