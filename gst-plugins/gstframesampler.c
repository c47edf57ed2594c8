/*
 * gstframesampler.c: keeps the newest captured frame and pushes it at the client's rate. The timing rules are in
 * cadence.c, the rules about memory in ownframe.c; here are pads, the task and the events.
 */
/**
 * SECTION:element-framesampler
 * @title: framesampler
 * @short_description: newest captured frame at a fixed rate
 *
 * Stands between conversion and encoder. The sink pad never blocks: it replaces the kept frame by the newest one. The
 * source pad's own task pushes a fresh frame at once, unless that would exceed #GstFrameSampler:framerate (a small
 * credit absorbs jitter), and repeats the last frame 1.5 intervals after a frame that was on time, then on an absolute
 * grid, while nothing fresh comes: compositors only deliver on damage, and clients abort when a stream pauses.
 *
 * Unlike videorate it goes by the clock and not by timestamps, it makes no frame up in arrears, and it repeats without a
 * following frame. Buffers leave with their running time at the push as timestamp, strictly increasing. A fresh frame
 * carries a #GstReferenceTimestampMeta with caps `timestamp/x-lumen-capture` (CLOCK_MONOTONIC nanoseconds), a repeat
 * has none.
 *
 * It never holds memory whose life another process controls: system and descriptor memory that is not from one of this
 * process's own pools is copied once, DMABuf descriptors are duplicated, device memory passes untouched.
 *
 * The element is live: it produces nothing in PAUSED.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,framerate=10/1 ! videoconvert ! framesampler framerate=60/1 ! fpsdisplaysink video-sink=fakesink text-overlay=false sync=false -v
 * ]| Ten frames a second become sixty.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframesampler.h"

#include <time.h>

#include "cadence.h"
#include "histogram.h"
#include "ownframe.h"

GST_DEBUG_CATEGORY_STATIC (frame_sampler_debug);
#define GST_CAT_DEFAULT frame_sampler_debug

#define DEFAULT_RATE_N 60
#define DEFAULT_RATE_D 1
/* A buffer's own timestamp is believed when it lies this close before the present. */
#define MAX_CAPTURE_AGE (1 * GST_SECOND)
/* Broken frames in a row after which the source has clearly changed its format without saying so. */
#define MAX_BROKEN_FRAMES 10
/* Serialised events that wait for the task; tags at most, so more than this is a fault upstream. */
#define MAX_QUEUED_EVENTS 64
/* Buffers of a downstream pool that this element may hold: the newest, the one being pushed, the one being filled. */
#define EXTRA_BUFFERS 3

enum
{
  PROP_0,
  PROP_FRAMERATE,
  PROP_HOLD,
  PROP_STATS,
};

struct _GstFrameSampler
{
  GstElement parent;

  GstPad *sinkpad;
  GstPad *srcpad;
  GstCaps *capture_caps;

  GMutex lock;         /* guards everything below unless it says otherwise */
  GCond cond;          /* something changed for the task */
  GstClockID clock_id; /* what the task sleeps on, or NULL */

  /* properties */
  gint rate_n, rate_d;
  gboolean hold;

  /* input side */
  GstSegment segment;
  GstCaps *in_caps;
  GstBuffer *frame; /* newest frame, kept for repeats */
  GstCaps *frame_caps;
  gboolean is_fresh;    /* frame has not left yet */
  gboolean was_held;    /* frame waited for hold to end: its age says nothing of the host */
  guint64 capture_ns;   /* of frame, CLOCK_MONOTONIC */
  GstClockTime arrived; /* running time at which frame came; 0 while there is none */
  gboolean is_eos;
  GQueue events;         /* serialised events for the task to push */
  guint broken_in_a_row; /* sink streaming thread only */
  OwnFrame *own;         /* sink streaming thread only */

