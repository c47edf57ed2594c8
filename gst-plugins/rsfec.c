/*
 * rsfec.c: see rsfec.h. Encoding tables are cached, because expanding the matrix of a large block costs as much as
 * a part of the encoding; decoding tables depend on what was lost and are not worth keeping.
 */
#include "rsfec.h"

#include <glib.h>
#include <isa-l.h>
#include <limits.h>
#include <string.h>

/* ISA-L's expanded tables need 32 bytes a coefficient. */
#define TABLE_BYTES 32
/* A slot for each k and one for audio. For a given percentage m follows from k, so two m for one k are rare. */
#define VIDEO_SLOTS 256
#define AUDIO_SLOT VIDEO_SLOTS
#define SLOTS (VIDEO_SLOTS + 1)
/* Below its vector length ISA-L multiplies byte by byte, with gf_mul: see field_multiply. Such shards are short, so plain
 * loops do. */
#define SHORT_SHARD_BYTES 64
/* All blocks of a stream at 20 % would be 20 MB; the sizes that really occur lie close together. */
#define CACHE_BYTES (12u << 20)

typedef struct
{
  uint8_t *tables;
  size_t bytes;
  uint32_t m;
  uint64_t last_used;
} Slot;

struct _RsFec
{
  Slot slots[SLOTS];
  size_t cached_bytes;
  uint64_t clock;
};

static const uint8_t audio_matrix[2][4] = {
  {0x77, 0x40, 0x38, 0x0e},
  {0xc7, 0xa7, 0x0d, 0x6c},
};

/*
 * Arithmetic of GF(2^8) with the polynomial 0x11d. Not ISA-L's gf_mul and gf_invert_matrix: Node's executable exports a
 * gf_mul of its own (OpenSSL's, with another signature), and inside a media process the dynamic linker takes that one,
 * also for ISA-L's own calls.
 */
static uint8_t field_exp[2 * 255];
static uint8_t field_log[256];

static void
field_init (void)
{
  static gsize is_ready;
  uint32_t value = 1;

  if (!g_once_init_enter (&is_ready))
    return;
  for (uint32_t power = 0; power < 255; power++) {
    field_exp[power] = field_exp[power + 255] = (uint8_t) value;
    field_log[value] = (uint8_t) power;
    value = (value << 1) ^ ((value & 0x80) != 0 ? 0x11d : 0);
  }
  g_once_init_leave (&is_ready, 1);
}

static uint8_t
field_multiply (uint8_t a, uint8_t b)
{
  return a == 0 || b == 0 ? 0 : field_exp[field_log[a] + field_log[b]];
}

/* 0 has no inverse and gives 0. */
static uint8_t
field_invert (uint8_t a)
{
  return a == 0 ? 0 : field_exp[255 - field_log[a]];
}

/* row := row * factor */
static void
scale_row (uint8_t * row, uint32_t n, uint8_t factor)
{
  for (uint32_t i = 0; i < n; i++)
    row[i] = field_multiply (row[i], factor);
}

/* row := row + other * factor */
static void
add_row (uint8_t * row, const uint8_t * other, uint32_t n, uint8_t factor)
{
  for (uint32_t i = 0; i < n; i++)
    row[i] ^= field_multiply (other[i], factor);
}

static void
swap_rows (uint8_t * a, uint8_t * b, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    uint8_t kept = a[i];

    a[i] = b[i];
    b[i] = kept;
  }
}

/* Gauss–Jordan over n by n; `square` is used up. False when it is singular. */
static bool
invert_matrix (uint8_t * square, uint8_t * inverse, uint32_t n)
{
  for (uint32_t i = 0; i < n * n; i++)
    inverse[i] = i % (n + 1) == 0;
  for (uint32_t c = 0; c < n; c++) {
    uint32_t pivot = c;
    uint8_t factor;

    while (pivot < n && square[pivot * n + c] == 0)
      pivot++;
    if (pivot == n)
      return false;
    if (pivot != c) {
      swap_rows (square + pivot * n, square + c * n, n);
      swap_rows (inverse + pivot * n, inverse + c * n, n);
    }
    factor = field_invert (square[c * n + c]);
    scale_row (square + c * n, n, factor);
    scale_row (inverse + c * n, n, factor);
    for (uint32_t r = 0; r < n; r++) {
      factor = square[r * n + c];
      if (r == c || factor == 0)
        continue;
      add_row (square + r * n, square + c * n, n, factor);
      add_row (inverse + r * n, inverse + c * n, n, factor);
    }
  }
  return true;
}

