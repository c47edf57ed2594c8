/*
 * rsfec.c: see rsfec.h. Tables for encoding by the matrix are cached, because expanding it costs as much as a part of the
 * encoding; decoding tables depend on what was lost and are not worth keeping.
 */
#include "rsfec.h"

#include "cauchytransform.h"
#include "gffield.h"

#include <glib.h>
#include <limits.h>
#include <string.h>

/* A slot for each k and one for audio. For a given percentage m follows from k, so two m for one k are rare. */
#define VIDEO_SLOTS 256
#define AUDIO_SLOT VIDEO_SLOTS
#define SLOTS (VIDEO_SLOTS + 1)
/* Where large blocks need no tables, all others of a stream at 20 % are 0.2 MB; with ISA-L alone they would be 20 MB, of
 * which the sizes that really occur are a part. */
#define CACHE_BYTES (12u << 20)

/* A matrix as the kernel wants it, and plain for shards that are too short for the kernel. One allocation. */
typedef struct
{
  void *tables;
  uint8_t *matrix;
  size_t bytes;
} Expanded;

typedef struct
{
  Expanded expanded; /* tables are NULL in a free slot */
  uint32_t m;
  uint64_t last_used;
} Slot;

struct _RsFec
{
  GfKernel kernel;
  Slot slots[SLOTS];
  size_t cached_bytes;
  uint64_t clock;
  Expanded decoding; /* grows to the largest that was needed */
};

static const uint8_t audio_matrix[2][4] = {
  { 0x77, 0x40, 0x38, 0x0e },
  { 0xc7, 0xa7, 0x0d, 0x6c },
};

/* row := row + other * factor */
static void
add_row (uint8_t *row, const uint8_t *other, size_t n, uint8_t factor)
{
  for (size_t i = 0; i < n; i++)
    row[i] ^= gf_multiply (other[i], factor);
}

RsFec *
rs_fec_new (void)
{
  return rs_fec_new_with_kernel (gf_kernel_best ());
}

RsFec *
rs_fec_new_with_kernel (GfKernel kernel)
{
  RsFec *fec = g_new0 (RsFec, 1);

  gf_field_init ();
  fec->kernel = kernel;
  return fec;
}

static size_t
expanded_bytes (const RsFec *fec, uint32_t rows, uint32_t columns)
{
  return gf_kernel_table_bytes (fec->kernel, rows, columns) + (size_t) rows * columns;
}

/* Contents are lost. */
static void
expanded_resize (const RsFec *fec, Expanded *expanded, uint32_t rows, uint32_t columns)
{
  size_t bytes = expanded_bytes (fec, rows, columns);

  if (bytes > expanded->bytes) {
    g_free (expanded->tables);
    expanded->tables = g_malloc (bytes);
    expanded->bytes = bytes;
  }
  expanded->matrix = (uint8_t *) expanded->tables + gf_kernel_table_bytes (fec->kernel, rows, columns);
}

static void
slot_clear (RsFec *fec, Slot *slot)
{
  fec->cached_bytes -= slot->expanded.bytes;
  g_free (slot->expanded.tables);
  slot->expanded = (Expanded) { NULL, NULL, 0 };
}

void
rs_fec_free (RsFec *fec)
{
  if (fec == NULL)
    return;
  for (uint32_t i = 0; i < SLOTS; i++)
    slot_clear (fec, &fec->slots[i]);
  g_free (fec->decoding.tables);
  g_free (fec);
}

uint8_t
rs_fec_coefficient (RsFecCode code, uint32_t m, uint32_t row, uint32_t column)
{
  if (code == RS_FEC_AUDIO)
    return audio_matrix[row & 1][column & 3];
  gf_field_init ();
  return gf_invert ((uint8_t) ((m + column) ^ row));
}

static bool
arguments_ok (RsFecCode code, uint32_t k, uint32_t m, size_t shard_bytes)
{
  if (k == 0 || k > RS_FEC_MAX_SHARDS || m > RS_FEC_MAX_SHARDS - k)
    return m == 0 && k > 0; /* a block without parity may be longer than the field */
  if (shard_bytes == 0 || shard_bytes > INT_MAX)
    return false;
  return code == RS_FEC_VIDEO || (k == 4 && m == 2);
}

