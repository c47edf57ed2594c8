/*
 * test_moonlightsink.c: the sender over real loopback sockets. A GstHarness pushes, a plain socket receives.
 */
#include "loopback.h"
#include "startfault.h"

#include <fcntl.h>
#include <gst/check/gstharness.h>
#include <sched.h>
#include <stdlib.h>

#define CAPS_LIST "application/x-moonlight, media=(string)video, layout=(string)datagrams"
#define CAPS_FRAME "application/x-moonlight, media=(string)video, layout=(string)frame, datagram-size=(int)1040"
#define DATAGRAM 1040

static GstHarness *
new_sink (const gchar *caps, guint16 port)
{
  GstHarness *h = gst_harness_new ("moonlightsink");

  g_object_set (h->element, "port", (guint) port, NULL);
  gst_harness_set_src_caps_str (h, caps);
  gst_harness_play (h);
  return h;
}

/* The descriptor is read when the element starts, which a harness does as soon as it has it. */
static GstHarness *
new_sink_with_fd (int fd, guint16 port)
{
  GstElement *sink = gst_element_factory_make ("moonlightsink", NULL);
  GstHarness *h;

  g_object_set (sink, "fd", fd, "port", (guint) port, NULL);
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_object_unref (sink);
  gst_harness_set_src_caps_str (h, CAPS_LIST);
  gst_harness_play (h);
  return h;
}

static guint64
stat_of (GstElement *sink, const gchar *name)
{
  GstStructure *stats = NULL;
  guint64 value = 0;

  g_object_get (sink, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no %s in stats", name);
  gst_structure_free (stats);
  return value;
}

/* Waits until a figure reaches a value; its growth is what the test is about, so no clock is involved. */
static void
wait_for_stat (GstElement *sink, const gchar *name, guint64 value)
{
  for (guint i = 0; i < 10000; i++) {
    if (stat_of (sink, name) >= value)
      return;
    g_usleep (1000);
  }
  fail ("%s stays at %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT, name, stat_of (sink, name), value);
}

/* n datagrams, numbered from `first`, one buffer each. */
static GstBufferList *
make_list (guint first, guint n)
{
  GstBufferList *list = gst_buffer_list_new ();

  for (guint i = 0; i < n; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, DATAGRAM, NULL);
    guint8 data[DATAGRAM];
    loopback_fill (data, DATAGRAM, first + i);
    gst_buffer_fill (buffer, 0, data, DATAGRAM);
    gst_buffer_list_add (list, buffer);
  }
  return list;
}

/* The same datagrams back to back in one buffer. */
static GstBuffer *
make_frame (guint first, guint n)
{
  guint8 *data = g_malloc (n * DATAGRAM);

  for (guint i = 0; i < n; i++)
    loopback_fill (data + i * DATAGRAM, DATAGRAM, first + i);
  return gst_buffer_new_wrapped (data, n * DATAGRAM);
}

static GstFlowReturn
push_list (GstHarness *h, guint first, guint n)
{
  return gst_pad_push_list (h->srcpad, make_list (first, n));
}

static void
expect_run (int fd, guint first, guint n)
{
  for (guint i = 0; i < n; i++)
    loopback_expect (fd, DATAGRAM, first + i);
}

GST_START_TEST (test_sink_layouts_give_the_same_datagrams_in_order)
{
  static const gchar *const pacings[] = { "auto", "rate", "spread", "kernel", "none" };

  for (guint p = 0; p < G_N_ELEMENTS (pacings); p++) {
    guint16 port;
    int fd = loopback_open (AF_INET, &port);
    GstHarness *lists = new_sink (CAPS_LIST, port);
    GstHarness *frames = new_sink (CAPS_FRAME, port);

    gst_util_set_object_arg (G_OBJECT (lists->element), "pacing", pacings[p]);
    gst_util_set_object_arg (G_OBJECT (frames->element), "pacing", pacings[p]);
    for (guint f = 0; f < 5; f++) {
      guint n = 1 + f * 60;
      fail_unless_equals_int (push_list (lists, f, n), GST_FLOW_OK);
      expect_run (fd, f, n);
      fail_unless_equals_int (gst_harness_push (frames, make_frame (f, n)), GST_FLOW_OK);
      expect_run (fd, f, n);
    }
    fail_unless_equals_uint64 (stat_of (lists->element, "bursts"), 5);
    gst_harness_teardown (lists);
    gst_harness_teardown (frames);
    close (fd);
  }
}

GST_END_TEST;

/* Loopback ignores departure times, so this needs no fq. */
GST_START_TEST (test_sink_kernel_pacing_gives_a_frame_in_one_call)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (CAPS_FRAME, port);

  gst_util_set_object_arg (G_OBJECT (h->element), "pacing", "kernel");
  for (guint f = 0; f < 10; f++) {
    fail_unless_equals_int (gst_harness_push (h, make_frame (f, 51)), GST_FLOW_OK);
    expect_run (fd, f, 51);
  }
  wait_for_stat (h->element, "datagrams", 510);
  fail_unless_equals_uint64 (stat_of (h->element, "send-calls"), 10);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_single_buffer_is_one_datagram)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (CAPS_LIST, port);
  guint8 data[33];

  loopback_fill (data, sizeof (data), 3);
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_memdup (data, sizeof (data))), GST_FLOW_OK);
  loopback_expect (fd, sizeof (data), 3);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_prefers_frame_layout_and_refuses_it_without_a_size)
{
  GstHarness *h = gst_harness_new ("moonlightsink");
  GstPad *pad = gst_element_get_static_pad (h->element, "sink");
  GstCaps *caps = gst_pad_query_caps (pad, NULL);
  GstCaps *bare = gst_caps_from_string ("application/x-moonlight, media=(string)video, layout=(string)frame");

  fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure (caps, 0), "layout"), "frame");
  fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure (caps, 1), "layout"), "datagrams");
  gst_harness_play (h);
  fail_unless (!gst_pad_send_event (pad, gst_event_new_caps (bare)));
  gst_caps_unref (bare);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_sink_defaults_are_those_of_a_live_sender)
{
  GstElement *sink = gst_element_factory_make ("moonlightsink", NULL);
  gboolean sync = TRUE, last_sample = TRUE, is_async = TRUE;

  g_object_get (sink, "sync", &sync, "enable-last-sample", &last_sample, "async", &is_async, NULL);
  fail_unless (!sync && !last_sample && !is_async);
  gst_object_unref (sink);
}

