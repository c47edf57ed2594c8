/*
 * depaycaps.h: what moonlightdepay says that it puts out, as caps.
 */
#pragma once

#include <gst/gst.h>

#include "opuslayout.h"

G_BEGIN_DECLS

typedef enum
{
  DEPAY_CODEC_H264,
  DEPAY_CODEC_H265,
  DEPAY_CODEC_AV1,
} DepayCodec;

/* What a payloader in the same graph says of its packets in the caps of its datagrams; else stereo. */
OpusLayout depay_caps_layout (const GstCaps *caps);

/* (transfer full). Without speaker positions, so that the decoder leaves the channels in the client's order. */
GstCaps *depay_caps_audio (const OpusLayout *layout);

/* (transfer full) */
GstCaps *depay_caps_video (DepayCodec codec);

G_END_DECLS
