/*
 * test_annexb.c: what is dropped in front of the first slice, and what makes a key frame.
 * Source: protocol/video.md §6.1.
 */
#include "wirefixture.h"

#include "annexb.h"

/* Inspects the hex of an access unit; the kept bytes come back as hex, NULL when it is refused. */
static gchar *
kept_hex (AnnexbCodec codec, const gchar *hex, AnnexbUnit *unit)
{
  gsize size, total = 0;
  guint8 *bytes = wire_unhex (hex, &size);
  GString *kept = g_string_new (NULL);
  gboolean ok = annexb_inspect (unit, codec, bytes, size);

  for (guint i = 0; ok && i < unit->span_count; i++) {
    fail_unless (unit->spans[i].offset + unit->spans[i].size <= size);
    for (gsize b = 0; b < unit->spans[i].size; b++)
      g_string_append_printf (kept, "%02x", bytes[unit->spans[i].offset + b]);
    total += unit->spans[i].size;
  }
  fail_unless (!ok || total == unit->kept_bytes);
  g_free (bytes);
  return g_string_free (kept, !ok);
}

static void
assert_kept (AnnexbCodec codec, const gchar *in, const gchar *wanted, gboolean is_key, gsize slice_header_end)
{
  AnnexbUnit unit;
  gchar *kept = kept_hex (codec, in, &unit);

  fail_unless_equals_string (kept, wanted);
  if (wanted != NULL) {
    fail_unless_equals_int (unit.is_key, is_key);
    fail_unless_equals_uint64 (unit.slice_header_end, slice_header_end);
  }
  g_free (kept);
}

GST_START_TEST (test_annexb_drops_what_hides_the_slice)
{
  /* AUD, SPS, PPS, SEI, IDR, second slice */
  assert_kept (ANNEXB_H264,
      "0000000109f0"
      "0000000167421f"
      "0000000168ce"
      "00000106051001"
      "000001658884"
      "00000141aa",
      "0000000167421f"
      "0000000168ce"
      "000001658884"
      "00000141aa",
      TRUE, 7 + 6 + 4);
  assert_kept (ANNEXB_H264, "00000001419a00", "00000001419a00", FALSE, 5);
  /* an IDR slice without SPS is no key frame to a client */
  assert_kept (ANNEXB_H264, "00000001658884", "00000001658884", FALSE, 5);
  /* zero bytes in front of the first start code */
  assert_kept (ANNEXB_H264, "000000000000419a", NULL, FALSE, 0);
  assert_kept (ANNEXB_H264, "0000000000000001419a", "00000001419a", FALSE, 5);
  /* no slice at all */
  assert_kept (ANNEXB_H264, "0000000167421f", "0000000167421f", FALSE, 0);
}

GST_END_TEST;

GST_START_TEST (test_annexb_hevc_keeps_hdr_metadata)
{
  /* AUD, VPS, SPS, PPS, SEI 137 (mastering display), SEI 5 (user data), IDR_W_RADL */
  assert_kept (ANNEXB_H265,
      "00000001460150"
      "0000000140010c"
      "00000001420101"
      "000000014401c1"
      "000000014e018918"
      "000000014e010510"
      "00000001260180",
      "0000000140010c"
      "00000001420101"
      "000000014401c1"
      "000000014e018918"
      "00000001260180",
      TRUE, 7 + 7 + 7 + 8 + 6);
  assert_kept (ANNEXB_H265, "000000010201d0", "000000010201d0", FALSE, 6);
  /* without a VPS a client does not take it for a key frame */
  assert_kept (ANNEXB_H265,
      "00000001420101"
      "00000001260180",
      "00000001420101"
      "00000001260180",
      FALSE, 13);
}

GST_END_TEST;

GST_START_TEST (test_annexb_garbage_is_refused_or_kept_within_bounds)
{
  GRand *rand = g_rand_new_with_seed (17);
  GString *many = g_string_new (NULL);
  AnnexbUnit unit;
  gchar *kept;

  assert_kept (ANNEXB_H264, "", NULL, FALSE, 0);
  assert_kept (ANNEXB_H264, "00", NULL, FALSE, 0);
  assert_kept (ANNEXB_H264, "000001", NULL, FALSE, 0);
  assert_kept (ANNEXB_H264, "deadbeef00000165", NULL, FALSE, 0);
  for (guint round = 0; round < 20000; round++) {
    guint8 bytes[48];
    gsize size = (gsize) g_rand_int_range (rand, 0, sizeof bytes);

    /* few values, so that start codes are frequent */
    for (gsize i = 0; i < size; i++)
      bytes[i] = "\0\0\0\1\1\x65\x67\x06\x41\x4e"[g_rand_int_range (rand, 0, 10)];
    if (annexb_inspect (&unit, round % 2 ? ANNEXB_H264 : ANNEXB_H265, bytes, size)) {
      gsize sum = 0, end = 0;

      for (guint i = 0; i < unit.span_count; i++) {
        fail_unless (unit.spans[i].offset >= end);
        end = unit.spans[i].offset + unit.spans[i].size;
        fail_unless (end <= size);
        sum += unit.spans[i].size;
      }
      fail_unless (sum == unit.kept_bytes);
    }
  }
  /* Kept and dropped NALs in turn, more than there are spans: nothing that matters is lost. */
  for (guint i = 0; i < 40; i++)
    g_string_append (many,
        "0000010900"
        "00000168aa");
  g_string_append (many, "0000014100");
  kept = kept_hex (ANNEXB_H264, many->str, &unit);
  fail_unless (kept != NULL && g_str_has_suffix (kept, "0000014100"));
  g_free (kept);
  g_string_free (many, TRUE);
  g_rand_free (rand);
}

