/*
 * gstmoonlightpay.c: one encoded picture in, the datagrams of one GameStream video frame out: pads, caps, states and
 * properties. What becomes of a picture is payvideo.c's, the wire format framewriter.c's (protocol/video.md).
 */

/**
 * SECTION:element-moonlightpay
 * @title: moonlightpay
 * @short_description: cuts encoded pictures into GameStream video datagrams with parity
 *
 * Stands between the parser behind a video encoder and `moonlightsink` (or `udpsink`). Each access unit becomes one
 * frame: an 8-byte header and the bitstream, cut into equal shards, followed by Reed-Solomon parity shards, each shard
 * encrypted when a key is set. Access unit delimiters, SEI of H.264 and user-data SEI of HEVC are dropped, so that the
 * first slice header lies in the first datagram, where clients look for it.
 *
 * Unlike an RTP payloader it numbers pictures (clients ask for a key frame when a number is missing), its shards are
 * padded to one size, and its parity covers the packet headers as well. The numbers come from the session page, when
 * there is one, and so go on where another media process of the same session ended.
 *
 * The source caps say how a frame is handed on: `layout=datagrams` is a buffer list with a buffer a datagram,
 * `layout=frame` one buffer with all of them back to back. The bytes are the same. The order of the peer's caps decides.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 ! x264enc tune=zerolatency ! video/x-h264,stream-format=byte-stream,alignment=au ! moonlightpay ! udpsink host=127.0.0.1 port=47998
 * ]|
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmoonlightpay.h"

#include "framewriter.h"
#include "gstpaysession.h"
#include "payvideo.h"
#include "propertyfields.h"

GST_DEBUG_CATEGORY (moonlight_pay_debug);
#define GST_CAT_DEFAULT moonlight_pay_debug

#define DEFAULT_FEC_PERCENTAGE 20
#define DEFAULT_MIN_FEC_PACKETS 2

struct _GstMoonlightPay
{
  GstElement parent;
  GstPad *sink_pad;
  GstPad *src_pad;

  GstPaySession session;
  PayVideo video; /* with the properties that are not the session's */

  gboolean has_caps; /* streaming thread alone */
};

enum
{
  PROP_FEC_PERCENTAGE = GST_PAY_SESSION_PROP_OWN,
  PROP_MIN_FEC_PACKETS,
  PROP_STATS,
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-h264, stream-format=(string)byte-stream, alignment=(string)au; "
                     "video/x-h265, stream-format=(string)byte-stream, alignment=(string)au; "
                     "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (
        "application/x-moonlight, media=(string)video, layout=(string)datagrams; "
        "application/x-moonlight, media=(string)video, layout=(string)frame, datagram-size=(int)[1,65507]"));

G_DEFINE_TYPE (GstMoonlightPay, gst_moonlight_pay, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (moonlightpay, "moonlightpay", GST_RANK_NONE, GST_TYPE_MOONLIGHT_PAY,
    GST_DEBUG_CATEGORY_INIT (moonlight_pay_debug, "moonlightpay", 0, "Moonlight video payloader"));

/* ---- caps ---- */

static gboolean
negotiate (GstMoonlightPay *self)
{
  guint datagram_bytes = frame_writer_datagram_bytes (self->video.packet_size, self->session.crypt != NULL);
  GstCaps *caps = pay_output_choose (&self->video.output, datagram_bytes);
  gboolean ok;

  if (caps == NULL) {
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("The element after moonlightpay takes none of its formats."),
        ("need application/x-moonlight, media=video, layout=datagrams or layout=frame with datagram-size=%u",
            datagram_bytes));
    return FALSE;
  }
  GST_INFO_OBJECT (self, "sending %" GST_PTR_FORMAT ", datagrams of %u bytes, %s", caps, datagram_bytes,
      self->session.crypt != NULL ? "encrypted" : "in the clear");
  ok = gst_pad_push_event (self->src_pad, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  return ok;
}

/* GST_FLOW_OK when caps have been agreed on and still stand. */
static GstFlowReturn
ensure_negotiated (GstMoonlightPay *self)
{
  if (!self->has_caps)
    return GST_FLOW_NOT_NEGOTIATED;
  if (!gst_pad_check_reconfigure (self->src_pad) || negotiate (self))
    return GST_FLOW_OK;
  gst_pad_mark_reconfigure (self->src_pad);
  return GST_PAD_IS_FLUSHING (self->src_pad) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
}

static GstFlowReturn
gst_moonlight_pay_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (parent);
  GstFlowReturn flow = ensure_negotiated (self);

  if (flow == GST_FLOW_OK)
    flow = pay_video_push (&self->video, buffer);
  gst_buffer_unref (buffer);
  return flow;
}

/* ---- events and states ---- */

