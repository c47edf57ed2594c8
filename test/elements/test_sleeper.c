/* What a Sleeper promises: never early, whatever it was told would come next, and the next one armed in time. */
#include <errno.h>
#include <gst/check/gstcheck.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sleeper.h"

static Sleeper sleeper;

static void
open_sleeper (void)
{
  sleeper_open (&sleeper);
}

static void
close_sleeper (void)
{
  sleeper_close (&sleeper);
}

static void
sleep_and_check (guint64 until_ns, guint64 next_ns)
{
  guint64 now_ns;

  sleeper_sleep (&sleeper, until_ns, next_ns);
  now_ns = gst_util_get_timestamp ();
  fail_unless (now_ns >= until_ns, "%" G_GUINT64_FORMAT " ns early", until_ns - now_ns);
}

/* When the timer that ends last will, from now; 0 when none is pending. */
static guint64
longest_pending_ns (void)
{
  guint64 longest = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sleeper.timers); i++) {
    struct itimerspec left;

    fail_unless (timerfd_gettime (sleeper.timers[i].fd, &left) == 0);
    longest = MAX (longest, GST_TIMESPEC_TO_TIME (left.it_value));
  }
  return longest;
}

GST_START_TEST (test_sleeper_arms_the_next_sleep_before_this_one_ends)
{
  guint64 start_ns = gst_util_get_timestamp (), left_ns;

  for (guint i = 1; i <= 4; i++) {
    guint64 next_ns = start_ns + i * 2 * GST_MSECOND + 60 * GST_SECOND;

    sleep_and_check (start_ns + i * 2 * GST_MSECOND, next_ns);
    left_ns = longest_pending_ns ();
    fail_unless (left_ns > 0 && left_ns < next_ns - start_ns, "sleep %u: %" G_GUINT64_FORMAT " ns", i, left_ns);
  }
}

GST_END_TEST;

GST_START_TEST (test_sleeper_armed_sleep_arms_nothing_again)
{
  guint64 start_ns = gst_util_get_timestamp ();

  sleep_and_check (start_ns + 2 * GST_MSECOND, start_ns + 4 * GST_MSECOND);
  fail_unless_equals_uint64 (sleeper.timers[0].due_ns, start_ns + 2 * GST_MSECOND);
  fail_unless_equals_uint64 (sleeper.timers[1].due_ns, start_ns + 4 * GST_MSECOND);
  /* The one that was armed for this stays; the other takes the one after it. */
  sleep_and_check (start_ns + 4 * GST_MSECOND, start_ns + 6 * GST_MSECOND);
  fail_unless_equals_uint64 (sleeper.timers[0].due_ns, start_ns + 6 * GST_MSECOND);
  fail_unless_equals_uint64 (sleeper.timers[1].due_ns, start_ns + 4 * GST_MSECOND);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_is_never_early_whatever_was_expected)
{
  guint64 start_ns = gst_util_get_timestamp ();

  /* Sooner, later, unknown, in the past, the same. */
  sleep_and_check (start_ns + 3 * GST_MSECOND, start_ns + 20 * GST_MSECOND);
  sleep_and_check (start_ns + 5 * GST_MSECOND, start_ns + 6 * GST_MSECOND);
  sleep_and_check (start_ns + 9 * GST_MSECOND, 0);
  sleep_and_check (start_ns + 11 * GST_MSECOND, start_ns);
  sleep_and_check (start_ns + 13 * GST_MSECOND, start_ns + 13 * GST_MSECOND);
  sleep_and_check (start_ns, start_ns + 15 * GST_MSECOND);
  sleep_and_check (start_ns + 17 * GST_MSECOND, start_ns + 16 * GST_MSECOND);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_sleeps_without_descriptors)
{
  guint64 start_ns = gst_util_get_timestamp ();

  sleeper_close (&sleeper);
  for (guint i = 1; i <= 3; i++)
    sleep_and_check (start_ns + i * 2 * GST_MSECOND, start_ns + (i + 1) * 2 * GST_MSECOND);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_gives_its_descriptors_back)
{
  int fds[2];

  for (guint i = 0; i < 2; i++)
    fds[i] = sleeper.timers[i].fd;
  sleeper_close (&sleeper);
  for (guint i = 0; i < 2; i++)
    fail_unless (fds[i] >= 0 && close (fds[i]) < 0 && errno == EBADF, "descriptor %d", fds[i]);
}

GST_END_TEST;

static Suite *
sleeper_suite (void)
{
  Suite *suite = suite_create ("sleeper");
  TCase *tc = tcase_create ("sleeper");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, open_sleeper, close_sleeper);
  tcase_add_test (tc, test_sleeper_arms_the_next_sleep_before_this_one_ends);
  tcase_add_test (tc, test_sleeper_armed_sleep_arms_nothing_again);
  tcase_add_test (tc, test_sleeper_is_never_early_whatever_was_expected);
  tcase_add_test (tc, test_sleeper_sleeps_without_descriptors);
  tcase_add_test (tc, test_sleeper_gives_its_descriptors_back);
  return suite;
}

GST_CHECK_MAIN (sleeper);
