/*
 * sampler.c: the real framesampler on the real clock: how long a fresh frame stays in it, and how even its rate is.
 *
 *   sampler SOURCE_FPS FPS JITTER_US SECONDS
 *
 * The source pushes at absolute times, give or take the jitter; each frame carries the moment at which it was pushed.
 * Prints one line of JSON. A lateness of the source itself is not counted against the sampler. Runs with real-time
 * priority where it may, so that other work on the machine is not what is measured: `realtime` says whether it did.
 */
#include <gst/gst.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define FRAME_CAPS "video/x-raw,format=GRAY8,width=64,height=64,framerate=0/1"
#define FRAME_BYTES (64 * 64)
#define CAPTURE_CAPS "timestamp/x-lumen-capture"
#define MAX_FRAMES (1 << 20)
#define PRIORITY 50

typedef struct
{
  GstCaps *capture_caps;
  guint64 *latency_ns; /* of fresh frames */
  guint fresh, out;
  guint64 first_ns, last_ns;
} Receiver;

static Receiver receiver;

static GstFlowReturn
on_frame (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  guint64 now = measure_now_ns (), pushed = 0;

  if (receiver.out++ == 0)
    receiver.first_ns = now;
  receiver.last_ns = now;
  if (gst_buffer_get_reference_timestamp_meta (buffer, receiver.capture_caps) && receiver.fresh < MAX_FRAMES) {
    gst_buffer_extract (buffer, 0, &pushed, sizeof pushed);
    receiver.latency_ns[receiver.fresh++] = now - pushed;
  }
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static gboolean
on_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  gst_event_unref (event);
  return TRUE;
}

static gboolean
on_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  return gst_pad_query_default (pad, parent, query);
}

/* The same sequence each time: -1 to 1. */
static gdouble
unit_noise (guint i)
{
  guint32 x = i * 2654435761u + 12345u;

  x ^= x >> 16;
  x *= 2246822519u;
  x ^= x >> 13;
  return (gdouble) (x % 20001) / 10000.0 - 1.0;
}

static void
push_frames (GstPad *pad, gdouble interval_ns, gdouble jitter_ns, guint count)
{
  guint64 start = measure_now_ns () + 20 * GST_MSECOND, stamp;
  guint i;

  for (i = 0; i < count; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, FRAME_BYTES, NULL);

    gst_buffer_memset (buffer, 0, 0, FRAME_BYTES);
    measure_sleep_until_ns (start + (guint64) (i * interval_ns + jitter_ns * unit_noise (i)));
    stamp = measure_now_ns ();
    gst_buffer_fill (buffer, 0, &stamp, sizeof stamp);
    gst_pad_push (pad, buffer);
  }
}

static GstPad *
open_source (GstElement *sampler)
{
  GstPad *pad = gst_pad_new ("src", GST_PAD_SRC), *peer = gst_element_get_static_pad (sampler, "sink");
  GstCaps *caps = gst_caps_from_string (FRAME_CAPS);
  GstSegment segment;

  gst_pad_link (pad, peer);
  gst_object_unref (peer);
  gst_pad_set_active (pad, TRUE);
  gst_pad_push_event (pad, gst_event_new_stream_start ("bench"));
  gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
  return pad;
}

static GstPad *
open_sink (GstElement *sampler)
{
  GstPad *pad = gst_pad_new ("sink", GST_PAD_SINK), *peer = gst_element_get_static_pad (sampler, "src");

  gst_pad_set_chain_function (pad, on_frame);
  gst_pad_set_event_function (pad, on_event);
  gst_pad_set_query_function (pad, on_query);
  gst_pad_set_active (pad, TRUE);
  gst_pad_link (peer, pad);
  gst_object_unref (peer);
  return pad;
}

static void
print (GstElement *sampler, gboolean is_realtime)
{
  JsonLine line = { stdout, false };
  GstStructure *stats = NULL;
  guint64 dropped = 0, repeated = 0;
  gdouble span_s = (gdouble) (receiver.last_ns - receiver.first_ns) / GST_SECOND;

  g_object_get (sampler, "stats", &stats, NULL);
  gst_structure_get (stats, "dropped", G_TYPE_UINT64, &dropped, "repeated", G_TYPE_UINT64, &repeated, NULL);
  gst_structure_free (stats);
  fputc ('{', stdout);
  json_number (&line, "realtime", is_realtime);
  json_number (&line, "fresh_us_p50", measure_quantile (receiver.latency_ns, receiver.fresh, 0.5) / 1e3);
  json_number (&line, "fresh_us_p99", measure_quantile (receiver.latency_ns, receiver.fresh, 0.99) / 1e3);
  json_number (&line, "fresh", receiver.fresh);
  json_number (&line, "repeats_percent", receiver.out == 0 ? 0 : 100.0 * (gdouble) repeated / receiver.out);
  json_number (&line, "dropped", (gdouble) dropped);
  json_number (&line, "out_per_s", receiver.out < 2 ? 0 : (receiver.out - 1) / span_s);
  fputs ("}\n", stdout);
}

int
main (int argc, char **argv)
{
  GstElement *sampler;
  GstClock *clock;
  GstPad *src, *sink;
  gdouble source_fps, seconds;
  const struct sched_param priority = { .sched_priority = PRIORITY };
  gboolean is_realtime = sched_setscheduler (0, SCHED_FIFO, &priority) == 0;

  gst_init (&argc, &argv);
  if (argc != 5) {
    fputs ("usage: sampler SOURCE_FPS FPS JITTER_US SECONDS\n", stderr);
    return 2;
  }
  source_fps = atof (argv[1]);
  seconds = atof (argv[4]);
  sampler = gst_element_factory_make ("framesampler", NULL);
  if (!sampler || source_fps <= 0) {
    fputs ("sampler: there is no element framesampler, or no rate\n", stderr);
    return 1;
  }
  receiver.capture_caps = gst_caps_new_empty_simple (CAPTURE_CAPS);
  receiver.latency_ns = calloc (MAX_FRAMES, sizeof *receiver.latency_ns);
  g_object_set (sampler, "framerate", atoi (argv[2]), 1, NULL);
  clock = gst_system_clock_obtain ();
  gst_element_set_clock (sampler, clock);
  gst_element_set_base_time (sampler, gst_clock_get_time (clock));
  sink = open_sink (sampler);
  gst_element_set_state (sampler, GST_STATE_PLAYING);
  src = open_source (sampler);
  push_frames (src, 1e9 / source_fps, atof (argv[3]) * 1e3, (guint) (source_fps * seconds));
  gst_element_set_state (sampler, GST_STATE_NULL);
  print (sampler, is_realtime);
  gst_object_unref (src);
  gst_object_unref (sink);
  gst_object_unref (sampler);
  gst_object_unref (clock);
  gst_caps_unref (receiver.capture_caps);
  free (receiver.latency_ns);
  return 0;
}