  /* output side */
  gboolean is_active; /* the source pad is */
  gboolean is_flushing;
  gboolean is_playing;
  GstFlowReturn flow; /* last result of a push, or why there is none */
  Cadence cadence;
  GstEvent *stream_start; /* to be pushed next, or NULL */
  gboolean need_segment;
  GstCaps *out_caps; /* input caps whose output form was pushed last */
  GstClockTime last_pts;

  /* stats */
  guint64 in, out, repeated, dropped;
  Histogram capture_age;
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

G_DEFINE_TYPE (GstFrameSampler, gst_frame_sampler, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (framesampler, "framesampler", GST_RANK_NONE, GST_TYPE_FRAME_SAMPLER);

static guint64
monotonic_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return GST_TIMESPEC_TO_TIME (now);
}

/* with lock */
static void
wake_task (GstFrameSampler *self)
{
  if (self->clock_id)
    gst_clock_id_unschedule (self->clock_id);
  g_cond_signal (&self->cond);
}

/* NONE before the element has a clock and a base time */
static GstClockTime
running_time (GstFrameSampler *self)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime base = gst_element_get_base_time (GST_ELEMENT (self));
  GstClockTime now;

  if (!clock)
    return GST_CLOCK_TIME_NONE;
  now = gst_clock_get_time (clock);
  gst_object_unref (clock);
  if (!GST_CLOCK_TIME_IS_VALID (base))
    return GST_CLOCK_TIME_NONE;
  return now > base ? now - base : 0;
}

/* with lock */
static void
clear_frame (GstFrameSampler *self)
{
  gst_clear_buffer (&self->frame);
  gst_clear_caps (&self->frame_caps);
  self->is_fresh = FALSE;
  self->was_held = FALSE;
}

/* with lock: back to the state before the first frame, as after a flush; caps and stream-start stay */
static void
forget_frames (GstFrameSampler *self)
{
  clear_frame (self);
  self->is_eos = FALSE;
  self->last_pts = GST_CLOCK_TIME_NONE;
  self->need_segment = TRUE;
  g_queue_clear_full (&self->events, (GDestroyNotify) gst_event_unref);
  cadence_restart (&self->cadence);
}

/* ---- caps ---- */

/* The same caps with every framerate open. (transfer full) */
static GstCaps *
with_any_rate (GstCaps *caps)
{
  GstCaps *open = gst_caps_copy (caps);
  guint i;

  for (i = 0; i < gst_caps_get_size (open); i++)
    gst_structure_set (gst_caps_get_structure (open, i), "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
  return open;
}

/* The same caps at the negotiated rate. (transfer full) */
static GstCaps *
with_own_rate (GstFrameSampler *self, GstCaps *caps)
{
  GstCaps *fixed = gst_caps_copy (caps);
  guint i;
  gint n, d;

  g_mutex_lock (&self->lock);
  n = self->rate_n;
  d = self->rate_d;
  g_mutex_unlock (&self->lock);
  for (i = 0; i < gst_caps_get_size (fixed); i++) {
    GstStructure *s = gst_caps_get_structure (fixed, i);

    gst_structure_set (s, "framerate", GST_TYPE_FRACTION, n, d, NULL);
    gst_structure_remove_field (s, "max-framerate");
  }
  return fixed;
}

/* What `pad` can take or give is what the other side's peer can, at another rate. */
static gboolean
query_caps (GstFrameSampler *self, GstPad *pad, GstQuery *query)
{
  GstPad *other = pad == self->sinkpad ? self->srcpad : self->sinkpad;
  GstCaps *filter, *other_filter = NULL, *peer, *caps;

  gst_query_parse_caps (query, &filter);
  if (filter)
    other_filter = pad == self->sinkpad ? with_own_rate (self, filter) : with_any_rate (filter);
  peer = gst_pad_peer_query_caps (other, other_filter);
  gst_clear_caps (&other_filter);
  if (gst_caps_is_any (peer))
    caps = gst_pad_get_pad_template_caps (pad);
  else
    caps = pad == self->sinkpad ? with_any_rate (peer) : with_own_rate (self, peer);
  gst_caps_unref (peer);

  if (filter) {
    GstCaps *narrowed = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (caps);
    caps = narrowed;
  }
  gst_query_set_caps_result (query, caps);
  gst_caps_unref (caps);
  return TRUE;
}

/* ---- sink pad ---- */

/* When the frame was captured, as CLOCK_MONOTONIC ns: by its own timestamp where that is believable, else now. With
 * lock. */
static guint64
capture_time (GstFrameSampler *self, GstBuffer *buffer)
{
  guint64 now = monotonic_ns ();
  GstClockTime present = running_time (self), stamped;

  if (!self->is_playing || !GST_CLOCK_TIME_IS_VALID (present) || !GST_BUFFER_PTS_IS_VALID (buffer)
      || self->segment.format != GST_FORMAT_TIME)
    return now;
  stamped = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  if (!GST_CLOCK_TIME_IS_VALID (stamped) || stamped > present || present - stamped > MAX_CAPTURE_AGE)
    return now;
  return now - (present - stamped);
}

/* A frame that cannot be kept. One is dropped; a run of them means that the source changed its size without a word (as
 * PipeWire does), which only a new graph can mend. */
static GstFlowReturn
drop_broken (GstFrameSampler *self)
{
  g_mutex_lock (&self->lock);
  self->dropped++;
  g_mutex_unlock (&self->lock);
  if (self->broken_in_a_row++ == 0)
    GST_WARNING_OBJECT (self, "a frame does not match its caps and was dropped");
  if (self->broken_in_a_row < MAX_BROKEN_FRAMES)
    return GST_FLOW_OK;
  GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("The captured picture no longer has the size that was agreed."),
      ("%u frames in a row do not match the caps", self->broken_in_a_row));
  return GST_FLOW_ERROR;
}

