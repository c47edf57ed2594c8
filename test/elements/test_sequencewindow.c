/*
 * test_sequencewindow.c: which RTP numbers have come, over the wrap and over gaps.
 */
#include <gst/check/gstcheck.h>

#include "sequencewindow.h"

static SequenceWindow window;
static guint64 gaps;

static gboolean
note (guint sequence)
{
  return sequence_window_note (&window, (guint16) sequence, &gaps);
}

static void
begin (void)
{
  sequence_window_reset (&window);
  gaps = 0;
}

GST_START_TEST (test_window_tells_duplicates_also_over_rounds)
{
  begin ();
  for (guint s = 65000; s < 65000 + 3 * 65536; s++)
    fail_if (note (s), "%u", s);
  fail_unless (note (65000 + 3 * 65536 - 1));
  fail_unless (note (65000 + 3 * 65536 - 1024));
  fail_unless_equals_uint64 (gaps, 0);
}

GST_END_TEST;

GST_START_TEST (test_window_late_numbers_are_no_duplicates)
{
  begin ();
  for (guint round = 0; round < 2; round++) {
    for (guint s = 0; s < 65536; s += 2)
      fail_if (note (s));
    fail_if (note (65535));
    fail_unless (note (65535));
  }
  fail_unless (gaps > 60000);
}

GST_END_TEST;

GST_START_TEST (test_window_a_far_step_back_begins_afresh)
{
  begin ();
  note (5000);
  fail_unless (note (5000));
  fail_if (note (5000 - 1025));
  fail_if (note (5000));
  fail_unless_equals_uint64 (gaps, 2);
}

GST_END_TEST;

static Suite *
sequencewindow_suite (void)
{
  Suite *suite = suite_create ("sequencewindow");
  TCase *tc = tcase_create ("sequencewindow");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_window_tells_duplicates_also_over_rounds);
  tcase_add_test (tc, test_window_late_numbers_are_no_duplicates);
  tcase_add_test (tc, test_window_a_far_step_back_begins_afresh);
  return suite;
}

GST_CHECK_MAIN (sequencewindow);
