/*
 * cauchytransformvector.h: the transform of cauchytransform.c for one width of vectors, which includes it once for each,
 * with NAME, INLINE, TARGET, Vector, VECTORS, Factor, FACTOR, SKEWS, SCALES, MULTIPLY, LOAD and STORE defined. Those that
 * differ from one to the next are gone afterwards.
 *
 * The work goes by columns: the same few bytes of every shard, a cell each. Up to eight cells are in registers at a time,
 * for up to three stages of butterflies.
 */

#define CELL_BYTES (VECTORS * sizeof (Vector))
#define EACH_CELL(stages) UNROLL for (unsigned u = 0; u < 1u << (stages); u++)
#define EACH_VECTOR UNROLL for (unsigned v = 0; v < VECTORS; v++)

typedef struct
{
  uint8_t *const *sources; /* at the points `first` up to `end` */
  uint8_t *const *targets; /* at the points 0 up to `first` */
  uint32_t first, end;
  size_t at;        /* of the column, in each shard */
  uint8_t *scratch; /* a cell for each point of a coset */
} NAME (Column);

/* Values at 2^stages points, which lie 2^stage apart, to coefficients: the stages from `stage` on of the subspace, or
 * coset, that begins at `point`. */
INLINE void
NAME (interpolate) (Vector (*cells)[VECTORS], const unsigned stages, unsigned stage, unsigned point)
{
  UNROLL
  for (unsigned i = 0; i < stages; i++) {
    const unsigned half = 1u << i;

    UNROLL
    for (unsigned pair = 0; pair < 1u << stages; pair += 2 * half) {
      Factor factor = FACTOR (&SKEWS[stage + i][(point >> (stage + i + 1)) + pair / (2 * half)]);

      UNROLL
      for (unsigned low = pair; low < pair + half; low++) {
        EACH_VECTOR
        {
          cells[low + half][v] ^= cells[low][v];
          cells[low][v] ^= MULTIPLY (cells[low + half][v], factor);
        }
      }
    }
  }
}

/* The inverse of interpolate. */
INLINE void
NAME (evaluate) (Vector (*cells)[VECTORS], const unsigned stages, unsigned stage, unsigned point)
{
  UNROLL
  for (unsigned done = 0; done < stages; done++) {
    /* Counting down, GCC would unroll this too late to keep the cells in registers. */
    const unsigned i = stages - 1 - done, half = 1u << i;

    UNROLL
    for (unsigned pair = 0; pair < 1u << stages; pair += 2 * half) {
      Factor factor = FACTOR (&SKEWS[stage + i][(point >> (stage + i + 1)) + pair / (2 * half)]);

      UNROLL
      for (unsigned low = pair; low < pair + half; low++) {
        EACH_VECTOR
        {
          cells[low][v] ^= MULTIPLY (cells[low + half][v], factor);
          cells[low + half][v] ^= cells[low][v];
        }
      }
    }
  }
}

/* The cells of an array that lie `step` apart. */
INLINE void
NAME (load) (Vector (*cells)[VECTORS], const unsigned stages, const uint8_t *from, size_t step)
{
  EACH_CELL (stages)
  {
    EACH_VECTOR
    cells[u][v] = LOAD (from + (u * step) * CELL_BYTES + v * sizeof (Vector));
  }
}

INLINE void
NAME (store) (Vector (*cells)[VECTORS], const unsigned stages, uint8_t *to, size_t step)
{
  EACH_CELL (stages)
  {
    EACH_VECTOR
    STORE (to + (u * step) * CELL_BYTES + v * sizeof (Vector), cells[u][v]);
  }
}

/* The data at `point` and after it; 0 where there is none. */
INLINE void
NAME (load_sources) (const NAME (Column) * column, Vector (*cells)[VECTORS], const unsigned stages, unsigned point)
{
  if (point >= column->first && point + (1u << stages) <= column->end) {
    uint8_t *const *sources = column->sources + (point - column->first);

    EACH_CELL (stages)
    {
      EACH_VECTOR
      cells[u][v] = LOAD (sources[u] + column->at + v * sizeof (Vector));
    }
    return;
  }
  EACH_CELL (stages)
  {
    bool is_data = point + u >= column->first && point + u < column->end;

    EACH_VECTOR
    cells[u][v] =
        is_data ? LOAD (column->sources[point + u - column->first] + column->at + v * sizeof (Vector)) : (Vector) { 0 };
  }
}