GST_END_TEST;

GST_START_TEST (test_sink_sends_to_ipv6_loopback)
{
  guint16 port;
  int fd = loopback_open (AF_INET6, &port);
  GstHarness *h = new_sink (CAPS_FRAME, port);

  g_object_set (h->element, "host", "::1", NULL);
  fail_unless_equals_int (gst_harness_push (h, make_frame (0, 100)), GST_FLOW_OK);
  expect_run (fd, 0, 100);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

/* A sink whose thread is busy for long: one datagram a group, and a rate that makes each wait. */
static GstHarness *
new_slow_sink (guint16 port)
{
  GstHarness *h = gst_harness_new ("moonlightsink");

  g_object_set (h->element, "port", (guint) port, "link-kbps", 1, NULL);
  gst_harness_set_src_caps_str (h, CAPS_LIST);
  gst_harness_play (h);
  return h;
}

static guint64
dropped_in_message (GstBus *bus, GstClockTime timeout)
{
  GstMessage *message = gst_bus_timed_pop_filtered (bus, timeout, GST_MESSAGE_ELEMENT);
  guint64 bursts = 0;

  if (message == NULL)
    return 0;
  fail_unless (gst_message_has_name (message, "moonlight-frame-dropped"));
  fail_unless (gst_structure_get_uint64 (gst_message_get_structure (message), "bursts", &bursts));
  gst_message_unref (message);
  return bursts;
}

GST_START_TEST (test_sink_full_queue_drops_newest_whole_and_says_so)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_slow_sink (port);
  GstBus *bus = gst_bus_new ();
  guint64 told = 0, dropped;
  gint last = -10;

  gst_element_set_bus (h->element, bus);
  for (guint f = 0; f < 30; f++)
    fail_unless_equals_int (push_list (h, f * 10, 10), GST_FLOW_OK);
  dropped = stat_of (h->element, "queue-full");
  fail_unless (dropped >= 27, "%" G_GUINT64_FORMAT, dropped);
  fail_unless_equals_uint64 (stat_of (h->element, "bursts-dropped"), dropped);
  /* Every drop is told in the end, the later ones together and not at once. */
  told = dropped_in_message (bus, 10 * GST_SECOND);
  fail_unless (told >= 1 && told < dropped, "first message tells of %" G_GUINT64_FORMAT, told);
  while (told < dropped) {
    guint64 more = dropped_in_message (bus, 10 * GST_SECOND);
    fail_unless (more > 0, "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " drops told", told, dropped);
    told += more;
  }
  /* What was accepted comes whole and in order: the first two bursts, then whichever found room. */
  for (guint burst = 0; burst < 30 - (guint) dropped; burst++) {
    guint8 data[2000];
    gint first;

    fail_unless_equals_uint64 (loopback_receive (fd, data, sizeof (data)), DATAGRAM);
    first = (gint) GST_READ_UINT32_BE (data);
    fail_unless (first % 10 == 0 && first > last && (burst >= 2 || first == last + 10), "%d after %d", first, last);
    expect_run (fd, (guint) first + 1, 9);
    last = first;
  }
  gst_harness_teardown (h);
  fail_unless (loopback_is_empty (fd));
  gst_object_unref (bus);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_eos_is_posted_after_the_queue_is_sent)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_slow_sink (port);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;

  gst_element_set_bus (h->element, bus);
  push_list (h, 0, 10);
  wait_for_stat (h->element, "bursts", 1);
  push_list (h, 10, 10);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  /* pushing the event returned, so it has been drained */
  fail_unless_equals_uint64 (stat_of (h->element, "datagrams"), 20);
  message = gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND, GST_MESSAGE_EOS);
  fail_unless (message != NULL);
  gst_message_unref (message);
  expect_run (fd, 0, 20);
  gst_harness_teardown (h);
  gst_object_unref (bus);
  close (fd);
}

