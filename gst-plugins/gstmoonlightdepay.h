/*
 * gstmoonlightdepay.h: GameStream datagrams to access units and Opus packets.
 */
#ifndef __GST_MOONLIGHT_DEPAY_H__
#define __GST_MOONLIGHT_DEPAY_H__

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_MOONLIGHT_DEPAY (gst_moonlight_depay_get_type ())
G_DECLARE_FINAL_TYPE (GstMoonlightDepay, gst_moonlight_depay, GST, MOONLIGHT_DEPAY, GstElement)

GST_ELEMENT_REGISTER_DECLARE (moonlightdepay);

G_END_DECLS

#endif
