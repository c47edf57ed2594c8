/*
 * gstmoonlightdepay.c: GameStream datagrams to access units and Opus packets. The stream is in depaystream.c; here are
 * pads, states and properties.
 */
/**
 * SECTION:element-moonlightdepay
 * @title: moonlightdepay
 * @short_description: GameStream datagrams to H.264, H.265, AV1 or Opus
 *
 * The receiving end of `moonlightpay` and `moonlightaudiopay`, as a Moonlight client sees the wire: it puts datagrams in
 * order, rebuilds missing ones from parity, and gives a frame up exactly when that has become impossible. Stands after
 * `moonlightsrc`, or after `udpsrc` with the caps below; which of the two streams it takes is the `media` field of its
 * sink caps.
 *
 * Differences from an RTP depayloader: there is no retransmission and no jitter buffer; parity blocks follow each other
 * strictly, so a datagram of a newer frame ends the one before. After a loss the video stays silent until the next key
 * frame, unless #GstMoonlightDepay:wait-for-key-frame is off: every frame in between would show the damage.
 *
 * Messages: `moonlight-key-frame` (`frame-index`, `arrival-ns`) for each key frame, and `moonlight-frame-lost` (`first`,
 * `last`), at most one in 100 ms; `moonlight-fec-status` for each parity block that needed its parity or was given up
 * although some of it came, at most 8 in 100 ms: what a client tells its host.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=120 ! x264enc tune=zerolatency key-int-max=30 ! h264parse config-interval=-1 ! moonlightpay ! application/x-moonlight,layout=datagrams ! moonlightdepay ! h264parse ! avdec_h264 ! fakesink -v
 * ]| Test pattern through both ends.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmoonlightdepay.h"

#include "depaycaps.h"
#include "depaystream.h"
#include "gstpaysession.h"
#include "opuslayout.h"
#include "propertyfields.h"

GST_DEBUG_CATEGORY (moonlight_depay_debug);
#define GST_CAT_DEFAULT moonlight_depay_debug

enum
{
  PROP_CODEC = GST_PAY_SESSION_PROP_OWN,
  PROP_OPUS_LAYOUT,
  PROP_WAIT_FOR_KEY_FRAME,
  PROP_STATS,
};

struct _GstMoonlightDepay
{
  GstElement parent;

  GstPad *sinkpad;
  GstPad *srcpad;
  DepayStream *stream;

  /* properties, with the object lock; read at the start of a stream */
  DepayCodec codec;
  gchar *layout;           /* NULL or empty: what the caps say */
  gint wait_for_key_frame; /* boolean; atomic, because the stream asks at each loss */
  GstPaySession session;   /* without a page */
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-moonlight, media = (string) { video, audio }, layout = (string) datagrams"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-h264, stream-format = (string) byte-stream, alignment = (string) au; "
                     "video/x-h265, stream-format = (string) byte-stream, alignment = (string) au; "
                     "video/x-av1, stream-format = (string) obu-stream, alignment = (string) tu; "
                     "audio/x-opus"));

G_DEFINE_TYPE (GstMoonlightDepay, gst_moonlight_depay, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (moonlightdepay, "moonlightdepay", GST_RANK_NONE, GST_TYPE_MOONLIGHT_DEPAY);

#define TYPE_MOONLIGHT_DEPAY_CODEC (moonlight_depay_codec_get_type ())
static GType
moonlight_depay_codec_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { DEPAY_CODEC_H264, "H.264", "h264" },
    { DEPAY_CODEC_H265, "H.265", "h265" },
    { DEPAY_CODEC_AV1, "AV1", "av1" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMoonlightDepayCodec", values));
  return (GType) type;
}

/* ---- sink pad ---- */

static gboolean
open_stream (GstMoonlightDepay *self, const GstCaps *caps)
{
  const GstPaySession *session = &self->session;
  const DepayStreamSetup setup = {
    .video = { .codec = self->codec,
        .packet_size = session->packet_size,
        .crypt = session->crypt,
        .wait_for_key_frame = &self->wait_for_key_frame },
    .audio = { .packet_duration_ms = session->packet_duration_ms, .crypt = session->crypt, .key_id = session->key_id },
    .layout = self->layout,
  };

  return depay_stream_open (self->stream, &setup, caps);
}

static GstFlowReturn
gst_moonlight_depay_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  return depay_stream_push (((GstMoonlightDepay *) parent)->stream, buffer);
}

static GstFlowReturn
gst_moonlight_depay_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  return depay_stream_push_list (((GstMoonlightDepay *) parent)->stream, list);
}

static gboolean
gst_moonlight_depay_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) parent;
  const GstSegment *segment;
  GstCaps *caps;
  gboolean result;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      result = open_stream (self, caps);
      gst_event_unref (event);
      return result;
    case GST_EVENT_SEGMENT:
      /* what leaves here is in running time, with a segment of its own */
      gst_event_parse_segment (event, &segment);
      depay_stream_set_segment (self->stream, segment);
      gst_event_unref (event);
      return TRUE;
    case GST_EVENT_EOS:
      depay_stream_drain (self->stream);
      break;
    case GST_EVENT_FLUSH_STOP:
      depay_stream_restart (self->stream);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* ---- element ---- */

static void
log_stats (GstMoonlightDepay *self)
{
  GstStructure *stats = depay_stream_get_stats (self->stream);

  GST_INFO_OBJECT (self, "%" GST_PTR_FORMAT, stats);
  gst_structure_free (stats);
}

