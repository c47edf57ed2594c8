/*
 * gstmoonlightdepay.c: GameStream datagrams to access units and Opus packets. Order and recovery are in framequeue.c
 * and audioqueue.c, timestamps in sendertime.c, the ciphers in mediacrypt.c; here are pads, messages and statistics.
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

#include <string.h>
#include <time.h>

#include "audioqueue.h"
#include "clockdrift.h"
#include "framequeue.h"
#include "gstpaysession.h"
#include "histogram.h"
#include "noncewatch.h"
#include "sendertime.h"

GST_DEBUG_CATEGORY_STATIC (moonlight_depay_debug);
#define GST_CAT_DEFAULT moonlight_depay_debug

/* One coupled stream. */
#define STEREO_LAYOUT "21101"
#define MAX_CHANNELS 8
/* Places in a layout. */
#define LAYOUT_STREAMS 1
#define LAYOUT_COUPLED 2
#define LAYOUT_MAP 3
/* Reference timestamp of a datagram: CLOCK_MONOTONIC ns at which it came. */
#define ARRIVAL_CAPS "timestamp/x-lumen-arrival"
#define RTP_CLOCK_RATE 90000
#define LOST_MESSAGE_INTERVAL_NS (100 * GST_MSECOND)
/* A client's limit of reports (protocol/control.md §6.5). */
#define FEC_STATUS_INTERVAL_NS (100 * GST_MSECOND)
#define MAX_FEC_STATUS 8
#define OPUS_RATE 48000

typedef enum
{
  CODEC_H264,
  CODEC_H265,
  CODEC_AV1,
} MoonlightDepayCodec;

enum
{
  PROP_CODEC = GST_PAY_SESSION_PROP_OWN,
  PROP_OPUS_LAYOUT,
  PROP_WAIT_FOR_KEY_FRAME,
  PROP_STATS,
};

/* Counters that the queues do not keep; with the object lock. */
typedef struct
{
  guint64 datagrams, decrypt_failures, nonce_repeats;
  guint64 frames, key_frames, frames_discarded;
  guint64 first_frame_ns, last_key_frame_ns, last_frame_ns, longest_gap_ns;
  guint64 first_frame_index, last_frame_index, last_key_frame_index;
  guint64 audio_packets;
} DepayStats;

struct _GstMoonlightDepay
{
  GstElement parent;

  GstPad *sinkpad;
  GstPad *srcpad;
  GstCaps *arrival_caps;

  /* properties, with the object lock; read at the start of a stream */
  MoonlightDepayCodec codec;
  gchar *layout; /* empty: what the caps say */
  gboolean wait_for_key_frame;
  GstPaySession session; /* without a page */

  /* streaming thread only */
  gboolean is_audio;
  gchar caps_layout[LAYOUT_MAP + MAX_CHANNELS + 1]; /* of the input, or stereo */
  FrameQueue *frames;                               /* one of the two while there are caps */
  AudioQueue *audio;
  NonceWatch *nonces;
  guint8 *plain; /* room for a decrypted datagram */
  gsize plain_size;
  GstSegment segment; /* of the input */
  gboolean need_segment;
  gboolean is_waiting; /* for a key frame */
  gboolean is_discont;
  GstFlowReturn flow;          /* of the pushes since the last datagram */
  GstClockTime arrival_pts;    /* running time of the datagram in hand, or NONE */
  guint64 arrival_ns;          /* the same as CLOCK_MONOTONIC */
  SenderTime time;             /* of RTP timestamps (video) or milliseconds by sequence number (audio) */
  guint64 previous_arrival_ns; /* of the frame before, for jitter; 0 = none */
  guint64 previous_time;
  gboolean has_lost; /* lost frames not yet reported */
  guint32 lost_first, lost_last;
  guint64 lost_reported_ns;
  guint64 fec_status_since_ns; /* when the present interval of reports began */
  guint fec_status_posted;     /* in it */
  gboolean has_warned;         /* of undecipherable datagrams */

  /* with the object lock */
  DepayStats stats;
  FrameQueueStats frame_stats;
  AudioQueueStats audio_stats;
  ClockDrift drift; /* of audio packets */
  Histogram host_latency, arrival_jitter, frame_spread;
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
    { CODEC_H264, "H.264", "h264" },
    { CODEC_H265, "H.265", "h265" },
    { CODEC_AV1, "AV1", "av1" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMoonlightDepayCodec", values));
  return (GType) type;
}

static guint64
monotonic_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return GST_TIMESPEC_TO_TIME (now);
}

