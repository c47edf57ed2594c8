/*
 * gstwlrscreencopysrc.h: the element wlrscreencopysrc. Its documentation is in the .c file.
 */
#ifndef __GST_WLR_SCREENCOPY_SRC_H__
#define __GST_WLR_SCREENCOPY_SRC_H__

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_WLR_SCREENCOPY_SRC (gst_wlr_screencopy_src_get_type ())
G_DECLARE_FINAL_TYPE (GstWlrScreencopySrc, gst_wlr_screencopy_src, GST, WLR_SCREENCOPY_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (wlrscreencopysrc);

G_END_DECLS

#endif
