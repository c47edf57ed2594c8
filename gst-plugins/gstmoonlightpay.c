/*
 * gstmoonlightpay.c: one encoded picture in, the datagrams of one GameStream video frame out: pads, numbers, states and
 * properties. What is sent of a picture is payframe.c's, the way out payoutput.c's, the wire format framewriter.c's
 * (protocol/video.md).
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

#include "frameplan.h"
#include "framewriter.h"
#include "gstpaysession.h"
#include "payfigures.h"
#include "payframe.h"
#include "payoutput.h"
#include "propertyfields.h"
#include "rsfec.h"

GST_DEBUG_CATEGORY_STATIC (gst_moonlight_pay_debug);
#define GST_CAT_DEFAULT gst_moonlight_pay_debug

#define DEFAULT_FEC_PERCENTAGE 20
#define DEFAULT_MIN_FEC_PACKETS 2
/* What framesampler attaches to fresh frames. */
#define CAPTURE_CAPS "timestamp/x-lumen-capture"

struct _GstMoonlightPay
{
  GstElement parent;
  GstPad *sink_pad;
  GstPad *src_pad;

  /* Properties and stats, with the object lock. */
  guint fec_percentage;
  guint min_fec_packets;
  PayFigures figures;

  GstPaySession session;

  /* Streaming thread alone. */
  PayCodec codec;
  gboolean has_caps;
  guint stream_packet_size; /* packet size as of the caps */
  PayOutput output;
  GstCaps *capture_caps;
  GstSegment segment;
  guint32 last_timestamp;
  RsFec *fec;
  gboolean warned_late_slice;
  gboolean warned_refused;
  gboolean warned_without_parity;
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
    GST_DEBUG_CATEGORY_INIT (gst_moonlight_pay_debug, "moonlightpay", 0, "Moonlight video payloader"));

/* ---- caps ---- */

static gboolean
negotiate (GstMoonlightPay *self)
{
  guint datagram_bytes = frame_writer_datagram_bytes (self->stream_packet_size, self->session.crypt != NULL);
  GstCaps *caps = pay_output_choose (&self->output, datagram_bytes);
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

/* ---- one frame ---- */

/* Never raw PTS: x264enc and x265enc shift it by 1000 hours, and their segment with it. */
static GstClockTime
running_time (GstMoonlightPay *self, GstBuffer *buffer)
{
  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
}

/* framesampler stamps a picture with the running time at which it let it go: what has passed since is the encoder's. */
static void
measure_encoding (GstMoonlightPay *self, GstClockTime running)
{
  GstClockTime now = 0, base;
  GstClock *clock;

  /* Read with the lock, which keeps it alive: a reference of our own, taken and dropped, costs more than the time. */
  GST_OBJECT_LOCK (self);
  clock = GST_ELEMENT_CLOCK (self);
  if (clock != NULL)
    now = gst_clock_get_time (clock);
  base = GST_ELEMENT (self)->base_time;
  GST_OBJECT_UNLOCK (self);
  if (GST_CLOCK_TIME_IS_VALID (running) && now > base + running)
    histogram_add (&self->figures.encode_ns, now - base - running);
}

static guint32
rtp_timestamp (GstMoonlightPay *self, GstClockTime running)
{
  if (GST_CLOCK_TIME_IS_VALID (running))
    self->last_timestamp = (guint32) gst_util_uint64_scale_round (running, 90000, GST_SECOND);
  return self->last_timestamp;
}

static guint64
host_latency (GstMoonlightPay *self, GstBuffer *buffer)
{
  GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (buffer, self->capture_caps);
  guint64 now = gst_util_get_timestamp ();

  if (meta == NULL || !GST_CLOCK_TIME_IS_VALID (meta->timestamp) || meta->timestamp >= now)
    return 0;
  return now - meta->timestamp;
}

/* ---- judging an access unit ---- */

/* The frame's index is spent, so the client sees the gap and asks for a key frame. */
static void
refuse_frame (GstMoonlightPay *self, gsize bytes, const gchar *why)
{
  GST_OBJECT_LOCK (self);
  self->figures.frames_refused++;
  GST_OBJECT_UNLOCK (self);
  if (!self->warned_refused) {
    self->warned_refused = TRUE;
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("A picture of %" G_GSIZE_FORMAT " bytes cannot be sent: %s.", bytes, why),
        ("Check the encoder's rate control (VBV of one frame) and its output format. Said once."));
  }
}

