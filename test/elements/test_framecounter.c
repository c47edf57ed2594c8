/*
 * test_framecounter.c: what is drawn can be read back: in every format, at every size, after scaling and coding.
 */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

typedef struct
{
  guint64 frames, unreadable, backwards, repeated, skipped, wrong, first, last;
  gdouble color_error;
} Counts;

static Counts
counts_of (GstElement *element)
{
  GstStructure *stats = NULL;
  Counts c;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get (stats, "frames", G_TYPE_UINT64, &c.frames, "unreadable", G_TYPE_UINT64, &c.unreadable,
      "backwards", G_TYPE_UINT64, &c.backwards, "repeated", G_TYPE_UINT64, &c.repeated, "skipped", G_TYPE_UINT64,
      &c.skipped, "wrong", G_TYPE_UINT64, &c.wrong, "first", G_TYPE_UINT64, &c.first, "last", G_TYPE_UINT64, &c.last,
      "color-error", G_TYPE_DOUBLE, &c.color_error, NULL));
  gst_structure_free (stats);
  return c;
}

/* Plays a launch line to its end; the figures are of the element `reader`. */
static Counts
play (const gchar *format, ...)
{
  va_list args;
  gchar *launch;
  GstElement *pipeline, *reader;
  GstBus *bus;
  GstMessage *message;
  Counts c;

  va_start (args, format);
  launch = g_strdup_vprintf (format, args);
  va_end (args);
  pipeline = gst_parse_launch (launch, NULL);
  fail_unless (pipeline != NULL, "%s", launch);
  reader = gst_bin_get_by_name (GST_BIN (pipeline), "reader");
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 50 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (
      message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s: %" GST_PTR_FORMAT, launch, message);
  c = counts_of (reader);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (reader);
  gst_object_unref (pipeline);
  g_free (launch);
  return c;
}

static void
expect_all (Counts c, guint64 start, guint64 count)
{
  fail_unless_equals_uint64 (c.frames, count);
  fail_unless_equals_uint64 (c.wrong, 0);
  fail_unless_equals_uint64 (c.repeated, 0);
  fail_unless_equals_uint64 (c.skipped, 0);
  fail_unless_equals_uint64 (c.first, start);
  fail_unless_equals_uint64 (c.last, start + count - 1);
}

GST_START_TEST (test_numbers_are_read_back_in_every_format)
{
  static const gchar *formats[] = { "I420", "YV12", "NV12", "NV21", "Y42B", "Y444", "I420_10LE", "P010_10LE",
    "Y444_10LE", "YUY2", "UYVY", "AYUV", "GRAY8", "RGB", "BGR", "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "ARGB",
    "ABGR" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (formats); i++)
    expect_all (play ("videotestsrc num-buffers=4 ! video/x-raw,format=%s,width=642,height=362 ! "
                      "framecounter start=4294967294 ! framecounter name=reader mode=read ! fakesink",
                    formats[i]),
        4294967294, 4);
}

GST_END_TEST;

GST_START_TEST (test_numbers_survive_scaling_between_180_and_2160_lines)
{
  static const struct
  {
    gint from_width, from_height, to_width, to_height;
  } cases[] = { { 320, 180, 3840, 2160 }, { 3840, 2160, 320, 180 }, { 1920, 1080, 1280, 720 }, { 1280, 720, 1366, 768 },
    { 640, 480, 853, 480 } };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    expect_all (play ("videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=%d,height=%d ! "
                      "framecounter start=77 ! videoscale ! video/x-raw,width=%d,height=%d ! "
                      "framecounter name=reader mode=read ! fakesink",
                    cases[i].from_width, cases[i].from_height, cases[i].to_width, cases[i].to_height),
        77, 3);
}

GST_END_TEST;

GST_START_TEST (test_numbers_survive_x264_at_a_low_bitrate)
{
  expect_all (
      play ("videotestsrc num-buffers=90 pattern=ball ! video/x-raw,format=I420,width=640,height=360,"
            "framerate=60/1 ! framecounter start=1 ! x264enc bitrate=200 tune=zerolatency speed-preset=ultrafast ! "
            "avdec_h264 ! videoconvert ! framecounter name=reader mode=read ! fakesink"),
      1, 90);
}

GST_END_TEST;

GST_START_TEST (test_numbers_survive_conversion_between_ranges_and_colour_models)
{
  expect_all (play ("videotestsrc num-buffers=3 ! video/x-raw,format=BGRx,width=640,height=360 ! framecounter ! "
                    "videoconvert ! video/x-raw,format=I420,colorimetry=bt601 ! videoconvert ! video/x-raw,format=NV12,"
                    "colorimetry=1:3:5:1 ! framecounter name=reader mode=read ! fakesink"),
      0, 3);
}

GST_END_TEST;

/* Every matrix and range that a client can ask for, in every depth and sampling that an encoder is given. */
GST_START_TEST (test_patches_show_whether_matrix_and_range_were_kept)
{
  static const gchar *formats[] = { "I420", "NV12", "Y444", "I420_10LE", "P010_10LE", "Y444_10LE" };
  static const gchar *colors[] = { "2:4:16:4", "1:4:16:4", "2:3:5:1", "1:3:5:1", "2:6:13:7", "1:6:13:7" };
  guint format, color;

  for (format = 0; format < G_N_ELEMENTS (formats); format++)
    for (color = 0; color < G_N_ELEMENTS (colors); color++) {
      const gchar *other = colors[(color + 1) % G_N_ELEMENTS (colors)];
      const gchar *converted = "videotestsrc num-buffers=2 ! video/x-raw,format=BGRx,width=642,height=362 ! "
                               "framecounter ! videoconvert ! video/x-raw,format=%s,colorimetry=%s ! "
                               "framecounter name=reader mode=read colorimetry=\"%s\" ! fakesink";
      const gchar *drawn = "videotestsrc num-buffers=2 ! video/x-raw,format=%s,colorimetry=%s,width=642,height=362 ! "
                           "framecounter ! framecounter name=reader mode=read colorimetry=\"%s\" ! fakesink";
      gdouble kept = play (converted, formats[format], colors[color], "").color_error;
      gdouble mistaken = play (converted, formats[format], colors[color], other).color_error;

      fail_unless (kept >= 0 && kept <= 2, "%s %s is off by %f", formats[format], colors[color], kept);
      fail_unless (mistaken > 6, "%s %s as %s is off by %f", formats[format], colors[color], other, mistaken);
      kept = play (drawn, formats[format], colors[color], "").color_error;
      fail_unless (kept >= 0 && kept <= 0.6, "%s %s drawn is off by %f", formats[format], colors[color], kept);
    }
}

GST_END_TEST;

GST_START_TEST (test_pictures_without_a_number_are_unreadable)
{
  static const gchar *patterns[] = { "smpte", "black", "white", "snow", "checkers-8", "gradient" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (patterns); i++) {
    Counts c = play ("videotestsrc num-buffers=20 pattern=%s ! video/x-raw,format=I420,width=640,height=360 ! "
                     "framecounter name=reader mode=read ! fakesink",
        patterns[i]);

    fail_unless_equals_uint64 (c.unreadable, 20);
    fail_unless_equals_uint64 (c.wrong, 20);
    fail_unless_equals_uint64 (c.first, 0);
  }
}

GST_END_TEST;

/* A drawn frame with this number. */
static GstBuffer *
drawn (guint64 number)
{
  GstHarness *h = gst_harness_new ("framecounter");
  GstBuffer *buffer = gst_buffer_new_and_alloc (640 * 360);

  g_object_set (h->element, "start", number, NULL);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=640,height=360,framerate=60/1");
  gst_buffer_memset (buffer, 0, 90, 640 * 360);
  buffer = gst_harness_push_and_pull (h, buffer);
  gst_harness_teardown (h);
  return buffer;
}

GST_START_TEST (test_repeats_skips_and_steps_back_are_told_apart)
{
  static const guint64 numbers[] = { 10, 11, 11, 11, 15, 14, 15, 20 };
  GstHarness *h = gst_harness_new ("framecounter");
  Counts c;
  guint i;

  gst_util_set_object_arg (G_OBJECT (h->element), "mode", "read");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=640,height=360,framerate=60/1");
  for (i = 0; i < G_N_ELEMENTS (numbers); i++) {
    GstBuffer *in = drawn (numbers[i]), *out = gst_harness_push_and_pull (h, in);

    fail_unless (out == in, "a reader copies nothing");
    gst_buffer_unref (out);
  }
  c = counts_of (h->element);
  fail_unless_equals_uint64 (c.frames, 8);
  fail_unless_equals_uint64 (c.repeated, 2);
  fail_unless_equals_uint64 (c.skipped, 3 + 4);
  fail_unless_equals_uint64 (c.backwards, 1);
  fail_unless_equals_uint64 (c.wrong, 1);
  fail_unless_equals_uint64 (c.first, 10);
  fail_unless_equals_uint64 (c.last, 20);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_one_damaged_cell_makes_a_frame_unreadable)
{
  GstHarness *h = gst_harness_new ("framecounter");
  GstBuffer *buffer = gst_buffer_make_writable (drawn (5));
  GstMapInfo map;
  guint x, y;

  /* the 20th cell of the second row, inverted */
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READWRITE));
  for (y = 27; y < 45; y++)
    for (x = 640 * 20 / 34; x < 640 * 21 / 34; x++)
      map.data[y * 640 + x] = (guint8) (255 - map.data[y * 640 + x]);
  gst_buffer_unmap (buffer, &map);
  gst_util_set_object_arg (G_OBJECT (h->element), "mode", "read");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=GRAY8,width=640,height=360,framerate=60/1");
  gst_buffer_unref (gst_harness_push_and_pull (h, buffer));
  fail_unless_equals_uint64 (counts_of (h->element).unreadable, 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_tiny_pictures_do_no_harm)
{
  Counts c = play ("videotestsrc num-buffers=2 ! video/x-raw,format=I420,width=2,height=2 ! framecounter ! "
                   "framecounter name=reader mode=read ! fakesink");

  fail_unless_equals_uint64 (c.unreadable, 2);
}

GST_END_TEST;

static Suite *
framecounter_suite (void)
{
  Suite *s = suite_create ("framecounter");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_numbers_are_read_back_in_every_format);
  tcase_add_test (tc, test_numbers_survive_scaling_between_180_and_2160_lines);
  tcase_add_test (tc, test_numbers_survive_x264_at_a_low_bitrate);
  tcase_add_test (tc, test_numbers_survive_conversion_between_ranges_and_colour_models);
  tcase_add_test (tc, test_patches_show_whether_matrix_and_range_were_kept);
  tcase_add_test (tc, test_pictures_without_a_number_are_unreadable);
  tcase_add_test (tc, test_repeats_skips_and_steps_back_are_told_apart);
  tcase_add_test (tc, test_one_damaged_cell_makes_a_frame_unreadable);
  tcase_add_test (tc, test_tiny_pictures_do_no_harm);
  return s;
}

GST_CHECK_MAIN (framecounter);
