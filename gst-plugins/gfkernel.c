/*
 * gfkernel.c: see gfkernel.h. Multiplying by a constant is linear over GF(2), so it is an 8 by 8 bit matrix, and GFNI
 * applies one to each byte of a vector in one instruction, for any polynomial. (Its own multiplication is of no use: it
 * has 0x11B built in.) The sums of several rows stay in registers while the sources stream by, so each source byte is
 * loaded once for up to 12 rows. What this buys, and why there is no AVX2 kernel without GFNI, is in
 * docs/decisions/0004-parity-kernel.md.
 *
 * Table of ours: for each group of rows, for each source, the group's bit matrices, 8 bytes each.
 */
#include "gfkernel.h"

#include "gffield.h"

#include <glib.h>
#include <isa-l.h>

/* ISA-L's expanded tables need 32 bytes a coefficient. */
#define ISAL_TABLE_BYTES 32
/* Under this ISA-L multiplies byte by byte with gf_mul, which must not happen: see gffield.h. */
#define ISAL_MIN_BYTES 64

#if defined(__x86_64__)

#include "gfvector.h"

/* Columns of the shards that are done for all rows before the next: 200 sources of this stay in the second cache. */
#define BLOCK_BYTES 512
#define MAX_ROWS_512 12
#define MAX_ROWS_256 6

/* One pass over the sources: as many rows as the sums of two columns of vectors fill registers. */
typedef struct
{
  uint32_t columns;
  const uint64_t *matrices; /* [column][row] */
  uint8_t *const *sources;
  uint8_t *const *targets;
  size_t from, to; /* bytes of each shard */
} Pass;

static uint64_t bit_matrices[256];

static void
bit_matrices_init (void)
{
  static gsize is_ready;

  if (!g_once_init_enter (&is_ready))
    return;
  for (unsigned factor = 0; factor < 256; factor++)
    bit_matrices[factor] = gf_bit_matrix ((uint8_t) factor);
  g_once_init_leave (&is_ready, 1);
}

/* The last vector of a tile may be partial. */
INLINE_512 void
load_512 (__m512i *into, const uint8_t *from, const unsigned width, __mmask64 last)
{
  if (width == 2)
    into[0] = _mm512_loadu_si512 (from);
  into[width - 1] = _mm512_maskz_loadu_epi8 (last, from + 64 * (width - 1));
}

INLINE_512 void
add_pair_512 (__m512i (*sums)[2], const unsigned rows, const unsigned width, const __m512i *x, const uint64_t *x_matrix,
    const __m512i *y, const uint64_t *y_matrix)
{
  UNROLL
  for (unsigned r = 0; r < rows; r++) {
    __m512i for_x = gf_matrix_512 (&x_matrix[r]);
    __m512i for_y = gf_matrix_512 (&y_matrix[r]);

    UNROLL
    for (unsigned c = 0; c < width; c++)
      sums[r][c] = _mm512_ternarylogic_epi64 (sums[r][c], _mm512_gf2p8affine_epi64_epi8 (x[c], for_x, 0),
          _mm512_gf2p8affine_epi64_epi8 (y[c], for_y, 0), 0x96 /* a ^ b ^ c */);
  }
}

/*
 * A tile is `rows` rows by `width` vectors, both constants once inlined, so that `sums` are registers. Sources go by two,
 * because AVX-512 adds two products in one instruction.
 */
