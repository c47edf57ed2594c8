/*
 * gstmoonlightsrc.c: see the section below. Pings: protocol/video.md §1.1.
 */

/**
 * SECTION:element-moonlightsrc
 * @title: moonlightsrc
 * @short_description: batched UDP receiver of Moonlight datagrams
 *
 * The client's end of a video or audio stream: begins a graph in front of moonlightdepay. It receives in batches and
 * pushes one buffer per datagram, and pings the sender so that it learns where to send: at once when
 * playing starts and every #GstMoonlightSrc:ping-interval from then on. Differences from udpsrc: pings, seeded loss,
 * and the arrival time of each datagram (CLOCK_MONOTONIC) as a #GstReferenceTimestampMeta with caps
 * `timestamp/x-lumen-arrival`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 moonlightsrc port=47998 ! moonlightdepay ! h264parse ! avdec_h264 ! autovideosink
 * ]|
 *
 * Since: 0.1
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmoonlightsrc.h"

#include "datagraminput.h"
#include "histogramstats.h"
#include "pingsender.h"
#include "propertyfields.h"

GST_DEBUG_CATEGORY (gst_moonlight_src_debug);
#define GST_CAT_DEFAULT gst_moonlight_src_debug

#define DEFAULT_ADDRESS "0.0.0.0"
#define DEFAULT_PORT 0
#define DEFAULT_FD -1
#define DEFAULT_REMOTE_HOST "127.0.0.1"
#define DEFAULT_REMOTE_PORT 0
#define DEFAULT_PING_PAYLOAD ""
#define DEFAULT_PING_INTERVAL_MS 500
#define DEFAULT_MEDIA MEDIA_VIDEO
#define DEFAULT_DROP_PERCENT 0
#define DEFAULT_DROP_SEED 1

enum
{
  PROP_0,
  PROP_ADDRESS,
  PROP_PORT,
  PROP_FD,
  PROP_REMOTE_HOST,
  PROP_REMOTE_PORT,
  PROP_PING_PAYLOAD,
  PROP_PING_INTERVAL,
  PROP_MEDIA,
  PROP_DROP_PERCENT,
  PROP_DROP_SEED,
  PROP_STATS,
};

typedef enum
{
  MEDIA_VIDEO,
  MEDIA_AUDIO,
} Media;

struct _GstMoonlightSrc
{
  GstPushSrc parent;

  DatagramInput input;
  PingSender pings;
  Media media;  /* with the object lock */
  GQueue ready; /* GstBuffer, read and not yet pushed; the streaming thread's own between start and stop */
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-moonlight, media=(string){video,audio}, layout=(string)datagrams"));

G_DEFINE_TYPE_WITH_CODE (GstMoonlightSrc, gst_moonlight_src, GST_TYPE_PUSH_SRC,
    GST_DEBUG_CATEGORY_INIT (gst_moonlight_src_debug, "moonlightsrc", 0, "Moonlight receiver"));
GST_ELEMENT_REGISTER_DEFINE (moonlightsrc, "moonlightsrc", GST_RANK_NONE, GST_TYPE_MOONLIGHT_SRC);

#define GST_TYPE_MOONLIGHT_SRC_MEDIA (gst_moonlight_src_media_get_type ())
static GType
gst_moonlight_src_media_get_type (void)
{
  static const GEnumValue values[] = {
    { MEDIA_VIDEO, "Video datagrams", "video" },
    { MEDIA_AUDIO, "Audio datagrams", "audio" },
    { 0, NULL, NULL },
  };
  static gsize type = 0;

  if (g_once_init_enter (&type)) {
    GType registered = g_enum_register_static ("GstMoonlightSrcMedia", values);
    g_once_init_leave (&type, registered);
  }
  return type;
}

/* --- streaming --- */

static GstFlowReturn
gst_moonlight_src_create (GstPushSrc *src, GstBuffer **buffer)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);

  while (g_queue_is_empty (&self->ready)) {
    int timeout_ms = ping_sender_send_due (&self->pings, self->input.socket_fd);
    GstFlowReturn ret = datagram_input_wait (&self->input, timeout_ms);

    if (ret == GST_FLOW_OK)
      ret = datagram_input_read (&self->input, &self->ready);
    if (ret != GST_FLOW_OK)
      return ret;
  }
  /* Not gst_base_src_submit_buffer_list(): a state change right after create() makes the base class unref the buffer
   * that it did not get (a critical warning in 1.22 and later). */
  *buffer = g_queue_pop_head (&self->ready);
  return GST_FLOW_OK;
}