RsFec *
rs_fec_new (void)
{
  field_init ();
  return g_new0 (RsFec, 1);
}

static void
slot_clear (RsFec * fec, Slot * slot)
{
  fec->cached_bytes -= slot->bytes;
  g_clear_pointer (&slot->tables, g_free);
  slot->bytes = 0;
}

void
rs_fec_free (RsFec * fec)
{
  if (fec == NULL)
    return;
  for (uint32_t i = 0; i < SLOTS; i++)
    slot_clear (fec, &fec->slots[i]);
  g_free (fec);
}

uint8_t
rs_fec_coefficient (RsFecCode code, uint32_t m, uint32_t row, uint32_t column)
{
  if (code == RS_FEC_AUDIO)
    return audio_matrix[row & 1][column & 3];
  field_init ();
  return field_invert ((uint8_t) ((m + column) ^ row));
}

static bool
arguments_ok (RsFecCode code, uint32_t k, uint32_t m, size_t shard_bytes)
{
  if (k == 0 || k > RS_FEC_MAX_SHARDS || m > RS_FEC_MAX_SHARDS - k)
    return m == 0 && k > 0;     /* a block without parity may be longer than the field */
  if (shard_bytes == 0 || shard_bytes > INT_MAX)
    return false;
  return code == RS_FEC_VIDEO || (k == 4 && m == 2);
}

static void
evict_oldest (RsFec * fec)
{
  Slot *oldest = NULL;

  for (uint32_t i = 0; i < SLOTS; i++) {
    Slot *slot = &fec->slots[i];

    if (slot->tables != NULL && (oldest == NULL || slot->last_used < oldest->last_used))
      oldest = slot;
  }
  if (oldest != NULL)
    slot_clear (fec, oldest);
}

static uint8_t *
encode_matrix (RsFecCode code, uint32_t k, uint32_t m)
{
  uint8_t *matrix = g_malloc ((size_t) k * m);

  for (uint32_t j = 0; j < m; j++) {
    for (uint32_t i = 0; i < k; i++)
      matrix[j * k + i] = rs_fec_coefficient (code, m, j, i);
  }
  return matrix;
}

/* targets := matrix (rows by columns) * sources, for short shards */
static void
combine_short (const uint8_t * matrix, uint32_t rows, uint32_t columns, uint8_t * const *sources,
    uint8_t * const *targets, size_t bytes)
{
  for (uint32_t r = 0; r < rows; r++) {
    memset (targets[r], 0, bytes);
    for (uint32_t c = 0; c < columns; c++)
      add_row (targets[r], sources[c], (uint32_t) bytes, matrix[r * columns + c]);
  }
}

static uint8_t *
encode_tables (RsFec * fec, RsFecCode code, uint32_t k, uint32_t m)
{
  Slot *slot = &fec->slots[code == RS_FEC_AUDIO ? AUDIO_SLOT : k];
  size_t bytes = (size_t) TABLE_BYTES * k * m;
  uint8_t *matrix;

  slot->last_used = ++fec->clock;
  if (slot->tables != NULL && slot->m == m)
    return slot->tables;
  slot_clear (fec, slot);
  while (fec->cached_bytes > 0 && fec->cached_bytes + bytes > CACHE_BYTES)
    evict_oldest (fec);

  matrix = encode_matrix (code, k, m);
  slot->tables = g_malloc (bytes);
  slot->bytes = bytes;
  slot->m = m;
  fec->cached_bytes += bytes;
  ec_init_tables ((int) k, (int) m, matrix, slot->tables);
  g_free (matrix);
  return slot->tables;
}

bool
rs_fec_encode (RsFec * fec, RsFecCode code, uint32_t k, uint32_t m, uint8_t * const *shards, size_t shard_bytes)
{
  if (!arguments_ok (code, k, m, shard_bytes))
    return false;
  if (m > 0 && shard_bytes < SHORT_SHARD_BYTES) {
    uint8_t *matrix = encode_matrix (code, k, m);

    combine_short (matrix, m, k, shards, shards + k, shard_bytes);
    g_free (matrix);
  } else if (m > 0) {
    /* ISA-L only reads the pointer arrays; its prototypes came before const. */
    uint8_t **pointers = (uint8_t **) shards;

    ec_encode_data ((int) shard_bytes, (int) k, (int) m, encode_tables (fec, code, k, m), pointers, pointers + k);
  }
  return true;
}

