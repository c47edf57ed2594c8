/*
 * test_sendertime.c: the sender's counters as running time: wrap, jitter, jumps.
 */
#include <gst/check/gstcheck.h>

#include "sendertime.h"

#define RATE 90000u

static SenderTime t;

static guint64
at (guint32 value, guint64 arrival_ns)
{
  return sender_time_map (&t, sender_time_unwrap (&t, value, 32), RATE, arrival_ns);
}

GST_START_TEST (test_first_moment_is_its_arrival_and_jitter_vanishes)
{
  sender_time_reset (&t);
  fail_unless_equals_uint64 (at (5000, 7 * GST_SECOND), 7 * GST_SECOND);
  fail_unless_equals_uint64 (at (5000 + 90, 7 * GST_SECOND + 3 * GST_MSECOND), 7 * GST_SECOND + GST_MSECOND);
  fail_unless_equals_uint64 (at (5000 + 180, 7 * GST_SECOND + 2 * GST_MSECOND), 7 * GST_SECOND + 2 * GST_MSECOND);
}

GST_END_TEST;

GST_START_TEST (test_counters_wrap)
{
  sender_time_reset (&t);
  fail_unless_equals_uint64 (at (G_MAXUINT32 - 89, 0), 0);
  fail_unless_equals_uint64 (at (0, GST_MSECOND), GST_MSECOND);
  fail_unless_equals_uint64 (at (90000, GST_SECOND), GST_SECOND + GST_MSECOND);

  sender_time_reset (&t);
  fail_unless_equals_uint64 (sender_time_unwrap (&t, 65534, 16), 65534);
  sender_time_map (&t, 65534, 200, 0);
  fail_unless_equals_uint64 (sender_time_unwrap (&t, 2, 16), 65538);
}

GST_END_TEST;

GST_START_TEST (test_clocks_that_part_by_more_than_a_second_are_tied_anew)
{
  sender_time_reset (&t);
  at (1000, GST_SECOND);
  fail_unless_equals_uint64 (at (1000 + 90, 10 * GST_SECOND), 10 * GST_SECOND);
  fail_unless_equals_uint64 (at (1000 + 180, 10 * GST_SECOND), 10 * GST_SECOND + GST_MSECOND);
  /* a wild leap of the sender is not followed either */
  fail_unless_equals_uint64 (at (0x40000000, 10 * GST_SECOND + 5 * GST_MSECOND), 10 * GST_SECOND + 5 * GST_MSECOND);
}

GST_END_TEST;

GST_START_TEST (test_times_rise_strictly_whatever_comes)
{
  guint32 x = 11;
  guint64 last = 0;
  guint i;

  sender_time_reset (&t);
  last = at (0, SENDER_TIME_NONE);
  for (i = 0; i < 10000; i++) {
    guint64 next;

    x = x * 1664525u + 1013904223u;
    next = at (i % 3 ? x : 0, i % 5 ? x % 1000 * GST_MSECOND : SENDER_TIME_NONE);
    fail_unless (next > last);
    last = next;
  }
}

GST_END_TEST;

GST_START_TEST (test_without_arrival_times_the_stream_starts_at_zero)
{
  sender_time_reset (&t);
  fail_unless_equals_uint64 (at (123456, SENDER_TIME_NONE), 0);
  fail_unless_equals_uint64 (at (123456 + 9000, SENDER_TIME_NONE), 100 * GST_MSECOND);
}

GST_END_TEST;

static Suite *
sendertime_suite (void)
{
  Suite *s = suite_create ("sendertime");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_first_moment_is_its_arrival_and_jitter_vanishes);
  tcase_add_test (tc, test_counters_wrap);
  tcase_add_test (tc, test_clocks_that_part_by_more_than_a_second_are_tied_anew);
  tcase_add_test (tc, test_times_rise_strictly_whatever_comes);
  tcase_add_test (tc, test_without_arrival_times_the_stream_starts_at_zero);
  return s;
}

GST_CHECK_MAIN (sendertime);