static GstCaps *
gst_moonlight_src_get_caps (GstBaseSrc *src, GstCaps *filter)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);
  GstCaps *caps, *filtered;

  GST_OBJECT_LOCK (self);
  caps = gst_caps_new_simple ("application/x-moonlight", "media", G_TYPE_STRING,
      self->media == MEDIA_AUDIO ? "audio" : "video", "layout", G_TYPE_STRING, "datagrams", NULL);
  GST_OBJECT_UNLOCK (self);
  if (filter == NULL)
    return caps;
  filtered = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return filtered;
}

/* --- states --- */

static gboolean
gst_moonlight_src_start (GstBaseSrc *src)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);

  if (!datagram_input_start (&self->input))
    return FALSE;
  ping_sender_restart (&self->pings);
  return TRUE;
}

static gboolean
gst_moonlight_src_stop (GstBaseSrc *src)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);

  datagram_input_stop (&self->input);
  g_queue_clear_full (&self->ready, (GDestroyNotify) gst_buffer_unref);
  return TRUE;
}

static gboolean
gst_moonlight_src_unlock (GstBaseSrc *src)
{
  datagram_input_set_unlocked (&GST_MOONLIGHT_SRC (src)->input, TRUE);
  return TRUE;
}

static gboolean
gst_moonlight_src_unlock_stop (GstBaseSrc *src)
{
  datagram_input_set_unlocked (&GST_MOONLIGHT_SRC (src)->input, FALSE);
  return TRUE;
}

/* --- properties --- */

static const gsize fields[] = {
  [PROP_ADDRESS] = G_STRUCT_OFFSET (GstMoonlightSrc, input.address),
  [PROP_PORT] = G_STRUCT_OFFSET (GstMoonlightSrc, input.port),
  [PROP_FD] = G_STRUCT_OFFSET (GstMoonlightSrc, input.fd),
  [PROP_REMOTE_HOST] = G_STRUCT_OFFSET (GstMoonlightSrc, pings.remote_host),
  [PROP_REMOTE_PORT] = G_STRUCT_OFFSET (GstMoonlightSrc, pings.remote_port),
  [PROP_PING_PAYLOAD] = G_STRUCT_OFFSET (GstMoonlightSrc, pings.payload),
  [PROP_PING_INTERVAL] = G_STRUCT_OFFSET (GstMoonlightSrc, pings.interval_ms),
  [PROP_MEDIA] = G_STRUCT_OFFSET (GstMoonlightSrc, media),
  [PROP_DROP_PERCENT] = G_STRUCT_OFFSET (GstMoonlightSrc, input.drop_percent),
  [PROP_DROP_SEED] = G_STRUCT_OFFSET (GstMoonlightSrc, input.drop_seed),
};

