/*
 * test_opuslayout.c: which digits are a layout of Opus channels. Source: protocol/rtsp.md §5.2.
 */
#include <gst/check/gstcheck.h>

#include "opuslayout.h"

GST_START_TEST (test_opuslayout_digits_are_read)
{
  OpusLayout layout;

  fail_unless (opus_layout_parse (&layout, "642014235"));
  fail_unless_equals_int (layout.channels, 6);
  fail_unless_equals_int (layout.streams, 4);
  fail_unless_equals_int (layout.coupled, 2);
  fail_unless (memcmp (layout.map, "\0\1\4\2\3\5", 6) == 0);
  fail_if (opus_layout_is_plain (&layout));

  fail_unless (opus_layout_parse (&layout, "21101"));
  fail_unless (memcmp (&layout, &opus_layout_stereo, sizeof layout) == 0);
  fail_unless (opus_layout_is_plain (&layout));
  fail_unless (opus_layout_parse (&layout, "1100"));
  fail_unless (opus_layout_is_plain (&layout));
  /* two streams of one channel each need their map */
  fail_unless (opus_layout_parse (&layout, "22001"));
  fail_if (opus_layout_is_plain (&layout));
}

GST_END_TEST;

GST_START_TEST (test_opuslayout_what_is_none_is_refused_and_changes_nothing)
{
  static const gchar *const wrong[] = { "", "2", "21", "211", "2110", "211011", "2110a", " 21101", "0110",
    "911012345678", "20001", /* no stream */
    "21201",                 /* more coupled than streams */
    "22101",                 /* more coded channels than channels */
    "21102" /* no such coded channel */ };
  OpusLayout layout = opus_layout_stereo;

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    fail_if (opus_layout_parse (&layout, wrong[i]), "\"%s\" is taken for a layout", wrong[i]);
    fail_unless (memcmp (&layout, &opus_layout_stereo, sizeof layout) == 0);
  }
}

GST_END_TEST;

GST_START_TEST (test_opuslayout_is_written_as_it_is_read)
{
  static const gchar *const texts[] = { "1100", "21101", "22001", "642014235", "85301234567", "88001234567" };
  gchar text[OPUS_LAYOUT_TEXT_BYTES];
  OpusLayout layout;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    fail_unless (opus_layout_parse (&layout, texts[i]), "%s", texts[i]);
    fail_unless (opus_layout_format (&layout, text));
    fail_unless_equals_string (text, texts[i]);
  }
  layout.channels = 9;
  fail_if (opus_layout_format (&layout, text));
  fail_unless_equals_string (text, "");
  layout = (OpusLayout) { .channels = 2, .streams = 200, .coupled = 56 };
  fail_if (opus_layout_format (&layout, text));
}

GST_END_TEST;

static Suite *
opuslayout_suite (void)
{
  Suite *s = suite_create ("opuslayout");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_opuslayout_digits_are_read);
  tcase_add_test (tc, test_opuslayout_what_is_none_is_refused_and_changes_nothing);
  tcase_add_test (tc, test_opuslayout_is_written_as_it_is_read);
  return s;
}

GST_CHECK_MAIN (opuslayout);
