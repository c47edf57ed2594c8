/*
 * test_framesampler.c: what leaves and when, on a test clock; what memory is held; hold, flush, EOS, states.
 */
#include <gst/allocators/allocators.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long after a frame another may leave at 100 frames a second. */
#define FAST_DUE (5500 * GST_USECOND)

#define CAPS_AT(rate) "video/x-raw, format=(string)GRAY8, width=(int)16, height=(int)4, framerate=(fraction)" rate
#define FRAME_BYTES 64

static GstHarness *h;

static void
open_harness (const gchar *launch)
{
  h = gst_harness_new_parse (launch);
  fail_unless (h != NULL);
  gst_harness_use_testclock (h);
  gst_harness_set_src_caps_str (h, CAPS_AT ("0/1"));
}

static void
close_harness (void)
{
  gst_harness_teardown (h);
}

static GstElement *
sampler (void)
{
  return GST_IS_BIN (h->element) ? GST_ELEMENT (GST_BIN_CHILDREN (h->element)->data) : h->element;
}

static guint64
counter (const gchar *name)
{
  GstStructure *stats = NULL;
  guint64 value = G_MAXUINT64;

  g_object_get (sampler (), "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no field %s", name);
  gst_structure_free (stats);
  return value;
}

static GstBuffer *
make_frame (guint8 shade)
{
  GstBuffer *buffer = gst_buffer_new_and_alloc (FRAME_BYTES);

  gst_buffer_memset (buffer, 0, shade, FRAME_BYTES);
  return buffer;
}

static void
push (guint8 shade)
{
  fail_unless_equals_int (gst_harness_push (h, make_frame (shade)), GST_FLOW_OK);
}

static gboolean
is_fresh (GstBuffer *buffer)
{
  GstCaps *caps = gst_caps_new_empty_simple ("timestamp/x-lumen-capture");
  GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (buffer, caps);

  gst_caps_unref (caps);
  return meta != NULL;
}

/* The next frame out must have this shade, freshness and running time. */
static void
expect (guint8 shade, gboolean fresh, GstClockTime pts)
{
  GstBuffer *buffer = gst_harness_pull (h);
  guint8 got;

  fail_unless (buffer != NULL, "no frame");
  fail_unless_equals_int (gst_buffer_extract (buffer, 0, &got, 1), 1);
  fail_unless_equals_int (got, shade);
  fail_unless_equals_int (is_fresh (buffer), fresh);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), pts);
  gst_buffer_unref (buffer);
}

/* Moves the clock to what the sampler waits for. */
static void
crank (void)
{
  fail_unless (gst_harness_crank_single_clock_wait (h));
}

/* Not before the sampler's task sleeps: it must have seen everything that was pushed. */
static GstClockTime
next_wait (void)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstClockID id = NULL;
  GstClockTime time;

  gst_test_clock_wait_for_next_pending_id (clock, &id);
  time = gst_clock_id_get_time (id);
  gst_clock_id_unref (id);
  gst_object_unref (clock);
  return time;
}