GST_END_TEST;

static gpointer
push_eos (gpointer data)
{
  gst_harness_push_event (data, gst_event_new_eos ());
  return NULL;
}

/* Flush, pause and stop at many moments of a drain; the test is that it ends. */
GST_START_TEST (test_sink_drain_ends_with_flush_pause_and_stop)
{
  for (guint i = 0; i < 60; i++) {
    guint16 port;
    int fd = loopback_open (AF_INET, &port);
    GstHarness *h = new_slow_sink (port);
    GThread *thread;

    push_list (h, 0, 30);
    push_list (h, 30, 30);
    thread = g_thread_new ("eos", push_eos, h);
    g_usleep (i * 50);
    if (i % 3 == 0) {
      gst_pad_push_event (h->srcpad, gst_event_new_flush_start ());
      gst_pad_push_event (h->srcpad, gst_event_new_flush_stop (TRUE));
    } else if (i % 3 == 1) {
      gst_element_set_state (h->element, GST_STATE_PAUSED);
      gst_element_set_state (h->element, GST_STATE_PLAYING);
    } else {
      gst_element_set_state (h->element, GST_STATE_READY);
    }
    g_thread_join (thread);
    gst_harness_teardown (h);
    close (fd);
  }
}

GST_END_TEST;

GST_START_TEST (test_sink_flush_abandons_queue_and_goes_on)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_slow_sink (port);
  guint8 data[2000];

  push_list (h, 0, 60);
  push_list (h, 60, 60);
  gst_pad_push_event (h->srcpad, gst_event_new_flush_start ());
  gst_pad_push_event (h->srcpad, gst_event_new_flush_stop (TRUE));
  g_object_set (h->element, "link-kbps", 800000, NULL);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, CAPS_LIST);
  fail_unless_equals_int (push_list (h, 5000, 1), GST_FLOW_OK);
  /* Whatever of the first burst had left before the flush, then the new one and nothing of the second. */
  for (;;) {
    fail_unless_equals_uint64 (loopback_receive (fd, data, sizeof (data)), DATAGRAM);
    guint32 index = GST_READ_UINT32_BE (data);
    if (index == 5000)
      break;
    fail_unless (index < 60, "datagram %u of a flushed burst", index);
  }
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