/* PipeWire announces a moved cursor with a buffer that holds no picture. */
static gboolean
has_picture (GstBuffer *buffer)
{
  return gst_buffer_get_size (buffer) > 0 && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED)
      && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_GAP);
}

/* Counts a buffer that came in and says whether it is wanted. */
static GstFlowReturn
admit (GstFrameSampler *self, GstBuffer *buffer, guint64 *capture_ns)
{
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  self->in++;
  *capture_ns = capture_time (self, buffer);
  flow = self->is_eos ? GST_FLOW_EOS : self->flow;
  if (!self->in_caps && flow == GST_FLOW_OK)
    flow = GST_FLOW_NOT_NEGOTIATED;
  g_mutex_unlock (&self->lock);
  return flow;
}

static GstFlowReturn
keep_frame (GstFrameSampler *self, GstBuffer *frame, guint64 capture_ns)
{
  GstClockTime now = running_time (self);
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  flow = self->flow;
  if (self->is_fresh)
    self->dropped++;
  clear_frame (self);
  self->frame = frame;
  self->frame_caps = gst_caps_ref (self->in_caps);
  self->capture_ns = capture_ns;
  self->arrived = GST_CLOCK_TIME_IS_VALID (now) ? now : 0;
  self->is_fresh = TRUE;
  self->was_held = self->hold || !self->is_playing;
  wake_task (self);
  g_mutex_unlock (&self->lock);
  return flow;
}

static GstFlowReturn
gst_frame_sampler_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstFrameSampler *self = (GstFrameSampler *) parent;
  guint64 capture_ns;
  GstFlowReturn flow = admit (self, buffer, &capture_ns);

  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return flow;
  }
  if (!has_picture (buffer)) {
    gst_buffer_unref (buffer);
    g_mutex_lock (&self->lock);
    self->dropped++;
    g_mutex_unlock (&self->lock);
    return GST_FLOW_OK;
  }
  /* in_caps is written by this thread only */
  buffer = own_frame_take (self->own, buffer, self->in_caps);
  if (!buffer)
    return drop_broken (self);
  self->broken_in_a_row = 0;
  return keep_frame (self, buffer, capture_ns);
}

