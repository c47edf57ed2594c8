/*
 * test_lossreport.c: how often a receiver speaks of loss. Source: protocol/control.md §6.5.
 */
#include <gst/check/gstcheck.h>

#include "lossreport.h"

#define START (5 * GST_SECOND)

GST_START_TEST (test_lossreport_first_loss_is_told_at_once_and_the_next_are_joined)
{
  LossReport report = { 0 };

  fail_if (loss_report_take (&report, START, FALSE));
  loss_report_note (&report, 7, 8);
  fail_unless (loss_report_take (&report, START, FALSE));
  fail_unless_equals_int (report.first, 7);
  fail_unless_equals_int (report.last, 8);
  fail_if (loss_report_take (&report, START + GST_SECOND, TRUE));

  loss_report_note (&report, 10, 10);
  fail_if (loss_report_take (&report, START + 99 * GST_MSECOND, FALSE));
  loss_report_note (&report, 12, 14);
  fail_unless (loss_report_take (&report, START + 100 * GST_MSECOND, FALSE));
  fail_unless_equals_int (report.first, 10);
  fail_unless_equals_int (report.last, 14);
}

GST_END_TEST;

GST_START_TEST (test_lossreport_the_end_of_a_stream_does_not_wait)
{
  LossReport report = { 0 };

  loss_report_note (&report, 1, 1);
  fail_unless (loss_report_take (&report, START, FALSE));
  loss_report_note (&report, 2, 2);
  fail_unless (loss_report_take (&report, START + 1, TRUE));
}

GST_END_TEST;

GST_START_TEST (test_lossreport_eight_blocks_are_told_in_an_interval)
{
  LossReport report = { 0 };

  for (guint interval = 0; interval < 3; interval++) {
    guint64 since = START + interval * LOSS_REPORT_INTERVAL_NS;
    guint told = 0;

    for (guint i = 0; i < 50; i++)
      told += loss_report_admits_block (&report, since + i * GST_MSECOND);
    fail_unless_equals_int (told, LOSS_REPORT_MAX_BLOCKS);
  }
}

GST_END_TEST;

static Suite *
lossreport_suite (void)
{
  Suite *s = suite_create ("lossreport");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_lossreport_first_loss_is_told_at_once_and_the_next_are_joined);
  tcase_add_test (tc, test_lossreport_the_end_of_a_stream_does_not_wait);
  tcase_add_test (tc, test_lossreport_eight_blocks_are_told_in_an_interval);
  return s;
}

GST_CHECK_MAIN (lossreport);
