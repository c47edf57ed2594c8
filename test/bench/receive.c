/*
 * receive.c: `bench-receive PACKET-SIZE`: the probe's receiving elements in a process of their own: datagrams become
 * access units again. Prints `{"port":N}` once it listens, and when its standard input ends what came of the stream.
 */
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "measure.h"

static guint64
stat_of (GstElement *element, const char *field)
{
  GstStructure *stats = NULL;
  guint64 value = 0;

  g_object_get (element, "stats", &stats, NULL);
  gst_structure_get_uint64 (stats, field, &value);
  gst_structure_free (stats);
  return value;
}

static guint
port_of (GstElement *source)
{
  guint port = 0;

  g_object_get (source, "port", &port, NULL);
  return port;
}

static void
print_figures (GstElement *source, GstElement *depay)
{
  static const char *const fields[][2] = {
    { "frames", "frames" },
    { "frames-lost", "frames_lost" },
    { "frames-recovered", "frames_recovered" },
    { "frames-discarded", "frames_discarded" },
    { "datagrams", "datagrams" },
    { "rejected", "rejected" },
    { "sequence-gaps", "sequence_gaps" },
  };
  JsonLine line = { .out = stdout };

  putchar ('{');
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    json_number (&line, fields[i][1], (double) stat_of (depay, fields[i][0]));
  json_number (&line, "received", (double) stat_of (source, "datagrams"));
  puts ("}");
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  GstElement *pipeline, *source, *depay;
  gchar *text = g_strdup_printf ("moonlightsrc name=src address=127.0.0.1 port=0 ! moonlightdepay name=depay "
                                 "packet-size=%s ! fakesink async=false sync=false",
      argc > 1 ? argv[1] : "1392");
  char ignored;

  gst_init (NULL, NULL);
  prctl (PR_SET_PDEATHSIG, 9);
  pipeline = gst_parse_launch (text, &error);
  if (error != NULL)
    g_error ("%s", error->message);
  g_free (text);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_element_get_state (pipeline, NULL, NULL, 5 * GST_SECOND);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  depay = gst_bin_get_by_name (GST_BIN (pipeline), "depay");
  printf ("{\"port\":%u}\n", port_of (source));
  fflush (stdout);
  while (read (STDIN_FILENO, &ignored, 1) > 0)
    ;
  print_figures (source, depay);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (source);
  gst_object_unref (depay);
  gst_object_unref (pipeline);
  return 0;
}
