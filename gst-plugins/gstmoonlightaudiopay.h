/*
 * gstmoonlightaudiopay.h: the element "moonlightaudiopay". See the SECTION in gstmoonlightaudiopay.c.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_MOONLIGHT_AUDIO_PAY (gst_moonlight_audio_pay_get_type ())
G_DECLARE_FINAL_TYPE (GstMoonlightAudioPay, gst_moonlight_audio_pay, GST, MOONLIGHT_AUDIO_PAY, GstElement)

G_END_DECLS
