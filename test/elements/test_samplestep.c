/*
 * test_samplestep.c: what the sampler's task does at a moment.
 */
#include <gst/check/gstcheck.h>

#include "samplestep.h"

#define T0 GST_SECOND

static Cadence cadence;
static guint64 due;

static void
assert_step (SampleState state, guint64 now, SampleStep step, guint64 wanted_due)
{
  due = 1;
  fail_unless_equals_int (sample_step (&cadence, &state, now, &due), step);
  fail_unless_equals_uint64 (due, wanted_due);
}

GST_START_TEST (test_samplestep_without_a_frame_waits_for_ever)
{
  cadence_init (&cadence, 60, 1);
  assert_step ((SampleState) { 0 }, T0, SAMPLE_STEP_WAIT, CADENCE_NEVER);
  assert_step ((SampleState) { .is_eos = true }, T0, SAMPLE_STEP_EOS, CADENCE_NEVER);
}

GST_END_TEST;

GST_START_TEST (test_samplestep_fresh_frame_leaves_at_its_time)
{
  SampleState fresh = { .has_frame = true, .is_fresh = true, .arrived_ns = T0 };

  cadence_init (&cadence, 60, 1);
  assert_step (fresh, T0, SAMPLE_STEP_SEND, cadence_fresh_due_ns (&cadence, T0));
  cadence_fresh_left (&cadence, T0);
  /* a second one right behind it waits for its place, less the credit */
  fresh.arrived_ns = T0 + GST_MSECOND;
  assert_step (fresh, T0 + GST_MSECOND, SAMPLE_STEP_WAIT, cadence_fresh_due_ns (&cadence, T0 + GST_MSECOND));
  fail_unless (due > T0 + GST_MSECOND && due < T0 + cadence_interval_ns (&cadence));
  assert_step (fresh, due, SAMPLE_STEP_SEND, due);
}

GST_END_TEST;

GST_START_TEST (test_samplestep_last_frame_is_repeated_at_its_time)
{
  const SampleState left = { .has_frame = true, .arrived_ns = T0 };

  cadence_init (&cadence, 60, 1);
  cadence_fresh_left (&cadence, T0);
  assert_step (left, T0 + 1, SAMPLE_STEP_WAIT, cadence_repeat_due_ns (&cadence));
  assert_step (left, due, SAMPLE_STEP_SEND, due);
}

GST_END_TEST;

GST_START_TEST (test_samplestep_end_waits_for_the_fresh_frame_and_for_no_repeat)
{
  cadence_init (&cadence, 60, 1);
  cadence_fresh_left (&cadence, T0);
  assert_step ((SampleState) { .has_frame = true, .is_fresh = true, .is_eos = true, .arrived_ns = T0 }, T0 + 1,
      SAMPLE_STEP_WAIT, cadence_fresh_due_ns (&cadence, T0));
  assert_step ((SampleState) { .has_frame = true, .is_eos = true, .arrived_ns = T0 }, T0 + GST_SECOND, SAMPLE_STEP_EOS,
      CADENCE_NEVER);
}

GST_END_TEST;

static Suite *
samplestep_suite (void)
{
  Suite *s = suite_create ("samplestep");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_samplestep_without_a_frame_waits_for_ever);
  tcase_add_test (tc, test_samplestep_fresh_frame_leaves_at_its_time);
  tcase_add_test (tc, test_samplestep_last_frame_is_repeated_at_its_time);
  tcase_add_test (tc, test_samplestep_end_waits_for_the_fresh_frame_and_for_no_repeat);
  return s;
}

GST_CHECK_MAIN (samplestep);