INLINE void
NAME (add_scaled) (
    Vector (*cells)[VECTORS], const unsigned stages, uint8_t *sums, size_t step, Factor scale, bool is_first)
{
  EACH_CELL (stages)
  {
    EACH_VECTOR
    {
      uint8_t *sum = sums + (u * step) * CELL_BYTES + v * sizeof (Vector);
      Vector product = MULTIPLY (cells[u][v], scale);

      if (!is_first)
        product ^= LOAD (sum);
      STORE (sum, product);
    }
  }
}

/* Interpolates up to eight points, which takes one go. */
INLINE void
NAME (add_small) (
    const NAME (Column) * column, uint8_t *sums, const unsigned stages, unsigned point, Factor scale, bool is_first)
{
  Vector cells[8][VECTORS];

  NAME (load_sources) (column, cells, stages, point);
  NAME (interpolate) (cells, stages, 0, point);
  NAME (add_scaled) (cells, stages, sums, 1, scale, is_first);
}

/* The first three stages of 2^size points. */
INLINE void
NAME (interpolate_sources) (const NAME (Column) * column, unsigned size, unsigned point)
{
  Vector cells[8][VECTORS];

  for (unsigned p = 0; p < 1u << size; p += 8) {
    NAME (load_sources) (column, cells, 3, point + p);
    NAME (interpolate) (cells, 3, 0, point + p);
    NAME (store) (cells, 3, column->scratch + p * CELL_BYTES, 1);
  }
}

/* Stages 3 and 4 of 32 points. */
INLINE void
NAME (interpolate_middle) (uint8_t *scratch, unsigned point)
{
  Vector cells[8][VECTORS];

  for (unsigned p = 0; p < 8; p++) {
    NAME (load) (cells, 2, scratch + p * CELL_BYTES, 8);
    NAME (interpolate) (cells, 2, 3, point);
    NAME (store) (cells, 2, scratch + p * CELL_BYTES, 8);
  }
}

/* The last stages, from `stage` on. */
INLINE void
NAME (add_last) (const NAME (Column) * column, uint8_t *sums, const unsigned stages, unsigned stage, unsigned point,
    Factor scale, bool is_first)
{
  Vector cells[8][VECTORS];

  for (unsigned p = 0; p < 1u << stage; p++) {
    NAME (load) (cells, stages, column->scratch + p * CELL_BYTES, (size_t) 1 << stage);
    NAME (interpolate) (cells, stages, stage, point);
    NAME (add_scaled) (cells, stages, sums + p * CELL_BYTES, (size_t) 1 << stage, scale, is_first);
  }
}

/* Adds to `sums`, coefficients for the 2^size points from `base` on, what the data of the 2^size points from `point` on
 * contributes. */
TARGET static void
NAME (add_coset) (
    const NAME (Column) * column, uint8_t *sums, unsigned base, unsigned point, unsigned size, bool is_first)
{
  Factor scale = FACTOR (&SCALES[size][(base ^ point) >> size]);

  if (size > 3)
    NAME (interpolate_sources) (column, size, point);
  switch (size) {
    case 0:
      NAME (add_small) (column, sums, 0, point, scale, is_first);
      break;
    case 1:
      NAME (add_small) (column, sums, 1, point, scale, is_first);
      break;
    case 2:
      NAME (add_small) (column, sums, 2, point, scale, is_first);
      break;
    case 3:
      NAME (add_small) (column, sums, 3, point, scale, is_first);
      break;
    case 4:
      NAME (add_last) (column, sums, 1, 3, point, scale, is_first);
      break;
    case 5:
      NAME (add_last) (column, sums, 2, 3, point, scale, is_first);
      break;
    case 6:
      NAME (add_last) (column, sums, 3, 3, point, scale, is_first);
      break;
    case 7:
      for (unsigned p = 0; p < POINTS_MAX; p += 32)
        NAME (interpolate_middle) (column->scratch + p * CELL_BYTES, point + p);
      NAME (add_last) (column, sums, 2, 5, point, scale, is_first);
      break;
  }
}

/* Stages of an evaluation that do not reach the values yet. */
INLINE void
NAME (evaluate_first) (uint8_t *sums, const unsigned stages, unsigned stage, unsigned point)
{
  Vector cells[8][VECTORS];

  for (unsigned p = 0; p < 1u << stage; p++) {
    NAME (load) (cells, stages, sums + p * CELL_BYTES, (size_t) 1 << stage);
    NAME (evaluate) (cells, stages, stage, point);
    NAME (store) (cells, stages, sums + p * CELL_BYTES, (size_t) 1 << stage);
  }
}

