/*
 * gstmoonlightaudiopay.c: Opus packets in, GameStream audio datagrams with 4+2 parity out: pads, caps, states and
 * properties. What becomes of a packet is payaudio.c's (protocol/audio.md).
 */

/**
 * SECTION:element-moonlightaudiopay
 * @title: moonlightaudiopay
 * @short_description: turns Opus packets into GameStream audio datagrams with parity
 *
 * Stands between `opusenc` and `moonlightsink`. Each Opus packet becomes one datagram at once; the fourth of a block is
 * followed by two parity datagrams in the same buffer list. With a key the payload is AES-128-CBC, and parity covers
 * the ciphertext.
 *
 * Unlike RTP the timestamp counts milliseconds, parity packets do not advance the sequence number, and all packets
 * must have one size: clients turn their recovery off for good at the first that differs. So the encoder has to run at
 * a constant bitrate without DTX; a change of size is counted in `stats`, and sending goes on.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! audioresample ! opusenc bitrate=96000 bitrate-type=cbr frame-size=5 ! moonlightaudiopay ! udpsink host=127.0.0.1 port=48000
 * ]|
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmoonlightaudiopay.h"

#include "gstpaysession.h"
#include "opuslayout.h"
#include "payaudio.h"

GST_DEBUG_CATEGORY (moonlight_audio_pay_debug);
#define GST_CAT_DEFAULT moonlight_audio_pay_debug

struct _GstMoonlightAudioPay
{
  GstElement parent;
  GstPad *sink_pad;
  GstPad *src_pad;

  GstPaySession session;
  PayAudio audio;

  gboolean has_caps; /* streaming thread alone */
};

enum
{
  PROP_STATS = GST_PAY_SESSION_PROP_OWN,
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("audio/x-opus"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-moonlight, media=(string)audio, layout=(string)datagrams"));

G_DEFINE_TYPE (GstMoonlightAudioPay, gst_moonlight_audio_pay, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE (moonlightaudiopay, "moonlightaudiopay", GST_RANK_NONE,
    GST_TYPE_MOONLIGHT_AUDIO_PAY,
    GST_DEBUG_CATEGORY_INIT (moonlight_audio_pay_debug, "moonlightaudiopay", 0, "Moonlight audio payloader"));

static GstFlowReturn
gst_moonlight_audio_pay_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (parent);
  GstFlowReturn flow = self->has_caps ? pay_audio_push (&self->audio, buffer) : GST_FLOW_NOT_NEGOTIATED;

  gst_buffer_unref (buffer);
  return flow;
}

/* ---- events and states ---- */

/* Fields that are left out stand for the one layout of stereo and mono. */
static PayAudioLayout
read_layout (const GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  PayAudioLayout layout = { .channels = 2, .streams = 1, .coupled = 0 };

  gst_structure_get_int (structure, "channels", &layout.channels);
  layout.coupled = layout.channels == 2 ? 1 : 0;
  gst_structure_get_int (structure, "stream-count", &layout.streams);
  gst_structure_get_int (structure, "coupled-count", &layout.coupled);
  return layout;
}

/* A `moonlightdepay` in the same graph needs to be told nothing else: it gives the channels as they are coded. */
static void
set_coded_order (GstCaps *caps, const PayAudioLayout *layout)
{
  OpusLayout coded = { .channels = (guint8) CLAMP (layout->channels, 0, G_MAXUINT8),
    .streams = (guint8) CLAMP (layout->streams, 0, G_MAXUINT8),
    .coupled = (guint8) CLAMP (layout->coupled, 0, G_MAXUINT8),
    .map = { 0, 1, 2, 3, 4, 5, 6, 7 } };
  gchar text[OPUS_LAYOUT_TEXT_BYTES];

  if (opus_layout_format (&coded, text))
    gst_caps_set_simple (caps, "opus-layout", G_TYPE_STRING, text, NULL);
}

static gboolean
set_caps (GstMoonlightAudioPay *self, const GstCaps *opus_caps)
{
  GstCaps *caps = gst_caps_make_writable (gst_static_pad_template_get_caps (&src_template));
  PayAudioLayout layout = read_layout (opus_caps);
  gboolean ok;

  GST_OBJECT_LOCK (self);
  self->audio.packet_duration_ms = self->session.packet_duration_ms;
  self->audio.key_id = self->session.key_id;
  self->audio.figures.layout = layout;
  GST_OBJECT_UNLOCK (self);
  set_coded_order (caps, &layout);
  ok = gst_pad_push_event (self->src_pad, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  GST_INFO_OBJECT (self, "%u ms a packet, %s", self->audio.packet_duration_ms,
      self->session.crypt != NULL ? "encrypted" : "in the clear");
  self->has_caps = TRUE;
  return ok;
}

static gboolean
gst_moonlight_audio_pay_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (parent);

  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    GstCaps *caps;
    gboolean ok;

    gst_event_parse_caps (event, &caps);
    ok = set_caps (self, caps);
    gst_event_unref (event);
    return ok;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
prepare (GstMoonlightAudioPay *self)
{
  pay_audio_reset (&self->audio);
  self->has_caps = FALSE;
  return gst_pay_session_prepare (&self->session, GST_ELEMENT (self));
}

static GstStateChangeReturn
gst_moonlight_audio_pay_change_state (GstElement *element, GstStateChange transition)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !prepare (self))
    return GST_STATE_CHANGE_FAILURE;
  result = GST_ELEMENT_CLASS (gst_moonlight_audio_pay_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_pay_session_stop (&self->session);
  return result;
}

/* ---- properties ---- */

static void
gst_moonlight_audio_pay_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (object);

  GST_OBJECT_LOCK (self);
  if (!gst_pay_session_set_property (&self->session, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_audio_pay_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, pay_audio_create_stats (&self->audio));
    return;
  }
  GST_OBJECT_LOCK (self);
  if (!gst_pay_session_get_property (&self->session, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_audio_pay_finalize (GObject *object)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (object);

  pay_audio_clear (&self->audio);
  gst_pay_session_clear (&self->session);
  G_OBJECT_CLASS (gst_moonlight_audio_pay_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *klass)
{
  static const guint shared[] = { GST_PAY_SESSION_PROP_PACKET_DURATION, GST_PAY_SESSION_PROP_PAGE_FD,
    GST_PAY_SESSION_PROP_KEY, GST_PAY_SESSION_PROP_KEY_ID, 0 };

  gst_pay_session_install_properties (klass, shared);
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since READY to PAUSED", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_moonlight_audio_pay_class_init (GstMoonlightAudioPayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  object_class->set_property = gst_moonlight_audio_pay_set_property;
  object_class->get_property = gst_moonlight_audio_pay_get_property;
  object_class->finalize = gst_moonlight_audio_pay_finalize;
  install_properties (object_class);
  element_class->change_state = gst_moonlight_audio_pay_change_state;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Moonlight audio payloader", "Codec/Payloader/Network",
      "Turns Opus packets into GameStream datagrams with 4+2 parity", "The Lumen authors");
}

static void
gst_moonlight_audio_pay_init (GstMoonlightAudioPay *self)
{
  gst_pay_session_init (&self->session);

  self->sink_pad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink_pad, gst_moonlight_audio_pay_chain);
  gst_pad_set_event_function (self->sink_pad, gst_moonlight_audio_pay_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink_pad);
  self->src_pad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->src_pad);
  gst_element_add_pad (GST_ELEMENT (self), self->src_pad);

  pay_audio_init (&self->audio, GST_ELEMENT (self), self->src_pad, &self->session);
}
