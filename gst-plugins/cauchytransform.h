/*
 * cauchytransform.h: the parity of large video blocks (rsfec.h, RS_FEC_VIDEO) without its matrix. The coefficient of data
 * shard i in parity shard j is 1 / (j + m + i), so the parities are the values of a sum of simple fractions with their
 * poles at m .. m + k - 1. An additive FFT finds them with some k / 2 * log2 m + k products for each byte of a shard,
 * where the matrix takes k * m. Same bytes. Why: docs/decisions/0020-parity-by-transform.md.
 *
 * Threads: no state but constants; any thread, any number at once.
 */
#pragma once

#include "gfkernel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this is faster than gf_kernel_combine() for k data and m parity shards (k + m <= 255) of `bytes` bytes. False
 * for GF_KERNEL_ISAL. */
bool cauchy_transform_pays (GfKernel kernel, uint32_t k, uint32_t m, size_t bytes);

/*
 * Computes shards[k] .. shards[k + m - 1] from shards[0] .. shards[k - 1], where cauchy_transform_pays() and the kernel
 * runs here. Shards may have any alignment; no two may overlap. Nothing outside of the parity shards is touched.
 */
void cauchy_transform_encode (GfKernel kernel, uint32_t k, uint32_t m, uint8_t *const *shards, size_t bytes);
