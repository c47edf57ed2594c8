/*
 * test_cadence.c: the sampler's timing with a fake clock: which frames leave, when, and how often one is repeated.
 */
#include <gst/check/gstcheck.h>
#include <math.h>

#include "cadence.h"

#define MS_NS 1000000.0

typedef struct
{
  guint fresh;
  guint repeats;
  guint replaced;
  gdouble span_s;      /* first to last departure */
  guint64 max_wait_ns; /* longest a fresh frame waited */
  guint64 min_gap_ns;
} Outcome;

/* Arrival of frame i of a source, in ns. */
typedef guint64 (*Arrival) (guint i, gdouble interval_ns);

static guint64
steady (guint i, gdouble interval_ns)
{
  return (guint64) (1e9 + i * interval_ns);
}

/* +-3 ms from a fixed generator, so that the test is the same each time. */
static guint64
jittered (guint i, gdouble interval_ns)
{
  guint32 x = i * 2654435761u + 12345u;
  x ^= x >> 16;
  x *= 2246822519u;
  x ^= x >> 13;
  gdouble jitter = ((x % 6001) - 3000.0) / 1000.0 * MS_NS;
  return (guint64) (1e9 + i * interval_ns + jitter);
}

/* Plays `count` frames through the rules as the element does: jump from event to event. */
static Outcome
play (Cadence *cadence, guint count, gdouble source_interval_ns, Arrival arrival)
{
  Outcome o = { .min_gap_ns = G_MAXUINT64 };
  guint next = 0;
  gboolean pending = FALSE;
  guint64 pending_since = 0, first_left = 0, last = 0;
  guint64 now = 0;

  while (next < count || pending) {
    guint64 due = pending ? MAX (cadence_fresh_due_ns (cadence, pending_since), now) : cadence_repeat_due_ns (cadence);
    guint64 arrives = next < count ? arrival (next, source_interval_ns) : G_MAXUINT64;

    if (arrives <= due) {
      o.replaced += pending;
      pending = TRUE;
      pending_since = now = MAX (now, arrives);
      next++;
      continue;
    }
    now = due;
    if (first_left == 0)
      first_left = now;
    else
      o.min_gap_ns = MIN (o.min_gap_ns, now - last);
    last = now;
    if (pending) {
      o.max_wait_ns = MAX (o.max_wait_ns, now - pending_since);
      cadence_fresh_left (cadence, now);
      o.fresh++;
      pending = FALSE;
    } else {
      fail_unless_equals_uint64 (cadence_repeat_left (cadence, now), 0);
      o.repeats++;
    }
  }
  o.span_s = (gdouble) (last - first_left) / 1e9;
  return o;
}

static gdouble
rate_of (const Outcome *o)
{
  return (o->fresh + o->repeats - 1) / o->span_s;
}

GST_START_TEST (test_first_frame_leaves_at_once_and_is_repeated_after_one_and_a_half_intervals)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  fail_unless_equals_uint64 (cadence_fresh_due_ns (&c, 5), 0);
  fail_unless_equals_uint64 (cadence_repeat_due_ns (&c), CADENCE_NEVER);

  cadence_fresh_left (&c, 1000000000);
  fail_unless_equals_uint64 (cadence_repeat_due_ns (&c), 1000000000 + 16666666 + 8333333);
  cadence_repeat_left (&c, 1025000500);
  /* the grid is absolute: a late repeat does not move the next one */
  fail_unless_equals_uint64 (cadence_repeat_due_ns (&c), 1000000000 + 33333333 + 8333333);
}

GST_END_TEST;

GST_START_TEST (test_grid_does_not_drift_over_an_hour_of_repeats)
{
  Cadence c;
  cadence_init (&c, 60000, 1001);
  cadence_fresh_left (&c, 0);
  for (guint i = 0; i < 60000 * 4; i++)
    cadence_repeat_left (&c, cadence_repeat_due_ns (&c));
  /* 240000 repeats last exactly 4 x 1001 s; then one interval and a half to the next */
  guint64 expected = G_GUINT64_CONSTANT (4004000000000) + 16683333 + 8341666;
  fail_unless_equals_uint64 (cadence_repeat_due_ns (&c), expected);
}

