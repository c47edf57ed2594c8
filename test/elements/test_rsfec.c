/*
 * test_rsfec.c: parity against known answers, and recovery from every loss that parity allows.
 * Sources: test/fixtures/fec.txt, protocol/video.md §4.1, protocol/audio.md §3.1.
 */
#include "wirefixture.h"

#include "rsfec.h"

/* One case of the fixture with its shards. */
typedef struct
{
  guint k, m;
  gsize size;
  RsFecCode code;
  guint8 *memory;
  guint8 *shards[RS_FEC_MAX_SHARDS];
} Shards;

static void
shards_init (Shards *s, RsFecCode code, guint k, guint m, gsize size)
{
  s->code = code;
  s->k = k;
  s->m = m;
  s->size = size;
  s->memory = g_malloc0 ((k + m) * size);
  for (guint i = 0; i < k + m; i++)
    s->shards[i] = s->memory + i * size;
}

static void
shards_fill_by_formula (Shards *s)
{
  for (guint j = 0; j < s->k; j++) {
    for (guint i = 0; i < s->size; i++)
      s->shards[j][i] = (guint8) (j * 31 + i * 7 + (j * i) % 251);
  }
}

static void
shards_fill_by_chance (Shards *s, GRand *rand)
{
  for (gsize i = 0; i < s->k * s->size; i++)
    s->memory[i] = (guint8) g_rand_int (rand);
}

static guint8 *
matrix_of (const Shards *s)
{
  guint8 *matrix = g_malloc (s->k * s->m);

  for (guint j = 0; j < s->m; j++) {
    for (guint i = 0; i < s->k; i++)
      matrix[j * s->k + i] = rs_fec_coefficient (s->code, s->m, j, i);
  }
  return matrix;
}

/* Schoolbook multiplication, so that short and odd lengths are checked against something that is not ISA-L. */
static guint8
slow_multiply (guint a, guint b)
{
  guint product = 0;

  for (; b != 0; b >>= 1, a = a & 0x80 ? (a << 1) ^ 0x11d : a << 1) {
    if (b & 1)
      product ^= a;
  }
  return (guint8) product;
}

static void
check_case_line (RsFec *fec, Shards *s, gchar **words)
{
  guint8 *matrix = matrix_of (s), *wanted;
  gsize size;

  if (g_str_equal (words[0], "data")) {
    wire_assert_sha256 (s->memory, s->k * s->size, words[1]);
    fail_unless (rs_fec_encode (fec, s->code, s->k, s->m, s->shards, s->size));
  } else if (g_str_equal (words[0], "rows")) {
    fail_unless_equals_int (strlen (words[1]), 2 * s->k * s->m);
    wire_assert_begins (matrix, s->k * s->m, words[1]);
  } else if (g_str_equal (words[0], "row0")) {
    wire_assert_begins (matrix, s->k, words[1]);
  } else if (g_str_equal (words[0], "rowlast")) {
    wire_assert_begins (matrix + (s->m - 1) * s->k, s->k, words[1]);
  } else if (g_str_equal (words[0], "matrix")) {
    wire_assert_sha256 (matrix, s->k * s->m, words[1]);
  } else if (g_str_equal (words[0], "parity")) {
    const guint8 *parity = s->shards[s->k + (guint) g_ascii_strtoull (words[1], NULL, 10)];

    wire_assert_sha256 (parity, s->size, words[2]);
    wanted = wire_unhex (words[3], &size);
    fail_unless (memcmp (parity, wanted, size) == 0);
    g_free (wanted);
  } else {
    fail ("unknown line %s", words[0]);
  }
  g_free (matrix);
}

