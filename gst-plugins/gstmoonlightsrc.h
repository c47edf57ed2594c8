/*
 * gstmoonlightsrc.h: batched UDP receiver of Moonlight datagrams, which pings its sender.
 */
#ifndef __GST_MOONLIGHT_SRC_H__
#define __GST_MOONLIGHT_SRC_H__

#include <gst/gst.h>
#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_MOONLIGHT_SRC (gst_moonlight_src_get_type ())
G_DECLARE_FINAL_TYPE (GstMoonlightSrc, gst_moonlight_src, GST, MOONLIGHT_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (moonlightsrc);

G_END_DECLS

#endif