/* ---- source caps ---- */

/* A layout as the host advertises it, one digit a number: channels, streams, coupled streams, and for each channel in the
 * client's order the coded channel that it is (protocol/rtsp.md §5.2). */
static gboolean
is_opus_layout (const gchar *layout)
{
  gsize digits = strspn (layout, "0123456789");
  gint channels = layout[0] - '0', streams, coupled;

  if (layout[digits] != '\0' || digits < LAYOUT_MAP || digits != LAYOUT_MAP + (gsize) channels || channels < 1
      || channels > MAX_CHANNELS)
    return FALSE;
  streams = layout[LAYOUT_STREAMS] - '0';
  coupled = layout[LAYOUT_COUPLED] - '0';
  for (gint i = 0; i < channels; i++)
    if (layout[LAYOUT_MAP + i] - '0' >= streams + coupled)
      return FALSE;
  return streams >= 1 && coupled <= streams && streams + coupled <= channels;
}

/* What a payloader in the same graph says of its packets. */
static void
read_caps_layout (GstMoonlightDepay *self, const GstCaps *caps)
{
  const gchar *layout = gst_structure_get_string (gst_caps_get_structure (caps, 0), "opus-layout");

  if (layout == NULL || !is_opus_layout (layout))
    layout = STEREO_LAYOUT;
  g_strlcpy (self->caps_layout, layout, sizeof self->caps_layout);
}

/* Without speaker positions the decoder leaves the channels in the client's order. */
static GstCaps *
make_opus_caps (const gchar *layout)
{
  gint channels = layout[0] - '0';
  gboolean is_plain = channels <= 2 && layout[LAYOUT_STREAMS] == '1';
  GstCaps *caps = gst_caps_new_simple ("audio/x-opus", "rate", G_TYPE_INT, OPUS_RATE, "channels", G_TYPE_INT, channels,
      "channel-mapping-family", G_TYPE_INT, is_plain ? 0 : 255, NULL);
  GValue map = G_VALUE_INIT, channel = G_VALUE_INIT;

  if (is_plain)
    return caps;
  gst_caps_set_simple (caps, "stream-count", G_TYPE_INT, layout[LAYOUT_STREAMS] - '0', "coupled-count", G_TYPE_INT,
      layout[LAYOUT_COUPLED] - '0', NULL);
  g_value_init (&map, GST_TYPE_ARRAY);
  g_value_init (&channel, G_TYPE_INT);
  for (gint i = 0; i < channels; i++) {
    g_value_set_int (&channel, layout[LAYOUT_MAP + i] - '0');
    gst_value_array_append_value (&map, &channel);
  }
  gst_structure_take_value (gst_caps_get_structure (caps, 0), "channel-mapping", &map);
  return caps;
}

static GstCaps *
make_src_caps (GstMoonlightDepay *self)
{
  if (self->is_audio)
    return make_opus_caps (self->layout[0] != '\0' ? self->layout : self->caps_layout);
  switch (self->codec) {
    case CODEC_H265:
      return gst_caps_from_string ("video/x-h265, stream-format=(string)byte-stream, alignment=(string)au");
    case CODEC_AV1:
      return gst_caps_from_string ("video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu");
    default:
      return gst_caps_from_string ("video/x-h264, stream-format=(string)byte-stream, alignment=(string)au");
  }
}

static gboolean
push_src_caps (GstMoonlightDepay *self)
{
  GstCaps *caps = make_src_caps (self);
  gboolean result = gst_pad_push_event (self->srcpad, gst_event_new_caps (caps));

  gst_caps_unref (caps);
  return result;
}

/* ---- output ---- */

static void
push_buffer (GstMoonlightDepay *self, GstBuffer *buffer)
{
  GstFlowReturn flow;

  if (self->need_segment) {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (self->srcpad, gst_event_new_segment (&segment));
    self->need_segment = FALSE;
  }
  if (self->is_discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->is_discont = FALSE;
  flow = gst_pad_push (self->srcpad, buffer);
  if (self->flow == GST_FLOW_OK)
    self->flow = flow;
}

static void
post (GstMoonlightDepay *self, GstStructure *structure)
{
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), structure));
}