typedef struct
{
  GstHarness *harness;
  gint stop; /* atomic */
} Pusher;

static gpointer
push_until_stopped (gpointer data)
{
  Pusher *pusher = data;

  for (guint f = 0; !g_atomic_int_get (&pusher->stop); f++) {
    push_list (pusher->harness, f, 40);
    g_usleep (200);
  }
  return NULL;
}

GST_START_TEST (test_sink_state_changes_while_streaming_never_hang)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  Pusher pusher = { .harness = new_sink (CAPS_LIST, port) };
  GThread *thread;

  /* A pad that was closed and opened between the pusher's look at it and its call has forgotten the events. */
  gst_check_add_log_filter ("GStreamer", G_LOG_LEVEL_WARNING,
      g_regex_new ("Got data flow before (stream-start|segment) event", 0, 0, NULL), NULL, NULL, NULL);
  thread = g_thread_new ("push", push_until_stopped, &pusher);
  for (guint i = 0; i < 300; i++) {
    static const GstState states[] = { GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED };
    gst_element_set_state (pusher.harness->element, states[i % 3]);
    if (i % 4 == 0)
      g_usleep (i * 10);
    gst_element_set_state (pusher.harness->element, GST_STATE_PLAYING);
    if (i % 5 == 0)
      g_usleep (i * 10);
  }
  g_atomic_int_set (&pusher.stop, 1);
  gst_element_set_state (pusher.harness->element, GST_STATE_NULL);
  g_thread_join (thread);
  gst_harness_teardown (pusher.harness);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_endpoint_moves_while_playing)
{
  guint16 port[2];
  int fds[2] = { loopback_open (AF_INET, &port[0]), loopback_open (AF_INET6, &port[1]) };
  GstHarness *h = new_sink (CAPS_FRAME, port[0]);

  for (guint i = 0; i < 20; i++) {
    g_object_set (h->element, "host", i % 2 ? "::1" : "127.0.0.1", "port", (guint) port[i % 2], NULL);
    fail_unless_equals_int (gst_harness_push (h, make_frame (i, 50)), GST_FLOW_OK);
    expect_run (fds[i % 2], i, 50);
  }
  fail_unless (loopback_is_empty (fds[0]) && loopback_is_empty (fds[1]));
  gst_harness_teardown (h);
  close (fds[0]);
  close (fds[1]);
}

GST_END_TEST;

/* The only processor a thread of that name may run on; -1 when there are more, or no such thread. */
static int
only_processor_of (const gchar *name)
{
  GDir *tasks = g_dir_open ("/proc/self/task", 0, NULL);
  const gchar *id;
  int only = -1;

  while ((id = g_dir_read_name (tasks)) != NULL) {
    gchar *path = g_build_filename ("/proc/self/task", id, "comm", NULL), *comm = NULL;
    cpu_set_t allowed;

    if (g_file_get_contents (path, &comm, NULL, NULL) && g_str_equal (g_strchomp (comm), name)
        && sched_getaffinity (atoi (id), sizeof (allowed), &allowed) == 0 && CPU_COUNT (&allowed) == 1) {
      for (only = 0; !CPU_ISSET (only, &allowed);)
        only++;
    }
    g_free (comm);
    g_free (path);
  }
  g_dir_close (tasks);
  return only;
}

/* Sends a frame from the processor, and further ones while the thread had not waited for one, or has no priority yet. */
static gboolean
is_followed_to (GstHarness *h, int fd, int cpu)
{
  cpu_set_t only;

  CPU_ZERO (&only);
  CPU_SET (cpu, &only);
  fail_unless (sched_setaffinity (0, sizeof (only), &only) == 0);
  for (guint tries = 0; tries < 50; tries++) {
    fail_unless_equals_int (gst_harness_push (h, make_frame (0, 3)), GST_FLOW_OK);
    expect_run (fd, 0, 3);
    if (only_processor_of ("moonlightsink") == cpu)
      return TRUE;
    g_usleep (20000);
  }
  return FALSE;
}

