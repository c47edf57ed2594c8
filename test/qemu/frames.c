/*
 * frames.c: sends equal frames at a fixed rate through moonlightsink and prints the sink's stats.
 *
 *   frames PROPERTIES FRAMES DATAGRAMS BYTES FPS
 *
 * PROPERTIES are moonlightsink's, as in a launch string; a frame is DATAGRAMS datagrams of BYTES bytes each.
 */
#include <stdlib.h>
#include <gst/gst.h>

static GstElement *
build (char *argv[])
{
  const guint frames = (guint) atoi (argv[2]), bytes = (guint) atoi (argv[4]);
  const guint frame_bytes = (guint) atoi (argv[3]) * bytes;
  GError *error = NULL;
  gchar *text = g_strdup_printf (
      "fakesrc num-buffers=%u sizetype=fixed sizemax=%u filltype=zero format=time datarate=%u ! "
      "application/x-moonlight,media=video,layout=frame,datagram-size=%u ! moonlightsink name=sink sync=true %s",
      frames, frame_bytes, frame_bytes * (guint) atoi (argv[5]), bytes, argv[1]);
  GstElement *pipeline = gst_parse_launch (text, &error);

  if (error != NULL)
    g_printerr ("frames: %s\n%s\n", error->message, text);
  g_clear_error (&error);
  g_free (text);
  return pipeline;
}

int
main (int argc, char *argv[])
{
  GstElement *pipeline, *sink;
  GstMessage *message;
  GstStructure *stats;
  gboolean ended;
  gchar *text;

  gst_init (NULL, NULL);
  if (argc != 6 || (pipeline = build (argv)) == NULL)
    return 2;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message =
      gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline), GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  ended = message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_get (sink, "stats", &stats, NULL);
  text = gst_structure_to_string (stats);
  g_print ("%s\n", text);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return ended ? 0 : 1;
}