static void
evict_oldest (RsFec *fec)
{
  Slot *oldest = NULL;

  for (uint32_t i = 0; i < SLOTS; i++) {
    Slot *slot = &fec->slots[i];

    if (slot->expanded.tables != NULL && (oldest == NULL || slot->last_used < oldest->last_used))
      oldest = slot;
  }
  if (oldest != NULL)
    slot_clear (fec, oldest);
}

/* targets := matrix * sources */
static void
combine (const RsFec *fec, const Expanded *expanded, uint32_t rows, uint32_t columns, uint8_t *const *sources,
    uint8_t *const *targets, size_t bytes)
{
  if (bytes >= gf_kernel_min_bytes (fec->kernel)) {
    gf_kernel_combine (fec->kernel, rows, columns, expanded->tables, sources, targets, bytes);
    return;
  }
  for (uint32_t r = 0; r < rows; r++) {
    memset (targets[r], 0, bytes);
    for (uint32_t c = 0; c < columns; c++)
      add_row (targets[r], sources[c], bytes, expanded->matrix[r * columns + c]);
  }
}

static const Expanded *
encoding (RsFec *fec, RsFecCode code, uint32_t k, uint32_t m)
{
  Slot *slot = &fec->slots[code == RS_FEC_AUDIO ? AUDIO_SLOT : k];
  size_t bytes = expanded_bytes (fec, m, k);
  uint8_t *matrix;

  slot->last_used = ++fec->clock;
  if (slot->expanded.tables != NULL && slot->m == m)
    return &slot->expanded;
  slot_clear (fec, slot);
  while (fec->cached_bytes > 0 && fec->cached_bytes + bytes > CACHE_BYTES)
    evict_oldest (fec);

  expanded_resize (fec, &slot->expanded, m, k);
  slot->m = m;
  fec->cached_bytes += bytes;
  matrix = slot->expanded.matrix;
  for (uint32_t j = 0; j < m; j++) {
    for (uint32_t i = 0; i < k; i++)
      matrix[j * k + i] = rs_fec_coefficient (code, m, j, i);
  }
  gf_kernel_prepare (fec->kernel, m, k, matrix, slot->expanded.tables);
  return &slot->expanded;
}

bool
rs_fec_encode (RsFec *fec, RsFecCode code, uint32_t k, uint32_t m, uint8_t *const *shards, size_t shard_bytes)
{
  if (!arguments_ok (code, k, m, shard_bytes))
    return false;
  if (code == RS_FEC_VIDEO && cauchy_transform_pays (fec->kernel, k, m, shard_bytes))
    cauchy_transform_encode (fec->kernel, k, m, shards, shard_bytes);
  else if (m > 0)
    combine (fec, encoding (fec, code, k, m), m, k, shards, shards + k, shard_bytes);
  return true;
}

/*
 * One loss pattern: which data shards to rebuild, and from which k shards. Sized for the largest block so that nothing
 * here can overflow.
 */
typedef struct
{
  uint32_t lost_count;
  uint8_t lost[RS_FEC_MAX_SHARDS]; /* data columns to rebuild */
  uint8_t used[RS_FEC_MAX_SHARDS]; /* shards to read: data that arrived, then as many parities as were lost */
} LossPattern;

/* False when parity does not suffice. */
static bool
find_losses (LossPattern *pattern, uint32_t k, uint32_t m, const bool *present)
{
  uint32_t used = 0;

  pattern->lost_count = 0;
  for (uint32_t i = 0; i < k; i++) {
    if (present[i])
      pattern->used[used++] = (uint8_t) i;
    else
      pattern->lost[pattern->lost_count++] = (uint8_t) i;
  }
  for (uint32_t i = k; i < k + m && used < k; i++) {
    if (present[i])
      pattern->used[used++] = (uint8_t) i;
  }
  return used == k;
}

/*
 * The point of a shard of video: coefficient (row j, column i) is 1 / (x + y), where x = j is the point of a parity and
 * y = m + i that of a data shard.
 */
static uint8_t
point_of (uint32_t k, uint32_t m, uint32_t shard)
{
  return (uint8_t) (shard < k ? m + shard : shard - k);
}

/* Logarithm of: product of (point + each lost point) / product of (point + each used parity's), zeros left out. */
static uint32_t
log_of_ratio (const LossPattern *loss, uint32_t k, uint32_t m, uint8_t point)
{
  uint32_t sum = 0;

  for (uint32_t t = 0; t < loss->lost_count; t++) {
    /* the logarithm table has 0 for 0, and 255 more keep the sum positive */
    sum += 255 + gf_log[point ^ point_of (k, m, loss->lost[t])];
    sum -= gf_log[point ^ point_of (k, m, loss->used[k - 1 - t])];
  }
  return sum % 255;
}