static void
queue_event (GstFrameSampler *self, GstEvent *event)
{
  g_mutex_lock (&self->lock);
  if (self->events.length < MAX_QUEUED_EVENTS)
    g_queue_push_tail (&self->events, event);
  else
    gst_event_unref (event);
  wake_task (self);
  g_mutex_unlock (&self->lock);
}

static void
take_caps (GstFrameSampler *self, GstEvent *event)
{
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  GST_INFO_OBJECT (self, "input %" GST_PTR_FORMAT, caps);
  g_mutex_lock (&self->lock);
  gst_caps_replace (&self->in_caps, caps);
  g_mutex_unlock (&self->lock);
  self->broken_in_a_row = 0;
}

static void gst_frame_sampler_loop (gpointer user_data);

static void
take_stream_start (GstFrameSampler *self, GstEvent *event)
{
  g_mutex_lock (&self->lock);
  gst_event_replace (&self->stream_start, event);
  self->need_segment = TRUE;
  self->is_eos = FALSE;
  if (self->flow == GST_FLOW_EOS && self->is_active) {
    self->flow = GST_FLOW_OK;
    gst_pad_start_task (self->srcpad, gst_frame_sampler_loop, self->srcpad, NULL);
  }
  wake_task (self);
  g_mutex_unlock (&self->lock);
}

static gboolean
flush (GstFrameSampler *self, GstEvent *event)
{
  gboolean is_start = GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START;
  gboolean result;

  result = gst_pad_push_event (self->srcpad, event);
  g_mutex_lock (&self->lock);
  self->is_flushing = is_start || !self->is_active;
  self->flow = self->is_flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
  if (!is_start) {
    forget_frames (self);
    gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
    /* with the lock, so that it cannot come after the pad was stopped */
    if (self->is_active)
      gst_pad_start_task (self->srcpad, gst_frame_sampler_loop, self->srcpad, NULL);
  }
  wake_task (self);
  g_mutex_unlock (&self->lock);
  if (is_start)
    gst_pad_pause_task (self->srcpad);
  return result;
}

static gboolean
gst_frame_sampler_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstFrameSampler *self = (GstFrameSampler *) parent;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
      return flush (self, event);
    case GST_EVENT_STREAM_START:
      take_stream_start (self, event);
      break;
    case GST_EVENT_CAPS:
      take_caps (self, event);
      break;
    case GST_EVENT_SEGMENT:
      /* only for reading timestamps: what leaves here has a segment of its own */
      g_mutex_lock (&self->lock);
      gst_event_copy_segment (event, &self->segment);
      g_mutex_unlock (&self->lock);
      break;
    case GST_EVENT_EOS:
      g_mutex_lock (&self->lock);
      self->is_eos = TRUE;
      wake_task (self);
      g_mutex_unlock (&self->lock);
      break;
    case GST_EVENT_GAP:
      break;
    default:
      if (!GST_EVENT_IS_SERIALIZED (event))
        return gst_pad_event_default (pad, parent, event);
      queue_event (self, event);
      return TRUE;
  }
  gst_event_unref (event);
  return TRUE;
}

/* This element keeps buffers of the peer's pool, so the pool must be larger than the peer thinks. */
static gboolean
query_allocation (GstFrameSampler *self, GstQuery *query)
{
  guint i, n;

  if (!gst_pad_peer_query (self->srcpad, query))
    return FALSE;
  n = gst_query_get_n_allocation_pools (query);
  for (i = 0; i < n; i++) {
    GstBufferPool *pool = NULL;
    guint size, min, max;

    gst_query_parse_nth_allocation_pool (query, i, &pool, &size, &min, &max);
    min += EXTRA_BUFFERS;
    if (max != 0)
      max += EXTRA_BUFFERS;
    gst_query_set_nth_allocation_pool (query, i, pool, size, min, max);
    g_clear_object (&pool);
  }
  return TRUE;
}

