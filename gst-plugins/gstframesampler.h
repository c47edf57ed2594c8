/*
 * gstframesampler.h: the newest captured frame, at the client's rate.
 */
#ifndef __GST_FRAME_SAMPLER_H__
#define __GST_FRAME_SAMPLER_H__

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_FRAME_SAMPLER (gst_frame_sampler_get_type ())
G_DECLARE_FINAL_TYPE (GstFrameSampler, gst_frame_sampler, GST, FRAME_SAMPLER, GstElement)

GST_ELEMENT_REGISTER_DECLARE (framesampler);

G_END_DECLS

#endif