/* What decoding one loss pattern needs; sized for the largest block so that nothing here can overflow. */
typedef struct
{
  uint32_t lost_count;
  uint8_t lost[RS_FEC_MAX_SHARDS];      /* data columns to rebuild */
  uint8_t rows[RS_FEC_MAX_SHARDS];      /* as many parity rows that arrived */
} LossPattern;

/* False when parity does not suffice. */
static bool
find_losses (LossPattern * pattern, uint32_t k, uint32_t m, const bool *present)
{
  uint32_t rows = 0;

  pattern->lost_count = 0;
  for (uint32_t i = 0; i < k; i++) {
    if (!present[i])
      pattern->lost[pattern->lost_count++] = (uint8_t) i;
  }
  for (uint32_t j = 0; j < m && rows < pattern->lost_count; j++) {
    if (present[k + j])
      pattern->rows[rows++] = (uint8_t) j;
  }
  return rows == pattern->lost_count;
}

/*
 * With e losses, the e chosen parity rows say S * lost = parity XOR C * arrived, S being the columns of the lost shards
 * (a square part of a Cauchy matrix, hence invertible). So lost = [S^-1 C | S^-1] * [arrived | parity]: a matrix of
 * e rows and k columns. Inverting e by e instead of k by k is what makes the loss of a few shards cheap.
 */
static bool
decode_matrix (uint8_t * matrix, RsFecCode code, uint32_t k, uint32_t m, const LossPattern * loss, const bool *present)
{
  uint32_t e = loss->lost_count, column = 0;
  uint8_t *square = g_malloc ((size_t) e * e), *inverse = g_malloc ((size_t) e * e);
  bool ok;

  for (uint32_t r = 0; r < e; r++) {
    for (uint32_t c = 0; c < e; c++)
      square[r * e + c] = rs_fec_coefficient (code, m, loss->rows[r], loss->lost[c]);
  }
  ok = invert_matrix (square, inverse, e);
  for (uint32_t i = 0; ok && i < k; i++) {
    if (!present[i])
      continue;
    for (uint32_t r = 0; r < e; r++) {
      uint8_t sum = 0;

      for (uint32_t t = 0; t < e; t++)
        sum ^= field_multiply (inverse[r * e + t], rs_fec_coefficient (code, m, loss->rows[t], i));
      matrix[r * k + column] = sum;
    }
    column++;
  }
  for (uint32_t r = 0; ok && r < e; r++)
    memcpy (matrix + r * k + column, inverse + r * e, e);
  g_free (square);
  g_free (inverse);
  return ok;
}

bool
rs_fec_decode (RsFec * fec, RsFecCode code, uint32_t k, uint32_t m, uint8_t * const *shards, const bool *present,
    size_t shard_bytes)
{
  LossPattern loss;
  uint8_t *sources[RS_FEC_MAX_SHARDS], *targets[RS_FEC_MAX_SHARDS], *matrix, *tables;
  uint32_t used = 0;
  bool ok;

  (void) fec;                   /* decoding keeps nothing; the handle is there for a cache of loss patterns */
  if (k == 0 || k > RS_FEC_MAX_SHARDS || !arguments_ok (code, k, m, shard_bytes))
    return false;
  if (!find_losses (&loss, k, m, present))
    return false;
  if (loss.lost_count == 0)
    return true;

  matrix = g_malloc ((size_t) loss.lost_count * k);
  ok = decode_matrix (matrix, code, k, m, &loss, present);
  if (ok) {
    for (uint32_t i = 0; i < k; i++) {
      if (present[i])
        sources[used++] = shards[i];
    }
    for (uint32_t r = 0; r < loss.lost_count; r++) {
      sources[used++] = shards[k + loss.rows[r]];
      targets[r] = shards[loss.lost[r]];
    }
    if (shard_bytes < SHORT_SHARD_BYTES) {
      combine_short (matrix, loss.lost_count, k, sources, targets, shard_bytes);
      g_free (matrix);
      return true;
    }
    tables = g_malloc ((size_t) TABLE_BYTES * k * loss.lost_count);
    ec_init_tables ((int) k, (int) loss.lost_count, matrix, tables);
    ec_encode_data ((int) shard_bytes, (int) k, (int) loss.lost_count, tables, sources, targets);
    g_free (tables);
  }
  g_free (matrix);
  return ok;
}