static gboolean
gst_frame_sampler_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
  GstFrameSampler *self = (GstFrameSampler *) parent;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
      return query_caps (self, pad, query);
    case GST_QUERY_ALLOCATION:
      return pad == self->sinkpad && query_allocation (self, query);
    case GST_QUERY_LATENCY:
      if (pad == self->sinkpad)
        break;
      /* Frames are stamped as they leave, so nothing upstream adds latency; and nothing is too late downstream, because
       * the newest frame waits for ever. */
      gst_query_set_latency (query, TRUE, 0, GST_CLOCK_TIME_NONE);
      return TRUE;
    default:
      break;
  }
  return gst_pad_query_default (pad, parent, query);
}

/* ---- source pad ---- */

static gboolean
gst_frame_sampler_src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  /* Timestamps are rewritten here, so QoS of the output means nothing to the input. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
    gst_event_unref (event);
    return TRUE;
  }
  return gst_pad_event_default (pad, parent, event);
}

/* What the task does next. */
typedef enum
{
  DO_NOTHING, /* flushing */
  DO_SEND,    /* push the kept frame */
  DO_EVENT,   /* push what is queued */
  DO_EOS,
} Action;

/* Sleeps until running time `due` or until woken. With lock, which is released meanwhile. */
static void
sleep_until (GstFrameSampler *self, GstClockTime due)
{
  GstClock *clock = due == CADENCE_NEVER ? NULL : gst_element_get_clock (GST_ELEMENT (self));
  GstClockID id;

  if (!clock) {
    g_cond_wait (&self->cond, &self->lock);
    return;
  }
  id = gst_clock_new_single_shot_id (clock, gst_element_get_base_time (GST_ELEMENT (self)) + due);
  gst_object_unref (clock);
  self->clock_id = id;
  g_mutex_unlock (&self->lock);
  gst_clock_id_wait (id, NULL);
  g_mutex_lock (&self->lock);
  self->clock_id = NULL;
  gst_clock_id_unref (id);
}

/*
 * Begins a new grid with what is there: a frame that has left before leaves again at once and anchors the grid, because
 * a source that stands still brings no other. With lock.
 */
static void
begin_grid (GstFrameSampler *self)
{
  cadence_restart (&self->cadence);
  if (self->frame && !self->is_fresh) {
    self->is_fresh = TRUE;
    self->was_held = TRUE;
  }
}

/* Waits until there is something to do. With lock. */
static Action
next_action (GstFrameSampler *self)
{
  while (!self->is_flushing) {
    GstClockTime now, due = CADENCE_NEVER;

    if (self->stream_start || !g_queue_is_empty (&self->events))
      return DO_EVENT;
    now = self->is_playing && !self->hold ? running_time (self) : GST_CLOCK_TIME_NONE;
    if (GST_CLOCK_TIME_IS_VALID (now)) {
      if (self->is_eos && !self->is_fresh)
        return DO_EOS;
      if (cadence_is_stale (&self->cadence, now))
        begin_grid (self);
      if (self->is_fresh)
        due = cadence_fresh_due_ns (&self->cadence, self->arrived);
      else if (self->frame)
        due = cadence_repeat_due_ns (&self->cadence);
      if (due <= now)
        return DO_SEND;
    }
    sleep_until (self, due);
  }
  return DO_NOTHING;
}

/* Events that go before the frame. Called with lock, which is released for each push. */
static gboolean
push_headers (GstFrameSampler *self, GstCaps *in_caps)
{
  gboolean has_new_caps =
      in_caps != self->out_caps && (!self->out_caps || !gst_caps_is_equal (in_caps, self->out_caps));
  gboolean need_segment = self->need_segment;
  gboolean result = TRUE;

  if (has_new_caps)
    gst_caps_replace (&self->out_caps, in_caps);
  self->need_segment = FALSE;
  g_mutex_unlock (&self->lock);
  if (has_new_caps) {
    GstCaps *caps = with_own_rate (self, in_caps);
    GST_INFO_OBJECT (self, "output %" GST_PTR_FORMAT, caps);
    result = gst_pad_push_event (self->srcpad, gst_event_new_caps (caps));
    gst_caps_unref (caps);
  }
  if (need_segment) {
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (self->srcpad, gst_event_new_segment (&segment));
  }
  g_mutex_lock (&self->lock);
  return result;
}