static void
check_known_answers (GfKernel kernel)
{
  gchar **lines = wire_fixture_lines ("fec.txt");
  RsFec *fec = rs_fec_new_with_kernel (kernel);
  Shards s = { 0 };
  guint cases = 0, parities = 0;

  for (gchar **line = lines; *line; line++) {
    gchar **words;

    if (**line == '#' || **line == '\0')
      continue;
    words = g_strsplit (*line, " ", -1);
    if (g_str_equal (words[0], "case")) {
      g_free (s.memory);
      shards_init (&s, g_str_equal (words[5], "audio") ? RS_FEC_AUDIO : RS_FEC_VIDEO, atoi (words[2]), atoi (words[3]),
          atoi (words[4]));
      shards_fill_by_formula (&s);
      cases++;
    } else {
      check_case_line (fec, &s, words);
      parities += g_str_equal (words[0], "parity");
    }
    g_strfreev (words);
  }
  fail_unless_equals_int (cases, 21);
  fail_unless (parities > 21);
  g_free (s.memory);
  rs_fec_free (fec);
  g_strfreev (lines);
}

GST_START_TEST (test_rsfec_all_known_answers_match_with_every_kernel)
{
  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++) {
    if (gf_kernel_runs_here (kernel))
      check_known_answers (kernel);
  }
}

GST_END_TEST;

GST_START_TEST (test_rsfec_tiny_vectors_match)
{
  RsFec *fec = rs_fec_new ();
  Shards s;

  for (guint audio = 0; audio < 2; audio++) {
    shards_init (&s, audio ? RS_FEC_AUDIO : RS_FEC_VIDEO, 4, 2, 4);
    for (guint i = 0; i < 16; i++)
      s.memory[i] = (guint8) (i + 1);
    fail_unless (rs_fec_encode (fec, s.code, 4, 2, s.shards, 4));
    wire_assert_begins (s.shards[4], 8, audio ? "898A8B26 252627B8" : "982BB150 CA79E300");
    g_free (s.memory);
  }
  rs_fec_free (fec);
}

GST_END_TEST;

GST_START_TEST (test_rsfec_every_length_is_exact)
{
  RsFec *fec = rs_fec_new ();
  GRand *rand = g_rand_new_with_seed (7);
  Shards s;

  for (gsize size = 1; size <= 200; size++) {
    shards_init (&s, RS_FEC_VIDEO, 5, 3, size);
    shards_fill_by_chance (&s, rand);
    fail_unless (rs_fec_encode (fec, s.code, s.k, s.m, s.shards, size));
    for (guint j = 0; j < s.m; j++) {
      for (gsize at = 0; at < size; at++) {
        guint8 sum = 0;

        for (guint i = 0; i < s.k; i++)
          sum ^= slow_multiply (rs_fec_coefficient (s.code, s.m, j, i), s.shards[i][at]);
        fail_unless_equals_int (s.shards[s.k + j][at], sum);
      }
    }
    g_free (s.memory);
  }
  g_rand_free (rand);
  rs_fec_free (fec);
}

GST_END_TEST;

/* Erases what `lost` names, decodes, and compares the data shards. */
static void
lose_and_recover (RsFec *fec, Shards *s, const guint8 *original, const gboolean *lost)
{
  bool present[RS_FEC_MAX_SHARDS];
  guint8 parity_before[RS_FEC_MAX_SHARDS];
  guint missing = 0;

  for (guint i = 0; i < s->k + s->m; i++) {
    present[i] = !lost[i];
    missing += lost[i];
    memcpy (s->shards[i], original + i * s->size, s->size);
    if (lost[i])
      memset (s->shards[i], 0xA5, s->size);
    parity_before[i] = s->shards[i][0];
  }
  if (missing > s->m) {
    fail_if (rs_fec_decode (fec, s->code, s->k, s->m, s->shards, present, s->size));
    return;
  }
  fail_unless (rs_fec_decode (fec, s->code, s->k, s->m, s->shards, present, s->size));
  fail_unless (memcmp (s->memory, original, s->k * s->size) == 0);
  for (guint i = s->k; i < s->k + s->m; i++)
    fail_unless_equals_int (s->shards[i][0], parity_before[i]);
}