INLINE void
NAME (evaluate_last) (const NAME (Column) * column, const uint8_t *sums, const unsigned stages, unsigned point)
{
  Vector cells[8][VECTORS];

  NAME (load) (cells, stages, sums, 1);
  NAME (evaluate) (cells, stages, 0, point);
  EACH_CELL (stages)
  {
    EACH_VECTOR
    STORE (column->targets[point + u] + column->at + v * sizeof (Vector), cells[u][v]);
  }
}

/* The parities of the 2^size points from `point` on. */
TARGET static void
NAME (evaluate_all) (const NAME (Column) * column, uint8_t *sums, unsigned point, unsigned size)
{
  switch (size) {
    case 0:
      NAME (evaluate_last) (column, sums, 0, point);
      return;
    case 1:
      NAME (evaluate_last) (column, sums, 1, point);
      return;
    case 2:
      NAME (evaluate_last) (column, sums, 2, point);
      return;
    case 3:
      break;
    case 4:
      NAME (evaluate_first) (sums, 1, 3, point);
      break;
    case 5:
      NAME (evaluate_first) (sums, 2, 3, point);
      break;
    case 6:
      NAME (evaluate_first) (sums, 3, 3, point);
      break;
    case 7:
      NAME (evaluate_first) (sums, 2, 5, point);
      for (unsigned p = 0; p < POINTS_MAX; p += 32)
        NAME (evaluate_first) (sums + p * CELL_BYTES, 2, 3, point + p);
      break;
  }
  for (unsigned p = 0; p < 1u << size; p += 8)
    NAME (evaluate_last) (column, sums + p * CELL_BYTES, 3, point + p);
}

/* One stage of the evaluation of 2^(size + 1) points; without `has_upper` only the lower half is wanted. */
TARGET static void
NAME (halve) (uint8_t *sums, unsigned point, unsigned size, bool has_upper)
{
  Factor factor = FACTOR (&SKEWS[size][point >> (size + 1)]);
  size_t half = CELL_BYTES << size;

  for (uint8_t *low = sums; low < sums + half; low += sizeof (Vector)) {
    Vector upper = LOAD (low + half), lower = LOAD (low) ^ MULTIPLY (upper, factor);

    STORE (low, lower);
    if (has_upper)
      STORE (low + half, lower ^ upper);
  }
}

TARGET static void
NAME (encode_column) (const NAME (Column) * column, uint8_t *sums, unsigned size)
{
  unsigned point = 0, left = column->first;

  for (unsigned coset = 1u << size; coset < column->end; coset += 1u << size)
    NAME (add_coset) (column, sums, 0, coset, size, coset == 1u << size);
  while (left < 1u << size) {
    unsigned half = 1u << --size;
    bool has_upper = left > half;

    NAME (halve) (sums, point, size, has_upper);
    NAME (add_coset) (column, sums, point, point + half, size, false);
    if (has_upper) {
      NAME (evaluate_all) (column, sums, point, size);
      sums += half * CELL_BYTES;
      point += half;
      left -= half;
    }
  }
  NAME (evaluate_all) (column, sums, point, size);
}

/* The last column lies at the very end and does some bytes again, to the same result. */
TARGET static void
NAME (encode) (uint32_t k, uint32_t m, uint8_t *const *shards, size_t bytes)
{
  _Alignas (64) uint8_t sums[POINTS_MAX * CELL_BYTES], scratch[POINTS_MAX * CELL_BYTES];
  NAME (Column) column = { .sources = shards, .targets = shards + k, .first = m, .end = m + k, .scratch = scratch };
  unsigned size = 0;

  while (1u << size < m)
    size++;
  for (; column.at + CELL_BYTES <= bytes; column.at += CELL_BYTES)
    NAME (encode_column) (&column, sums, size);
  if (column.at < bytes) {
    column.at = bytes - CELL_BYTES;
    NAME (encode_column) (&column, sums, size);
  }
}

#undef EACH_VECTOR
#undef EACH_CELL
#undef CELL_BYTES
#undef NAME
#undef INLINE
#undef TARGET
#undef Factor
#undef FACTOR
#undef SKEWS
#undef SCALES
#undef MULTIPLY