static gboolean
is_realtime (GstHarness *h)
{
  GstStructure *stats = NULL;
  gboolean is_granted = FALSE;

  g_object_get (h->element, "stats", &stats, NULL);
  gst_structure_get_boolean (stats, "realtime", &is_granted);
  gst_structure_free (stats);
  return is_granted;
}

GST_START_TEST (test_sink_realtime_thread_follows_the_processor_of_the_pusher)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (CAPS_FRAME, port);
  cpu_set_t allowed;

  fail_unless (sched_getaffinity (0, sizeof (allowed), &allowed) == 0);
  for (int cpu = 0; cpu < 4; cpu++) {
    /* Without priority it stays free to run anywhere. */
    if (CPU_ISSET (cpu, &allowed) && CPU_COUNT (&allowed) > 1)
      fail_unless (is_followed_to (h, fd, cpu) == is_realtime (h), "processor %d", cpu);
  }
  sched_setaffinity (0, sizeof (allowed), &allowed);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_without_endpoint_counts_and_goes_on)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (CAPS_FRAME, 0);

  gst_harness_push (h, make_frame (0, 10));
  wait_for_stat (h->element, "no-endpoint", 10);
  g_object_set (h->element, "host", "not-an-address", "port", (guint) port, NULL);
  gst_harness_push (h, make_frame (0, 10));
  wait_for_stat (h->element, "no-endpoint", 20);
  g_object_set (h->element, "host", "127.0.0.1", NULL);
  gst_harness_push (h, make_frame (7, 10));
  expect_run (fd, 7, 10);
  fail_unless_equals_uint64 (stat_of (h->element, "no-endpoint"), 20);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_bad_addresses_do_not_start)
{
  static const gchar *const names[] = { "host", "source-address" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstElement *sink = gst_element_factory_make ("moonlightsink", NULL);

    g_object_set (sink, names[i], "banana", NULL);
    assert_does_not_start (sink, names[i]);
  }
}

GST_END_TEST;

