/*
 * histogramstats.h: a histogram as every element's `stats` shows it (header alone; histogram.c knows no GStreamer).
 */
#pragma once

#include <gst/gst.h>

#include "histogram.h"

/* Sets the fields NAME-p50 and NAME-p99 (uint64, nanoseconds; 0 without samples) of the structure. */
static inline void
histogram_set_stats (const Histogram *histogram, GstStructure *stats, const gchar *name)
{
  gchar *p50 = g_strdup_printf ("%s-p50", name), *p99 = g_strdup_printf ("%s-p99", name);

  gst_structure_set (stats, p50, G_TYPE_UINT64, (guint64) histogram_quantile (histogram, 0.5), p99, G_TYPE_UINT64,
      (guint64) histogram_quantile (histogram, 0.99), NULL);
  g_free (p50);
  g_free (p99);
}