GST_START_TEST (test_fresh_frame_leaves_at_once_with_capture_time_and_the_negotiated_rate)
{
  GstCaps *caps;
  gint n, d;

  open_harness ("framesampler framerate=120/1");
  gst_harness_set_time (h, 3 * GST_SECOND);
  push (1);
  expect (1, TRUE, 3 * GST_SECOND);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n, &d));
  fail_unless_equals_int (n, 120);
  fail_unless_equals_int (d, 1);
  gst_caps_unref (caps);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_last_frame_is_repeated_on_the_grid_without_capture_time)
{
  open_harness ("framesampler framerate=100/1");
  push (7);
  expect (7, TRUE, 0);
  crank ();
  expect (7, FALSE, 15 * GST_MSECOND);
  crank ();
  expect (7, FALSE, 25 * GST_MSECOND);
  crank ();
  expect (7, FALSE, 35 * GST_MSECOND);
  fail_unless_equals_uint64 (counter ("in"), 1);
  fail_unless_equals_uint64 (counter ("out"), 4);
  fail_unless_equals_uint64 (counter ("repeated"), 3);
  fail_unless_equals_uint64 (counter ("dropped"), 0);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_of_frames_that_come_too_fast_the_newest_leaves)
{
  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  push (2);
  push (3);
  push (4);
  /* 10 ms less the credit of 4.5 */
  fail_unless_equals_uint64 (next_wait (), FAST_DUE);
  crank ();
  expect (4, TRUE, FAST_DUE);
  fail_unless_equals_uint64 (counter ("dropped"), 2);
  fail_unless_equals_uint64 (counter ("repeated"), 0);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_fresh_frame_ends_the_wait_for_a_repeat)
{
  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  fail_unless_equals_uint64 (next_wait (), 15 * GST_MSECOND);
  gst_harness_set_time (h, 9 * GST_MSECOND);
  push (2);
  expect (2, TRUE, 9 * GST_MSECOND);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_timestamps_rise_although_the_clock_stands_still)
{
  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  g_object_set (sampler (), "hold", TRUE, NULL);
  g_object_set (sampler (), "hold", FALSE, NULL);
  expect (1, FALSE, 1);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_hold_keeps_all_back_and_its_end_lets_the_newest_out)
{
  open_harness ("framesampler framerate=100/1 hold=true");
  push (1);
  push (2);
  gst_harness_set_time (h, GST_SECOND);
  fail_unless_equals_int (gst_harness_buffers_received (h), 0);
  g_object_set (sampler (), "hold", FALSE, NULL);
  /* it waited for us and not for the host, so it tells no capture time */
  expect (2, FALSE, GST_SECOND);
  push (3);
  crank ();
  expect (3, TRUE, GST_SECOND + FAST_DUE);
  fail_unless_equals_uint64 (counter ("dropped"), 1);
  fail_unless_equals_uint64 (counter ("repeated"), 0);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_picture_that_stands_still_goes_on_when_hold_ends)
{
  open_harness ("framesampler framerate=100/1");
  push (7);
  expect (7, TRUE, 0);
  g_object_set (sampler (), "hold", TRUE, NULL);
  gst_harness_set_time (h, GST_SECOND);
  fail_unless_equals_int (gst_harness_buffers_received (h), 1);
  g_object_set (sampler (), "hold", FALSE, NULL);
  expect (7, FALSE, GST_SECOND);
  crank ();
  expect (7, FALSE, GST_SECOND + 15 * GST_MSECOND);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_eos_follows_the_last_frame)
{
  GstEvent *event;
  gboolean has_eos = FALSE;

  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  push (2);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  crank ();
  expect (2, TRUE, FAST_DUE);
  while (!has_eos) {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL, "no EOS");
    has_eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_changed_caps_go_out_before_the_first_frame_that_has_them)
{
  GstCaps *caps;
  gint width;
  GstBuffer *buffer;

  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  gst_harness_set_src_caps_str (
      h, "video/x-raw, format=(string)GRAY8, width=(int)32, height=(int)4, framerate=(fraction)0/1");
  crank ();
  expect (1, FALSE, 15 * GST_MSECOND);
  caps = gst_pad_get_current_caps (h->sinkpad);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  fail_unless_equals_int (width, 16);
  gst_caps_unref (caps);

  buffer = gst_buffer_new_and_alloc (128);
  gst_buffer_memset (buffer, 0, 9, 128);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  /* right behind a repeat it need not wait */
  expect (9, TRUE, 15 * GST_MSECOND + 1);
  caps = gst_pad_get_current_caps (h->sinkpad);
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  fail_unless_equals_int (width, 32);
  gst_caps_unref (caps);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_flush_forgets_the_frame_and_starts_over)
{
  GstSegment segment;

  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless_equals_int (gst_harness_push (h, make_frame (2)), GST_FLOW_FLUSHING);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_harness_set_time (h, 100 * GST_MSECOND);
  push (3);
  expect (3, TRUE, 100 * GST_MSECOND);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_capture_time_is_the_buffer_s_own_when_that_is_believable)
{
  static const struct
  {
    GstClockTime pts;
    GstClockTime age;
  } cases[] = {
    { 3 * GST_SECOND - 100 * GST_MSECOND, 100 * GST_MSECOND }, { GST_CLOCK_TIME_NONE, 0 },
    { 3 * GST_SECOND + 1, 0 }, /* of the future */
    { GST_SECOND, 0 },         /* two seconds old: another clock */
  };
  GstCaps *caps = gst_caps_new_empty_simple ("timestamp/x-lumen-capture");
  guint i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstBuffer *buffer = make_frame (1);
    GstClockTime before, after, captured;

    open_harness ("framesampler");
    gst_harness_set_time (h, 3 * GST_SECOND);
    GST_BUFFER_PTS (buffer) = cases[i].pts;
    before = (GstClockTime) g_get_monotonic_time () * 1000;
    gst_harness_push (h, buffer);
    buffer = gst_harness_pull (h);
    after = (GstClockTime) (g_get_monotonic_time () + 1) * 1000;
    captured = gst_buffer_get_reference_timestamp_meta (buffer, caps)->timestamp;
    fail_unless (captured + cases[i].age >= before && captured + cases[i].age <= after, "case %u", i);
    gst_buffer_unref (buffer);
    close_harness ();
  }
  gst_caps_unref (caps);
}