static gboolean
prepare (GstMoonlightDepay *self)
{
  OpusLayout layout;
  gboolean is_layout;

  depay_stream_reset (self->stream);
  GST_OBJECT_LOCK (self);
  is_layout = self->layout == NULL || *self->layout == '\0' || opus_layout_parse (&layout, self->layout);
  GST_OBJECT_UNLOCK (self);
  if (!is_layout) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("opus-layout is no layout: it must be digits for channels, streams, coupled streams and each channel's place."),
        (NULL));
    return FALSE;
  }
  return gst_pay_session_prepare_wire (&self->session, GST_ELEMENT (self));
}

static GstStateChangeReturn
gst_moonlight_depay_change_state (GstElement *element, GstStateChange transition)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) element;
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !prepare (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gst_moonlight_depay_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    log_stats (self);
    depay_stream_close (self->stream);
    gst_pay_session_stop (&self->session);
  }
  return result;
}

static const gsize fields[] = {
  [PROP_CODEC] = G_STRUCT_OFFSET (GstMoonlightDepay, codec),
  [PROP_OPUS_LAYOUT] = G_STRUCT_OFFSET (GstMoonlightDepay, layout),
};

static void
gst_moonlight_depay_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) object;

  if (id == PROP_WAIT_FOR_KEY_FRAME) {
    g_atomic_int_set (&self->wait_for_key_frame, g_value_get_boolean (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  if (!property_fields_set (self, fields, G_N_ELEMENTS (fields), id, value)
      && !gst_pay_session_set_property (&self->session, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_depay_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) object;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, depay_stream_get_stats (self->stream));
    return;
  }
  if (id == PROP_WAIT_FOR_KEY_FRAME) {
    g_value_set_boolean (value, g_atomic_int_get (&self->wait_for_key_frame));
    return;
  }
  GST_OBJECT_LOCK (self);
  if (!property_fields_get (self, fields, G_N_ELEMENTS (fields), id, value)
      && !gst_pay_session_get_property (&self->session, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_depay_finalize (GObject *object)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) object;

  depay_stream_free (self->stream);
  gst_pay_session_clear (&self->session);
  g_free (self->layout);
  G_OBJECT_CLASS (gst_moonlight_depay_parent_class)->finalize (object);
}

#define RW_READY (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_wire_properties (GObjectClass *object_class)
{
  static const guint shared[] = { GST_PAY_SESSION_PROP_PACKET_SIZE, GST_PAY_SESSION_PROP_KEY,
    GST_PAY_SESSION_PROP_KEY_ID, GST_PAY_SESSION_PROP_PACKET_DURATION, 0 };

  gst_pay_session_install_properties (object_class, shared);
  /**
   * GstMoonlightDepay:codec:
   *
   * What the video frames are; the wire does not say.
   */
  g_object_class_install_property (object_class, PROP_CODEC,
      g_param_spec_enum ("codec", "Codec", "What the video frames are coded with (the wire does not say)",
          TYPE_MOONLIGHT_DEPAY_CODEC, DEPAY_CODEC_H264, RW_READY));
}

static void
install_stream_properties (GObjectClass *object_class)
{
  /**
   * GstMoonlightDepay:opus-layout:
   *
   * Digits for channels, streams, coupled streams and the coded channel that each channel of the output is: what the
   * host advertises as `surround-params`, in the client's order. Empty takes them as they are coded, where the payloader
   * is in the same graph, or else is stereo.
   */
  g_object_class_install_property (object_class, PROP_OPUS_LAYOUT,
      g_param_spec_string ("opus-layout", "Opus layout",
          "Audio channels, streams, coupled streams and the place of each channel, a digit each", "", RW_READY));
  /**
   * GstMoonlightDepay:wait-for-key-frame:
   *
   * Keep frames back, at the start and after a loss, until a key frame comes.
   */
  g_object_class_install_property (object_class, PROP_WAIT_FOR_KEY_FRAME,
      g_param_spec_boolean ("wait-for-key-frame", "Wait for key frame",
          "Keep frames back at the start and after a loss until a key frame comes", TRUE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
  /**
   * GstMoonlightDepay:stats:
   *
   * See the contract in docs/architecture.md for the fields of either medium.
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since READY to PAUSED; times in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_moonlight_depay_class_init (GstMoonlightDepayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (moonlight_depay_debug, "moonlightdepay", 0, "Moonlight depayloader");
  object_class->set_property = gst_moonlight_depay_set_property;
  object_class->get_property = gst_moonlight_depay_get_property;
  object_class->finalize = gst_moonlight_depay_finalize;
  install_wire_properties (object_class);
  install_stream_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Moonlight depayloader", "Codec/Depayloader/Network",
      "Puts GameStream datagrams back together, with parity and decryption", "The Lumen authors");
  element_class->change_state = gst_moonlight_depay_change_state;
  gst_type_mark_as_plugin_api (TYPE_MOONLIGHT_DEPAY_CODEC, 0);
}

static void
gst_moonlight_depay_init (GstMoonlightDepay *self)
{
  gst_pay_session_init (&self->session);
  self->layout = g_strdup ("");
  self->wait_for_key_frame = TRUE;

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_moonlight_depay_chain);
  gst_pad_set_chain_list_function (self->sinkpad, gst_moonlight_depay_chain_list);
  gst_pad_set_event_function (self->sinkpad, gst_moonlight_depay_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
  self->stream = depay_stream_new (GST_ELEMENT (self), self->srcpad);
}