INLINE_512 void
tile_512 (const Pass *pass, const unsigned rows, const unsigned width, size_t at, __mmask64 last)
{
  const uint64_t *matrix = pass->matrices;
  __m512i sums[MAX_ROWS_512][2], x[2], y[2];
  uint32_t i = 0;

  UNROLL
  for (unsigned r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_si512 ();
  for (; i + 1 < pass->columns; i += 2, matrix += 2 * rows) {
    load_512 (x, pass->sources[i] + at, width, last);
    load_512 (y, pass->sources[i + 1] + at, width, last);
    add_pair_512 (sums, rows, width, x, matrix, y, matrix + rows);
  }
  if (i < pass->columns) {
    load_512 (x, pass->sources[i] + at, width, last);
    y[0] = y[1] = _mm512_setzero_si512 ();
    add_pair_512 (sums, rows, width, x, matrix, y, matrix);
  }
  UNROLL
  for (unsigned r = 0; r < rows; r++) {
    if (width == 2)
      _mm512_storeu_si512 (pass->targets[r] + at, sums[r][0]);
    _mm512_mask_storeu_epi8 (pass->targets[r] + at + 64 * (width - 1), last, sums[r][width - 1]);
  }
}

static inline uint64_t
mask_of (size_t bytes)
{
  return bytes >= 64 ? UINT64_MAX : ((uint64_t) 1 << bytes) - 1;
}

INLINE_512 void
rows_512 (const Pass *pass, const unsigned rows)
{
  size_t at = pass->from;

  for (; at + 64 < pass->to; at += 128)
    tile_512 (pass, rows, 2, at, mask_of (pass->to - at - 64));
  if (at < pass->to)
    tile_512 (pass, rows, 1, at, mask_of (pass->to - at));
}

TARGET_512 static void
pass_512 (const Pass *pass, uint32_t rows)
{
#define CASE(n) \
  case n: \
    rows_512 (pass, n); \
    break;

  switch (rows) {
    CASE (1) CASE (2) CASE (3) CASE (4) CASE (5) CASE (6) CASE (7) CASE (8) CASE (9) CASE (10) CASE (11) CASE (12)
  }
#undef CASE
}

INLINE_256 void
tile_256 (const Pass *pass, const unsigned rows, const unsigned width, size_t at)
{
  const uint64_t *matrix = pass->matrices;
  __m256i sums[MAX_ROWS_256][2], x[2];

  UNROLL
  for (unsigned r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm256_setzero_si256 ();
  for (uint32_t i = 0; i < pass->columns; i++, matrix += rows) {
    UNROLL
    for (unsigned c = 0; c < width; c++)
      x[c] = _mm256_loadu_si256 ((const void *) (pass->sources[i] + at + 32 * c));
    UNROLL
    for (unsigned r = 0; r < rows; r++) {
      __m256i factor = gf_matrix_256 (&matrix[r]);

      UNROLL
      for (unsigned c = 0; c < width; c++)
        sums[r][c] = _mm256_xor_si256 (sums[r][c], _mm256_gf2p8affine_epi64_epi8 (x[c], factor, 0));
    }
  }
  UNROLL
  for (unsigned r = 0; r < rows; r++) {
    UNROLL
    for (unsigned c = 0; c < width; c++)
      _mm256_storeu_si256 ((void *) (pass->targets[r] + at + 32 * c), sums[r][c]);
  }
}

/* No masks here: the last vector lies at the very end and does some bytes again, to the same result. */
INLINE_256 void
rows_256 (const Pass *pass, const unsigned rows)
{
  size_t at = pass->from;

  for (; at + 64 <= pass->to; at += 64)
    tile_256 (pass, rows, 2, at);
  for (; at + 32 <= pass->to; at += 32)
    tile_256 (pass, rows, 1, at);
  if (at < pass->to)
    tile_256 (pass, rows, 1, pass->to - 32);
}

TARGET_256 static void
pass_256 (const Pass *pass, uint32_t rows)
{
#define CASE(n) \
  case n: \
    rows_256 (pass, n); \
    break;

  switch (rows) {
    CASE (1) CASE (2) CASE (3) CASE (4) CASE (5) CASE (6)
  }
#undef CASE
}

/* Even groups: 23 rows are 12 and 11, not 12, 6 and 5. */
static uint32_t
next_group (GfKernel kernel, uint32_t rows_left)
{
  uint32_t most = kernel == GF_KERNEL_GFNI_AVX512 ? MAX_ROWS_512 : MAX_ROWS_256;
  uint32_t groups;

  if (rows_left <= most)
    return rows_left;
  groups = (rows_left + most - 1) / most;
  return (rows_left + groups - 1) / groups;
}

static void
prepare_gfni (GfKernel kernel, uint32_t rows, uint32_t columns, const uint8_t *matrix, uint64_t *tables)
{
  bit_matrices_init ();
  for (uint32_t row = 0, group; row < rows; row += group, matrix += (size_t) group * columns) {
    group = next_group (kernel, rows - row);
    for (uint32_t i = 0; i < columns; i++) {
      for (uint32_t r = 0; r < group; r++)
        *tables++ = bit_matrices[matrix[r * columns + i]];
    }
  }
}

static void
combine_gfni (GfKernel kernel, uint32_t rows, uint32_t columns, const uint64_t *tables, uint8_t *const *sources,
    uint8_t *const *targets, size_t bytes)
{
  for (size_t from = 0; from < bytes; from += BLOCK_BYTES) {
    Pass pass = { columns, tables, sources, targets, from, MIN (from + BLOCK_BYTES, bytes) };

    for (uint32_t row = 0, group; row < rows; row += group) {
      group = next_group (kernel, rows - row);
      if (kernel == GF_KERNEL_GFNI_AVX512)
        pass_512 (&pass, group);
      else
        pass_256 (&pass, group);
      pass.matrices += (size_t) group * columns;
      pass.targets += group;
    }
  }
}

#endif

static bool
is_isal (GfKernel kernel)
{
  return kernel == GF_KERNEL_ISAL || kernel == GF_KERNEL_AVX2;
}

bool
gf_kernel_runs_here (GfKernel kernel)
{
#if defined(__x86_64__)
  if (kernel == GF_KERNEL_GFNI_AVX512)
    return __builtin_cpu_supports ("gfni") && __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw");
  if (kernel == GF_KERNEL_GFNI_AVX2)
    return __builtin_cpu_supports ("gfni") && __builtin_cpu_supports ("avx2");
  if (kernel == GF_KERNEL_AVX2)
    return __builtin_cpu_supports ("avx2");
#endif
  return kernel == GF_KERNEL_ISAL;
}

GfKernel
gf_kernel_best (void)
{
  GfKernel kernel = GF_KERNELS - 1;

  while (!gf_kernel_runs_here (kernel))
    kernel--;
  return kernel;
}

const char *
gf_kernel_name (GfKernel kernel)
{
  static const char *const names[GF_KERNELS] = { "isal", "avx2", "gfni-avx2", "gfni-avx512" };

  return names[kernel];
}

size_t
gf_kernel_min_bytes (GfKernel kernel)
{
  static const uint8_t bytes[GF_KERNELS] = { ISAL_MIN_BYTES, ISAL_MIN_BYTES, 32, 1 };

  return bytes[kernel];
}

size_t
gf_kernel_table_bytes (GfKernel kernel, uint32_t rows, uint32_t columns)
{
  return (size_t) rows * columns * (is_isal (kernel) ? ISAL_TABLE_BYTES : sizeof (uint64_t));
}

/* ISA-L's prototypes came before const; it only reads what is const here. */
void
gf_kernel_prepare (GfKernel kernel, uint32_t rows, uint32_t columns, const uint8_t *matrix, void *tables)
{
#if defined(__x86_64__)
  if (!is_isal (kernel)) {
    prepare_gfni (kernel, rows, columns, matrix, tables);
    return;
  }
#endif
  ec_init_tables ((int) columns, (int) rows, (unsigned char *) matrix, tables);
}

void
gf_kernel_combine (GfKernel kernel, uint32_t rows, uint32_t columns, const void *tables, uint8_t *const *sources,
    uint8_t *const *targets, size_t bytes)
{
#if defined(__x86_64__)
  if (!is_isal (kernel)) {
    combine_gfni (kernel, rows, columns, tables, sources, targets, bytes);
    return;
  }
#endif
  ec_encode_data ((int) bytes, (int) columns, (int) rows, (unsigned char *) tables, (unsigned char **) sources,
      (unsigned char **) targets);
}