/* Reports the lost frames collected so far, at most once in 100 ms unless forced. */
static void
report_lost (GstMoonlightDepay *self, gboolean is_forced)
{
  guint64 now;

  if (!self->has_lost)
    return;
  now = monotonic_ns ();
  if (!is_forced && self->lost_reported_ns != 0 && now - self->lost_reported_ns < LOST_MESSAGE_INTERVAL_NS)
    return;
  self->lost_reported_ns = now;
  self->has_lost = FALSE;
  GST_DEBUG_OBJECT (self, "lost frames %u to %u", self->lost_first, self->lost_last);
  post (self,
      gst_structure_new ("moonlight-frame-lost", "first", G_TYPE_UINT64, (guint64) self->lost_first, "last",
          G_TYPE_UINT64, (guint64) self->lost_last, NULL));
}

/* ---- video ---- */

static void
on_lost (void *user, uint32_t first, uint32_t last)
{
  GstMoonlightDepay *self = user;

  if (!self->has_lost)
    self->lost_first = first;
  self->lost_last = last;
  self->has_lost = TRUE;
  self->is_discont = TRUE;
  self->previous_arrival_ns = 0;
  GST_OBJECT_LOCK (self);
  if (self->wait_for_key_frame)
    self->is_waiting = TRUE;
  GST_OBJECT_UNLOCK (self);
  report_lost (self, FALSE);
}

static void
on_block (void *user, const FrameQueueBlock *block)
{
  GstMoonlightDepay *self = user;
  guint64 now = monotonic_ns ();

  if (now - self->fec_status_since_ns >= FEC_STATUS_INTERVAL_NS) {
    self->fec_status_since_ns = now;
    self->fec_status_posted = 0;
  }
  if (self->fec_status_posted >= MAX_FEC_STATUS)
    return;
  self->fec_status_posted++;
  post (self,
      gst_structure_new ("moonlight-fec-status", "frame-index", G_TYPE_UINT, block->frame_index, "highest-sequence",
          G_TYPE_UINT, (guint) block->highest_sequence, "next-sequence", G_TYPE_UINT, (guint) block->next_sequence,
          "missing", G_TYPE_UINT, block->missing, "data-shards", G_TYPE_UINT, block->data_shards, "parity-shards",
          G_TYPE_UINT, block->parity_shards, "data-received", G_TYPE_UINT, block->data_received, "parity-received",
          G_TYPE_UINT, block->parity_received, "fec-percentage", G_TYPE_UINT, (guint) block->fec_percentage, "block",
          G_TYPE_UINT, block->block, "blocks", G_TYPE_UINT, block->blocks, NULL));
}

/* Type of the first NAL unit that is neither delimiter nor SEI; -1 when there is none near the start. */
static gint
first_nal_type (const guint8 *data, gsize size, gboolean is_h265)
{
  gsize i, end = MIN (size, 1024);

  for (i = 0; i + 3 < end; i++) {
    gint type;

    if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1)
      continue;
    type = is_h265 ? (data[i + 3] >> 1) & 0x3f : data[i + 3] & 0x1f;
    if (is_h265 ? (type != 35 && type != 39) : (type != 9 && type != 6))
      return type;
  }
  return -1;
}

/* As clients decide it: by parameter sets in front, and for AV1 by the frame type alone (protocol/video.md §6). */
static gboolean
is_key_frame (GstMoonlightDepay *self, const FrameQueueFrame *frame)
{
  const guint8 *unit = frame->storage + frame->offset;

  switch (self->codec) {
    case CODEC_H264:
      return first_nal_type (unit, frame->bytes, FALSE) == 7;
    case CODEC_H265:
      return first_nal_type (unit, frame->bytes, TRUE) == 32;
    default:
      return frame->header.frame_type == NV_FRAME_TYPE_IDR;
  }
}

/* Times of a frame: how old it was at the sender, how even it came, how long its datagrams took. */
static void
measure (GstMoonlightDepay *self, const FrameQueueFrame *frame, guint64 time)
{
  if (frame->header.host_latency > 0)
    histogram_add (&self->host_latency, frame->header.host_latency * G_GUINT64_CONSTANT (100000));
  histogram_add (&self->frame_spread, frame->last_arrival_ns - frame->first_arrival_ns);
  if (self->previous_arrival_ns != 0 && time > self->previous_time) {
    gint64 arrived = (gint64) (frame->first_arrival_ns - self->previous_arrival_ns);
    gint64 sent = (gint64) gst_util_uint64_scale (time - self->previous_time, GST_SECOND, RTP_CLOCK_RATE);

    histogram_add (&self->arrival_jitter, (guint64) ABS (arrived - sent));
  }
  self->previous_arrival_ns = frame->first_arrival_ns;
  self->previous_time = time;
}

