/*
 * gstframecounter.h: a frame number inside the picture, for tests that look at real pixels.
 */
#ifndef __GST_FRAME_COUNTER_H__
#define __GST_FRAME_COUNTER_H__

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_FRAME_COUNTER (gst_frame_counter_get_type ())
G_DECLARE_FINAL_TYPE (GstFrameCounter, gst_frame_counter, GST, FRAME_COUNTER, GstVideoFilter)

GST_ELEMENT_REGISTER_DECLARE (framecounter);

G_END_DECLS

#endif
