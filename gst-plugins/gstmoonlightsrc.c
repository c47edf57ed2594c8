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

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "batchsend.h"
#include "elementtime.h"
#include "histogramstats.h"
#include "lossknob.h"
#include "pinger.h"
#include "propertyfields.h"
#include "receivedbatch.h"
#include "udpsocket.h"

GST_DEBUG_CATEGORY_STATIC (gst_moonlight_src_debug);
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

/* A frame at 240 fps and 500 Mbit/s is 320 KB: several of them, and what comes while the decoder holds us up. */
#define RECEIVE_BUFFER_BYTES (8 * 1024 * 1024)
/* A remote endpoint that is set while playing is pinged after at most this. */
#define WAIT_MAX_MS 100

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

  /* properties and figures, with the object lock */
  gchar *address;
  guint port;
  gint fd;
  gchar *remote_host;
  guint remote_port;
  gchar *ping_payload;
  guint ping_interval_ms;
  Media media;
  gdouble drop_percent;
  guint drop_seed;
  guint16 bound_port; /* 0 unless started */
  guint64 pings;
  ReceivedFigures figures; /* its histogram needs no lock */
  LossKnob loss;
  Pinger pinger;

  GstCaps *arrival_caps;

  /* from start to stop, then the streaming thread's own */
  int socket_fd;
  int wake_fd;  /* eventfd: readable while unlocked */
  int nudge_fd; /* eventfd: readable when the port to ping was set; lives as long as the element */
  ReceivedBatch *batch;
  gboolean warned_remote;
  GQueue ready; /* GstBuffer, of batches read and not yet pushed */
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

/* --- pings --- */

/* Sends one ping. Returns 0 or an errno. */
static int
send_ping (GstMoonlightSrc *self)
{
  guint8 ping[PINGER_MAX_BYTES];
  struct iovec iov = { .iov_base = ping };
  BatchCounters counters = { 0 };
  BatchEndpoint endpoint;
  BatchSend send;
  int err;

  GST_OBJECT_LOCK (self);
  iov.iov_len = pinger_write (&self->pinger, self->ping_payload ? self->ping_payload : "", ping);
  err = batchsend_init (&send, self->socket_fd);
  if (err == 0)
    err = batch_endpoint_set (&endpoint, send.family, self->remote_host, (guint16) self->remote_port, NULL, 0);
  GST_OBJECT_UNLOCK (self);
  if (err == 0)
    err = batchsend_send (&send, &endpoint, &iov, 1, NULL, &counters);
  return err == 0 && counters.datagrams == 0 ? counters.last_errno : err;
}

/* Notes how a ping went. One that cannot be sent is like one that is lost: the next one follows. */
static void
note_ping (GstMoonlightSrc *self, int err)
{
  if (err == 0) {
    GST_OBJECT_LOCK (self);
    pinger_sent (&self->pinger);
    self->pings++;
    GST_OBJECT_UNLOCK (self);
  } else if (!self->warned_remote) {
    GST_WARNING_OBJECT (self, "cannot ping \"%s\" port %u: %s; remote-host must be a numeric address",
        GST_STR_NULL (self->remote_host), self->remote_port, g_strerror (err));
    self->warned_remote = TRUE;
  }
}

/* Sends the ping that is due, if one is. Returns the milliseconds to wait for datagrams before asking again. */
static int
ping_if_due (GstMoonlightSrc *self)
{
  guint64 now = gst_util_get_timestamp ();
  guint64 wait_ns, interval_ns;
  gboolean is_due;

  GST_OBJECT_LOCK (self);
  interval_ns = self->ping_interval_ms * GST_MSECOND;
  is_due = self->remote_port != 0 && pinger_take (&self->pinger, now, interval_ns);
  wait_ns = self->remote_port != 0 ? pinger_wait_ns (&self->pinger, now) : interval_ns;
  GST_OBJECT_UNLOCK (self);
  if (is_due)
    note_ping (self, send_ping (self));
  return (int) MIN (wait_ns / GST_MSECOND + 1, WAIT_MAX_MS);
}

/* --- receiving --- */

/* Reads what the socket has. Returns 0 or an errno. */
static int
read_batch (GstMoonlightSrc *self)
{
  int err;

  GST_OBJECT_LOCK (self);
  loss_knob_set_percent (&self->loss, self->drop_percent);
  err = received_batch_read (self->batch, &self->loss, &self->figures);
  GST_OBJECT_UNLOCK (self);
  return err;
}