GST_END_TEST;

GST_START_TEST (test_rate_may_change_while_playing)
{
  GstCaps *caps;
  gint n, d;

  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  next_wait ();
  g_object_set (sampler (), "framerate", 50, 1, NULL);
  gst_harness_set_time (h, 50 * GST_MSECOND);
  push (2);
  expect (2, TRUE, 50 * GST_MSECOND);
  fail_unless_equals_uint64 (next_wait (), 80 * GST_MSECOND);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &n, &d));
  fail_unless_equals_int (n, 50);
  gst_caps_unref (caps);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_new_stream_after_eos_plays)
{
  GstEvent *event;
  GstEventType type;

  open_harness ("framesampler framerate=100/1");
  push (1);
  expect (1, TRUE, 0);
  gst_harness_push_event (h, gst_event_new_eos ());
  do {
    event = gst_harness_pull_event (h);
    fail_unless (event != NULL);
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (type != GST_EVENT_EOS);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, CAPS_AT ("0/1"));
  gst_harness_set_time (h, GST_SECOND);
  push (2);
  expect (2, TRUE, GST_SECOND);
  close_harness ();
}

GST_END_TEST;

/* ---- memory ---- */

static GstMemory *
memory_of_pulled (GstBuffer **buffer)
{
  *buffer = gst_harness_pull (h);
  return gst_buffer_peek_memory (*buffer, 0);
}

static int
make_file (guint8 shade)
{
  guint8 bytes[FRAME_BYTES];
  int fd = memfd_create ("frame", MFD_CLOEXEC);

  memset (bytes, shade, sizeof bytes);
  fail_unless_equals_int (write (fd, bytes, sizeof bytes), sizeof bytes);
  return fd;
}