/* A light copy of the kept frame, stamped for leaving now; the pixels are shared. With lock. */
static GstBuffer *
stamp_frame (GstFrameSampler *self, GstClockTime now, gboolean is_fresh)
{
  GstBuffer *buffer = gst_buffer_copy (self->frame);
  GstReferenceTimestampMeta *stale;

  while ((stale = gst_buffer_get_reference_timestamp_meta (buffer, self->capture_caps)))
    gst_buffer_remove_meta (buffer, (GstMeta *) stale);
  if (GST_CLOCK_TIME_IS_VALID (self->last_pts) && now <= self->last_pts)
    now = self->last_pts + 1;
  self->last_pts = now;
  GST_BUFFER_PTS (buffer) = now;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = cadence_interval_ns (&self->cadence);
  GST_BUFFER_OFFSET (buffer) = self->out;
  GST_BUFFER_OFFSET_END (buffer) = self->out + 1;
  GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  if (is_fresh && !self->was_held)
    gst_buffer_add_reference_timestamp_meta (buffer, self->capture_caps, self->capture_ns, GST_CLOCK_TIME_NONE);
  return buffer;
}

/* With lock, which is released for the push. */
static GstFlowReturn
send_frame (GstFrameSampler *self)
{
  GstCaps *caps = gst_caps_ref (self->frame_caps);
  gboolean has_caps = push_headers (self, caps);
  GstClockTime now = running_time (self);
  GstBuffer *buffer;
  GstFlowReturn flow;
  gboolean is_fresh;

  gst_caps_unref (caps);
  if (!has_caps)
    return self->is_flushing ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  /* while the lock was away the frame may have been replaced or flushed */
  if (!self->frame || !GST_CLOCK_TIME_IS_VALID (now) || !self->out_caps
      || !gst_caps_is_equal (self->frame_caps, self->out_caps))
    return GST_FLOW_OK;

  is_fresh = self->is_fresh;
  buffer = stamp_frame (self, now, is_fresh);
  self->is_fresh = FALSE;
  self->out++;
  if (is_fresh) {
    cadence_fresh_left (&self->cadence, now);
    if (!self->was_held)
      histogram_add (&self->capture_age, monotonic_ns () - self->capture_ns);
  } else {
    self->repeated++;
    cadence_repeat_left (&self->cadence, now);
  }
  g_mutex_unlock (&self->lock);
  GST_LOG_OBJECT (self, "%s frame at %" GST_TIME_FORMAT, is_fresh ? "fresh" : "repeated", GST_TIME_ARGS (now));
  flow = gst_pad_push (self->srcpad, buffer);
  g_mutex_lock (&self->lock);
  return flow;
}

/* With lock, which is released for each push. */
static void
push_events (GstFrameSampler *self)
{
  GstEvent *event = self->stream_start;

  self->stream_start = NULL;
  if (!event)
    event = g_queue_pop_head (&self->events);
  g_mutex_unlock (&self->lock);
  if (event)
    gst_pad_push_event (self->srcpad, event);
  g_mutex_lock (&self->lock);
}

/* The stream ends here: downstream is told, and the bus when it is our business. With lock, which is released. */
static void
stop_streaming (GstFrameSampler *self, GstFlowReturn flow)
{
  self->flow = flow;
  g_mutex_unlock (&self->lock);
  gst_pad_pause_task (self->srcpad);
  GST_DEBUG_OBJECT (self, "stopped: %s", gst_flow_get_name (flow));
  if (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)
    GST_ELEMENT_FLOW_ERROR (self, flow);
  if (flow == GST_FLOW_EOS || flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)
    gst_pad_push_event (self->srcpad, gst_event_new_eos ());
  g_mutex_lock (&self->lock);
}