static void
queue_buffers (GstMoonlightSrc *self)
{
  gboolean is_stamped = gst_base_src_get_do_timestamp (GST_BASE_SRC (self));

  GST_LOG_OBJECT (self, "%u datagrams", received_batch_length (self->batch));
  received_batch_queue_buffers (self->batch, &self->ready,
      is_stamped ? element_running_time (GST_ELEMENT (self)) : GST_CLOCK_TIME_NONE, self->arrival_caps);
}

/* Waits for datagrams, for the next ping's time, or for unlock. */
static GstFlowReturn
wait_for_datagrams (GstMoonlightSrc *self, int timeout_ms)
{
  struct pollfd fds[3] = {
    { .fd = self->wake_fd, .events = POLLIN },
    { .fd = self->socket_fd, .events = POLLIN },
    { .fd = self->nudge_fd, .events = POLLIN },
  };
  eventfd_t nudges;

  if (poll (fds, 3, timeout_ms) < 0 && errno != EINTR) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ, ("Cannot wait for datagrams."), ("poll: %s", g_strerror (errno)));
    return GST_FLOW_ERROR;
  }
  if ((fds[2].revents & POLLIN) != 0)
    eventfd_read (self->nudge_fd, &nudges);
  return (fds[0].revents & POLLIN) != 0 ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

static GstFlowReturn
gst_moonlight_src_create (GstPushSrc *src, GstBuffer **buffer)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);

  while (g_queue_is_empty (&self->ready)) {
    GstFlowReturn ret = wait_for_datagrams (self, ping_if_due (self));
    int err;

    if (ret != GST_FLOW_OK)
      return ret;
    err = read_batch (self);
    if (err != 0) {
      GST_ELEMENT_ERROR (self, RESOURCE, READ, ("The socket to receive from is gone."), ("%s", g_strerror (err)));
      return GST_FLOW_ERROR;
    }
    if (received_batch_length (self->batch) > 0)
      queue_buffers (self);
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

static int
open_socket (GstMoonlightSrc *self)
{
  int fd;

  GST_OBJECT_LOCK (self);
  fd = self->fd >= 0 ? fcntl (self->fd, F_DUPFD_CLOEXEC, 3)
                     : udp_socket_open_bound (self->address, (guint16) self->port);
  GST_OBJECT_UNLOCK (self);
  return fd;
}

static gboolean
gst_moonlight_src_start (GstBaseSrc *src)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);
  int fd = open_socket (self);
  int granted;

  if (fd < 0) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ,
        ("Cannot receive on address \"%s\" port %u: %s", GST_STR_NULL (self->address), self->port, g_strerror (errno)),
        ("fd=%d", self->fd));
    return FALSE;
  }
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->wake_fd < 0) {
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_READ, ("Cannot receive: %s", g_strerror (errno)), ("eventfd"));
    close (fd);
    return FALSE;
  }
  self->batch = received_batch_new (fd);
  self->warned_remote = FALSE;
  histogram_reset (&self->figures.jitter_ns);
  GST_OBJECT_LOCK (self);
  pinger_restart (&self->pinger);
  self->socket_fd = fd;
  loss_knob_seed (&self->loss, self->drop_seed);
  self->bound_port = udp_socket_port (fd);
  self->pings = 0;
  memset (&self->figures, 0, G_STRUCT_OFFSET (ReceivedFigures, jitter_ns));
  GST_OBJECT_UNLOCK (self);
  granted = udp_socket_grow_receive_buffer (fd, RECEIVE_BUFFER_BYTES);
  GST_INFO_OBJECT (self, "socket %d, port %u, receive buffer %d bytes, UDP_GRO %s", fd, udp_socket_port (fd), granted,
      received_batch_has_gro (self->batch) ? "yes" : "no");
  return TRUE;
}

static gboolean
gst_moonlight_src_stop (GstBaseSrc *src)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);

  GST_OBJECT_LOCK (self);
  self->bound_port = 0;
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&self->batch, received_batch_free);
  g_queue_clear_full (&self->ready, (GDestroyNotify) gst_buffer_unref);
  if (self->socket_fd >= 0)
    close (self->socket_fd);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  self->socket_fd = self->wake_fd = -1;
  return TRUE;
}

