/*
 * test_anymoment.c: state changes, flushes and ends, a thousand at random moments: none may hang or break an element.
 */
#include "wirefixture.h"

#include "loopback.h"
#include "shardmaker.h"

#define H264 "video/x-h264,stream-format=byte-stream,alignment=au"
#define ACTIONS 1000

static const GstState states[] = { GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING };

typedef struct
{
  GstPad *pad;    /* what is pushed through, for the payloader */
  GMutex feeding; /* held over a segment and what follows it, which no flush may part */
  gint port;      /* atomic: where datagrams go, for the source */
  gint stop;      /* atomic */
  gint end;       /* atomic: an EOS is wanted */
} Feeder;

static void
begin_stream (GstPad *pad)
{
  GstCaps *caps = gst_caps_from_string (H264);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_event_new_stream_start ("random"));
  gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
}

static gpointer
feed_pay (gpointer data)
{
  Feeder *feeder = data;

  while (!g_atomic_int_get (&feeder->stop)) {
    guint8 *unit;

    g_mutex_lock (&feeder->feeding);
    begin_stream (feeder->pad);
    for (guint i = 0; i < 5; i++) {
      unit = wire_access_unit (WIRE_P_HEAD, 3000);
      gst_pad_push (feeder->pad, gst_buffer_new_wrapped (unit, 3000));
    }
    if (g_atomic_int_compare_and_exchange (&feeder->end, 1, 0))
      gst_pad_push_event (feeder->pad, gst_event_new_eos ());
    g_mutex_unlock (&feeder->feeding);
    g_usleep (100);
  }
  return NULL;
}