static gboolean
set_caps (GstMoonlightPay *self, GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);

  if (gst_structure_has_name (structure, "video/x-h264"))
    self->video.codec = PAY_CODEC_H264;
  else if (gst_structure_has_name (structure, "video/x-h265"))
    self->video.codec = PAY_CODEC_H265;
  else
    self->video.codec = PAY_CODEC_AV1;
  if (!self->has_caps) {
    GST_OBJECT_LOCK (self);
    self->video.packet_size = self->session.packet_size;
    GST_OBJECT_UNLOCK (self);
  }
  gst_pad_check_reconfigure (self->src_pad);
  self->has_caps = negotiate (self);
  return self->has_caps;
}

static gboolean
gst_moonlight_pay_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (parent);
  GstCaps *caps;
  gboolean ok;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      ok = set_caps (self, caps);
      gst_event_unref (event);
      return ok;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->video.segment);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_segment_init (&self->video.segment, GST_FORMAT_TIME);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
prepare (GstMoonlightPay *self)
{
  pay_video_reset (&self->video);
  self->has_caps = FALSE;
  return gst_pay_session_prepare (&self->session, GST_ELEMENT (self));
}

static GstStateChangeReturn
gst_moonlight_pay_change_state (GstElement *element, GstStateChange transition)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !prepare (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gst_moonlight_pay_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    pay_output_drop_arenas (&self->video.output);
    gst_pay_session_stop (&self->session);
  }
  return result;
}

/* ---- properties ---- */

static const gsize fields[] = {
  [PROP_FEC_PERCENTAGE] = G_STRUCT_OFFSET (GstMoonlightPay, video.fec_percentage),
  [PROP_MIN_FEC_PACKETS] = G_STRUCT_OFFSET (GstMoonlightPay, video.min_fec_packets),
};

static void
gst_moonlight_pay_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (object);

  GST_OBJECT_LOCK (self);
  if (!property_fields_set (self, fields, G_N_ELEMENTS (fields), id, value)
      && !gst_pay_session_set_property (&self->session, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_pay_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, pay_figures_to_structure (&self->video.figures, GST_ELEMENT (self)));
    return;
  }
  GST_OBJECT_LOCK (self);
  if (!property_fields_get (self, fields, G_N_ELEMENTS (fields), id, value)
      && !gst_pay_session_get_property (&self->session, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_pay_finalize (GObject *object)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (object);

  pay_video_clear (&self->video);
  gst_pay_session_clear (&self->session);
  G_OBJECT_CLASS (gst_moonlight_pay_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *klass)
{
  static const guint shared[] = { GST_PAY_SESSION_PROP_PACKET_SIZE, GST_PAY_SESSION_PROP_PAGE_FD,
    GST_PAY_SESSION_PROP_KEY, 0 };

  gst_pay_session_install_properties (klass, shared);
  /* Percent of the data shards of a block; 0 sends no parity. */
  g_object_class_install_property (klass, PROP_FEC_PERCENTAGE,
      g_param_spec_uint ("fec-percentage", "FEC percentage",
          "Parity shards in percent of the data shards (0-255 %); 0 sends "
          "none. Takes effect with the next frame",
          0, 255, DEFAULT_FEC_PERCENTAGE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /* Shards; clamped per block to what one byte of percentage and 255 shards can say. */
  g_object_class_install_property (klass, PROP_MIN_FEC_PACKETS,
      g_param_spec_uint ("min-fec-packets", "Minimum FEC packets",
          "Fewest parity shards of a block (0-255), as far as the "
          "packet header can say so",
          0, 255, DEFAULT_MIN_FEC_PACKETS, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since READY to PAUSED; times in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_moonlight_pay_class_init (GstMoonlightPayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_moonlight_pay_set_property;
  object_class->get_property = gst_moonlight_pay_get_property;
  object_class->finalize = gst_moonlight_pay_finalize;
  install_properties (object_class);
  element_class->change_state = gst_moonlight_pay_change_state;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Moonlight video payloader", "Codec/Payloader/Network",
      "Cuts encoded pictures into GameStream datagrams with Reed-Solomon parity", "The Lumen authors");
}

static void
gst_moonlight_pay_init (GstMoonlightPay *self)
{
  gst_pay_session_init (&self->session);
  self->sink_pad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink_pad, gst_moonlight_pay_chain);
  gst_pad_set_event_function (self->sink_pad, gst_moonlight_pay_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink_pad);
  self->src_pad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->src_pad);
  gst_element_add_pad (GST_ELEMENT (self), self->src_pad);

  pay_video_init (&self->video, GST_ELEMENT (self), self->src_pad, &self->session);
  self->video.fec_percentage = DEFAULT_FEC_PERCENTAGE;
  self->video.min_fec_packets = DEFAULT_MIN_FEC_PACKETS;
}
