/*
 * graphsenders.c: the two senders that are GStreamer elements: ours, and a stand-in for how Wolf sends, written from a
 * description of it: a buffer for each datagram (packetise.h) and GStreamer's own udpsink, one unpaced sendmmsg a frame.
 */
#include "graph.h"
#include "packetise.h"
#include "sender.h"

typedef struct
{
  SenderOptions options;
  Graph graph;
  uint64_t packets;
} GraphSender;

static GraphSender *
play (const SenderOptions *options, char *elements)
{
  GraphSender *self = g_new0 (GraphSender, 1);

  self->options = *options;
  self->graph = graph_play (elements, options->workload);
  g_free (elements);
  return self;
}

/* --- ours --- */

static void *
lumen_start (const SenderOptions *options)
{
  return play (options,
      g_strdup_printf ("moonlightpay name=pay packet-size=%u fec-percentage=%u min-fec-packets=%u ! "
                       "moonlightsink name=sink host=%s port=%u link-kbps=%u pacing=%s",
          options->workload->packet_size, options->workload->fec_percentage,
          options->workload->fec_percentage == 0 ? 0 : WORKLOAD_MIN_PARITY, options->host, options->port,
          options->link_kbps, options->pacing));
}

static void
lumen_frame (void *sender, const AccessUnit *unit, uint64_t number)
{
  GraphSender *self = sender;

  gst_pad_push (self->graph.src, graph_unit (&self->graph, unit, self->options.workload, number));
}

static void
print_stat (JsonLine *line, const GstStructure *stats, const char *field, const char *name, double unit)
{
  guint64 value = 0;

  if (gst_structure_get_uint64 (stats, field, &value))
    json_number (line, name, (double) value / unit);
}

static void
lumen_stop (void *sender, JsonLine *line)
{
  GraphSender *self = sender;
  GstElement *sink = graph_element (&self->graph, "sink"), *pay = graph_element (&self->graph, "pay");
  GstStructure *sent = NULL, *paid = NULL;

  /* Before the end of the stream, so that what is lost at the end is no excuse. */
  g_usleep (50000);
  g_object_get (sink, "stats", &sent, NULL);
  g_object_get (pay, "stats", &paid, NULL);
  print_stat (line, sent, "bursts-dropped", "frames_dropped", 1);
  print_stat (line, sent, "queue-full", "queue_full", 1);
  print_stat (line, sent, "eagain", "eagain", 1);
  print_stat (line, sent, "send-errors", "send_errors", 1);
  print_stat (line, sent, "late-ns-p50", "stats_late_us_p50", 1e3);
  print_stat (line, sent, "late-ns-p99", "stats_late_us_p99", 1e3);
  print_stat (line, sent, "queue-ns-p50", "stats_queue_us_p50", 1e3);
  print_stat (line, sent, "queue-ns-p99", "stats_queue_us_p99", 1e3);
  print_stat (line, paid, "packetise-ns-p50", "stats_packetise_us_p50", 1e3);
  print_stat (line, paid, "frames-refused", "frames_refused", 1);
  json_text (line, "pacing", gst_structure_get_string (sent, "pacing"));
  gst_structure_free (sent);
  gst_structure_free (paid);
  gst_object_unref (sink);
  gst_object_unref (pay);
  graph_end (&self->graph);
  g_free (self);
}

const SenderKind sender_lumen = { "lumen", lumen_start, lumen_frame, lumen_stop };

/* --- a buffer for each datagram --- */

static void *
wolf_start (const SenderOptions *options)
{
  return play (options,
      g_strdup_printf ("udpsink name=sink host=%s port=%u sync=false async=false buffer-size=8388608", options->host,
          options->port));
}

static void
wolf_frame (void *sender, const AccessUnit *unit, uint64_t number)
{
  GraphSender *self = sender;
  GstBuffer *buffer = graph_unit (&self->graph, unit, self->options.workload, number);
  GstBufferList *list = packetise_buffers (self->options.workload, buffer, unit->is_key, number, self->packets);

  self->packets += gst_buffer_list_length (list);
  gst_pad_push_list (self->graph.src, list);
  gst_buffer_unref (buffer);
}

static void
wolf_stop (void *sender, JsonLine *line)
{
  GraphSender *self = sender;

  json_number (line, "frames_dropped", 0);
  graph_end (&self->graph);
  g_free (self);
}

const SenderKind sender_wolf = { "wolf", wolf_start, wolf_frame, wolf_stop };
