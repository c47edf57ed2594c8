/*
 * gstmoonlightsink.c: the element around burstsender: pads, caps, states and properties. What is sent when is decided
 * in burstsender.c and pacer.c.
 */

/**
 * SECTION:element-moonlightsink
 * @title: moonlightsink
 * @short_description: paced, batched UDP sender of Moonlight datagrams
 *
 * Ends a graph behind moonlightpay or moonlightaudiopay. Differences from udpsink:
 *
 * * A queue entry is a burst: one frame, or one buffer list. When the queue is full the newest burst is dropped whole
 *   and the element message `moonlight-frame-dropped` (with `bursts`, uint64) says so, so that the application can ask
 *   the encoder for a key frame. The streaming thread never waits for the network.
 * * A thread of its own sends on a rate clock (#GstMoonlightSink:link-kbps) that is carried from burst to burst, with
 *   segmentation offload where the kernel has it.
 * * #GstBaseSink:sync is off by default: a live stream leaves as soon as it is made. Set it to send a file.
 *   #GstBaseSink:async is off as well: there is nothing to show while paused, and a graph whose first frame is held
 *   back must still reach PLAYING.
 * * A receiver that is gone (ICMP port unreachable) or a full socket buffer is counted in #GstMoonlightSink:stats and
 *   ends nothing.
 * * End of stream is posted once the queue has been sent.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 is-live=true ! x264enc tune=zerolatency ! h264parse ! moonlightpay ! moonlightsink host=127.0.0.1 port=47998
 * ]|
 *
 * Since: 0.1
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmoonlightsink.h"

#include "burstsender.h"
#include "propertyfields.h"

GST_DEBUG_CATEGORY (gst_moonlight_sink_debug);
#define GST_CAT_DEFAULT gst_moonlight_sink_debug

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT 0
#define DEFAULT_FD -1
#define DEFAULT_DSCP 0
#define DEFAULT_LINK_KBPS 800000
#define DEFAULT_PACING BURST_PACING_AUTO
#define DEFAULT_MAX_BURSTS 2
#define DEFAULT_DROP_PERCENT 0
#define DEFAULT_DROP_SEED 1

enum
{
  PROP_0,
  PROP_HOST,
  PROP_PORT,
  PROP_FD,
  PROP_SOURCE_ADDRESS,
  PROP_DSCP,
  PROP_LINK_KBPS,
  PROP_PACING,
  PROP_MAX_BURSTS,
  PROP_DROP_PERCENT,
  PROP_DROP_SEED,
  PROP_STATS,
};

struct _GstMoonlightSink
{
  GstBaseSink parent;

  BurstSender *sender;
  gint fd;              /* with the object lock */
  guint datagram_bytes; /* streaming thread: 0 for layout=datagrams */
};

/* The sink prefers the frame layout: one arena a frame is what segmentation offload wants. */
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("application/x-moonlight, media=(string)video, layout=(string)frame, "
                     "datagram-size=(int)[1,65507]; "
                     "application/x-moonlight, media=(string){video,audio}, layout=(string)datagrams"));

G_DEFINE_TYPE_WITH_CODE (GstMoonlightSink, gst_moonlight_sink, GST_TYPE_BASE_SINK,
    GST_DEBUG_CATEGORY_INIT (gst_moonlight_sink_debug, "moonlightsink", 0, "Moonlight sender"));
GST_ELEMENT_REGISTER_DEFINE (moonlightsink, "moonlightsink", GST_RANK_NONE, GST_TYPE_MOONLIGHT_SINK);

