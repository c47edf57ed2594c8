/*
 * rsfec.h: Reed-Solomon over GF(2^8), polynomial 0x11D, with the two generator matrices of GameStream: the systematic
 * Cauchy matrix of video (protocol/video.md §4.1) and the fixed 4+2 matrix of audio (protocol/audio.md §3.1). The bytes
 * are the work of gfkernel.c and, for large blocks of video, cauchytransform.c.
 *
 * Threads: an RsFec is a cache of tables and belongs to one thread at a time; make one for each element.
 */
#pragma once

#include "gfkernel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Data and parity shards together. */
#define RS_FEC_MAX_SHARDS 255

typedef enum
{
  /* c[j][i] = inverse ((m + i) XOR j): any k, m with k + m <= 255 */
  RS_FEC_VIDEO,
  /* k = 4, m = 2 only */
  RS_FEC_AUDIO,
} RsFecCode;

typedef struct _RsFec RsFec;

/* Never NULL (out of memory aborts, as with GLib's). Free with rs_fec_free (), which takes NULL too. */
RsFec *rs_fec_new (void);
/* With a kernel that is not the fastest here, to compare. The caller has asked gf_kernel_runs_here (). */
RsFec *rs_fec_new_with_kernel (GfKernel kernel);
void rs_fec_free (RsFec *fec);

/*
 * Computes shards[k] .. shards[k + m - 1] from shards[0] .. shards[k - 1]. Each shard has `shard_bytes` bytes, any
 * length and alignment from 1 up to INT_MAX; no two may overlap. m = 0 is allowed and does nothing. Memory is allocated
 * only for a (k, m) that is not in the cache.
 * False, and nothing written, when k, m or the length are outside of what the code can do.
 */
bool rs_fec_encode (RsFec *fec, RsFecCode code, uint32_t k, uint32_t m, uint8_t *const *shards, size_t shard_bytes);

/*
 * Rebuilds the missing data shards: those i < k with present[i] false; their buffers are written, nothing else is.
 * present has k + m entries; the buffer of a missing parity shard may be NULL. Memory is allocated only when more is
 * needed than ever before.
 * False, and nothing written, when fewer than k shards are present or the arguments are impossible.
 */
bool rs_fec_decode (RsFec *fec, RsFecCode code, uint32_t k, uint32_t m, uint8_t *const *shards, const bool *present,
    size_t shard_bytes);

/* The coefficient of data shard `column` in parity shard `row`, for tests and the curious. */
uint8_t rs_fec_coefficient (RsFecCode code, uint32_t m, uint32_t row, uint32_t column);