/* Small codes: every subset of losses, also those beyond recovery. */
GST_START_TEST (test_rsfec_every_loss_up_to_parity_recovers)
{
  static const guint sizes[][3] = { { 1, 1, 0 }, { 1, 2, 0 }, { 2, 2, 0 }, { 4, 2, 1 }, { 4, 2, 0 }, { 5, 3, 0 },
    { 8, 4, 0 } };
  RsFec *fec = rs_fec_new ();
  GRand *rand = g_rand_new_with_seed (11);

  for (guint c = 0; c < G_N_ELEMENTS (sizes); c++) {
    Shards s;
    guint8 *original;

    shards_init (&s, sizes[c][2] ? RS_FEC_AUDIO : RS_FEC_VIDEO, sizes[c][0], sizes[c][1], 37);
    shards_fill_by_chance (&s, rand);
    fail_unless (rs_fec_encode (fec, s.code, s.k, s.m, s.shards, s.size));
    original = g_memdup2 (s.memory, (s.k + s.m) * s.size);
    for (guint mask = 0; mask < 1u << (s.k + s.m); mask++) {
      gboolean lost[RS_FEC_MAX_SHARDS];

      for (guint i = 0; i < s.k + s.m; i++)
        lost[i] = mask >> i & 1;
      lose_and_recover (fec, &s, original, lost);
    }
    g_free (original);
    g_free (s.memory);
  }
  g_rand_free (rand);
  rs_fec_free (fec);
}

GST_END_TEST;

GST_START_TEST (test_rsfec_random_losses_of_large_blocks_recover)
{
  static const guint sizes[][2] = { { 40, 8 }, { 166, 34 }, { 212, 43 }, { 1, 254 }, { 254, 1 }, { 127, 128 },
    { 71, 182 } };
  RsFec *fec = rs_fec_new ();
  GRand *rand = g_rand_new_with_seed (13);

  for (guint c = 0; c < G_N_ELEMENTS (sizes); c++) {
    Shards s;
    guint8 *original;

    shards_init (&s, RS_FEC_VIDEO, sizes[c][0], sizes[c][1], 144);
    shards_fill_by_chance (&s, rand);
    fail_unless (rs_fec_encode (fec, s.code, s.k, s.m, s.shards, s.size));
    original = g_memdup2 (s.memory, (s.k + s.m) * s.size);
    for (guint round = 0; round < 12; round++) {
      gboolean lost[RS_FEC_MAX_SHARDS] = { FALSE };
      guint count = round == 0 ? s.m : (guint) g_rand_int_range (rand, 1, (gint) s.m + 1);

      while (count > 0) {
        guint i = (guint) g_rand_int_range (rand, 0, (gint) (s.k + s.m));

        count -= !lost[i];
        lost[i] = TRUE;
      }
      lose_and_recover (fec, &s, original, lost);
    }
    g_free (original);
    g_free (s.memory);
  }
  g_rand_free (rand);
  rs_fec_free (fec);
}

GST_END_TEST;

static void
lose_by_chance (const Shards *s, GRand *rand, gboolean *lost)
{
  guint count = (guint) g_rand_int_range (rand, 1, (gint) s->m + 1);

  memset (lost, 0, (s->k + s->m) * sizeof (gboolean));
  while (count > 0) {
    guint i = (guint) g_rand_int_range (rand, 0, (gint) (s->k + s->m));

    count -= !lost[i];
    lost[i] = TRUE;
  }
}

/* What one kernel has encoded another must be able to recover: the two ends are different machines. */
GST_START_TEST (test_rsfec_random_blocks_are_the_same_with_every_kernel)
{
  RsFec *fecs[GF_KERNELS] = { NULL };
  GRand *rand = g_rand_new_with_seed (23);
  gboolean lost[RS_FEC_MAX_SHARDS];

  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++) {
    if (gf_kernel_runs_here (kernel))
      fecs[kernel] = rs_fec_new_with_kernel (kernel);
  }
  for (guint round = 0; round < 1500; round++) {
    gint most = round % 50 == 0 ? RS_FEC_MAX_SHARDS : 48;
    guint k = (guint) g_rand_int_range (rand, 1, most);
    guint m = (guint) g_rand_int_range (rand, 1, MIN (most, RS_FEC_MAX_SHARDS - (gint) k + 1));
    guint8 *wanted;
    Shards s;

    shards_init (&s, RS_FEC_VIDEO, k, m, (gsize) g_rand_int_range (rand, 1, 1501));
    shards_fill_by_chance (&s, rand);
    fail_unless (rs_fec_encode (fecs[GF_KERNEL_ISAL], s.code, k, m, s.shards, s.size));
    wanted = g_memdup2 (s.memory, (k + m) * s.size);
    for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++) {
      if (fecs[kernel] == NULL)
        continue;
      memset (s.shards[k], 0, m * s.size);
      fail_unless (rs_fec_encode (fecs[kernel], s.code, k, m, s.shards, s.size));
      fail_unless (memcmp (s.memory, wanted, (k + m) * s.size) == 0);
      lose_by_chance (&s, rand, lost);
      lose_and_recover (fecs[kernel], &s, wanted, lost);
    }
    g_free (wanted);
    g_free (s.memory);
  }
  for (GfKernel kernel = 0; kernel < GF_KERNELS; kernel++)
    rs_fec_free (fecs[kernel]);
  g_rand_free (rand);
}