#define GST_TYPE_MOONLIGHT_SINK_PACING (gst_moonlight_sink_pacing_get_type ())
static GType
gst_moonlight_sink_pacing_get_type (void)
{
  static const GEnumValue values[] = {
    { BURST_PACING_AUTO, "Kernel where the egress queues with fq, else rate", "auto" },
    { BURST_PACING_RATE, "At nine tenths of link-kbps", "rate" },
    { BURST_PACING_SPREAD, "Each burst over three quarters of its interval", "spread" },
    { BURST_PACING_KERNEL, "Departure times for the fq queueing discipline (SO_TXTIME)", "kernel" },
    { BURST_PACING_NONE, "All at once", "none" },
    { 0, NULL, NULL },
  };
  static gsize type = 0;

  if (g_once_init_enter (&type)) {
    GType registered = g_enum_register_static ("GstMoonlightSinkPacing", values);
    g_once_init_leave (&type, registered);
  }
  return type;
}

/* --- streaming --- */

static gboolean
gst_moonlight_sink_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (sink);
  GstStructure *structure = gst_caps_get_structure (caps, 0);
  gint size = 0;

  if (g_strcmp0 (gst_structure_get_string (structure, "layout"), "frame") == 0
      && (!gst_structure_get_int (structure, "datagram-size", &size) || size <= 0)) {
    GST_WARNING_OBJECT (self, "layout=frame without datagram-size in %" GST_PTR_FORMAT, caps);
    return FALSE;
  }
  self->datagram_bytes = (guint) size;
  GST_INFO_OBJECT (self, "%" GST_PTR_FORMAT, caps);
  return TRUE;
}

static GstFlowReturn
gst_moonlight_sink_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (sink);

  return burst_sender_push (self->sender, GST_MINI_OBJECT_CAST (gst_buffer_ref (buffer)), self->datagram_bytes);
}

static GstFlowReturn
gst_moonlight_sink_render_list (GstBaseSink *sink, GstBufferList *list)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (sink);

  return burst_sender_push (self->sender, GST_MINI_OBJECT_CAST (gst_buffer_list_ref (list)), self->datagram_bytes);
}

static gboolean
gst_moonlight_sink_event (GstBaseSink *sink, GstEvent *event)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (sink);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    burst_sender_flush (self->sender);
  return GST_BASE_SINK_CLASS (gst_moonlight_sink_parent_class)->event (sink, event);
}

/* End of stream waits for the queue. The preroll lock is held here, so an unlock is answered by handing it over in
 * gst_base_sink_wait_preroll(), which returns FLUSHING, or OK when playing goes on. */
static GstFlowReturn
gst_moonlight_sink_wait_event (GstBaseSink *sink, GstEvent *event)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (sink);
  GstFlowReturn ret = GST_BASE_SINK_CLASS (gst_moonlight_sink_parent_class)->wait_event (sink, event);

  if (GST_EVENT_TYPE (event) != GST_EVENT_EOS)
    return ret;
  while (ret == GST_FLOW_OK && !burst_sender_drain (self->sender))
    ret = gst_base_sink_wait_preroll (sink);
  return ret;
}

static gboolean
gst_moonlight_sink_unlock (GstBaseSink *sink)
{
  burst_sender_set_unlocked (GST_MOONLIGHT_SINK (sink)->sender, TRUE);
  return TRUE;
}

static gboolean
gst_moonlight_sink_unlock_stop (GstBaseSink *sink)
{
  burst_sender_set_unlocked (GST_MOONLIGHT_SINK (sink)->sender, FALSE);
  return TRUE;
}

/* --- states --- */

static gboolean
gst_moonlight_sink_start (GstBaseSink *sink)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (sink);
  GError *error = NULL;
  gint fd;

  GST_OBJECT_LOCK (self);
  fd = self->fd;
  GST_OBJECT_UNLOCK (self);
  if (burst_sender_start (self->sender, fd, &error))
    return TRUE;
  GST_ELEMENT_ERROR (self, RESOURCE, OPEN_WRITE, ("Cannot send: %s", error->message), (NULL));
  g_clear_error (&error);
  return FALSE;
}

static gboolean
gst_moonlight_sink_stop (GstBaseSink *sink)
{
  burst_sender_stop (GST_MOONLIGHT_SINK (sink)->sender);
  return TRUE;
}