static void
note_key_frame (GstMoonlightDepay *self, const FrameQueueFrame *frame)
{
  GST_OBJECT_LOCK (self);
  self->stats.key_frames++;
  self->stats.last_key_frame_index = frame->frame_index;
  self->stats.last_key_frame_ns = frame->last_arrival_ns;
  GST_OBJECT_UNLOCK (self);
  self->is_waiting = FALSE;
  post (self,
      gst_structure_new ("moonlight-key-frame", "frame-index", G_TYPE_UINT64, (guint64) frame->frame_index,
          "arrival-ns", G_TYPE_UINT64, (guint64) frame->last_arrival_ns, NULL));
}

static void
count_frame (GstMoonlightDepay *self, const FrameQueueFrame *frame)
{
  GST_OBJECT_LOCK (self);
  if (self->stats.first_frame_ns == 0) {
    self->stats.first_frame_ns = frame->last_arrival_ns;
    self->stats.first_frame_index = frame->frame_index;
  }
  self->stats.last_frame_index = frame->frame_index;
  if (self->is_waiting) {
    self->stats.frames_discarded++;
  } else {
    if (self->stats.last_frame_ns != 0 && frame->last_arrival_ns > self->stats.last_frame_ns)
      self->stats.longest_gap_ns = MAX (self->stats.longest_gap_ns, frame->last_arrival_ns - self->stats.last_frame_ns);
    self->stats.last_frame_ns = frame->last_arrival_ns;
    self->stats.frames++;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
on_frame (void *user, const FrameQueueFrame *frame)
{
  GstMoonlightDepay *self = user;
  gboolean is_key = is_key_frame (self, frame);
  guint64 time = sender_time_unwrap (&self->time, frame->timestamp, 32);
  GstClockTime pts;
  GstBuffer *buffer;

  /* a sender that stamps nothing sends 0 (protocol/video.md §2.1): then the arrival has to do */
  if (frame->timestamp == 0 && GST_CLOCK_TIME_IS_VALID (self->arrival_pts))
    self->time.has_epoch = false;
  pts = sender_time_map (&self->time, time, RTP_CLOCK_RATE, self->arrival_pts);
  measure (self, frame, time);
  if (is_key)
    note_key_frame (self, frame);

  count_frame (self, frame);
  if (self->is_waiting) {
    self->is_discont = TRUE;
    g_free (frame->storage);
    return;
  }

  buffer = gst_buffer_new_wrapped_full (
      0, frame->storage, frame->offset + frame->bytes, frame->offset, frame->bytes, frame->storage, g_free);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_OFFSET (buffer) = frame->frame_index;
  if (!is_key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  push_buffer (self, buffer);
}

static gboolean
decrypt_video (GstMoonlightDepay *self, const guint8 **data, gsize *size)
{
  gboolean is_repeat;

  if (*size > self->plain_size + NV_ENCRYPTED_PREFIX_BYTES
      || !media_crypt_open_video (self->session.crypt, *data, *size, self->plain))
    return FALSE;
  is_repeat = nonce_watch_note (self->nonces, *data);
  *data = self->plain;
  *size -= NV_ENCRYPTED_PREFIX_BYTES;
  if (is_repeat) {
    GST_OBJECT_LOCK (self);
    self->stats.nonce_repeats++;
    GST_OBJECT_UNLOCK (self);
  }
  return TRUE;
}

static void
count_decrypt_failure (GstMoonlightDepay *self)
{
  GST_OBJECT_LOCK (self);
  self->stats.decrypt_failures++;
  GST_OBJECT_UNLOCK (self);
  if (!self->has_warned)
    GST_WARNING_OBJECT (self, "a datagram could not be decrypted; further ones are only counted");
  self->has_warned = TRUE;
}

/* ---- audio ---- */

static gboolean
decrypt_audio (GstMoonlightDepay *self, guint16 sequence, const guint8 **payload, gsize *bytes)
{
  gsize plain_bytes;

  if (*bytes > self->plain_size
      || !media_crypt_open_audio (
          self->session.crypt, self->session.key_id, sequence, *payload, *bytes, self->plain, &plain_bytes)
      || plain_bytes == 0)
    return FALSE;
  *payload = self->plain;
  *bytes = plain_bytes;
  return TRUE;
}

static void
on_packet (void *user, uint16_t sequence, const uint8_t *payload, size_t bytes, uint32_t missing)
{
  GstMoonlightDepay *self = user;
  GstClockTime duration = self->session.packet_duration_ms * GST_MSECOND;
  GstBuffer *buffer;
  GstClockTime pts;
  guint64 sender_ms;

  if (self->session.crypt && !decrypt_audio (self, sequence, &payload, &bytes)) {
    count_decrypt_failure (self);
    return;
  }
  /* packets are of one length, so their number is the time */
  sender_ms = sender_time_unwrap (&self->time, sequence, 16) * self->session.packet_duration_ms;
  pts = sender_time_map (&self->time, sender_ms, 1000, self->arrival_pts);
  if (missing > 0 && pts >= missing * duration && !self->need_segment) {
    /* lets the decoder conceal */
    gst_pad_push_event (self->srcpad, gst_event_new_gap (pts - missing * duration, missing * duration));
    self->is_discont = TRUE;
  }
  buffer = gst_buffer_new_memdup (payload, bytes);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = duration;
  GST_OBJECT_LOCK (self);
  self->stats.audio_packets++;
  clock_drift_push (&self->drift, sender_ms * GST_MSECOND, self->arrival_ns);
  GST_OBJECT_UNLOCK (self);
  push_buffer (self, buffer);
}

/* ---- sink pad ---- */

static void
close_stream (GstMoonlightDepay *self)
{
  g_clear_pointer (&self->frames, frame_queue_free);
  g_clear_pointer (&self->audio, audio_queue_free);
  g_clear_pointer (&self->nonces, nonce_watch_free);
  g_clear_pointer (&self->plain, g_free);
  self->plain_size = 0;
}

/* After a flush, as at the start: nothing of what came before counts. */
static void
restart_stream (GstMoonlightDepay *self)
{
  if (self->audio)
    audio_queue_restart (self->audio);
  if (self->frames)
    frame_queue_restart (self->frames);
  self->need_segment = TRUE;
  self->is_waiting = self->wait_for_key_frame;
  self->is_discont = TRUE;
  self->has_lost = FALSE;
  self->previous_arrival_ns = 0;
  sender_time_reset (&self->time);
}

static gboolean
open_stream (GstMoonlightDepay *self, GstCaps *caps)
{
  const FrameQueueSink frame_sink = { on_frame, on_lost, on_block, self };
  const AudioQueueSink audio_sink = { on_packet, self };
  const gchar *media = gst_structure_get_string (gst_caps_get_structure (caps, 0), "media");
  gboolean is_audio = g_strcmp0 (media, "audio") == 0;

  /* the same stream goes on */
  if (is_audio ? self->audio != NULL : self->frames != NULL)
    return TRUE;
  close_stream (self);
  read_caps_layout (self, caps);
  GST_OBJECT_LOCK (self);
  self->is_audio = is_audio;
  GST_OBJECT_UNLOCK (self);
  self->plain_size = self->is_audio ? NV_AUDIO_MAX_DATAGRAM : self->session.packet_size + NV_VIDEO_SHARD_OVERHEAD;
  self->plain = g_malloc (self->plain_size);
  if (self->session.crypt)
    self->nonces = nonce_watch_new ();
  if (is_audio)
    self->audio = audio_queue_new (&audio_sink);
  else
    self->frames = frame_queue_new (self->session.packet_size, &frame_sink);
  restart_stream (self);
  return push_src_caps (self);
}

static void
publish_stats (GstMoonlightDepay *self, guint datagrams)
{
  GST_OBJECT_LOCK (self);
  self->stats.datagrams += datagrams;
  if (self->frames)
    self->frame_stats = *frame_queue_stats (self->frames);
  if (self->audio)
    self->audio_stats = *audio_queue_stats (self->audio);
  GST_OBJECT_UNLOCK (self);
}

static void
take_times (GstMoonlightDepay *self, GstBuffer *buffer)
{
  GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (buffer, self->arrival_caps);

  self->arrival_ns = meta ? meta->timestamp : monotonic_ns ();
  self->arrival_pts = GST_CLOCK_TIME_NONE;
  if (GST_BUFFER_PTS_IS_VALID (buffer) && self->segment.format == GST_FORMAT_TIME)
    self->arrival_pts = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
}

static void
take_datagram (GstMoonlightDepay *self, GstBuffer *buffer)
{
  GstMapInfo map;
  const guint8 *data;
  gsize size;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  take_times (self, buffer);
  data = map.data;
  size = map.size;
  if (self->is_audio)
    audio_queue_push (self->audio, data, size);
  else if (self->session.crypt && !decrypt_video (self, &data, &size))
    count_decrypt_failure (self);
  else
    frame_queue_push (self->frames, data, size, self->arrival_ns);
  gst_buffer_unmap (buffer, &map);
}

static GstFlowReturn
gst_moonlight_depay_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) parent;

  if (!self->frames && !self->audio) {
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  self->flow = GST_FLOW_OK;
  take_datagram (self, buffer);
  gst_buffer_unref (buffer);
  report_lost (self, FALSE);
  publish_stats (self, 1);
  return self->flow;
}

static GstFlowReturn
gst_moonlight_depay_chain_list (GstPad *pad, GstObject *parent, GstBufferList *list)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) parent;
  guint i, n = gst_buffer_list_length (list);

  if (!self->frames && !self->audio) {
    gst_buffer_list_unref (list);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  self->flow = GST_FLOW_OK;
  for (i = 0; i < n && self->flow == GST_FLOW_OK; i++)
    take_datagram (self, gst_buffer_list_get (list, i));
  gst_buffer_list_unref (list);
  report_lost (self, FALSE);
  publish_stats (self, i);
  return self->flow;
}

static void
drain (GstMoonlightDepay *self)
{
  if (self->frames)
    frame_queue_drain (self->frames);
  if (self->audio)
    audio_queue_drain (self->audio);
  report_lost (self, TRUE);
  publish_stats (self, 0);
}

static gboolean
gst_moonlight_depay_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) parent;
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
      gst_event_copy_segment (event, &self->segment);
      gst_event_unref (event);
      return TRUE;
    case GST_EVENT_EOS:
      drain (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
      if (self->frames || self->audio)
        restart_stream (self);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* ---- element ---- */

/* with the object lock */
static GstStructure *
make_audio_stats (GstMoonlightDepay *self)
{
  return gst_structure_new ("stats", "packets", G_TYPE_UINT64, self->stats.audio_packets, "lost", G_TYPE_UINT64,
      self->audio_stats.lost, "recovered", G_TYPE_UINT64, self->audio_stats.recovered, "rejected", G_TYPE_UINT64,
      self->audio_stats.rejected, "decrypt-failures", G_TYPE_UINT64, self->stats.decrypt_failures, "gaps",
      G_TYPE_UINT64, self->audio_stats.gaps, "datagrams", G_TYPE_UINT64, self->stats.datagrams, "duplicates",
      G_TYPE_UINT64, self->audio_stats.duplicates, "drift-ns", G_TYPE_INT64, clock_drift_ns (&self->drift), NULL);
}

static void
set_quantiles (GstStructure *stats, const gchar *name, const Histogram *histogram)
{
  gchar *p50 = g_strdup_printf ("%s-p50", name), *p99 = g_strdup_printf ("%s-p99", name);

  gst_structure_set (stats, p50, G_TYPE_UINT64, (guint64) histogram_quantile (histogram, 0.5), p99, G_TYPE_UINT64,
      (guint64) histogram_quantile (histogram, 0.99), NULL);
  g_free (p50);
  g_free (p99);
}

/* with the object lock */
static GstStructure *
make_video_stats (GstMoonlightDepay *self)
{
  const DepayStats *s = &self->stats;
  const FrameQueueStats *q = &self->frame_stats;
  GstStructure *stats = gst_structure_new ("stats", "frames", G_TYPE_UINT64, s->frames, "frames-lost", G_TYPE_UINT64,
      q->frames_lost, "frames-recovered", G_TYPE_UINT64, q->frames_recovered, "frames-discarded", G_TYPE_UINT64,
      s->frames_discarded, "key-frames", G_TYPE_UINT64, s->key_frames, "datagrams", G_TYPE_UINT64, s->datagrams,
      "duplicates", G_TYPE_UINT64, q->duplicates, "rejected", G_TYPE_UINT64, q->rejected, "decrypt-failures",
      G_TYPE_UINT64, s->decrypt_failures, "nonce-repeats", G_TYPE_UINT64, s->nonce_repeats, "sequence-gaps",
      G_TYPE_UINT64, q->sequence_gaps, NULL);

  gst_structure_set (stats, "first-frame-ns", G_TYPE_UINT64, s->first_frame_ns, "last-key-frame-ns", G_TYPE_UINT64,
      s->last_key_frame_ns, "first-frame-index", G_TYPE_UINT64, s->first_frame_index, "last-frame-index", G_TYPE_UINT64,
      s->last_frame_index, "last-key-frame-index", G_TYPE_UINT64, s->last_key_frame_index, "last-frame-ns",
      G_TYPE_UINT64, s->last_frame_ns, "longest-gap-ns", G_TYPE_UINT64, s->longest_gap_ns, NULL);
  set_quantiles (stats, "host-latency-ns", &self->host_latency);
  set_quantiles (stats, "arrival-jitter-ns", &self->arrival_jitter);
  set_quantiles (stats, "frame-spread-ns", &self->frame_spread);
  return stats;
}

static GstStructure *
make_stats (GstMoonlightDepay *self)
{
  GstStructure *stats;

  GST_OBJECT_LOCK (self);
  stats = self->is_audio ? make_audio_stats (self) : make_video_stats (self);
  GST_OBJECT_UNLOCK (self);
  return stats;
}

static void
log_stats (GstMoonlightDepay *self)
{
  GstStructure *stats = make_stats (self);

  GST_INFO_OBJECT (self, "%" GST_PTR_FORMAT, stats);
  gst_structure_free (stats);
}

static void
reset_stats (GstMoonlightDepay *self)
{
  GST_OBJECT_LOCK (self);
  memset (&self->stats, 0, sizeof self->stats);
  memset (&self->frame_stats, 0, sizeof self->frame_stats);
  memset (&self->audio_stats, 0, sizeof self->audio_stats);
  clock_drift_reset (&self->drift);
  GST_OBJECT_UNLOCK (self);
  histogram_reset (&self->host_latency);
  histogram_reset (&self->arrival_jitter);
  histogram_reset (&self->frame_spread);
}

static gboolean
prepare (GstMoonlightDepay *self)
{
  gboolean is_layout;

  reset_stats (self);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->lost_reported_ns = 0;
  self->has_warned = FALSE;
  GST_OBJECT_LOCK (self);
  is_layout = self->layout[0] == '\0' || is_opus_layout (self->layout);
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
    close_stream (self);
    gst_pay_session_stop (&self->session);
  }
  return result;
}

