/*
 * depaycaps.c: see depaycaps.h.
 */
#include "depaycaps.h"

#define OPUS_RATE 48000
/* Channel mapping families of RFC 7845 §5.1.1. */
#define FAMILY_PLAIN 0
#define FAMILY_DISCRETE 255

OpusLayout
depay_caps_layout (const GstCaps *caps)
{
  const gchar *digits = gst_structure_get_string (gst_caps_get_structure (caps, 0), "opus-layout");
  OpusLayout layout = opus_layout_stereo;

  if (digits != NULL)
    opus_layout_parse (&layout, digits);
  return layout;
}

static void
set_channel_mapping (GstStructure *structure, const OpusLayout *layout)
{
  GValue map = G_VALUE_INIT, channel = G_VALUE_INIT;

  g_value_init (&map, GST_TYPE_ARRAY);
  g_value_init (&channel, G_TYPE_INT);
  for (guint i = 0; i < layout->channels; i++) {
    g_value_set_int (&channel, layout->map[i]);
    gst_value_array_append_value (&map, &channel);
  }
  gst_structure_take_value (structure, "channel-mapping", &map);
}

GstCaps *
depay_caps_audio (const OpusLayout *layout)
{
  gboolean is_plain = opus_layout_is_plain (layout);
  GstCaps *caps = gst_caps_new_simple ("audio/x-opus", "rate", G_TYPE_INT, OPUS_RATE, "channels", G_TYPE_INT,
      (gint) layout->channels, "channel-mapping-family", G_TYPE_INT, is_plain ? FAMILY_PLAIN : FAMILY_DISCRETE, NULL);

  if (is_plain)
    return caps;
  gst_caps_set_simple (caps, "stream-count", G_TYPE_INT, (gint) layout->streams, "coupled-count", G_TYPE_INT,
      (gint) layout->coupled, NULL);
  set_channel_mapping (gst_caps_get_structure (caps, 0), layout);
  return caps;
}

GstCaps *
depay_caps_video (DepayCodec codec)
{
  switch (codec) {
    case DEPAY_CODEC_H265:
      return gst_caps_from_string ("video/x-h265, stream-format=(string)byte-stream, alignment=(string)au");
    case DEPAY_CODEC_AV1:
      return gst_caps_from_string ("video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu");
    default:
      return gst_caps_from_string ("video/x-h264, stream-format=(string)byte-stream, alignment=(string)au");
  }
}
