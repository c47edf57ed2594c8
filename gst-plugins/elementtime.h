/*
 * elementtime.h: what time it is for an element, and what the times that elements attach to buffers are called (header
 * alone).
 */
#pragma once

#include <gst/gst.h>

/* Caps of reference timestamps, both in nanoseconds of CLOCK_MONOTONIC: when a fresh picture was captured, which
 * framesampler attaches, and when a datagram was read from the socket, which moonlightsrc does. */
#define LUMEN_CAPTURE_CAPS "timestamp/x-lumen-capture"
#define LUMEN_ARRIVAL_CAPS "timestamp/x-lumen-arrival"

/* Running time now, 0 before the base time; NONE without a clock or a base time. (gst_element_get_current_running_time()
 * wraps around before the base time.) */
static inline GstClockTime
element_running_time (GstElement *element)
{
  GstClock *clock = gst_element_get_clock (element);
  GstClockTime base = gst_element_get_base_time (element);
  GstClockTime now;

  if (clock == NULL)
    return GST_CLOCK_TIME_NONE;
  now = gst_clock_get_time (clock);
  gst_object_unref (clock);
  if (!GST_CLOCK_TIME_IS_VALID (base))
    return GST_CLOCK_TIME_NONE;
  return now > base ? now - base : 0;
}