GST_END_TEST;

GST_START_TEST (test_120_hz_into_60_halves_the_frames_and_keeps_the_rate)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 1200, 1e9 / 120, steady);
  fail_unless_equals_int (o.repeats, 0);
  fail_unless (o.fresh >= 599 && o.fresh <= 602, "%u frames left", o.fresh);
  fail_unless (rate_of (&o) < 60.1, "%f fps", rate_of (&o));
  fail_unless (o.max_wait_ns < 1e9 / 120, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

GST_START_TEST (test_59_94_into_60_passes_every_frame_at_once_without_repeats)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 6000, 1001e9 / 60000, steady);
  fail_unless_equals_int (o.fresh, 6000);
  fail_unless_equals_int (o.repeats, 0);
  fail_unless_equals_uint64 (o.max_wait_ns, 0);
}

GST_END_TEST;

GST_START_TEST (test_60_into_60_with_3_ms_jitter_repeats_and_delays_next_to_nothing)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 60000, 1e9 / 60, jittered);
  fail_unless (o.fresh >= 59999, "%u of 60000 frames left", o.fresh);
  fail_unless (o.repeats <= 60, "%u repeats", o.repeats);
  fail_unless (o.max_wait_ns < 100000, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

/* +-3 ms, and one frame a millisecond later than any other. */
static guint64
jittered_and_once_late (guint i, gdouble interval_ns)
{
  return i == 100 ? (guint64) (1e9 + i * interval_ns + 4 * MS_NS) : jittered (i, interval_ns);
}

GST_START_TEST (test_one_late_frame_does_not_make_the_early_ones_wait_from_then_on)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 6000, 1e9 / 60, jittered_and_once_late);
  fail_unless (o.fresh >= 5999, "%u of 6000 frames left", o.fresh);
  fail_unless (o.max_wait_ns < 100000, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

GST_START_TEST (test_slightly_faster_source_loses_a_frame_now_and_then_and_never_gains_delay)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 60020 / 2, 1e9 / 60.02, steady);
  fail_unless_equals_int (o.repeats, 0);
  fail_unless (o.replaced >= 8 && o.replaced <= 14, "%u frames dropped in 500 s", o.replaced);
  fail_unless (rate_of (&o) < 60.01, "%f fps", rate_of (&o));
  fail_unless (o.max_wait_ns <= 1e9 / 60 / 3 + 1000, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

GST_START_TEST (test_120_into_120_with_3_ms_jitter_drops_and_repeats_next_to_nothing)
{
  Cadence c;
  cadence_init (&c, 120, 1);
  Outcome o = play (&c, 60000, 1e9 / 120, jittered);
  fail_unless (o.fresh >= 59900, "%u of 60000 frames left", o.fresh);
  fail_unless (o.repeats <= 60, "%u repeats", o.repeats);
}

GST_END_TEST;

GST_START_TEST (test_second_frame_of_a_burst_after_silence_only_waits_for_the_rate)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  cadence_fresh_left (&c, 1000000000);
  fail_unless_equals_uint64 (cadence_fresh_due_ns (&c, 1001000000), 1000000000 + 16666666 - 7499999);
}

GST_END_TEST;

