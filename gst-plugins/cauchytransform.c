/*
 * cauchytransform.c: see cauchytransform.h. Fields of characteristic 2 have no roots of unity of order 2^t, but subspaces of
 * 2^t points, and polynomials in the basis of Lin, Chung and Han ("Novel polynomial basis and its application to
 * Reed-Solomon erasure codes", 2014) are evaluated at the points of one, or of a coset, in t stages of butterflies.
 *
 * A point is a byte, and + is XOR. V is the subspace 0 .. 2^s - 1, S(x) = product of (x + v) over it, which is linear:
 * S(x + y) = S(x) + S(y). The data shards at the points of a coset y + V contribute, at a parity's point x,
 *
 *   sum of d(p) / (x + p) over the coset = N (x) * D / S (x + y)
 *
 * where N is the polynomial of degree < 2^s through the data, and D, the derivative of S, a constant. For all x of the
 * coset b + V that is another than y + V, S (x + y) is S (b + y), a constant, too. So the data of each coset is interpolated,
 * scaled by D / S (b + y), and added up, and the sum is evaluated once.
 *
 * With V the smallest subspace that has all parities, the data beyond it comes in cosets of its size. The rest of V, data
 * from m on, meets the parities on the way down: each stage of the evaluation halves the subspace, and then the upper half is
 * a coset of its own for the lower one.
 */
#include "cauchytransform.h"

#include "gffield.h"

#include <glib.h>

#if defined(__x86_64__)

#include "gfvector.h"

/* Subspaces of up to 128 points: m at most. */
#define SIZES 8
#define POINTS_MAX 128
/* Fewer data or parity shards are faster by the matrix. */
#define DATA_MIN 64
#define PARITY_MIN 13
/* There has to be a coset beyond the parities' subspace, which is the first to be added up. */
G_STATIC_ASSERT (DATA_MIN >= POINTS_MAX / 2);

/* Multiplying by a constant without GFNI: the products of the lower and of the upper four bits. */
typedef struct
{
  uint8_t low[16], high[16];
} Nibbles;

/* skews[i][p >> (i + 1)]: S (p) / S (2^i) of 2^i points, the factor of the butterflies at point p in stage i. */
static uint64_t skews[SIZES][POINTS_MAX];
static Nibbles skew_nibbles[SIZES][POINTS_MAX];
/* scales[s][(b + y) >> s]: D / S (b + y) of 2^s points. */
static uint64_t scales[SIZES][2 * POINTS_MAX];
static Nibbles scale_nibbles[SIZES][2 * POINTS_MAX];

/* S (x) of 2^size points */
static uint8_t
subspace_polynomial (unsigned size, unsigned x)
{
  uint8_t product = 1;

  for (unsigned v = 0; v < 1u << size; v++)
    product = gf_multiply (product, (uint8_t) (x ^ v));
  return product;
}

/* Its derivative: what S (x) has besides the factor x, at 0. */
static uint8_t
subspace_derivative (unsigned size)
{
  uint8_t product = 1;

  for (unsigned v = 1; v < 1u << size; v++)
    product = gf_multiply (product, (uint8_t) v);
  return product;
}

static void
nibbles_init (Nibbles *nibbles, uint8_t factor)
{
  for (unsigned i = 0; i < 16; i++) {
    nibbles->low[i] = gf_multiply (factor, (uint8_t) i);
    nibbles->high[i] = gf_multiply (factor, (uint8_t) (i << 4));
  }
}

static void
size_init (unsigned size)
{
  uint8_t norm = gf_invert (subspace_polynomial (size, 1u << size)), derivative = subspace_derivative (size);

  for (unsigned p = 0; p < 256; p += 2u << size) {
    uint8_t skew = gf_multiply (subspace_polynomial (size, p), norm);

    skews[size][p >> (size + 1)] = gf_bit_matrix (skew);
    nibbles_init (&skew_nibbles[size][p >> (size + 1)], skew);
  }
  for (unsigned p = 1u << size; p < 256; p += 1u << size) {
    uint8_t scale = gf_multiply (derivative, gf_invert (subspace_polynomial (size, p)));

    scales[size][p >> size] = gf_bit_matrix (scale);
    nibbles_init (&scale_nibbles[size][p >> size], scale);
  }
}

static void
tables_init (void)
{
  static gsize is_ready;

  if (!g_once_init_enter (&is_ready))
    return;
  gf_field_init ();
  for (unsigned size = 0; size < SIZES; size++)
    size_init (size);
  g_once_init_leave (&is_ready, 1);
}

