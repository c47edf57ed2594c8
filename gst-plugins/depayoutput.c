/*
 * depayoutput.c: see depayoutput.h.
 */
#include "depayoutput.h"

#define GST_CAT_DEFAULT moonlight_depay_debug

void
depay_output_push (DepayOutput *output, GstBuffer *buffer)
{
  GstFlowReturn flow;

  if (output->need_segment) {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (output->pad, gst_event_new_segment (&segment));
    output->need_segment = FALSE;
  }
  if (output->is_discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  output->is_discont = FALSE;
  flow = gst_pad_push (output->pad, buffer);
  if (output->flow == GST_FLOW_OK)
    output->flow = flow;
}

void
depay_output_gap (DepayOutput *output, GstClockTime end, GstClockTime duration)
{
  if (duration == 0 || end < duration || output->need_segment)
    return;
  gst_pad_push_event (output->pad, gst_event_new_gap (end - duration, duration));
  output->is_discont = TRUE;
}

void
depay_output_post (DepayOutput *output, GstStructure *structure)
{
  gst_element_post_message (output->element, gst_message_new_element (GST_OBJECT (output->element), structure));
}

void
depay_output_warn_undecipherable (DepayOutput *output)
{
  if (!output->has_warned)
    GST_WARNING_OBJECT (output->element, "a datagram could not be decrypted; further ones are only counted");
  output->has_warned = TRUE;
}