static void
gst_frame_sampler_loop (gpointer user_data)
{
  GstPad *pad = user_data;
  GstFrameSampler *self = (GstFrameSampler *) GST_PAD_PARENT (pad);
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&self->lock);
  switch (next_action (self)) {
    case DO_NOTHING:
      flow = GST_FLOW_FLUSHING;
      break;
    case DO_EVENT:
      push_events (self);
      break;
    case DO_SEND:
      flow = send_frame (self);
      break;
    case DO_EOS:
      flow = GST_FLOW_EOS;
      break;
  }
  if (flow != GST_FLOW_OK)
    stop_streaming (self, self->is_flushing ? GST_FLOW_FLUSHING : flow);
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_frame_sampler_src_activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
  GstFrameSampler *self = (GstFrameSampler *) parent;

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  g_mutex_lock (&self->lock);
  self->is_active = active;
  self->is_flushing = !active;
  self->flow = active ? GST_FLOW_OK : GST_FLOW_FLUSHING;
  wake_task (self);
  g_mutex_unlock (&self->lock);
  if (active)
    return gst_pad_start_task (pad, gst_frame_sampler_loop, pad, NULL);
  return gst_pad_stop_task (pad);
}

/* ---- element ---- */

/* with lock */
static void
reset (GstFrameSampler *self)
{
  forget_frames (self);
  gst_clear_caps (&self->in_caps);
  gst_clear_caps (&self->out_caps);
  gst_clear_event (&self->stream_start);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->broken_in_a_row = 0;
}

static void
set_playing (GstFrameSampler *self, gboolean is_playing)
{
  g_mutex_lock (&self->lock);
  self->is_playing = is_playing;
  wake_task (self);
  g_mutex_unlock (&self->lock);
}

static GstStateChangeReturn
gst_frame_sampler_change_state (GstElement *element, GstStateChange transition)
{
  GstFrameSampler *self = (GstFrameSampler *) element;
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    g_mutex_lock (&self->lock);
    self->in = self->out = self->repeated = self->dropped = 0;
    histogram_reset (&self->capture_age);
    g_mutex_unlock (&self->lock);
  } else if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) {
    set_playing (self, FALSE);
  }

  result = GST_ELEMENT_CLASS (gst_frame_sampler_parent_class)->change_state (element, transition);
  if (result == GST_STATE_CHANGE_FAILURE)
    return result;

  switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
      return GST_STATE_CHANGE_NO_PREROLL;
    case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
      set_playing (self, TRUE);
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      g_mutex_lock (&self->lock);
      reset (self);
      g_mutex_unlock (&self->lock);
      own_frame_reset (self->own);
      break;
    default:
      break;
  }
  return result;
}

static GstStructure *
make_stats (GstFrameSampler *self)
{
  GstStructure *stats;

  g_mutex_lock (&self->lock);
  stats = gst_structure_new ("stats", "in", G_TYPE_UINT64, self->in, "out", G_TYPE_UINT64, self->out, "repeated",
      G_TYPE_UINT64, self->repeated, "dropped", G_TYPE_UINT64, self->dropped, "capture-age-ns-p50", G_TYPE_UINT64,
      (guint64) histogram_quantile (&self->capture_age, 0.5), "capture-age-ns-p99", G_TYPE_UINT64,
      (guint64) histogram_quantile (&self->capture_age, 0.99), NULL);
  g_mutex_unlock (&self->lock);
  return stats;
}

/* with lock */
static void
set_framerate (GstFrameSampler *self, gint n, gint d)
{
  self->rate_n = MAX (n, 1);
  self->rate_d = MAX (d, 1);
  cadence_init (&self->cadence, (guint) self->rate_n, (guint) self->rate_d);
  /* the next frame brings caps with the new rate */
  gst_clear_caps (&self->out_caps);
}