static void
gst_moonlight_depay_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) object;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CODEC:
      self->codec = (MoonlightDepayCodec) g_value_get_enum (value);
      break;
    case PROP_OPUS_LAYOUT:
      g_free (self->layout);
      self->layout = g_strdup (g_value_get_string (value) ? g_value_get_string (value) : "");
      break;
    case PROP_WAIT_FOR_KEY_FRAME:
      self->wait_for_key_frame = g_value_get_boolean (value);
      break;
    default:
      if (!gst_pay_session_set_property (&self->session, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_depay_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) object;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, make_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_CODEC:
      g_value_set_enum (value, self->codec);
      break;
    case PROP_OPUS_LAYOUT:
      g_value_set_string (value, self->layout);
      break;
    case PROP_WAIT_FOR_KEY_FRAME:
      g_value_set_boolean (value, self->wait_for_key_frame);
      break;
    default:
      if (!gst_pay_session_get_property (&self->session, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_moonlight_depay_finalize (GObject *object)
{
  GstMoonlightDepay *self = (GstMoonlightDepay *) object;

  close_stream (self);
  gst_pay_session_clear (&self->session);
  gst_caps_unref (self->arrival_caps);
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
          TYPE_MOONLIGHT_DEPAY_CODEC, CODEC_H264, RW_READY));
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
  self->arrival_caps = gst_caps_new_empty_simple (ARRIVAL_CAPS);
  gst_pay_session_init (&self->session);
  self->layout = g_strdup ("");
  self->wait_for_key_frame = TRUE;
  self->need_segment = TRUE;

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_moonlight_depay_chain);
  gst_pad_set_chain_list_function (self->sinkpad, gst_moonlight_depay_chain_list);
  gst_pad_set_event_function (self->sinkpad, gst_moonlight_depay_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