static void
check_slice_header (GstMoonlightPay *self, const PayFrame *frame)
{
  gsize room = pay_frame_first_packet_bytes (frame);

  if (pay_frame_has_slice_in_first_packet (frame))
    return;
  GST_OBJECT_LOCK (self);
  self->figures.late_slice_headers++;
  GST_OBJECT_UNLOCK (self);
  if (!self->warned_late_slice) {
    self->warned_late_slice = TRUE;
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("The first slice of a picture begins %" G_GSIZE_FORMAT
         " bytes into it, past the first packet (%" G_GSIZE_FORMAT "): clients will not show it.",
            frame->unit.slice_header_end, room),
        ("Turn off what the encoder writes in front of the slice, or raise packet-size. 0 means no slice. Said once."));
  }
}

static void
count_frame (GstMoonlightPay *self, const PayFrame *frame, guint64 started_ns)
{
  guint64 packetise_ns = gst_util_get_timestamp () - started_ns;

  pay_figures_count_frame (&self->figures, GST_ELEMENT (self), frame, self->output.datagram_bytes, packetise_ns);
  if (frame->plan.without_parity && !self->warned_without_parity) {
    self->warned_without_parity = TRUE;
    GST_WARNING_OBJECT (
        self, "a frame of %u packets is too large for parity and goes without; said once", frame->plan.data_packets);
  }
  GST_DEBUG_OBJECT (self, "frame %u%s: %u + %u packets in %u blocks", frame->frame_index,
      frame->unit.is_key ? " (key)" : "", frame->plan.data_packets,
      frame->plan.total_packets - frame->plan.data_packets, frame->plan.block_count);
}

static FramePlanResult
plan_frame (GstMoonlightPay *self, PayFrame *frame)
{
  guint percentage, min_parity;

  GST_OBJECT_LOCK (self);
  percentage = self->fec_percentage;
  min_parity = self->min_fec_packets;
  GST_OBJECT_UNLOCK (self);
  return frame_plan_compute (&frame->plan, frame->unit.kept_bytes, self->stream_packet_size, percentage, min_parity);
}

/* Makes and fills the arena of a planned frame; NULL after an error was posted. */
static GstBuffer *
fill_arena (GstMoonlightPay *self, GstBuffer *buffer, const PayFrame *frame)
{
  guint8 *data;
  GstBuffer *arena = pay_output_acquire (&self->output, frame->plan.total_packets, &data);

  if (arena == NULL) {
    GST_ELEMENT_ERROR (
        self, RESOURCE, NO_SPACE_LEFT, ("No memory for a frame of %u packets.", frame->plan.total_packets), (NULL));
    return NULL;
  }
  if (!pay_frame_write (frame, self->stream_packet_size,
          session_page_gcm_counter (self->session.page, frame->first_packet), self->fec, self->session.crypt, data)) {
    gst_clear_buffer (&arena);
    GST_ELEMENT_ERROR (
        self, STREAM, ENCODE, ("Frame %u could not be encoded or encrypted.", frame->frame_index), (NULL));
    return NULL;
  }
  GST_BUFFER_FLAGS (arena) |= GST_BUFFER_FLAGS (buffer) & ~GST_BUFFER_FLAG_TAG_MEMORY;
  GST_BUFFER_PTS (arena) = GST_BUFFER_PTS (buffer);
  GST_BUFFER_DTS (arena) = GST_BUFFER_DTS (buffer);
  GST_BUFFER_DURATION (arena) = GST_BUFFER_DURATION (buffer);
  return arena;
}

