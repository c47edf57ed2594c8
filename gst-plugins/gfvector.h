/*
 * gfvector.h: what our code for GFNI shares: how it is compiled, and how a factor gets into a vector. x86-64 only.
 */
#pragma once

#include <immintrin.h>
#include <stdint.h>

/* Vectors in arrays become registers only once every loop over them is unrolled. */
#if defined(__clang__)
#define UNROLL _Pragma ("clang loop unroll(full)")
#else
#define UNROLL _Pragma ("GCC unroll 12")
#endif

#define TARGET_512 __attribute__ ((target ("gfni,avx512f,avx512bw")))
#define INLINE_512 static inline __attribute__ ((always_inline)) TARGET_512
#define TARGET_256 __attribute__ ((target ("gfni,avx2")))
#define INLINE_256 static inline __attribute__ ((always_inline)) TARGET_256

/*
 * The bit matrix in each lane. With AVX-512, which a compiler may use for shorter vectors too, LLVM before 20 encodes the offset wrongly (llvm/llvm-project#120340) when it folds this
 * load into the instruction that uses it; the empty assembly keeps them apart. GCC does not fold it in any case.
 */
INLINE_512 __m512i
gf_matrix_512 (const uint64_t *matrix)
{
  __m512i lanes = _mm512_set1_epi64 ((long long) *matrix);

  __asm__ ("" : "+v"(lanes));
  return lanes;
}

INLINE_256 __m256i
gf_matrix_256 (const uint64_t *matrix)
{
  __m256i lanes = _mm256_set1_epi64x ((long long) *matrix);

  __asm__ ("" : "+x"(lanes));
  return lanes;
}