GST_END_TEST;

/* Found by fuzzing: the zero bytes of the next start code were taken for a NAL header, in HEVC that of a slice. */
GST_START_TEST (test_annexb_empty_nals_are_dropped)
{
  assert_kept (ANNEXB_H265,
      "000001"
      "0000000140010c"
      "000001"
      "00000001420101"
      "00000001260180",
      "0000000140010c"
      "00000001420101"
      "00000001260180",
      TRUE, 7 + 7 + 6);
  assert_kept (ANNEXB_H264,
      "000001000001"
      "0000014188",
      "0000014188", FALSE, 4);
}

GST_END_TEST;

/* As x265enc has it in front of the first picture: the parameter sets twice, zero bytes in between. */
GST_START_TEST (test_annexb_says_nothing_twice_in_front_of_the_slice)
{
  assert_kept (ANNEXB_H265,
      "0000000140010c"
      "00000001420101"
      "000000014401c1"
      "000000000000"
      "0000000140010c"
      "00000001420101"
      "000000014401c1"
      "000000014401c2"
      "00000001260180",
      "0000000140010c"
      "00000001420101"
      "000000014401c1"
      "000000014401c2"
      "00000001260180",
      TRUE, 4 * 7 + 6);
}

GST_END_TEST;

static gboolean
begins_with_parameter_sets (AnnexbCodec codec, const gchar *hex)
{
  gsize size;
  guint8 *bytes = wire_unhex (hex, &size);
  gboolean result = annexb_begins_with_parameter_sets (codec, bytes, size);

  g_free (bytes);
  return result;
}

GST_START_TEST (test_annexb_received_key_frame_is_told_by_its_parameter_sets)
{
  guint8 far[2048] = { 0 };

  fail_unless (begins_with_parameter_sets (ANNEXB_H264, "0000000167421f0000000168ce000001658884"));
  /* AUD and SEI in front */
  fail_unless (begins_with_parameter_sets (ANNEXB_H264, "0000000109f000000106051001000000016742"));
  fail_unless (begins_with_parameter_sets (ANNEXB_H265, "00000001460150000000014e0105100000000140010c"));
  /* an IDR slice alone, a slice, a PPS, an SPS of HEVC */
  fail_if (begins_with_parameter_sets (ANNEXB_H264, "000001658884"));
  fail_if (begins_with_parameter_sets (ANNEXB_H264, "00000001419a00"));
  fail_if (begins_with_parameter_sets (ANNEXB_H264, "0000000168ce0000000167421f"));
  fail_if (begins_with_parameter_sets (ANNEXB_H265, "00000001420101"));
  /* nothing to find */
  fail_if (begins_with_parameter_sets (ANNEXB_H264, ""));
  fail_if (begins_with_parameter_sets (ANNEXB_H264, "000001"));
  fail_if (begins_with_parameter_sets (ANNEXB_H264, "0000000109f0"));
  /* too far behind */
  memcpy (far + 1100, "\0\0\1\x67", 4);
  fail_if (annexb_begins_with_parameter_sets (ANNEXB_H264, far, sizeof far));
}

GST_END_TEST;

static Suite *
annexb_suite (void)
{
  Suite *s = suite_create ("annexb");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_annexb_drops_what_hides_the_slice);
  tcase_add_test (tc, test_annexb_hevc_keeps_hdr_metadata);
  tcase_add_test (tc, test_annexb_empty_nals_are_dropped);
  tcase_add_test (tc, test_annexb_says_nothing_twice_in_front_of_the_slice);
  tcase_add_test (tc, test_annexb_received_key_frame_is_told_by_its_parameter_sets);
  tcase_add_test (tc, test_annexb_garbage_is_refused_or_kept_within_bounds);
  return s;
}

GST_CHECK_MAIN (annexb);
