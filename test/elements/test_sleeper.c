/* What a Sleeper promises: never early, whatever it was told would come next, and the next one armed in time. */
#include <errno.h>
#include <gst/check/gstcheck.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "sleeper.h"

#define MS G_GUINT64_CONSTANT (1000000)

static guint64
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (guint64) now.tv_sec * GST_SECOND + (guint64) now.tv_nsec;
}

static void
sleep_and_check (Sleeper *sleeper, guint64 until_ns, guint64 next_ns)
{
  sleeper_sleep (sleeper, until_ns, next_ns);
  fail_unless (now_ns () >= until_ns, "%" G_GUINT64_FORMAT " ns early", until_ns - now_ns ());
}

/* When the timer that ends last will, from now; 0 when none is pending. */
static guint64
longest_pending_ns (const Sleeper *sleeper)
{
  guint64 longest = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sleeper->timers); i++) {
    struct itimerspec left;

    fail_unless (timerfd_gettime (sleeper->timers[i].fd, &left) == 0);
    longest = MAX (longest, (guint64) left.it_value.tv_sec * GST_SECOND + (guint64) left.it_value.tv_nsec);
  }
  return longest;
}

GST_START_TEST (test_sleeper_arms_the_next_sleep_before_this_one_ends)
{
  Sleeper sleeper;
  guint64 start_ns = now_ns (), left_ns;

  sleeper_open (&sleeper);
  for (guint i = 1; i <= 4; i++) {
    guint64 next_ns = start_ns + i * 2 * MS + GST_SECOND;

    sleep_and_check (&sleeper, start_ns + i * 2 * MS, next_ns);
    left_ns = longest_pending_ns (&sleeper);
    fail_unless (left_ns > 0 && left_ns < next_ns - start_ns, "sleep %u: %" G_GUINT64_FORMAT " ns", i, left_ns);
  }
  sleeper_close (&sleeper);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_armed_sleep_arms_nothing_again)
{
  Sleeper sleeper;
  guint64 start_ns = now_ns ();

  sleeper_open (&sleeper);
  sleep_and_check (&sleeper, start_ns + 2 * MS, start_ns + 4 * MS);
  fail_unless_equals_uint64 (sleeper.timers[0].due_ns, start_ns + 2 * MS);
  fail_unless_equals_uint64 (sleeper.timers[1].due_ns, start_ns + 4 * MS);
  /* The one that was armed for this stays; the other takes the one after it. */
  sleep_and_check (&sleeper, start_ns + 4 * MS, start_ns + 6 * MS);
  fail_unless_equals_uint64 (sleeper.timers[0].due_ns, start_ns + 6 * MS);
  fail_unless_equals_uint64 (sleeper.timers[1].due_ns, start_ns + 4 * MS);
  sleeper_close (&sleeper);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_is_never_early_whatever_was_expected)
{
  Sleeper sleeper;
  guint64 start_ns = now_ns ();

  sleeper_open (&sleeper);
  /* Sooner, later, unknown, in the past, the same. */
  sleep_and_check (&sleeper, start_ns + 3 * MS, start_ns + 20 * MS);
  sleep_and_check (&sleeper, start_ns + 5 * MS, start_ns + 6 * MS);
  sleep_and_check (&sleeper, start_ns + 9 * MS, 0);
  sleep_and_check (&sleeper, start_ns + 11 * MS, start_ns);
  sleep_and_check (&sleeper, start_ns + 13 * MS, start_ns + 13 * MS);
  sleep_and_check (&sleeper, start_ns, start_ns + 15 * MS);
  sleep_and_check (&sleeper, start_ns + 17 * MS, start_ns + 16 * MS);
  sleeper_close (&sleeper);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_sleeps_without_descriptors)
{
  Sleeper sleeper = { .timers = { { .fd = -1 }, { .fd = -1 } } };
  guint64 start_ns = now_ns ();

  for (guint i = 1; i <= 3; i++)
    sleep_and_check (&sleeper, start_ns + i * 2 * MS, start_ns + (i + 1) * 2 * MS);
  sleeper_close (&sleeper);
}

GST_END_TEST;

GST_START_TEST (test_sleeper_gives_its_descriptors_back)
{
  Sleeper sleeper;
  int fds[2];

  sleeper_open (&sleeper);
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
  tcase_add_test (tc, test_sleeper_arms_the_next_sleep_before_this_one_ends);
  tcase_add_test (tc, test_sleeper_armed_sleep_arms_nothing_again);
  tcase_add_test (tc, test_sleeper_is_never_early_whatever_was_expected);
  tcase_add_test (tc, test_sleeper_sleeps_without_descriptors);
  tcase_add_test (tc, test_sleeper_gives_its_descriptors_back);
  return suite;
}

GST_CHECK_MAIN (sleeper);