GST_START_TEST (test_pay_and_sink_survive_a_thousand_random_actions)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstElement *bin = gst_parse_bin_from_description ("moonlightpay ! moonlightsink name=sink", TRUE, NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (bin), "sink");
  GstPad *into = gst_element_get_static_pad (bin, "sink");
  Feeder feeder = { .pad = gst_pad_new ("src", GST_PAD_SRC) };
  GRand *rand = g_rand_new_with_seed (42);
  GThread *thread;

  gst_object_ref_sink (bin);
  gst_object_ref_sink (feeder.pad);
  g_object_set (sink, "port", (guint) port, NULL);
  gst_pad_set_active (feeder.pad, TRUE);
  fail_unless_equals_int (gst_pad_link (feeder.pad, into), GST_PAD_LINK_OK);
  thread = g_thread_new ("feed", feed_pay, &feeder);
  for (guint i = 0; i < ACTIONS; i++) {
    switch (g_rand_int_range (rand, 0, 4)) {
      case 0:
        gst_pad_push_event (feeder.pad, gst_event_new_flush_start ());
        g_mutex_lock (&feeder.feeding);
        gst_pad_push_event (feeder.pad, gst_event_new_flush_stop (TRUE));
        g_mutex_unlock (&feeder.feeding);
        break;
      case 1:
        g_atomic_int_set (&feeder.end, 1);
        break;
      default:
        fail_unless (gst_element_set_state (bin, states[g_rand_int_range (rand, 0, 4)]) != GST_STATE_CHANGE_FAILURE);
        break;
    }
    if (i % 4 == 0)
      g_usleep ((gulong) g_rand_int_range (rand, 0, 1500));
  }
  g_atomic_int_set (&feeder.stop, 1);
  fail_unless_equals_int (gst_element_set_state (bin, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  g_thread_join (thread);
  gst_pad_set_active (feeder.pad, FALSE);
  gst_object_unref (feeder.pad);
  gst_object_unref (into);
  gst_object_unref (sink);
  gst_object_unref (bin);
  g_rand_free (rand);
  close (fd);
}

GST_END_TEST;

static gpointer
feed_src (gpointer data)
{
  Feeder *feeder = data;
  ShardMaker maker = SHARD_MAKER_INIT;
  guint16 port;
  int fd = loopback_open (AF_INET, &port);

  while (!g_atomic_int_get (&feeder->stop)) {
    ShardedFrame *frame = shard_maker_frame (&maker, 5000, maker.frame_index % 8 == 1);
    struct sockaddr_in to = { .sin_family = AF_INET,
      .sin_port = htons ((guint16) g_atomic_int_get (&feeder->port)),
      .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };

    for (guint i = 0; to.sin_port != 0 && i < frame->plan.total_packets; i++)
      sendto (fd, frame->shards[i], frame->shard_bytes, 0, (struct sockaddr *) &to, sizeof to);
    sharded_frame_free (frame);
    g_usleep (200);
  }
  close (fd);
  return NULL;
}

/*
 * One random thing that can happen to a live graph. Ends and flushes come while it plays: in PAUSED they would wait for a sink
 * that waits for PLAYING, which the one who calls is to give it.
 */
static void
act_on_graph (GstElement *pipeline, GstElement *source, GRand *rand)
{
  gint action = g_rand_int_range (rand, 0, 5);

  if (action > 1) {
    fail_unless (gst_element_set_state (pipeline, states[g_rand_int_range (rand, 0, 4)]) != GST_STATE_CHANGE_FAILURE);
    return;
  }
  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  if (action == 0) {
    gst_element_send_event (source, gst_event_new_flush_start ());
    gst_element_send_event (source, gst_event_new_flush_stop (TRUE));
  } else {
    gst_element_send_event (source, gst_event_new_eos ());
  }
}

GST_START_TEST (test_src_and_depay_survive_a_thousand_random_actions)
{
  GstElement *pipeline =
      gst_parse_launch ("moonlightsrc name=src address=127.0.0.1 ! moonlightdepay ! fakesink async=false", NULL);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  Feeder feeder = { 0 };
  GRand *rand = g_rand_new_with_seed (43);
  GThread *thread = g_thread_new ("feed", feed_src, &feeder);

  for (guint i = 0; i < ACTIONS; i++) {
    guint port = 0;

    act_on_graph (pipeline, src, rand);
    g_object_get (src, "port", &port, NULL);
    g_atomic_int_set (&feeder.port, (gint) port);
    if (i % 4 == 0)
      g_usleep ((gulong) g_rand_int_range (rand, 0, 1500));
  }
  g_atomic_int_set (&feeder.stop, 1);
  g_thread_join (thread);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (src);
  gst_object_unref (pipeline);
  g_rand_free (rand);
}

GST_END_TEST;

GST_START_TEST (test_framesampler_survives_a_thousand_random_actions)
{
  GstElement *pipeline = gst_parse_launch ("videotestsrc name=src is-live=true ! "
                                           "video/x-raw,format=I420,width=32,height=32,framerate=500/1 ! "
                                           "framesampler name=sampler framerate=240/1 ! fakesink async=false",
      NULL);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GstElement *sampler = gst_bin_get_by_name (GST_BIN (pipeline), "sampler");
  GRand *rand = g_rand_new_with_seed (44);

  for (guint i = 0; i < ACTIONS; i++) {
    act_on_graph (pipeline, src, rand);
    if (i % 3 == 0)
      g_object_set (sampler, "hold", g_rand_boolean (rand), NULL);
    if (i % 4 == 0)
      g_usleep ((gulong) g_rand_int_range (rand, 0, 1500));
  }
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (src);
  gst_object_unref (sampler);
  gst_object_unref (pipeline);
  g_rand_free (rand);
}

GST_END_TEST;

static Suite *
anymoment_suite (void)
{
  Suite *s = suite_create ("anymoment");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pay_and_sink_survive_a_thousand_random_actions);
  tcase_add_test (tc, test_src_and_depay_survive_a_thousand_random_actions);
  tcase_add_test (tc, test_framesampler_survives_a_thousand_random_actions);
  return s;
}

GST_CHECK_MAIN (anymoment);
