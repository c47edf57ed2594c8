/*
 * gstmoonlightpay.h: the element "moonlightpay". See the SECTION in gstmoonlightpay.c.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_MOONLIGHT_PAY (gst_moonlight_pay_get_type ())
G_DECLARE_FINAL_TYPE (GstMoonlightPay, gst_moonlight_pay, GST, MOONLIGHT_PAY, GstElement)

G_END_DECLS
