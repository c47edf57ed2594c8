/*
 * gstchanneltones.h: a tone for each channel, for tests that listen to real samples.
 */
#ifndef __GST_CHANNEL_TONES_H__
#define __GST_CHANNEL_TONES_H__

#include <gst/audio/gstaudiofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_CHANNEL_TONES (gst_channel_tones_get_type ())
G_DECLARE_FINAL_TYPE (GstChannelTones, gst_channel_tones, GST, CHANNEL_TONES, GstAudioFilter)

GST_ELEMENT_REGISTER_DECLARE (channeltones);

G_END_DECLS

#endif