/* 128 bytes at once: eight cells of two vectors, seven factors and a scale fill 24 of 32 registers. */
#define COLUMN_BYTES_512 (2 * sizeof (__m512i))
#define NAME(name) name##_512
#define INLINE INLINE_512
#define TARGET TARGET_512
#define Vector __m512i
#define VECTORS 2
#define LOAD(from) _mm512_loadu_si512 (from)
#define STORE(to, x) _mm512_storeu_si512 (to, x)
#define Factor __m512i
#define FACTOR(matrix) gf_matrix_512 (matrix)
#define SKEWS skews
#define SCALES scales
#define MULTIPLY(x, factor) _mm512_gf2p8affine_epi64_epi8 (x, factor, 0)
#include "cauchytransformvector.h"
#undef Vector
#undef VECTORS
#undef LOAD
#undef STORE

/* 32 bytes at once: there are 16 registers. */
#define COLUMN_BYTES_256 sizeof (__m256i)
#define Vector __m256i
#define VECTORS 1
#define LOAD(from) _mm256_loadu_si256 ((const void *) (from))
#define STORE(to, x) _mm256_storeu_si256 ((void *) (to), x)

#define NAME(name) name##_256
#define INLINE INLINE_256
#define TARGET TARGET_256
#define Factor __m256i
#define FACTOR(matrix) gf_matrix_256 (matrix)
#define SKEWS skews
#define SCALES scales
#define MULTIPLY(x, factor) _mm256_gf2p8affine_epi64_epi8 (x, factor, 0)
#include "cauchytransformvector.h"

/* The same without GFNI. */
#define TARGET_SHUFFLE __attribute__ ((target ("avx2")))
#define INLINE_SHUFFLE static inline __attribute__ ((always_inline)) TARGET_SHUFFLE

typedef struct
{
  __m256i low, high;
} ShuffleFactor;

INLINE_SHUFFLE ShuffleFactor
shuffle_factor (const Nibbles *nibbles)
{
  return (ShuffleFactor) {
    _mm256_broadcastsi128_si256 (_mm_loadu_si128 ((const void *) nibbles->low)),
    _mm256_broadcastsi128_si256 (_mm_loadu_si128 ((const void *) nibbles->high)),
  };
}

INLINE_SHUFFLE __m256i
shuffle_multiply (__m256i x, ShuffleFactor factor)
{
  const __m256i mask = _mm256_set1_epi8 (0x0f);
  __m256i low = _mm256_and_si256 (x, mask), high = _mm256_and_si256 (_mm256_srli_epi16 (x, 4), mask);

  return _mm256_shuffle_epi8 (factor.low, low) ^ _mm256_shuffle_epi8 (factor.high, high);
}

#define NAME(name) name##_shuffle
#define INLINE INLINE_SHUFFLE
#define TARGET TARGET_SHUFFLE
#define Factor ShuffleFactor
#define FACTOR(nibbles) shuffle_factor (nibbles)
#define SKEWS skew_nibbles
#define SCALES scale_nibbles
#define MULTIPLY(x, factor) shuffle_multiply (x, factor)
#include "cauchytransformvector.h"

static size_t
column_bytes (GfKernel kernel)
{
  return kernel == GF_KERNEL_GFNI_AVX512 ? COLUMN_BYTES_512 : COLUMN_BYTES_256;
}

bool
cauchy_transform_pays (GfKernel kernel, uint32_t k, uint32_t m, size_t bytes)
{
  return kernel != GF_KERNEL_ISAL && k >= DATA_MIN && m >= PARITY_MIN && m <= POINTS_MAX
      && bytes >= column_bytes (kernel);
}

void
cauchy_transform_encode (GfKernel kernel, uint32_t k, uint32_t m, uint8_t *const *shards, size_t bytes)
{
  g_return_if_fail (cauchy_transform_pays (kernel, k, m, bytes));
  tables_init ();
  if (kernel == GF_KERNEL_GFNI_AVX512)
    encode_512 (k, m, shards, bytes);
  else if (kernel == GF_KERNEL_GFNI_AVX2)
    encode_256 (k, m, shards, bytes);
  else
    encode_shuffle (k, m, shards, bytes);
}

#else

bool
cauchy_transform_pays (GfKernel kernel, uint32_t k, uint32_t m, size_t bytes)
{
  (void) kernel, (void) k, (void) m, (void) bytes;
  return false;
}

void
cauchy_transform_encode (GfKernel kernel, uint32_t k, uint32_t m, uint8_t *const *shards, size_t bytes)
{
  (void) kernel, (void) k, (void) m, (void) shards, (void) bytes;
  g_assert_not_reached ();
}

#endif