GST_START_TEST (test_descriptor_memory_is_copied)
{
  GstAllocator *allocator = gst_fd_allocator_new ();
  GstBuffer *buffer = gst_buffer_new (), *out;
  int fd = make_file (5);

  open_harness ("framesampler framerate=100/1");
  gst_buffer_append_memory (buffer, gst_fd_allocator_alloc (allocator, fd, FRAME_BYTES, GST_FD_MEMORY_FLAG_NONE));
  gst_harness_push (h, buffer);
  fail_if (gst_is_fd_memory (memory_of_pulled (&out)));
  gst_buffer_unref (out);
  fail_unless (fcntl (fd, F_GETFD) < 0, "the producer's descriptor is still held");
  crank ();
  expect (5, FALSE, 15 * GST_MSECOND);
  gst_object_unref (allocator);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_wrapped_foreign_memory_is_copied_and_changes_to_it_are_not_seen)
{
  guint8 *foreign = g_malloc (FRAME_BYTES);

  open_harness ("framesampler framerate=100/1");
  memset (foreign, 6, FRAME_BYTES);
  gst_harness_push (
      h, gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, foreign, FRAME_BYTES, 0, FRAME_BYTES, NULL, NULL));
  memset (foreign, 0xff, FRAME_BYTES);
  g_free (foreign);
  expect (6, TRUE, 0);
  crank ();
  expect (6, FALSE, 15 * GST_MSECOND);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_memory_of_this_process_s_own_pools_is_not_copied)
{
  GstBufferPool *pool = gst_video_buffer_pool_new ();
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstCaps *caps = gst_caps_from_string (CAPS_AT ("0/1"));
  GstBuffer *in, *out;
  GstMemory *memory;

  open_harness ("framesampler framerate=100/1");
  gst_buffer_pool_config_set_params (config, caps, FRAME_BYTES, 0, 0);
  fail_unless (gst_buffer_pool_set_config (pool, config));
  fail_unless (gst_buffer_pool_set_active (pool, TRUE));
  fail_unless_equals_int (gst_buffer_pool_acquire_buffer (pool, &in, NULL), GST_FLOW_OK);
  memory = gst_buffer_peek_memory (in, 0);
  gst_harness_push (h, in);
  fail_unless (memory_of_pulled (&out) == memory);
  gst_buffer_unref (out);
  close_harness ();
  gst_buffer_pool_set_active (pool, FALSE);
  gst_object_unref (pool);
  gst_caps_unref (caps);
}

GST_END_TEST;

GST_START_TEST (test_dmabuf_descriptors_are_duplicated)
{
  GstAllocator *allocator = gst_dmabuf_allocator_new ();
  GstBuffer *buffer = gst_buffer_new (), *out;
  GstMemory *memory;
  struct stat before, after;
  int fd = make_file (8), twin;

  open_harness ("framesampler framerate=100/1");
  fstat (fd, &before);
  gst_buffer_append_memory (buffer, gst_dmabuf_allocator_alloc (allocator, fd, FRAME_BYTES));
  gst_harness_push (h, buffer);
  memory = memory_of_pulled (&out);
  fail_unless (gst_is_dmabuf_memory (memory));
  twin = gst_dmabuf_memory_get_fd (memory);
  fail_if (twin == fd);
  fail_unless_equals_int (fstat (twin, &after), 0);
  fail_unless (before.st_ino == after.st_ino);
  fail_unless (fcntl (fd, F_GETFD) < 0, "the producer's descriptor is still held");
  gst_buffer_unref (out);
  gst_object_unref (allocator);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_empty_and_corrupted_buffers_are_dropped)
{
  GstBuffer *corrupted = make_frame (1);

  open_harness ("framesampler framerate=100/1");
  GST_BUFFER_FLAG_SET (corrupted, GST_BUFFER_FLAG_CORRUPTED);
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new ()), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_push (h, corrupted), GST_FLOW_OK);
  push (2);
  expect (2, TRUE, 0);
  fail_unless_equals_uint64 (counter ("dropped"), 2);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_run_of_frames_of_another_size_is_an_error)
{
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  guint i;

  open_harness ("framesampler framerate=100/1");
  gst_element_set_bus (sampler (), bus);
  for (i = 0; i < 9; i++)
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_and_alloc (FRAME_BYTES / 2)), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_and_alloc (FRAME_BYTES / 2)), GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_unref (message);
  fail_unless_equals_uint64 (counter ("dropped"), 10);
  gst_element_set_bus (sampler (), NULL);
  gst_object_unref (bus);
  close_harness ();
}

GST_END_TEST;

/* ---- the rest of the graph ---- */

