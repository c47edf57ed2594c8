/*
 * test_payframe.c: what is sent of an encoded picture, and whether clients will find its slice.
 * Source: protocol/video.md §3.1 and §6.
 */
#include "wirefixture.h"

#include "payframe.h"

static gboolean
inspect_hex (PayFrame *frame, PayCodec codec, const gchar *hex, gboolean is_delta)
{
  gsize size;
  guint8 *bytes = wire_unhex (hex, &size);
  gboolean ok;

  memset (frame, 0, sizeof *frame);
  frame->codec = codec;
  ok = pay_frame_inspect (frame, bytes, size, is_delta);
  g_free (bytes);
  frame->bytes = NULL;
  return ok;
}

GST_START_TEST (test_payframe_key_frame_is_what_bytes_and_encoder_agree_on)
{
  static const gchar idr[] = "0000000167421f0000000168ce000001658884", p[] = "00000001419a00";
  PayFrame frame;

  fail_unless (inspect_hex (&frame, PAY_CODEC_H264, idr, FALSE));
  fail_unless (frame.unit.is_key);
  fail_unless (inspect_hex (&frame, PAY_CODEC_H264, idr, TRUE));
  fail_if (frame.unit.is_key);
  fail_unless (inspect_hex (&frame, PAY_CODEC_H264, p, FALSE));
  fail_if (frame.unit.is_key);
  fail_if (inspect_hex (&frame, PAY_CODEC_H264, "deadbeef", FALSE));
  fail_if (inspect_hex (&frame, PAY_CODEC_H265, "deadbeef", FALSE));
}

GST_END_TEST;

GST_START_TEST (test_payframe_av1_passes_as_it_is)
{
  PayFrame frame;

  fail_unless (inspect_hex (&frame, PAY_CODEC_AV1, "12000a0b00000000", FALSE));
  fail_unless (frame.unit.is_key);
  fail_unless_equals_int (frame.unit.span_count, 1);
  fail_unless_equals_uint64 (frame.unit.kept_bytes, 8);
  fail_unless_equals_uint64 (frame.unit.spans[0].size, 8);
  fail_unless (inspect_hex (&frame, PAY_CODEC_AV1, "1200", TRUE));
  fail_if (frame.unit.is_key);
  fail_unless (pay_frame_has_slice_in_first_packet (&frame));
}

GST_END_TEST;

GST_START_TEST (test_payframe_slice_header_counts_as_late_behind_the_first_packet)
{
  PayFrame frame = { .codec = PAY_CODEC_H264 };
  gsize room;

  fail_unless_equals_int (frame_plan_compute (&frame.plan, 5000, 1024, 20, 2), FRAME_PLAN_OK);
  room = pay_frame_first_packet_bytes (&frame);
  fail_unless_equals_uint64 (room, frame.plan.payload_bytes - 8);
  frame.unit.slice_header_end = room;
  fail_unless (pay_frame_has_slice_in_first_packet (&frame));
  frame.unit.slice_header_end = room + 1;
  fail_if (pay_frame_has_slice_in_first_packet (&frame));
  /* no slice at all */
  frame.unit.slice_header_end = 0;
  fail_if (pay_frame_has_slice_in_first_packet (&frame));
}

GST_END_TEST;

GST_START_TEST (test_payframe_latency_is_rounded_and_saturates)
{
  fail_unless_equals_int (pay_frame_header_latency (0), 0);
  fail_unless_equals_int (pay_frame_header_latency (49999), 0);
  fail_unless_equals_int (pay_frame_header_latency (50000), 1);
  fail_unless_equals_int (pay_frame_header_latency (8340000), 83);
  fail_unless_equals_int (pay_frame_header_latency (GST_SECOND * 7), 65535);
  fail_unless_equals_int (pay_frame_header_latency (G_MAXUINT64), 65535);
}

GST_END_TEST;

static Suite *
payframe_suite (void)
{
  Suite *s = suite_create ("payframe");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_payframe_key_frame_is_what_bytes_and_encoder_agree_on);
  tcase_add_test (tc, test_payframe_av1_passes_as_it_is);
  tcase_add_test (tc, test_payframe_slice_header_counts_as_late_behind_the_first_packet);
  tcase_add_test (tc, test_payframe_latency_is_rounded_and_saturates);
  return s;
}

GST_CHECK_MAIN (payframe);