static GstStateChangeReturn
gst_moonlight_sink_change_state (GstElement *element, GstStateChange transition)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (element);
  GstStateChangeReturn ret;
  GError *error = NULL;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !burst_sender_begin (self->sender, &error)) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", error->message), (NULL));
    g_clear_error (&error);
    return GST_STATE_CHANGE_FAILURE;
  }
  ret = GST_ELEMENT_CLASS (gst_moonlight_sink_parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    burst_sender_end (self->sender);
  return ret;
}

/* --- properties --- */

static const gsize fields[] = {
  [PROP_HOST] = G_STRUCT_OFFSET (BurstSenderConfig, host),
  [PROP_PORT] = G_STRUCT_OFFSET (BurstSenderConfig, port),
  [PROP_SOURCE_ADDRESS] = G_STRUCT_OFFSET (BurstSenderConfig, source_address),
  [PROP_DSCP] = G_STRUCT_OFFSET (BurstSenderConfig, dscp),
  [PROP_LINK_KBPS] = G_STRUCT_OFFSET (BurstSenderConfig, link_kbps),
  [PROP_PACING] = G_STRUCT_OFFSET (BurstSenderConfig, pacing),
  [PROP_MAX_BURSTS] = G_STRUCT_OFFSET (BurstSenderConfig, max_bursts),
  [PROP_DROP_PERCENT] = G_STRUCT_OFFSET (BurstSenderConfig, drop_percent),
  [PROP_DROP_SEED] = G_STRUCT_OFFSET (BurstSenderConfig, drop_seed),
};