GST_START_TEST (test_element_is_live_without_latency_and_passes_key_frame_requests_up)
{
  GstEvent *event;
  gboolean found = FALSE;

  open_harness ("framesampler");
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 0);
  fail_unless (
      gst_harness_push_upstream_event (h, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 1)));
  while (!found && (event = gst_harness_try_pull_upstream_event (h))) {
    found = gst_video_event_is_force_key_unit (event);
    gst_event_unref (event);
  }
  fail_unless (found);
  close_harness ();
}

GST_END_TEST;

static void
run_to_eos (const gchar *launch)
{
  GstElement *pipeline = gst_parse_launch (launch, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_counted_pipelines_end_live_or_not)
{
  run_to_eos ("videotestsrc is-live=true num-buffers=5 ! framesampler ! fakesink");
  run_to_eos ("videotestsrc num-buffers=5 ! framesampler ! fakesink");
  run_to_eos ("videotestsrc num-buffers=5 ! framesampler ! fakesink sync=true");
}

GST_END_TEST;

GST_START_TEST (test_200_state_changes_do_not_deadlock)
{
  static const GstState states[] = { GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_READY,
    GST_STATE_PAUSED, GST_STATE_NULL };
  GstElement *pipeline = gst_parse_launch ("videotestsrc is-live=true ! framesampler framerate=240/1 ! fakesink", NULL);
  guint i;

  for (i = 0; i < 204; i++) {
    fail_unless (gst_element_set_state (pipeline, states[i % 6]) != GST_STATE_CHANGE_FAILURE);
    if (i % 3 == 0)
      g_usleep (2000);
  }
  gst_object_unref (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_graph_stops_while_everything_is_held)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc num-buffers=3 ! framesampler hold=true ! fakesink", NULL);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_usleep (20000);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (pipeline);
}

GST_END_TEST;

static Suite *
framesampler_suite (void)
{
  Suite *s = suite_create ("framesampler");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_fresh_frame_leaves_at_once_with_capture_time_and_the_negotiated_rate);
  tcase_add_test (tc, test_last_frame_is_repeated_on_the_grid_without_capture_time);
  tcase_add_test (tc, test_of_frames_that_come_too_fast_the_newest_leaves);
  tcase_add_test (tc, test_fresh_frame_ends_the_wait_for_a_repeat);
  tcase_add_test (tc, test_timestamps_rise_although_the_clock_stands_still);
  tcase_add_test (tc, test_hold_keeps_all_back_and_its_end_lets_the_newest_out);
  tcase_add_test (tc, test_picture_that_stands_still_goes_on_when_hold_ends);
  tcase_add_test (tc, test_eos_follows_the_last_frame);
  tcase_add_test (tc, test_changed_caps_go_out_before_the_first_frame_that_has_them);
  tcase_add_test (tc, test_flush_forgets_the_frame_and_starts_over);
  tcase_add_test (tc, test_capture_time_is_the_buffer_s_own_when_that_is_believable);
  tcase_add_test (tc, test_rate_may_change_while_playing);
  tcase_add_test (tc, test_new_stream_after_eos_plays);
  tcase_add_test (tc, test_descriptor_memory_is_copied);
  tcase_add_test (tc, test_wrapped_foreign_memory_is_copied_and_changes_to_it_are_not_seen);
  tcase_add_test (tc, test_memory_of_this_process_s_own_pools_is_not_copied);
  tcase_add_test (tc, test_dmabuf_descriptors_are_duplicated);
  tcase_add_test (tc, test_empty_and_corrupted_buffers_are_dropped);
  tcase_add_test (tc, test_run_of_frames_of_another_size_is_an_error);
  tcase_add_test (tc, test_element_is_live_without_latency_and_passes_key_frame_requests_up);
  tcase_add_test (tc, test_counted_pipelines_end_live_or_not);
  tcase_add_test (tc, test_200_state_changes_do_not_deadlock);
  tcase_add_test (tc, test_graph_stops_while_everything_is_held);
  return s;
}

GST_CHECK_MAIN (framesampler);