GST_END_TEST;

GST_START_TEST (test_rsfec_impossible_arguments_are_refused)
{
  RsFec *fec = rs_fec_new ();
  bool present[RS_FEC_MAX_SHARDS + 1] = { false };
  guint8 byte = 0, *shards[2] = { &byte, &byte };

  fail_if (rs_fec_encode (fec, RS_FEC_VIDEO, 0, 2, shards, 1));
  fail_if (rs_fec_encode (fec, RS_FEC_VIDEO, 200, 56, shards, 1));
  fail_if (rs_fec_encode (fec, RS_FEC_VIDEO, 256, 1, shards, 1));
  fail_if (rs_fec_encode (fec, RS_FEC_VIDEO, 1, 1, shards, 0));
  fail_if (rs_fec_encode (fec, RS_FEC_VIDEO, 1, 1, shards, (gsize) G_MAXINT + 1));
  fail_if (rs_fec_encode (fec, RS_FEC_AUDIO, 4, 1, shards, 1));
  fail_if (rs_fec_decode (fec, RS_FEC_VIDEO, 256, 0, shards, present, 1));
  fail_if (rs_fec_decode (fec, RS_FEC_VIDEO, 1, G_MAXUINT, shards, present, 1));
  fail_unless (rs_fec_encode (fec, RS_FEC_VIDEO, 1000, 0, shards, 1));
  rs_fec_free (fec);
  rs_fec_free (NULL);
}

GST_END_TEST;

/* More tables than the cache holds, twice over: what was thrown out must come back right. */
GST_START_TEST (test_rsfec_cache_eviction_changes_nothing)
{
  RsFec *fec = rs_fec_new (), *fresh;
  Shards s;

  for (guint round = 0; round < 2; round++) {
    for (guint k = 60; k <= 127; k++) {
      guint m = 255 - k - round;
      guint8 *wanted;

      shards_init (&s, RS_FEC_VIDEO, k, m, 32);
      shards_fill_by_formula (&s);
      fresh = rs_fec_new ();
      fail_unless (rs_fec_encode (fresh, s.code, k, m, s.shards, s.size));
      rs_fec_free (fresh);
      wanted = g_memdup2 (s.memory, (k + m) * s.size);
      memset (s.shards[k], 0, m * s.size);
      fail_unless (rs_fec_encode (fec, s.code, k, m, s.shards, s.size));
      fail_unless (memcmp (s.memory, wanted, (k + m) * s.size) == 0);
      g_free (wanted);
      g_free (s.memory);
    }
  }
  rs_fec_free (fec);
}

GST_END_TEST;

static Suite *
rsfec_suite (void)
{
  Suite *s = suite_create ("rsfec");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_rsfec_all_known_answers_match_with_every_kernel);
  tcase_add_test (tc, test_rsfec_tiny_vectors_match);
  tcase_add_test (tc, test_rsfec_every_length_is_exact);
  tcase_add_test (tc, test_rsfec_every_loss_up_to_parity_recovers);
  tcase_add_test (tc, test_rsfec_random_losses_of_large_blocks_recover);
  tcase_add_test (tc, test_rsfec_random_blocks_are_the_same_with_every_kernel);
  tcase_add_test (tc, test_rsfec_impossible_arguments_are_refused);
  tcase_add_test (tc, test_rsfec_cache_eviction_changes_nothing);
  return s;
}

GST_CHECK_MAIN (rsfec);
