/*
 * test_channeltones.c: a tone written into a channel is found there again, and missing samples are noticed.
 */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <math.h>

#include "clockdrift.h"
#include "tonemeter.h"

#define RATE 48000

/* Plays a launch line to its end; the `stats` of the element `reader`. */
static GstStructure *
play (const gchar *launch)
{
  GstElement *pipeline = gst_parse_launch (launch, NULL), *reader;
  GstStructure *stats = NULL;
  GstMessage *message;
  GstBus *bus;

  fail_unless (pipeline != NULL, "%s", launch);
  reader = gst_bin_get_by_name (GST_BIN (pipeline), "reader");
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 50 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (
      message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s: %" GST_PTR_FORMAT, launch, message);
  g_object_get (reader, "stats", &stats, NULL);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (reader);
  gst_object_unref (pipeline);
  return stats;
}

static void
expect_tones (GstStructure *stats, guint channels, const gdouble *hz)
{
  guint64 jumps;

  for (guint i = 0; i < channels; i++) {
    gchar *name = g_strdup_printf ("hz-%u", i);
    gdouble found = -1;

    fail_unless (gst_structure_get_double (stats, name, &found), "%s", name);
    fail_unless (found == hz[i], "channel %u has %g Hz instead of %g", i, found, hz[i]);
    g_free (name);
  }
  fail_unless (gst_structure_get_uint64 (stats, "jumps", &jumps));
  fail_unless_equals_uint64 (jumps, 0);
  gst_structure_free (stats);
}

GST_START_TEST (test_each_channel_has_a_tone_of_its_own)
{
  static const gdouble hz[] = { 440, 1300, 660, 80, 900, 1800, 500, 1500 };

  expect_tones (play ("audiotestsrc num-buffers=300 samplesperbuffer=240 ! audio/x-raw,format=S16LE,rate=48000,"
                      "channels=8,channel-mask=(bitmask)0xc3f ! channeltones ! channeltones name=reader mode=read ! "
                      "fakesink"),
      8, hz);
}

GST_END_TEST;

GST_START_TEST (test_channels_that_change_places_are_told)
{
  static const gdouble hz[] = { 1300, 440 };

  expect_tones (
      play ("audiotestsrc num-buffers=300 samplesperbuffer=240 ! audio/x-raw,format=S16LE,rate=48000,"
            "channels=2 ! channeltones ! audioconvert mix-matrix=\"<<(float)0,(float)1>,<(float)1,(float)0>>\" ! "
            "audio/x-raw,channels=2 ! channeltones name=reader mode=read ! fakesink"),
      2, hz);
}

GST_END_TEST;

GST_START_TEST (test_what_was_silence_is_no_gap_any_more)
{
  GstHarness *h = gst_harness_new ("channeltones");
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 240 * 2 * sizeof (gint16), NULL);

  gst_buffer_memset (buffer, 0, 0, 240 * 2 * sizeof (gint16));
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_GAP);
  gst_harness_set_src_caps_str (h, "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2");
  buffer = gst_harness_push_and_pull (h, buffer);
  fail_if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_silence_and_foreign_tones_are_no_tone)
{
  static const gdouble none[] = { 0, 0 };

  expect_tones (play ("audiotestsrc wave=silence num-buffers=300 samplesperbuffer=240 ! audio/x-raw,format=S16LE,"
                      "rate=48000,channels=2 ! channeltones name=reader mode=read ! fakesink"),
      2, none);
  expect_tones (play ("audiotestsrc freq=3000 num-buffers=300 samplesperbuffer=240 ! audio/x-raw,format=S16LE,"
                      "rate=48000,channels=2 ! channeltones name=reader mode=read ! fakesink"),
      2, none);
}

GST_END_TEST;

/* A second of a 440 Hz tone, `skip` samples left out in the middle. */
static guint64
jumps_with (gint skip)
{
  static const double hz[TONE_METER_TONES] = { 440, 1300, 660, 80, 900, 1800, 500, 1500 };
  ToneTable table;
  ToneMeter meter;

  tone_table_init (&table, hz, RATE);
  tone_meter_reset (&meter);
  for (gint i = 0; i < RATE; i++) {
    gint at = i < RATE / 2 ? i : i + skip;

    tone_meter_push (&meter, &table, 0.1 * sin (2 * G_PI * 440 * at / RATE));
    tone_table_step (&table);
  }
  return meter.jumps;
}

GST_START_TEST (test_missing_and_doubled_samples_are_jumps)
{
  fail_unless_equals_uint64 (jumps_with (0), 0);
  fail_unless_equals_uint64 (jumps_with (12), 1);
  fail_unless_equals_uint64 (jumps_with (-12), 1);
  fail_unless_equals_uint64 (jumps_with (240), 1);
}

GST_END_TEST;

GST_START_TEST (test_a_tone_that_stops_is_one_jump)
{
  static const double hz[TONE_METER_TONES] = { 440, 1300, 660, 80, 900, 1800, 500, 1500 };
  ToneTable table;
  ToneMeter meter;

  tone_table_init (&table, hz, RATE);
  tone_meter_reset (&meter);
  for (gint i = 0; i < 2 * RATE; i++) {
    tone_meter_push (&meter, &table, i < RATE ? 0.1 * sin (2 * G_PI * 440 * i / RATE) : 0);
    tone_table_step (&table);
  }
  fail_unless_equals_uint64 (meter.jumps, 1);
  fail_unless_equals_int (meter.tone, -1);
}

GST_END_TEST;

GST_START_TEST (test_drift_is_free_of_jitter)
{
  ClockDrift drift;

  clock_drift_reset (&drift);
  fail_unless_equals_int64 (clock_drift_ns (&drift), 0);
  /* 10 000 packets of 5 ms that a sender 100 ppm slow sends, each up to 3 ms late: 50 s, 5 ms */
  for (guint64 i = 0; i < 10000; i++) {
    guint64 sender = i * 5 * GST_MSECOND, jitter = (i * 7919) % 3000 * GST_USECOND;

    clock_drift_push (&drift, sender, 77 * GST_SECOND + sender + sender / 10000 + jitter);
  }
  fail_unless (ABS (clock_drift_ns (&drift) - (gint64) (4900 * GST_USECOND)) < (gint64) (200 * GST_USECOND),
      "%" G_GINT64_FORMAT, clock_drift_ns (&drift));
}

GST_END_TEST;

static Suite *
channeltones_suite (void)
{
  Suite *s = suite_create ("channeltones");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_each_channel_has_a_tone_of_its_own);
  tcase_add_test (tc, test_channels_that_change_places_are_told);
  tcase_add_test (tc, test_what_was_silence_is_no_gap_any_more);
  tcase_add_test (tc, test_silence_and_foreign_tones_are_no_tone);
  tcase_add_test (tc, test_missing_and_doubled_samples_are_jumps);
  tcase_add_test (tc, test_a_tone_that_stops_is_one_jump);
  tcase_add_test (tc, test_drift_is_free_of_jitter);
  return s;
}

GST_CHECK_MAIN (channeltones);
