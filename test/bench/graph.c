/*
 * graph.c: see graph.h.
 */
#include "graph.h"

static void
fail_on_error (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  if (message != NULL) {
    GError *error = NULL;
    gst_message_parse_error (message, &error, NULL);
    g_error ("%s", error->message);
  }
  gst_object_unref (bus);
}

static void
link_source (Graph *graph)
{
  GstPad *sink = gst_bin_find_unlinked_pad (GST_BIN (graph->pipeline), GST_PAD_SINK);

  graph->src = gst_pad_new ("src", GST_PAD_SRC);
  gst_pad_set_active (graph->src, TRUE);
  /* The pad has no parent, so the usual check of the hierarchy would refuse it. */
  if (sink == NULL || gst_pad_link_full (graph->src, sink, GST_PAD_LINK_CHECK_NOTHING) != GST_PAD_LINK_OK)
    g_error ("the elements have no free sink pad");
  gst_object_unref (sink);
}

static void
push_start (const Graph *graph, const Workload *workload)
{
  GstCaps *caps = gst_caps_new_simple ("video/x-h264", "stream-format", G_TYPE_STRING, "byte-stream", "alignment",
      G_TYPE_STRING, "au", "framerate", GST_TYPE_FRACTION, (gint) workload->fps, 1, NULL);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (graph->src, gst_event_new_stream_start ("bench"));
  gst_pad_push_event (graph->src, gst_event_new_caps (caps));
  gst_pad_push_event (graph->src, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
}

Graph
graph_play (const char *elements, const Workload *workload)
{
  Graph graph = { 0 };
  GError *error = NULL;

  graph.pipeline = gst_parse_launch (elements, &error);
  if (error != NULL)
    g_error ("%s: %s", elements, error->message);
  if (!GST_IS_PIPELINE (graph.pipeline)) {
    GstElement *pipeline = gst_pipeline_new (NULL);
    gst_bin_add (GST_BIN (pipeline), graph.pipeline);
    graph.pipeline = pipeline;
  }
  link_source (&graph);
  if (gst_element_set_state (graph.pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    fail_on_error (graph.pipeline);
  push_start (&graph, workload);
  fail_on_error (graph.pipeline);
  return graph;
}

GstElement *
graph_element (const Graph *graph, const char *name)
{
  return gst_bin_get_by_name (GST_BIN (graph->pipeline), name);
}

static GstBuffer *
wrap (const AccessUnit *unit)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_full (
      GST_MEMORY_FLAG_READONLY, (gpointer) unit->bytes, unit->size, 0, unit->size, NULL, NULL);

  if (!unit->is_key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

GstBuffer *
graph_unit (Graph *graph, const AccessUnit *unit, const Workload *workload, uint64_t number)
{
  guint i = 0;

  while (i < GRAPH_UNITS_MAX && graph->units[i] != NULL && graph->unit_bytes[i] != unit->bytes)
    i++;
  if (i == GRAPH_UNITS_MAX)
    g_error ("more than %d access units", GRAPH_UNITS_MAX);
  if (graph->units[i] == NULL) {
    graph->units[i] = wrap (unit);
    graph->unit_bytes[i] = unit->bytes;
  }
  GST_BUFFER_PTS (graph->units[i]) = number * GST_SECOND / workload->fps;
  return gst_buffer_ref (graph->units[i]);
}

void
graph_end (Graph *graph)
{
  GstBus *bus = gst_element_get_bus (graph->pipeline);
  GstMessage *message;

  gst_pad_push_event (graph->src, gst_event_new_eos ());
  message = gst_bus_timed_pop_filtered (bus, 5 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (message != NULL)
    gst_message_unref (message);
  gst_object_unref (bus);
  gst_element_set_state (graph->pipeline, GST_STATE_NULL);
  gst_pad_set_active (graph->src, FALSE);
  for (guint i = 0; i < GRAPH_UNITS_MAX; i++)
    gst_clear_buffer (&graph->units[i]);
  gst_object_unref (graph->src);
  gst_object_unref (graph->pipeline);
}
