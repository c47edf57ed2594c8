/*
 * gstmoonlightsink.h: paced, batched UDP sender of Moonlight datagrams.
 */
#ifndef __GST_MOONLIGHT_SINK_H__
#define __GST_MOONLIGHT_SINK_H__

#include <gst/gst.h>
#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_MOONLIGHT_SINK (gst_moonlight_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstMoonlightSink, gst_moonlight_sink, GST, MOONLIGHT_SINK, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE (moonlightsink);

G_END_DECLS

#endif
