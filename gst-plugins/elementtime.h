/*
 * elementtime.h: what time it is for an element (header alone).
 */
#pragma once

#include <gst/gst.h>

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
