/*
 * samplercaps.c: see samplercaps.h.
 */
#include "samplercaps.h"

GstCaps *
sampler_caps_open_rate (const GstCaps *caps)
{
  GstCaps *open = gst_caps_copy (caps);
  guint i;

  for (i = 0; i < gst_caps_get_size (open); i++)
    gst_structure_set (gst_caps_get_structure (open, i), "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
  return open;
}

GstCaps *
sampler_caps_fix_rate (const GstCaps *caps, gint n, gint d)
{
  GstCaps *fixed = gst_caps_copy (caps);
  guint i;

  for (i = 0; i < gst_caps_get_size (fixed); i++) {
    GstStructure *s = gst_caps_get_structure (fixed, i);

    gst_structure_set (s, "framerate", GST_TYPE_FRACTION, n, d, NULL);
    gst_structure_remove_field (s, "max-framerate");
  }
  return fixed;
}

GstCaps *
sampler_caps_narrow (GstCaps *caps, GstCaps *filter)
{
  GstCaps *narrowed;

  if (filter == NULL)
    return caps;
  narrowed = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return narrowed;
}

void
sampler_caps_grow_pools (GstQuery *query, guint extra)
{
  guint n = gst_query_get_n_allocation_pools (query);

  for (guint i = 0; i < n; i++) {
    GstBufferPool *pool = NULL;
    guint size, min, max;

    gst_query_parse_nth_allocation_pool (query, i, &pool, &size, &min, &max);
    min += extra;
    if (max != 0)
      max += extra;
    gst_query_set_nth_allocation_pool (query, i, pool, size, min, max);
    g_clear_object (&pool);
  }
}