GST_START_TEST (test_30_into_60_repeats_each_frame_once_and_delays_none)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 300, 1e9 / 30, steady);
  fail_unless_equals_int (o.fresh, 300);
  fail_unless_equals_int (o.repeats, 299);
  fail_unless (o.max_wait_ns < 1000, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

GST_START_TEST (test_31_into_60_skips_a_repeat_rather_than_delay_a_fresh_frame)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  Outcome o = play (&c, 3100, 1e9 / 31, steady);
  fail_unless_equals_int (o.fresh, 3100);
  fail_unless (rate_of (&o) < 60.1 && rate_of (&o) > 55, "%f fps", rate_of (&o));
  fail_unless (o.max_wait_ns < 1000, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

GST_START_TEST (test_2_fps_into_120_fills_the_gaps_and_a_fresh_frame_does_not_wait)
{
  Cadence c;
  cadence_init (&c, 120, 1);
  Outcome o = play (&c, 20, 1e9 / 2, steady);
  fail_unless_equals_int (o.fresh, 20);
  fail_unless (fabs (rate_of (&o) - 120) < 1.5, "%f fps", rate_of (&o));
  fail_unless (o.max_wait_ns < 1000, "a frame waited %" G_GUINT64_FORMAT " ns", o.max_wait_ns);
}

GST_END_TEST;

/* The phase at which a fresh frame meets the repeats is random: none may cost it a wait, and none the rate. */
GST_START_TEST (test_slow_source_of_any_phase_never_waits_and_keeps_the_rate)
{
  for (guint i = 0; i < 50; i++) {
    Cadence c;
    cadence_init (&c, 120, 1);
    Outcome o = play (&c, 60, 1e9 / (2.0 + i * 0.37), steady);
    fail_unless_equals_int (o.fresh, 60);
    fail_unless (o.max_wait_ns < 1000, "%u: a frame waited %" G_GUINT64_FORMAT " ns", i, o.max_wait_ns);
    fail_unless (rate_of (&o) < 120.5, "%u: %f fps", i, rate_of (&o));
  }
}

GST_END_TEST;

GST_START_TEST (test_places_missed_while_blocked_are_skipped)
{
  Cadence c;
  cadence_init (&c, 100, 1);
  cadence_fresh_left (&c, 1000000000);
  /* due at 1.015; the caller came back at 1.1, 8 intervals and a half later */
  fail_unless_equals_uint64 (cadence_repeat_left (&c, 1100000000), 8);
  fail_unless_equals_uint64 (cadence_repeat_due_ns (&c), 1105000000);
}

GST_END_TEST;

GST_START_TEST (test_clock_set_back_is_noticed)
{
  Cadence c;
  cadence_init (&c, 60, 1);
  fail_if (cadence_is_stale (&c, 0));
  cadence_fresh_left (&c, 5000000000);
  fail_if (cadence_is_stale (&c, 5000000000));
  fail_unless (cadence_is_stale (&c, 4000000000));
}

GST_END_TEST;

GST_START_TEST (test_absurd_rates_are_clamped)
{
  Cadence c;
  cadence_init (&c, 0, 0);
  fail_unless_equals_uint64 (cadence_interval_ns (&c), 1000000000);
  cadence_init (&c, G_MAXUINT32, 1);
  fail_unless_equals_uint64 (cadence_interval_ns (&c), 1000);
}

GST_END_TEST;

static Suite *
cadence_suite (void)
{
  Suite *s = suite_create ("cadence");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_first_frame_leaves_at_once_and_is_repeated_after_one_and_a_half_intervals);
  tcase_add_test (tc, test_grid_does_not_drift_over_an_hour_of_repeats);
  tcase_add_test (tc, test_120_hz_into_60_halves_the_frames_and_keeps_the_rate);
  tcase_add_test (tc, test_59_94_into_60_passes_every_frame_at_once_without_repeats);
  tcase_add_test (tc, test_60_into_60_with_3_ms_jitter_repeats_and_delays_next_to_nothing);
  tcase_add_test (tc, test_one_late_frame_does_not_make_the_early_ones_wait_from_then_on);
  tcase_add_test (tc, test_slightly_faster_source_loses_a_frame_now_and_then_and_never_gains_delay);
  tcase_add_test (tc, test_120_into_120_with_3_ms_jitter_drops_and_repeats_next_to_nothing);
  tcase_add_test (tc, test_second_frame_of_a_burst_after_silence_only_waits_for_the_rate);
  tcase_add_test (tc, test_30_into_60_repeats_each_frame_once_and_delays_none);
  tcase_add_test (tc, test_31_into_60_skips_a_repeat_rather_than_delay_a_fresh_frame);
  tcase_add_test (tc, test_2_fps_into_120_fills_the_gaps_and_a_fresh_frame_does_not_wait);
  tcase_add_test (tc, test_slow_source_of_any_phase_never_waits_and_keeps_the_rate);
  tcase_add_test (tc, test_places_missed_while_blocked_are_skipped);
  tcase_add_test (tc, test_clock_set_back_is_noticed);
  tcase_add_test (tc, test_absurd_rates_are_clamped);
  return s;
}

GST_CHECK_MAIN (cadence);