static void
gst_moonlight_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (object);

  GST_OBJECT_LOCK (self);
  if (!property_fields_set (self, fields, G_N_ELEMENTS (fields), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  switch (id) {
    case PROP_REMOTE_PORT:
      /* at once, not only when the wait under way is over */
      datagram_input_nudge (&self->input);
      pinger_hurry (&self->pings.pinger);
      break;
    case PROP_REMOTE_HOST:
    case PROP_PING_PAYLOAD:
      pinger_hurry (&self->pings.pinger);
      break;
    case PROP_DROP_SEED:
      loss_knob_seed (&self->input.loss, self->input.drop_seed);
      break;
    default:
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

/* with the object lock */
static GstStructure *
make_stats (GstMoonlightSrc *self)
{
  const ReceivedFigures *figures = &self->input.figures;
  GstStructure *stats = gst_structure_new ("moonlightsrc-stats", "datagrams", G_TYPE_UINT64, figures->datagrams,
      "bytes", G_TYPE_UINT64, figures->bytes, "drops-injected", G_TYPE_UINT64, figures->drops_injected, "pings",
      G_TYPE_UINT64, self->pings.sent, "truncated", G_TYPE_UINT64, figures->received.truncated, "receive-calls",
      G_TYPE_UINT64, figures->received.calls, "first-datagram-ns", G_TYPE_UINT64, figures->first_datagram_ns, NULL);

  histogram_set_stats (&figures->jitter_ns, stats, "jitter-ns");
  return stats;
}

static void
gst_moonlight_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, make_stats (self));
  else if (id == PROP_PORT && self->input.bound_port != 0)
    g_value_set_uint (value, self->input.bound_port);
  else if (!property_fields_get (self, fields, G_N_ELEMENTS (fields), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_src_init (GstMoonlightSrc *self)
{
  GstBaseSrc *src = GST_BASE_SRC (self);

  datagram_input_init (&self->input, src);
  self->input.address = g_strdup (DEFAULT_ADDRESS);
  self->input.fd = DEFAULT_FD;
  self->input.drop_seed = DEFAULT_DROP_SEED;
  self->pings.element = GST_ELEMENT (self);
  self->pings.remote_host = g_strdup (DEFAULT_REMOTE_HOST);
  self->pings.payload = g_strdup (DEFAULT_PING_PAYLOAD);
  self->pings.interval_ms = DEFAULT_PING_INTERVAL_MS;
  g_queue_init (&self->ready);
  gst_base_src_set_live (src, TRUE);
  gst_base_src_set_format (src, GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (src, TRUE);
}

static void
gst_moonlight_src_finalize (GObject *object)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (object);

  datagram_input_clear (&self->input);
  g_free (self->input.address);
  g_free (self->pings.remote_host);
  g_free (self->pings.payload);
  G_OBJECT_CLASS (gst_moonlight_src_parent_class)->finalize (object);
}

static void
install_ping_properties (GObjectClass *klass)
{
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_REMOTE_HOST,
      g_param_spec_string (
          "remote-host", "Remote host", "Address to ping, numeric IPv4 or IPv6", DEFAULT_REMOTE_HOST, playing));
  g_object_class_install_property (klass, PROP_REMOTE_PORT,
      g_param_spec_uint ("remote-port", "Remote port", "UDP port to ping (0-65535); 0 pings nobody", 0, 65535,
          DEFAULT_REMOTE_PORT, playing));
  g_object_class_install_property (klass, PROP_PING_PAYLOAD,
      g_param_spec_string ("ping-payload", "Ping payload",
          "16 characters make a session ping, anything else a legacy PING", DEFAULT_PING_PAYLOAD, playing));
  g_object_class_install_property (klass, PROP_PING_INTERVAL,
      g_param_spec_uint ("ping-interval", "Ping interval", "Milliseconds between pings (1-3600000)", 1, 3600000,
          DEFAULT_PING_INTERVAL_MS, playing));
}

static void
install_receiving_properties (GObjectClass *klass)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_ADDRESS,
      g_param_spec_string ("address", "Address", "Local address to listen on, numeric; :: listens on IPv4 as well",
          DEFAULT_ADDRESS, ready));
  g_object_class_install_property (klass, PROP_PORT,
      g_param_spec_uint ("port", "Port",
          "UDP port to listen on (0-65535); 0 takes a free one, which reads back from PAUSED on", 0, 65535,
          DEFAULT_PORT, ready));
  g_object_class_install_property (klass, PROP_FD,
      g_param_spec_int ("fd", "File descriptor",
          "Bound UDP socket to receive from instead, duplicated on start; -1 opens one", -1, G_MAXINT, DEFAULT_FD,
          ready));
  g_object_class_install_property (klass, PROP_MEDIA,
      g_param_spec_enum ("media", "Media", "Which of the two streams this is: the media field of the caps",
          GST_TYPE_MOONLIGHT_SRC_MEDIA, DEFAULT_MEDIA, ready));
  g_object_class_install_property (klass, PROP_DROP_PERCENT,
      g_param_spec_double ("drop-percent", "Drop percent", "Datagrams lost on purpose (0-100 %), for tests", 0, 100,
          DEFAULT_DROP_PERCENT, playing));
  g_object_class_install_property (klass, PROP_DROP_SEED,
      g_param_spec_uint ("drop-seed", "Drop seed",
          "Selects which datagrams drop-percent loses; setting it starts its sequence", 0, G_MAXUINT, DEFAULT_DROP_SEED,
          playing));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since READY to PAUSED; durations in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_moonlight_src_class_init (GstMoonlightSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS (klass);

  object_class->set_property = gst_moonlight_src_set_property;
  object_class->get_property = gst_moonlight_src_get_property;
  object_class->finalize = gst_moonlight_src_finalize;
  install_receiving_properties (object_class);
  install_ping_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Moonlight receiver", "Source/Network",
      "Receives GameStream datagrams over UDP in batches and pings their sender", "The Lumen authors");
  gst_type_mark_as_plugin_api (GST_TYPE_MOONLIGHT_SRC_MEDIA, 0);

  src_class->start = gst_moonlight_src_start;
  src_class->stop = gst_moonlight_src_stop;
  src_class->unlock = gst_moonlight_src_unlock;
  src_class->unlock_stop = gst_moonlight_src_unlock_stop;
  src_class->get_caps = gst_moonlight_src_get_caps;
  GST_PUSH_SRC_CLASS (klass)->create = gst_moonlight_src_create;
}