static void
gst_moonlight_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (object);
  BurstSenderConfig *config;

  if (id == PROP_FD) {
    GST_OBJECT_LOCK (self);
    self->fd = g_value_get_int (value);
    GST_OBJECT_UNLOCK (self);
    return;
  }
  config = burst_sender_lock_config (self->sender);
  if (!property_fields_set (config, fields, G_N_ELEMENTS (fields), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  burst_sender_unlock_config (self->sender);
}

static void
gst_moonlight_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstMoonlightSink *self = GST_MOONLIGHT_SINK (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, burst_sender_get_stats (self->sender));
  } else if (id == PROP_FD) {
    GST_OBJECT_LOCK (self);
    g_value_set_int (value, self->fd);
    GST_OBJECT_UNLOCK (self);
  } else {
    if (!property_fields_get (burst_sender_peek_config (self->sender), fields, G_N_ELEMENTS (fields), id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    burst_sender_release_config (self->sender);
  }
}

static void
gst_moonlight_sink_init (GstMoonlightSink *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);
  BurstSenderConfig *config;

  self->sender = burst_sender_new (GST_ELEMENT (self));
  self->fd = DEFAULT_FD;
  config = burst_sender_lock_config (self->sender);
  *config = (BurstSenderConfig) {
    .host = g_strdup (DEFAULT_HOST),
    .port = DEFAULT_PORT,
    .source_address = g_strdup (""),
    .dscp = DEFAULT_DSCP,
    .link_kbps = DEFAULT_LINK_KBPS,
    .pacing = DEFAULT_PACING,
    .max_bursts = DEFAULT_MAX_BURSTS,
    .drop_percent = DEFAULT_DROP_PERCENT,
    .drop_seed = DEFAULT_DROP_SEED,
  };
  burst_sender_unlock_config (self->sender);

  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_async_enabled (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
  /* What leaves late is not repaired by leaving everything later. */
  gst_base_sink_set_processing_deadline (sink, 0);
}

static void
gst_moonlight_sink_finalize (GObject *object)
{
  burst_sender_free (GST_MOONLIGHT_SINK (object)->sender);
  G_OBJECT_CLASS (gst_moonlight_sink_parent_class)->finalize (object);
}

static void
gst_moonlight_sink_install_properties (GObjectClass *klass)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags playing = ready | GST_PARAM_MUTABLE_PLAYING;

  /* The three that name the endpoint take effect with the next group of datagrams. */
  g_object_class_install_property (klass, PROP_HOST,
      g_param_spec_string ("host", "Host",
          "Destination address, numeric IPv4 or IPv6; one that is not fails the start, or is ignored while playing",
          DEFAULT_HOST, playing));
  g_object_class_install_property (klass, PROP_PORT,
      g_param_spec_uint ("port", "Port", "Destination UDP port (0-65535); 0 drops everything, counted as no-endpoint",
          0, 65535, DEFAULT_PORT, playing));
  g_object_class_install_property (klass, PROP_FD,
      g_param_spec_int ("fd", "File descriptor",
          "UDP socket to send from, duplicated on start (unconnected, may be dual-stack); -1 opens one. "
          "Set before READY",
          -1, G_MAXINT, DEFAULT_FD, ready));
  g_object_class_install_property (klass, PROP_SOURCE_ADDRESS,
      g_param_spec_string ("source-address", "Source address",
          "Local address to send from, numeric; empty lets the kernel choose", "", playing));
  g_object_class_install_property (klass, PROP_DSCP,
      g_param_spec_uint (
          "dscp", "DSCP", "Differentiated services code point of each datagram (0-63)", 0, 63, DEFAULT_DSCP, playing));
  g_object_class_install_property (klass, PROP_LINK_KBPS,
      g_param_spec_uint ("link-kbps", "Link",
          "The client's link in kbit/s (1 and more); the rate clock runs at 0.9 of it", 1, G_MAXUINT, DEFAULT_LINK_KBPS,
          playing));
  g_object_class_install_property (klass, PROP_PACING,
      g_param_spec_enum ("pacing", "Pacing", "How the datagrams of a burst leave", GST_TYPE_MOONLIGHT_SINK_PACING,
          DEFAULT_PACING, playing));
  g_object_class_install_property (klass, PROP_MAX_BURSTS,
      g_param_spec_uint ("max-bursts", "Max bursts",
          "Bursts (frames, or audio packets with their parity) that may wait (1-64); a further one is dropped whole", 1,
          BURST_SENDER_QUEUE_MAX, DEFAULT_MAX_BURSTS, playing));
  g_object_class_install_property (klass, PROP_DROP_PERCENT,
      g_param_spec_double ("drop-percent", "Drop percent", "Datagrams lost on purpose (0-100 %), for tests", 0, 100,
          DEFAULT_DROP_PERCENT, playing));
  g_object_class_install_property (klass, PROP_DROP_SEED,
      g_param_spec_uint ("drop-seed", "Drop seed",
          "Selects which datagrams drop-percent loses; a new value starts its sequence", 0, G_MAXUINT,
          DEFAULT_DROP_SEED, playing));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters since READY to PAUSED; durations in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_moonlight_sink_class_init (GstMoonlightSinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);

  object_class->set_property = gst_moonlight_sink_set_property;
  object_class->get_property = gst_moonlight_sink_get_property;
  object_class->finalize = gst_moonlight_sink_finalize;
  gst_moonlight_sink_install_properties (object_class);

  element_class->change_state = gst_moonlight_sink_change_state;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_set_static_metadata (element_class, "Moonlight sender", "Sink/Network",
      "Sends GameStream datagrams over UDP in paced batches", "The Lumen authors");
  gst_type_mark_as_plugin_api (GST_TYPE_MOONLIGHT_SINK_PACING, 0);

  sink_class->set_caps = gst_moonlight_sink_set_caps;
  sink_class->render = gst_moonlight_sink_render;
  sink_class->render_list = gst_moonlight_sink_render_list;
  sink_class->event = gst_moonlight_sink_event;
  sink_class->wait_event = gst_moonlight_sink_wait_event;
  sink_class->unlock = gst_moonlight_sink_unlock;
  sink_class->unlock_stop = gst_moonlight_sink_unlock_stop;
  sink_class->start = gst_moonlight_sink_start;
  sink_class->stop = gst_moonlight_sink_stop;
}