static void
gst_frame_sampler_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstFrameSampler *self = (GstFrameSampler *) object;

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_FRAMERATE:
      set_framerate (self, gst_value_get_fraction_numerator (value), gst_value_get_fraction_denominator (value));
      break;
    case PROP_HOLD:
      if (self->hold && !g_value_get_boolean (value))
        begin_grid (self);
      self->hold = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  wake_task (self);
  g_mutex_unlock (&self->lock);
}

static void
gst_frame_sampler_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstFrameSampler *self = (GstFrameSampler *) object;

  switch (id) {
    case PROP_FRAMERATE:
      g_mutex_lock (&self->lock);
      gst_value_set_fraction (value, self->rate_n, self->rate_d);
      g_mutex_unlock (&self->lock);
      break;
    case PROP_HOLD:
      g_mutex_lock (&self->lock);
      g_value_set_boolean (value, self->hold);
      g_mutex_unlock (&self->lock);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
gst_frame_sampler_finalize (GObject *object)
{
  GstFrameSampler *self = (GstFrameSampler *) object;

  reset (self);
  own_frame_free (self->own);
  gst_caps_unref (self->capture_caps);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gst_frame_sampler_parent_class)->finalize (object);
}

static void
gst_frame_sampler_class_init (GstFrameSamplerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (frame_sampler_debug, "framesampler", 0, "newest frame at a fixed rate");
  object_class->set_property = gst_frame_sampler_set_property;
  object_class->get_property = gst_frame_sampler_get_property;
  object_class->finalize = gst_frame_sampler_finalize;

  /**
   * GstFrameSampler:framerate:
   *
   * Frames a second that leave, and the framerate of the output caps. Changeable while playing.
   */
  g_object_class_install_property (object_class, PROP_FRAMERATE,
      gst_param_spec_fraction ("framerate", "Frame rate", "Frames a second that leave (1/10000 to 1000000/1)", 1,
          CADENCE_MAX_DENOMINATOR, CADENCE_MAX_NUMERATOR, 1, DEFAULT_RATE_N, DEFAULT_RATE_D,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstFrameSampler:hold:
   *
   * Keeps everything back, EOS included; when it is cleared the newest frame leaves at once.
   */
  g_object_class_install_property (object_class, PROP_HOLD,
      g_param_spec_boolean ("hold", "Hold", "Keep every frame back; on release the newest one leaves at once", FALSE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  /**
   * GstFrameSampler:stats:
   *
   * `in`, `out` (repeats included), `repeated`, `dropped`: frames; `capture-age-ns-p50`, `capture-age-ns-p99`: from
   * capture to leaving.
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters in frames since READY to PAUSED, ages in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Frame sampler", "Filter/Effect/Video",
      "Keeps the newest frame and sends it at a fixed rate", "The Lumen authors");
  element_class->change_state = gst_frame_sampler_change_state;
}

static void
gst_frame_sampler_init (GstFrameSampler *self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  g_queue_init (&self->events);
  self->capture_caps = gst_caps_new_empty_simple (LUMEN_CAPTURE_CAPS);
  self->own = own_frame_new ();
  self->is_flushing = TRUE;
  self->flow = GST_FLOW_FLUSHING;
  self->need_segment = TRUE;
  self->last_pts = GST_CLOCK_TIME_NONE;
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  histogram_reset (&self->capture_age);
  set_framerate (self, DEFAULT_RATE_N, DEFAULT_RATE_D);

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_frame_sampler_chain);
  gst_pad_set_event_function (self->sinkpad, gst_frame_sampler_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_frame_sampler_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, gst_frame_sampler_src_event);
  gst_pad_set_query_function (self->srcpad, gst_frame_sampler_query);
  gst_pad_set_activatemode_function (self->srcpad, gst_frame_sampler_src_activate_mode);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
