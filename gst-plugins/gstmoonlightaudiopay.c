/*
 * gstmoonlightaudiopay.c: Opus packets in, GameStream audio datagrams with 4+2 parity out: pads, numbers, states and
 * properties. The payloads of a block and its parity are audioblock.c's, the byte layouts nvpacket.c's (protocol/audio.md).
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

#include "audioblock.h"
#include "gstpaysession.h"
#include "nvpacket.h"
#include "opuslayout.h"
#include "rsfec.h"

GST_DEBUG_CATEGORY_STATIC (gst_moonlight_audio_pay_debug);
#define GST_CAT_DEFAULT gst_moonlight_audio_pay_debug

/* The `stats` property. */
typedef struct
{
  guint64 packets;
  guint64 parity_packets;
  guint64 bytes;
  guint64 size_changes;
  guint64 packets_refused;
} Stats;

/* What the encoder's caps say of its packets. */
typedef struct
{
  gint channels;
  gint streams;
  gint coupled;
} Layout;

struct _GstMoonlightAudioPay
{
  GstElement parent;
  GstPad *sink_pad;
  GstPad *src_pad;

  Stats stats;   /* with the object lock */
  Layout layout; /* with the object lock; zeros before there are caps */
  GstPaySession session;

  /* Streaming thread alone. */
  gboolean has_caps;
  guint32 stream_key_id;
  guint32 stream_duration_ms;
  RsFec *fec;
  AudioBlock block;         /* empty or full: the next packet reserves one */
  gsize last_payload_bytes; /* 0 = none yet */
  gboolean warned_size;
  gboolean warned_refused;
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
    GST_DEBUG_CATEGORY_INIT (gst_moonlight_audio_pay_debug, "moonlightaudiopay", 0, "Moonlight audio payloader"));

/* ---- one packet ---- */

static void
refuse_packet (GstMoonlightAudioPay *self, gsize bytes)
{
  GST_OBJECT_LOCK (self);
  self->stats.packets_refused++;
  GST_OBJECT_UNLOCK (self);
  if (!self->warned_refused) {
    self->warned_refused = TRUE;
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("An Opus packet of %" G_GSIZE_FORMAT " bytes cannot be sent; 1 to %u "
         "can.",
            bytes, (guint) AUDIO_BLOCK_MAX_OPUS_BYTES),
        ("Lower the encoder's bitrate. Said once."));
  }
}

static void
note_size (GstMoonlightAudioPay *self, gsize payload_bytes)
{
  gsize before = self->last_payload_bytes;

  self->last_payload_bytes = payload_bytes;
  if (before == 0 || before == payload_bytes)
    return;
  GST_OBJECT_LOCK (self);
  self->stats.size_changes++;
  GST_OBJECT_UNLOCK (self);
  if (!self->warned_size) {
    self->warned_size = TRUE;
    GST_WARNING_OBJECT (self,
        "payload size changed from %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " bytes: clients stop "
        "recovering lost audio. Run the encoder at a constant bitrate without DTX. Said once",
        before, payload_bytes);
  }
}

static GstBuffer *
new_datagram (GstBuffer *source, const guint8 *header, gsize header_bytes, const guint8 *payload, gsize payload_bytes)
{
  GstBuffer *datagram = gst_buffer_new_allocate (NULL, header_bytes + payload_bytes, NULL);

  gst_buffer_fill (datagram, 0, header, header_bytes);
  gst_buffer_fill (datagram, header_bytes, payload, payload_bytes);
  gst_buffer_copy_into (datagram, source, GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_FLAGS, 0, -1);
  return datagram;
}

/* Parity covers what follows the RTP header: Opus or ciphertext (protocol/audio.md §3). Returns the bytes added. */
static guint64
append_parity (GstMoonlightAudioPay *self, GstBufferList *list, GstBuffer *source)
{
  guint8 parity[NV_AUDIO_PARITY_SHARDS][AUDIO_BLOCK_MAX_PAYLOAD_BYTES], header[NV_AUDIO_PARITY_HEADER_BYTES];
  const AudioBlock *block = &self->block;
  guint64 bytes = 0;

  if (!audio_block_encode (block, self->fec, parity))
    return 0;
  for (guint i = 0; i < NV_AUDIO_PARITY_SHARDS; i++) {
    nv_audio_write_parity (
        header, (guint8) i, (guint16) block->first_packet, block->first_packet * self->stream_duration_ms);
    gst_buffer_list_add (list, new_datagram (source, header, sizeof header, parity[i], block->payload_bytes));
    bytes += sizeof header + block->payload_bytes;
  }
  return bytes;
}

static void
count_burst (GstMoonlightAudioPay *self, gsize data_bytes, guint64 parity_bytes)
{
  GST_OBJECT_LOCK (self);
  self->stats.packets++;
  self->stats.parity_packets += parity_bytes != 0 ? NV_AUDIO_PARITY_SHARDS : 0;
  self->stats.bytes += data_bytes + parity_bytes;
  GST_OBJECT_UNLOCK (self);
}