GST_START_TEST (test_sink_bad_host_while_playing_warns_once_and_keeps_the_endpoint)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (CAPS_FRAME, port);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *warning = NULL;

  gst_element_set_bus (h->element, bus);
  g_object_set (h->element, "host", "banana", NULL);
  g_object_set (h->element, "host", "", NULL);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &warning, NULL);
  fail_unless (g_error_matches (warning, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
  fail_unless (strstr (warning->message, "banana") != NULL, "%s", warning->message);
  g_clear_error (&warning);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  fail_unless_equals_int (gst_harness_push (h, make_frame (4, 10)), GST_FLOW_OK);
  expect_run (fd, 4, 10);
  /* port 0 ends it all the same */
  g_object_set (h->element, "port", 0, NULL);
  fail_unless_equals_int (gst_harness_push (h, make_frame (5, 10)), GST_FLOW_OK);
  wait_for_stat (h->element, "no-endpoint", 10);
  fail_unless (loopback_is_empty (fd));
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_stats_begin_with_each_stream)
{
  GstHarness *h = new_sink (CAPS_FRAME, 0);

  gst_harness_push (h, make_frame (0, 10));
  wait_for_stat (h->element, "no-endpoint", 10);
  gst_element_set_state (h->element, GST_STATE_READY);
  fail_unless_equals_uint64 (stat_of (h->element, "no-endpoint"), 10);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  fail_unless_equals_uint64 (stat_of (h->element, "no-endpoint"), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_sink_refused_is_counted_and_not_fatal)
{
  guint16 port;
  int on = 1;
  int fd = loopback_open (AF_INET, &port);
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  GstHarness *h;

  /* Only with this does an unconnected socket hear of closed ports at all. */
  fail_unless (setsockopt (send_fd, IPPROTO_IP, IP_RECVERR, &on, sizeof (on)) == 0);
  h = new_sink_with_fd (send_fd, loopback_closed_port ());
  push_list (h, 0, 1);
  wait_for_stat (h->element, "datagrams", 1);
  g_object_set (h->element, "port", (guint) port, NULL);
  fail_unless_equals_int (push_list (h, 9, 5), GST_FLOW_OK);
  expect_run (fd, 9, 5);
  fail_unless_equals_uint64 (stat_of (h->element, "refused"), 1);
  gst_harness_teardown (h);
  close (send_fd);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_given_descriptor_stays_open_and_is_the_source)
{
  guint16 port, send_port;
  int fd = loopback_open (AF_INET, &port);
  int send_fd = loopback_open (AF_INET, &send_port);
  GstHarness *h;
  struct sockaddr_in from;
  socklen_t len = sizeof (from);
  guint8 data[2000];

  h = new_sink_with_fd (send_fd, port);
  push_list (h, 0, 1);
  fail_unless_equals_int (recvfrom (fd, data, sizeof (data), 0, (struct sockaddr *) &from, &len), DATAGRAM);
  fail_unless_equals_int (ntohs (from.sin_port), send_port);
  gst_harness_teardown (h);
  fail_unless (fcntl (send_fd, F_GETFD) >= 0);
  fail_unless_equals_int (fcntl (send_fd, F_GETFL) & O_NONBLOCK, 0);
  close (send_fd);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_refuses_a_descriptor_that_is_no_udp_socket)
{
  GstElement *sink = gst_element_factory_make ("moonlightsink", NULL);
  int null_fd = open ("/dev/null", O_RDWR);

  g_object_set (sink, "fd", null_fd, NULL);
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  g_object_set (sink, "fd", 9999, NULL);
  fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_object_unref (sink);
  close (null_fd);
}

GST_END_TEST;

/* Sends 400 datagrams through the loss knob and returns which arrived. */
static void
lose (guint seed, gboolean *arrived)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = gst_harness_new ("moonlightsink");
  guint8 data[2000];
  guint64 expected;

  g_object_set (h->element, "port", (guint) port, "drop-percent", 10.0, "drop-seed", seed, NULL);
  gst_harness_set_src_caps_str (h, CAPS_FRAME);
  gst_harness_play (h);
  gst_harness_push (h, make_frame (0, 200));
  gst_harness_push (h, make_frame (200, 200));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  expected = stat_of (h->element, "datagrams");
  fail_unless_equals_uint64 (expected + stat_of (h->element, "drops-injected"), 400);
  memset (arrived, 0, 400 * sizeof (gboolean));
  while (expected-- > 0) {
    fail_unless_equals_uint64 (loopback_receive (fd, data, sizeof (data)), DATAGRAM);
    guint32 index = GST_READ_UINT32_BE (data);
    fail_unless (index < 400);
    arrived[index] = TRUE;
  }
  gst_harness_teardown (h);
  close (fd);
}

GST_START_TEST (test_sink_loss_is_the_same_for_the_same_seed)
{
  gboolean first[400], second[400], other[400];
  guint lost = 0;

  lose (42, first);
  lose (42, second);
  lose (43, other);
  fail_unless (memcmp (first, second, sizeof (first)) == 0);
  fail_unless (memcmp (first, other, sizeof (first)) != 0);
  for (guint i = 0; i < 400; i++)
    lost += !first[i];
  fail_unless (lost >= 20 && lost <= 60, "%u of 400 lost", lost);
}

GST_END_TEST;

GST_START_TEST (test_sink_stream_above_the_link_warns_once_naming_the_setting)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (CAPS_LIST, port);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *warning = NULL;

  gst_element_set_bus (h->element, bus);
  g_object_set (h->element, "link-kbps", 1000, "max-bursts", 64, NULL);
  for (guint f = 0; f < 60; f++) {
    GstBufferList *list = make_list (0, 20);
    GST_BUFFER_PTS (gst_buffer_list_get (list, 0)) = f * 2 * GST_MSECOND;
    fail_unless_equals_int (gst_pad_push_list (h->srcpad, list), GST_FLOW_OK);
  }
  message = gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &warning, NULL);
  fail_unless (strstr (warning->message, "link-kbps") != NULL, "%s", warning->message);
  g_clear_error (&warning);
  gst_message_unref (message);
  wait_for_stat (h->element, "bursts", 60);
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_harness_teardown (h);
  gst_object_unref (bus);
  close (fd);
}

