/*
 * test_pinger.c: when a receiver pings, and with what bytes. Source: protocol/video.md §1.1.
 */
#include <gst/check/gstcheck.h>

#include "pinger.h"

#define PAYLOAD "0123456789ABCDEF"
#define INTERVAL (500 * GST_MSECOND)

GST_START_TEST (test_pinger_session_ping_is_payload_and_counter)
{
  guint8 out[PINGER_MAX_BYTES];
  Pinger pinger;

  pinger_restart (&pinger);
  fail_unless_equals_uint64 (pinger_write (&pinger, PAYLOAD, out), 20);
  fail_unless (memcmp (out, PAYLOAD "\0\0\0\1", 20) == 0);
  /* one that could not be sent counts for nothing */
  fail_unless_equals_uint64 (pinger_write (&pinger, PAYLOAD, out), 20);
  fail_unless (memcmp (out, PAYLOAD "\0\0\0\1", 20) == 0);
  for (guint i = 0; i < 0x101; i++)
    pinger_sent (&pinger);
  pinger_write (&pinger, PAYLOAD, out);
  fail_unless (memcmp (out, PAYLOAD "\0\0\1\2", 20) == 0);
}

GST_END_TEST;

GST_START_TEST (test_pinger_without_a_payload_of_its_length_sends_the_legacy_ping)
{
  static const gchar *const other[] = { "", "short", PAYLOAD "G" };
  guint8 out[PINGER_MAX_BYTES];
  Pinger pinger;

  pinger_restart (&pinger);
  for (guint i = 0; i < G_N_ELEMENTS (other); i++) {
    fail_unless_equals_uint64 (pinger_write (&pinger, other[i], out), 4);
    fail_unless (memcmp (out, "PING", 4) == 0);
  }
}

GST_END_TEST;

GST_START_TEST (test_pinger_first_ping_is_due_at_once_and_then_one_an_interval)
{
  guint64 now = 7 * GST_SECOND;
  Pinger pinger;

  pinger_restart (&pinger);
  fail_unless_equals_uint64 (pinger_wait_ns (&pinger, now), 0);
  fail_unless (pinger_take (&pinger, now, INTERVAL));
  fail_if (pinger_take (&pinger, now, INTERVAL));
  fail_unless_equals_uint64 (pinger_wait_ns (&pinger, now + GST_MSECOND), INTERVAL - GST_MSECOND);
  fail_if (pinger_take (&pinger, now + INTERVAL - 1, INTERVAL));
  fail_unless (pinger_take (&pinger, now + INTERVAL, INTERVAL));

  pinger_hurry (&pinger);
  fail_unless (pinger_take (&pinger, now + INTERVAL + 1, INTERVAL));
}

GST_END_TEST;

static Suite *
pinger_suite (void)
{
  Suite *s = suite_create ("pinger");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pinger_session_ping_is_payload_and_counter);
  tcase_add_test (tc, test_pinger_without_a_payload_of_its_length_sends_the_legacy_ping);
  tcase_add_test (tc, test_pinger_first_ping_is_due_at_once_and_then_one_an_interval);
  return s;
}

GST_CHECK_MAIN (pinger);