static gboolean
gst_moonlight_src_unlock (GstBaseSrc *src)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);

  if (self->wake_fd >= 0 && eventfd_write (self->wake_fd, 1) < 0)
    GST_WARNING_OBJECT (self, "cannot wake the receiver: %s", g_strerror (errno));
  return TRUE;
}

static gboolean
gst_moonlight_src_unlock_stop (GstBaseSrc *src)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (src);
  eventfd_t count;

  /* Nothing to read when nothing was unlocked. */
  if (self->wake_fd >= 0)
    eventfd_read (self->wake_fd, &count);
  return TRUE;
}

/* --- properties --- */

static const gsize fields[] = {
  [PROP_ADDRESS] = G_STRUCT_OFFSET (GstMoonlightSrc, address),
  [PROP_PORT] = G_STRUCT_OFFSET (GstMoonlightSrc, port),
  [PROP_FD] = G_STRUCT_OFFSET (GstMoonlightSrc, fd),
  [PROP_REMOTE_HOST] = G_STRUCT_OFFSET (GstMoonlightSrc, remote_host),
  [PROP_REMOTE_PORT] = G_STRUCT_OFFSET (GstMoonlightSrc, remote_port),
  [PROP_PING_PAYLOAD] = G_STRUCT_OFFSET (GstMoonlightSrc, ping_payload),
  [PROP_PING_INTERVAL] = G_STRUCT_OFFSET (GstMoonlightSrc, ping_interval_ms),
  [PROP_MEDIA] = G_STRUCT_OFFSET (GstMoonlightSrc, media),
  [PROP_DROP_PERCENT] = G_STRUCT_OFFSET (GstMoonlightSrc, drop_percent),
  [PROP_DROP_SEED] = G_STRUCT_OFFSET (GstMoonlightSrc, drop_seed),
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
      /* A source that pings nobody waits without a limit. */
      if (self->nudge_fd >= 0)
        eventfd_write (self->nudge_fd, 1);
      pinger_hurry (&self->pinger);
      break;
    case PROP_REMOTE_HOST:
    case PROP_PING_PAYLOAD:
      pinger_hurry (&self->pinger);
      break;
    case PROP_DROP_SEED:
      loss_knob_seed (&self->loss, self->drop_seed);
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
  const ReceivedFigures *figures = &self->figures;
  GstStructure *stats = gst_structure_new ("moonlightsrc-stats", "datagrams", G_TYPE_UINT64, figures->datagrams,
      "bytes", G_TYPE_UINT64, figures->bytes, "drops-injected", G_TYPE_UINT64, figures->drops_injected, "pings",
      G_TYPE_UINT64, self->pings, "truncated", G_TYPE_UINT64, figures->received.truncated, "receive-calls",
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
  else if (id == PROP_PORT && self->bound_port != 0)
    g_value_set_uint (value, self->bound_port);
  else if (!property_fields_get (self, fields, G_N_ELEMENTS (fields), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_src_init (GstMoonlightSrc *self)
{
  GstBaseSrc *src = GST_BASE_SRC (self);

  self->address = g_strdup (DEFAULT_ADDRESS);
  self->fd = DEFAULT_FD;
  self->nudge_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->remote_host = g_strdup (DEFAULT_REMOTE_HOST);
  self->ping_payload = g_strdup (DEFAULT_PING_PAYLOAD);
  self->ping_interval_ms = DEFAULT_PING_INTERVAL_MS;
  self->drop_seed = DEFAULT_DROP_SEED;
  self->socket_fd = self->wake_fd = -1;
  g_queue_init (&self->ready);
  self->arrival_caps = gst_caps_new_empty_simple (LUMEN_ARRIVAL_CAPS);
  gst_base_src_set_live (src, TRUE);
  gst_base_src_set_format (src, GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (src, TRUE);
}

static void
gst_moonlight_src_finalize (GObject *object)
{
  GstMoonlightSrc *self = GST_MOONLIGHT_SRC (object);

  g_free (self->address);
  if (self->nudge_fd >= 0)
    close (self->nudge_fd);
  g_free (self->remote_host);
  g_free (self->ping_payload);
  gst_caps_unref (self->arrival_caps);
  G_OBJECT_CLASS (gst_moonlight_src_parent_class)->finalize (object);
}

static void
gst_moonlight_src_install_properties (GObjectClass *klass)
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
  gst_moonlight_src_install_properties (object_class);

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