/* Turns the mapped access unit into a filled arena; NULL with *flow set when there is nothing to push. */
static GstBuffer *
packetise (GstMoonlightPay *self, GstBuffer *buffer, const GstMapInfo *map, PayFrame *frame, GstFlowReturn *flow)
{
  FramePlanResult planned;
  GstBuffer *arena;

  *flow = GST_FLOW_OK;
  if (!pay_frame_inspect (frame, map->data, map->size, GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))) {
    refuse_frame (self, map->size, "it does not begin with a start code");
    return NULL;
  }
  planned = plan_frame (self, frame);
  if (planned != FRAME_PLAN_OK) {
    refuse_frame (self, map->size, frame_plan_result_text (planned));
    return NULL;
  }
  check_slice_header (self, frame);
  frame->first_packet = session_page_reserve_video_packets (self->session.page, frame->plan.total_packets);
  arena = fill_arena (self, buffer, frame);
  if (arena == NULL)
    *flow = GST_FLOW_ERROR;
  return arena;
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
pay_picture (GstMoonlightPay *self, GstBuffer *buffer)
{
  guint64 started_ns = gst_util_get_timestamp ();
  PayFrame frame = { .codec = self->codec };
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *arena = NULL;
  GstClockTime running;
  GstMapInfo map;

  /* Here, before anything can drop the picture: what is lost from now on must show as a gap. */
  frame.frame_index = session_page_reserve_frame (self->session.page);
  running = running_time (self, buffer);
  measure_encoding (self, running);
  frame.timestamp = rtp_timestamp (self, running);
  frame.host_latency_ns = host_latency (self, buffer);
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    refuse_frame (self, gst_buffer_get_size (buffer), "its memory cannot be read");
    return GST_FLOW_OK;
  }
  arena = packetise (self, buffer, &map, &frame, &flow);
  gst_buffer_unmap (buffer, &map);
  if (arena == NULL)
    return flow;
  count_frame (self, &frame, started_ns);
  return pay_output_push (&self->output, arena, frame.plan.total_packets);
}

static GstFlowReturn
gst_moonlight_pay_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstMoonlightPay *self = GST_MOONLIGHT_PAY (parent);
  GstFlowReturn flow = ensure_negotiated (self);

  if (flow == GST_FLOW_OK) {
    /* An encoder that gives nothing has skipped a picture; no reference is lost, so no index is spent. */
    if (gst_buffer_get_size (buffer) == 0)
      refuse_frame (self, 0, frame_plan_result_text (FRAME_PLAN_EMPTY));
    else
      flow = pay_picture (self, buffer);
  }
  gst_buffer_unref (buffer);
  return flow;
}

/* ---- events and states ---- */

static gboolean
set_caps (GstMoonlightPay *self, GstCaps *caps)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);

  if (gst_structure_has_name (structure, "video/x-h264"))
    self->codec = PAY_CODEC_H264;
  else if (gst_structure_has_name (structure, "video/x-h265"))
    self->codec = PAY_CODEC_H265;
  else
    self->codec = PAY_CODEC_AV1;
  if (!self->has_caps) {
    GST_OBJECT_LOCK (self);
    self->stream_packet_size = self->session.packet_size;
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
      gst_event_copy_segment (event, &self->segment);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
      break;
    default:
      break;
  }
  return gst_pad_event_default (pad, parent, event);
}

static gboolean
prepare (GstMoonlightPay *self)
{
  pay_figures_reset (&self->figures, GST_ELEMENT (self));
  self->warned_late_slice = self->warned_refused = self->warned_without_parity = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->has_caps = FALSE;
  self->last_timestamp = 0;
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
    pay_output_drop_arenas (&self->output);
    gst_pay_session_stop (&self->session);
  }
  return result;
}

/* ---- properties ---- */

static const gsize fields[] = {
  [PROP_FEC_PERCENTAGE] = G_STRUCT_OFFSET (GstMoonlightPay, fec_percentage),
  [PROP_MIN_FEC_PACKETS] = G_STRUCT_OFFSET (GstMoonlightPay, min_fec_packets),
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
    g_value_take_boxed (value, pay_figures_to_structure (&self->figures, GST_ELEMENT (self)));
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

  pay_output_drop_arenas (&self->output);
  gst_pay_session_clear (&self->session);
  rs_fec_free (self->fec);
  gst_caps_unref (self->capture_caps);
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
  self->fec_percentage = DEFAULT_FEC_PERCENTAGE;
  self->min_fec_packets = DEFAULT_MIN_FEC_PACKETS;
  gst_pay_session_init (&self->session);
  self->fec = rs_fec_new ();
  self->capture_caps = gst_caps_new_empty_simple (CAPTURE_CAPS);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);

  self->sink_pad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink_pad, gst_moonlight_pay_chain);
  gst_pad_set_event_function (self->sink_pad, gst_moonlight_pay_sink_event);
  gst_element_add_pad (GST_ELEMENT (self), self->sink_pad);
  self->src_pad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_use_fixed_caps (self->src_pad);
  gst_element_add_pad (GST_ELEMENT (self), self->src_pad);
  self->output.pad = self->src_pad;
}