/*
 * The coefficients by which the used shards make the lost ones. With e losses the e used parities give e equations. The
 * square part of these is a Cauchy matrix, and its inverse, multiplied with the other columns, is known in closed form:
 * the rational function with its poles at the lost points and its zeros at the parities' gives
 *
 *   coefficient (lost y, used z) = ratio (z) / ratio (y) / (z + y)
 *
 * That takes time as e * k. Elimination takes e * e * k, which for many losses is longer than the work on the shards.
 */
static void
video_decode_matrix (uint8_t *matrix, uint32_t k, uint32_t m, const LossPattern *loss)
{
  uint32_t used_log[RS_FEC_MAX_SHARDS];

  for (uint32_t i = 0; i < k; i++)
    used_log[i] = log_of_ratio (loss, k, m, point_of (k, m, loss->used[i]));
  for (uint32_t r = 0; r < loss->lost_count; r++) {
    uint8_t lost_point = point_of (k, m, loss->lost[r]);
    uint32_t lost_log = log_of_ratio (loss, k, m, lost_point);

    for (uint32_t i = 0; i < k; i++) {
      uint32_t difference_log = gf_log[point_of (k, m, loss->used[i]) ^ lost_point];

      matrix[r * k + i] = gf_exp[(used_log[i] + 2 * 255 - lost_log - difference_log) % 255];
    }
  }
}

/* The same for audio, whose matrix is no Cauchy matrix: at most two equations, by Cramer's rule. */
static void
audio_decode_matrix (uint8_t *matrix, const LossPattern *loss)
{
  uint32_t e = loss->lost_count, first = 4 - e;
  uint8_t equations[2][4] = { { 0 } }, inverse[2][2], determinant;
  uint8_t square[2][2] = { { 1, 0 }, { 0, 1 } };

  for (uint32_t t = 0; t < e; t++) {
    const uint8_t *row = audio_matrix[loss->used[first + t] - 4];

    for (uint32_t i = 0; i < first; i++)
      equations[t][i] = row[loss->used[i]];
    equations[t][first + t] = 1;
    for (uint32_t c = 0; c < e; c++)
      square[t][c] = row[loss->lost[c]];
  }
  determinant = gf_multiply (square[0][0], square[1][1]) ^ gf_multiply (square[0][1], square[1][0]);
  determinant = gf_invert (determinant);
  for (uint32_t r = 0; r < 2; r++) {
    inverse[r][r] = gf_multiply (determinant, square[1 - r][1 - r]);
    inverse[r][1 - r] = gf_multiply (determinant, square[r][1 - r]);
  }
  for (uint32_t r = 0; r < e; r++) {
    for (uint32_t i = 0; i < 4; i++)
      matrix[r * 4 + i] = gf_multiply (inverse[r][0], equations[0][i]) ^ gf_multiply (inverse[r][1], equations[1][i]);
  }
}

bool
rs_fec_decode (
    RsFec *fec, RsFecCode code, uint32_t k, uint32_t m, uint8_t *const *shards, const bool *present, size_t shard_bytes)
{
  LossPattern loss;
  uint8_t *sources[RS_FEC_MAX_SHARDS], *targets[RS_FEC_MAX_SHARDS];
  Expanded *decoding = &fec->decoding;

  if (k == 0 || k > RS_FEC_MAX_SHARDS || !arguments_ok (code, k, m, shard_bytes))
    return false;
  if (!find_losses (&loss, k, m, present))
    return false;
  if (loss.lost_count == 0)
    return true;

  expanded_resize (fec, decoding, loss.lost_count, k);
  if (code == RS_FEC_AUDIO)
    audio_decode_matrix (decoding->matrix, &loss);
  else
    video_decode_matrix (decoding->matrix, k, m, &loss);
  gf_kernel_prepare (fec->kernel, loss.lost_count, k, decoding->matrix, decoding->tables);
  for (uint32_t i = 0; i < k; i++)
    sources[i] = shards[loss.used[i]];
  for (uint32_t r = 0; r < loss.lost_count; r++)
    targets[r] = shards[loss.lost[r]];
  combine (fec, decoding, loss.lost_count, k, sources, targets, shard_bytes);
  return true;
}
