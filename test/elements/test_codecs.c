/*
 * test_codecs.c: real encoders through moonlightpay and moonlightdepay to real decoders: every picture arrives, key
 * frames are told apart as clients do it, whatever the codec, the depth, the sampling and the packet size.
 */
#include <gst/check/gstcheck.h>

#define FRAMES 24
#define KEY_INTERVAL 8

typedef struct
{
  const gchar *format;
  const gchar *encoder;
  const gchar *caps;
  const gchar *codec;
  const gchar *decoder;
} Codec;

#define X264 \
  "x264enc tune=zerolatency speed-preset=ultrafast bitrate=3000 key-int-max=8 byte-stream=true insert-vui=true " \
  "option-string=scenecut=0"
#define X265 \
  "x265enc tune=zerolatency speed-preset=ultrafast bitrate=3000 key-int-max=8 " \
  "option-string=keyint=8:min-keyint=8:scenecut=0:bframes=0:open-gop=0:repeat-headers=1:info=0"
#define AV1 \
  "av1enc usage-profile=realtime cpu-used=10 end-usage=cbr target-bitrate=3000 min-quantizer=2 max-quantizer=56 " \
  "lag-in-frames=0 keyframe-max-dist=8 tile-columns=1 tile-rows=1 ! av1parse"
#define H264_CAPS "video/x-h264,stream-format=byte-stream,alignment=au"
#define H265_CAPS "video/x-h265,stream-format=byte-stream,alignment=au"
#define AV1_CAPS "video/x-av1,stream-format=obu-stream,alignment=tu"

static const Codec codecs[] = {
  { "I420", X264, H264_CAPS, "h264", "h264parse ! avdec_h264 thread-type=slice" },
  { "Y444", X264, H264_CAPS, "h264", "h264parse ! avdec_h264 thread-type=slice" },
  { "I420", X265, H265_CAPS, "h265", "h265parse ! avdec_h265 thread-type=slice" },
  { "I420_10LE", X265, H265_CAPS, "h265", "h265parse ! avdec_h265 thread-type=slice" },
  { "Y444", X265, H265_CAPS, "h265", "h265parse ! avdec_h265 thread-type=slice" },
  { "Y444_10LE", X265, H265_CAPS, "h265", "h265parse ! avdec_h265 thread-type=slice" },
  { "I420", AV1, AV1_CAPS, "av1", "av1parse ! av1dec" },
};
/* The smallest that clients send, with and without the 32 bytes of encryption; the usual ones; one for jumbo frames. */
static const guint packet_sizes[] = { 256, 288, 992, 1024, 1392, 8912 };

static guint64
count_of (GstElement *pipeline, const gchar *element, const gchar *field)
{
  GstElement *found = gst_bin_get_by_name (GST_BIN (pipeline), element);
  GstStructure *stats = NULL;
  guint64 count = G_MAXUINT64;

  g_object_get (found, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &count), "%s has no %s", element, field);
  gst_structure_free (stats);
  gst_object_unref (found);
  return count;
}

static gdouble
color_error_of (GstElement *pipeline)
{
  GstElement *reader = gst_bin_get_by_name (GST_BIN (pipeline), "reader");
  GstStructure *stats = NULL;
  gdouble error = -1;

  g_object_get (reader, "stats", &stats, NULL);
  gst_structure_get_double (stats, "color-error", &error);
  gst_structure_free (stats);
  gst_object_unref (reader);
  return error;
}

/* Plays `codec` to its end; the elements are left in READY, with their figures. */
static GstElement *
play (const Codec *codec, guint packet_size, const gchar *key)
{
  gchar *launch = g_strdup_printf (
      "videotestsrc num-buffers=%d horizontal-speed=4 ! video/x-raw,format=BGRx,width=320,height=180,framerate=30/1 ! "
      "framecounter start=1 ! videoconvert ! video/x-raw,format=%s,colorimetry=2:3:5:1 ! %s ! %s ! "
      "moonlightpay name=pay packet-size=%u key=\"%s\" ! moonlightdepay name=depay codec=%s packet-size=%u key=\"%s\" ! %s ! "
      "framecounter name=reader mode=read colorimetry=2:3:5:1 ! fakesink",
      FRAMES, codec->format, codec->encoder, codec->caps, packet_size, key, codec->codec, packet_size, key,
      codec->decoder);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (launch, &error);
  GstMessage *message;
  GstBus *bus;

  fail_unless (pipeline != NULL && error == NULL, "%s: %s", launch, error == NULL ? "" : error->message);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 50 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (
      message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s: %" GST_PTR_FORMAT, launch, message);
  gst_message_unref (message);
  gst_object_unref (bus);
  g_free (launch);
  return pipeline;
}

static void
expect_whole (const Codec *codec, guint packet_size, const gchar *key)
{
  GstElement *pipeline = play (codec, packet_size, key);
  gdouble color_error = color_error_of (pipeline);

  fail_unless_equals_uint64 (count_of (pipeline, "pay", "late-slice-headers"), 0);
  fail_unless_equals_uint64 (count_of (pipeline, "pay", "frames"), FRAMES);
  fail_unless_equals_uint64 (count_of (pipeline, "pay", "key-frames"), FRAMES / KEY_INTERVAL);
  fail_unless_equals_uint64 (count_of (pipeline, "depay", "frames"), FRAMES);
  fail_unless_equals_uint64 (count_of (pipeline, "depay", "key-frames"), FRAMES / KEY_INTERVAL);
  fail_unless_equals_uint64 (count_of (pipeline, "reader", "frames"), FRAMES);
  fail_unless_equals_uint64 (count_of (pipeline, "reader", "wrong"), 0);
  fail_unless_equals_uint64 (count_of (pipeline, "reader", "last"), FRAMES);
  fail_unless (
      color_error >= 0 && color_error <= 3, "%s %s: colours off by %f", codec->codec, codec->format, color_error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_START_TEST (test_every_codec_arrives_whole)
{
  expect_whole (&codecs[__i__], 1024, "");
}

GST_END_TEST;

GST_START_TEST (test_every_packet_size_will_do)
{
  expect_whole (&codecs[0], packet_sizes[__i__], "");
  expect_whole (&codecs[5], packet_sizes[__i__], "000102030405060708090a0b0c0d0e0f");
  expect_whole (&codecs[6], packet_sizes[__i__], "000102030405060708090a0b0c0d0e0f");
}

GST_END_TEST;

static Suite *
codecs_suite (void)
{
  Suite *s = suite_create ("codecs");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_every_codec_arrives_whole, 0, G_N_ELEMENTS (codecs));
  tcase_add_loop_test (tc, test_every_packet_size_will_do, 0, G_N_ELEMENTS (packet_sizes));
  return s;
}

GST_CHECK_MAIN (codecs);
