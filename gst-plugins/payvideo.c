/*
 * payvideo.c: see payvideo.h.
 */
#include "payvideo.h"

#include "elementtime.h"

#define GST_CAT_DEFAULT moonlight_pay_debug

/* ---- times ---- */

/* Never raw PTS: x264enc and x265enc shift it by 1000 hours, and their segment with it. */
static GstClockTime
running_time (PayVideo *self, GstBuffer *buffer)
{
  if (!GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
}

/* framesampler stamps a picture with the running time at which it let it go: what has passed since is the encoder's. */
static void
measure_encoding (PayVideo *self, GstClockTime running)
{
  GstClockTime now = 0, base;
  GstClock *clock;

  /* Read with the lock, which keeps it alive: a reference of our own, taken and dropped, costs more than the time. */
  GST_OBJECT_LOCK (self->element);
  clock = GST_ELEMENT_CLOCK (self->element);
  if (clock != NULL)
    now = gst_clock_get_time (clock);
  base = self->element->base_time;
  GST_OBJECT_UNLOCK (self->element);
  if (GST_CLOCK_TIME_IS_VALID (running) && now > base + running)
    histogram_add (&self->figures.encode_ns, now - base - running);
}

static guint32
rtp_timestamp (PayVideo *self, GstClockTime running)
{
  if (GST_CLOCK_TIME_IS_VALID (running))
    self->last_timestamp = (guint32) gst_util_uint64_scale_round (running, 90000, GST_SECOND);
  return self->last_timestamp;
}

static guint64
host_latency (PayVideo *self, GstBuffer *buffer)
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
refuse_frame (PayVideo *self, gsize bytes, const gchar *why)
{
  GST_OBJECT_LOCK (self->element);
  self->figures.frames_refused++;
  GST_OBJECT_UNLOCK (self->element);
  if (!self->warned_refused) {
    self->warned_refused = TRUE;
    GST_ELEMENT_WARNING (self->element, STREAM, FORMAT,
        ("A picture of %" G_GSIZE_FORMAT " bytes cannot be sent: %s.", bytes, why),
        ("Check the encoder's rate control (VBV of one frame) and its output format. Said once."));
  }
}

static void
check_slice_header (PayVideo *self, const PayFrame *frame)
{
  gsize room = pay_frame_first_packet_bytes (frame);

  if (pay_frame_has_slice_in_first_packet (frame))
    return;
  GST_OBJECT_LOCK (self->element);
  self->figures.late_slice_headers++;
  GST_OBJECT_UNLOCK (self->element);
  if (!self->warned_late_slice) {
    self->warned_late_slice = TRUE;
    GST_ELEMENT_WARNING (self->element, STREAM, FORMAT,
        ("The first slice of a picture begins %" G_GSIZE_FORMAT
         " bytes into it, past the first packet (%" G_GSIZE_FORMAT "): clients will not show it.",
            frame->unit.slice_header_end, room),
        ("Turn off what the encoder writes in front of the slice, or raise packet-size. 0 means no slice. Said once."));
  }
}

static void
count_frame (PayVideo *self, const PayFrame *frame, guint64 started_ns)
{
  guint64 packetise_ns = gst_util_get_timestamp () - started_ns;

  pay_figures_count_frame (&self->figures, self->element, frame, self->output.datagram_bytes, packetise_ns);
  if (frame->plan.without_parity && !self->warned_without_parity) {
    self->warned_without_parity = TRUE;
    GST_WARNING_OBJECT (self->element, "a frame of %u packets is too large for parity and goes without; said once",
        frame->plan.data_packets);
  }
  GST_DEBUG_OBJECT (self->element, "frame %u%s: %u + %u packets in %u blocks", frame->frame_index,
      frame->unit.is_key ? " (key)" : "", frame->plan.data_packets,
      frame->plan.total_packets - frame->plan.data_packets, frame->plan.block_count);
}

/* ---- one picture ---- */

static FramePlanResult
plan_frame (PayVideo *self, PayFrame *frame)
{
  guint percentage, min_parity;

  GST_OBJECT_LOCK (self->element);
  percentage = self->fec_percentage;
  min_parity = self->min_fec_packets;
  GST_OBJECT_UNLOCK (self->element);
  return frame_plan_compute (&frame->plan, frame->unit.kept_bytes, self->packet_size, percentage, min_parity);
}

/* Makes and fills the arena of a planned frame; NULL after an error was posted. */
static GstBuffer *
fill_arena (PayVideo *self, GstBuffer *buffer, const PayFrame *frame)
{
  guint8 *data;
  GstBuffer *arena = pay_output_acquire (&self->output, frame->plan.total_packets, &data);

  if (arena == NULL) {
    GST_ELEMENT_ERROR (self->element, RESOURCE, NO_SPACE_LEFT,
        ("No memory for a frame of %u packets.", frame->plan.total_packets), (NULL));
    return NULL;
  }
  if (!pay_frame_write (frame, self->packet_size, session_page_gcm_counter (self->session->page, frame->first_packet),
          self->fec, self->session->crypt, data)) {
    gst_clear_buffer (&arena);
    GST_ELEMENT_ERROR (
        self->element, STREAM, ENCODE, ("Frame %u could not be encoded or encrypted.", frame->frame_index), (NULL));
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
packetise (PayVideo *self, GstBuffer *buffer, const GstMapInfo *map, PayFrame *frame, GstFlowReturn *flow)
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
  frame->first_packet = session_page_reserve_video_packets (self->session->page, frame->plan.total_packets);
  arena = fill_arena (self, buffer, frame);
  if (arena == NULL)
    *flow = GST_FLOW_ERROR;
  return arena;
}

static GstFlowReturn
pay_picture (PayVideo *self, GstBuffer *buffer)
{
  guint64 started_ns = gst_util_get_timestamp ();
  PayFrame frame = { .codec = self->codec };
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *arena = NULL;
  GstClockTime running;
  GstMapInfo map;

  /* Here, before anything can drop the picture: what is lost from now on must show as a gap. */
  frame.frame_index = session_page_reserve_frame (self->session->page);
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

GstFlowReturn
pay_video_push (PayVideo *self, GstBuffer *buffer)
{
  if (gst_buffer_get_size (buffer) != 0)
    return pay_picture (self, buffer);
  /* An encoder that gives nothing has skipped a picture; no reference is lost, so no index is spent. */
  refuse_frame (self, 0, frame_plan_result_text (FRAME_PLAN_EMPTY));
  return GST_FLOW_OK;
}

/* ---- the stream ---- */

void
pay_video_init (PayVideo *self, GstElement *element, GstPad *src_pad, const GstPaySession *session)
{
  self->element = element;
  self->session = session;
  self->output.pad = src_pad;
  self->fec = rs_fec_new ();
  self->capture_caps = gst_caps_new_empty_simple (LUMEN_CAPTURE_CAPS);
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
}

void
pay_video_clear (PayVideo *self)
{
  pay_output_drop_arenas (&self->output);
  g_clear_pointer (&self->fec, rs_fec_free);
  gst_clear_caps (&self->capture_caps);
}

void
pay_video_reset (PayVideo *self)
{
  pay_figures_reset (&self->figures, self->element);
  self->warned_late_slice = self->warned_refused = self->warned_without_parity = FALSE;
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->last_timestamp = 0;
}