static GstFlowReturn
pay_packet (GstMoonlightAudioPay *self, GstBuffer *buffer, const guint8 *opus, gsize size)
{
  AudioBlock *block = &self->block;
  guint8 header[NV_AUDIO_HEADER_BYTES];
  const guint8 *payload;
  GstBufferList *list;
  guint64 parity_bytes = 0;
  guint32 number;
  gsize payload_bytes;

  if (block->count == 0 || audio_block_is_full (block))
    audio_block_begin (block, session_page_reserve_audio_block (self->session.page));
  number = audio_block_next_packet (block);
  payload = audio_block_add (block, self->session.crypt, self->stream_key_id, opus, size, &payload_bytes);
  if (payload == NULL) {
    GST_ELEMENT_ERROR (self, STREAM, ENCODE, ("Audio packet %u could not be encrypted.", number), (NULL));
    return GST_FLOW_ERROR;
  }
  note_size (self, payload_bytes);

  list = gst_buffer_list_new_sized (1 + NV_AUDIO_PARITY_SHARDS);
  /* Milliseconds, and modulo 2^32 like the number itself (protocol/audio.md §2). */
  nv_audio_write_data (header, (guint16) number, number * self->stream_duration_ms);
  gst_buffer_list_add (list, new_datagram (buffer, header, sizeof header, payload, payload_bytes));
  if (audio_block_is_full (block))
    parity_bytes = append_parity (self, list, buffer);
  count_burst (self, sizeof header + payload_bytes, parity_bytes);
  return gst_pad_push_list (self->src_pad, list);
}

static GstFlowReturn
gst_moonlight_audio_pay_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMoonlightAudioPay *self = GST_MOONLIGHT_AUDIO_PAY (parent);
  GstFlowReturn flow = GST_FLOW_OK;
  gsize size = gst_buffer_get_size (buffer);
  GstMapInfo map;

  if (!self->has_caps) {
    flow = GST_FLOW_NOT_NEGOTIATED;
  } else if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_HEADER)) {
    GST_DEBUG_OBJECT (self, "leaving out a stream header of %" G_GSIZE_FORMAT " bytes", size);
  } else if (size == 0 || media_crypt_audio_bytes (size) > AUDIO_BLOCK_MAX_PAYLOAD_BYTES
      || !gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    /* No number is spent: a packet that was never sent must not look like one that was lost. */
    refuse_packet (self, size);
  } else {
    flow = pay_packet (self, buffer, map.data, map.size);
    gst_buffer_unmap (buffer, &map);
  }
  gst_buffer_unref (buffer);
  return flow;
}

/* ---- events and states ---- */

/* Fields that are left out stand for the one layout of stereo and mono. */
static Layout
read_layout (const GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  Layout layout = { .channels = 2, .streams = 1, .coupled = 0 };

  gst_structure_get_int (structure, "channels", &layout.channels);
  layout.coupled = layout.channels == 2 ? 1 : 0;
  gst_structure_get_int (structure, "stream-count", &layout.streams);
  gst_structure_get_int (structure, "coupled-count", &layout.coupled);
  return layout;
}

/* A `moonlightdepay` in the same graph needs to be told nothing else: it gives the channels as they are coded. */
static void
set_coded_order (GstCaps *caps, const Layout *layout)
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
  Layout layout = read_layout (opus_caps);
  gboolean ok;

  GST_OBJECT_LOCK (self);
  self->stream_duration_ms = self->session.packet_duration_ms;
  self->stream_key_id = self->session.key_id;
  self->layout = layout;
  GST_OBJECT_UNLOCK (self);
  set_coded_order (caps, &layout);
  ok = gst_pad_push_event (self->src_pad, gst_event_new_caps (caps));
  gst_caps_unref (caps);
  GST_INFO_OBJECT (
      self, "%u ms a packet, %s", self->stream_duration_ms, self->session.crypt != NULL ? "encrypted" : "in the clear");
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
  GST_OBJECT_LOCK (self);
  self->stats = (Stats) { 0 };
  self->layout = (Layout) { 0 };
  GST_OBJECT_UNLOCK (self);
  self->warned_size = self->warned_refused = FALSE;
  self->has_caps = FALSE;
  audio_block_begin (&self->block, 0);
  self->last_payload_bytes = 0;
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

static GstStructure *
create_stats (GstMoonlightAudioPay *self)
{
  Stats s;
  Layout layout;

  GST_OBJECT_LOCK (self);
  s = self->stats;
  layout = self->layout;
  GST_OBJECT_UNLOCK (self);
  return gst_structure_new ("application/x-moonlightaudiopay-stats", "packets", G_TYPE_UINT64, s.packets,
      "parity-packets", G_TYPE_UINT64, s.parity_packets, "bytes", G_TYPE_UINT64, s.bytes, "size-changes", G_TYPE_UINT64,
      s.size_changes, "packets-refused", G_TYPE_UINT64, s.packets_refused, "channels", G_TYPE_INT, layout.channels,
      "streams", G_TYPE_INT, layout.streams, "coupled", G_TYPE_INT, layout.coupled, NULL);
}

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
    g_value_take_boxed (value, create_stats (self));
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

  gst_pay_session_clear (&self->session);
  rs_fec_free (self->fec);
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
  self->fec = rs_fec_new ();

  self->sink_pad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink_pad, gst_moonlight_audio_pay_chain);
  gst_pad_set_event_function (self->sink_pad, gst_moonlight_audio_pay_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink_pad);
  self->src_pad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->src_pad);
  gst_element_add_pad (GST_ELEMENT (self), self->src_pad);
}
