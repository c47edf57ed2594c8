/*
 * test_histogram.c: quantiles of durations.
 */
#include <gst/check/gstcheck.h>

#include "histogram.h"

GST_START_TEST (test_histogram_quantiles_are_close)
{
  Histogram h = { 0 };
  static const guint64 spread[] = { 0, 1, 15, 16, 31, 32, 1000, 123456789, G_GUINT64_CONSTANT (1) << 40, G_MAXUINT64 };

  fail_unless_equals_uint64 (histogram_quantile (&h, 0.5), 0);
  for (guint i = 1; i <= 1000; i++)
    histogram_add (&h, (guint64) i * 1000);
  fail_unless_equals_uint64 (histogram_count (&h), 1000);
  fail_unless (ABS ((gint64) histogram_quantile (&h, 0.5) - 500000) < 500000 / 16);
  fail_unless (ABS ((gint64) histogram_quantile (&h, 0.99) - 990000) < 990000 / 16);
  fail_unless (histogram_quantile (&h, -1.0) <= histogram_quantile (&h, 2.0));
  for (guint i = 0; i < G_N_ELEMENTS (spread); i++) {
    gdouble got;

    histogram_reset (&h);
    histogram_add (&h, spread[i]);
    got = (gdouble) histogram_quantile (&h, 0.99);
    fail_unless (
        ABS (got - (gdouble) spread[i]) <= (gdouble) spread[i] / 32, "%f for %" G_GUINT64_FORMAT, got, spread[i]);
  }
}

GST_END_TEST;

static Suite *
histogram_suite (void)
{
  Suite *s = suite_create ("histogram");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_histogram_quantiles_are_close);
  return s;
}

GST_CHECK_MAIN (histogram);