GST_END_TEST;

typedef struct
{
  GstHarness *harness;
  GstBuffer *buffer;
} PushOne;

static gpointer
push_one (gpointer data)
{
  PushOne *push = data;

  gst_harness_push (push->harness, push->buffer);
  return NULL;
}

GST_START_TEST (test_sink_honours_sync_when_asked)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = gst_harness_new ("moonlightsink");
  GstBuffer *buffer = make_frame (1, 1);
  GThread *thread;

  g_object_set (h->element, "port", (guint) port, "sync", TRUE, NULL);
  gst_harness_use_testclock (h);
  gst_harness_set_src_caps_str (h, CAPS_FRAME);
  gst_harness_play (h);
  GST_BUFFER_PTS (buffer) = 5 * GST_SECOND;
  gst_harness_set_time (h, 0);
  thread = g_thread_new ("push", push_one, &(PushOne) { h, buffer });
  /* The sink waits on the clock: had it not, the datagram would be there and the wait would never be seen. */
  fail_unless (gst_harness_wait_for_clock_id_waits (h, 1, 10));
  fail_unless (loopback_is_empty (fd));
  fail_unless (gst_harness_crank_single_clock_wait (h));
  g_thread_join (thread);
  loopback_expect (fd, DATAGRAM, 1);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

static Suite *
moonlightsink_suite (void)
{
  Suite *suite = suite_create ("moonlightsink");
  TCase *tc = tcase_create ("moonlightsink");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_sink_layouts_give_the_same_datagrams_in_order);
  tcase_add_test (tc, test_sink_kernel_pacing_gives_a_frame_in_one_call);
  tcase_add_test (tc, test_sink_single_buffer_is_one_datagram);
  tcase_add_test (tc, test_sink_prefers_frame_layout_and_refuses_it_without_a_size);
  tcase_add_test (tc, test_sink_defaults_are_those_of_a_live_sender);
  tcase_add_test (tc, test_sink_sends_to_ipv6_loopback);
  tcase_add_test (tc, test_sink_full_queue_drops_newest_whole_and_says_so);
  tcase_add_test (tc, test_sink_eos_is_posted_after_the_queue_is_sent);
  tcase_add_test (tc, test_sink_drain_ends_with_flush_pause_and_stop);
  tcase_add_test (tc, test_sink_flush_abandons_queue_and_goes_on);
  tcase_add_test (tc, test_sink_state_changes_while_streaming_never_hang);
  tcase_add_test (tc, test_sink_endpoint_moves_while_playing);
  tcase_add_test (tc, test_sink_realtime_thread_follows_the_processor_of_the_pusher);
  tcase_add_test (tc, test_sink_without_endpoint_counts_and_goes_on);
  tcase_add_test (tc, test_sink_bad_addresses_do_not_start);
  tcase_add_test (tc, test_sink_bad_host_while_playing_warns_once_and_keeps_the_endpoint);
  tcase_add_test (tc, test_sink_stats_begin_with_each_stream);
  tcase_add_test (tc, test_sink_refused_is_counted_and_not_fatal);
  tcase_add_test (tc, test_sink_given_descriptor_stays_open_and_is_the_source);
  tcase_add_test (tc, test_sink_refuses_a_descriptor_that_is_no_udp_socket);
  tcase_add_test (tc, test_sink_loss_is_the_same_for_the_same_seed);
  tcase_add_test (tc, test_sink_stream_above_the_link_warns_once_naming_the_setting);
  tcase_add_test (tc, test_sink_honours_sync_when_asked);
  return suite;
}

GST_CHECK_MAIN (moonlightsink);
