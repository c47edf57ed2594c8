/*
 * gfkernel.h: products of byte matrices with shards over GF(2^8), polynomial 0x11D, by the fastest code this processor
 * runs: ours where it has GFNI, ISA-L's everywhere else. What the matrices mean is rsfec.h's business.
 *
 * Threads: no state but constants; any thread, any number at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum
{
  /* the library, which picks among its own; runs everywhere */
  GF_KERNEL_ISAL,
  /* the library, too (which may well use AVX-512): without GFNI nothing of ours is much faster at products. What it stands
   * for is that cauchytransform.h does large blocks */
  GF_KERNEL_AVX2,
  /* VEX encoding, 32 bytes at once: processors without AVX-512 */
  GF_KERNEL_GFNI_AVX2,
  /* 64 bytes at once, with masks for what is left */
  GF_KERNEL_GFNI_AVX512,
} GfKernel;

#define GF_KERNELS 4

/* The fastest that runs here. */
GfKernel gf_kernel_best (void);
bool gf_kernel_runs_here (GfKernel kernel);
/* Static text: "isal", "avx2", "gfni-avx2", "gfni-avx512". */
const char *gf_kernel_name (GfKernel kernel);

/* The shortest shard, in bytes, that gf_kernel_combine takes. */
size_t gf_kernel_min_bytes (GfKernel kernel);

/* Room that gf_kernel_prepare needs, in bytes. */
size_t gf_kernel_table_bytes (GfKernel kernel, uint32_t rows, uint32_t columns);

/*
 * Expands matrix[row * columns + column] to what gf_kernel_combine reads. `tables` is aligned to 8 bytes. The same
 * kernel, rows and columns have to be given to both.
 */
void gf_kernel_prepare (GfKernel kernel, uint32_t rows, uint32_t columns, const uint8_t *matrix, void *tables);

/*
 * targets := matrix * sources, for 1 to 255 rows and columns. Every shard has `bytes` bytes, from gf_kernel_min_bytes
 * up to INT_MAX, of any alignment; a target may overlap nothing else. Nothing outside of the shards is touched.
 */
void gf_kernel_combine (GfKernel kernel, uint32_t rows, uint32_t columns, const void *tables, uint8_t *const *sources,
    uint8_t *const *targets, size_t bytes);
