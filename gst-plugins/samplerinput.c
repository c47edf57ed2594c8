/*
 * samplerinput.c: see samplerinput.h.
 */
#include "samplerinput.h"

#include "sampleroutput.h"
#include "samplerstate.h"

#define GST_CAT_DEFAULT frame_sampler_debug

/* A buffer's own timestamp is believed when it lies this close before the present. */
#define MAX_CAPTURE_AGE (1 * GST_SECOND)
/* Broken frames in a row after which the source has clearly changed its format without saying so. */
#define MAX_BROKEN_FRAMES 10
/* Serialised events that wait for the task; tags at most, so more than this is a fault upstream. */
#define MAX_QUEUED_EVENTS 64

/* When the frame was captured, as CLOCK_MONOTONIC ns: by its own timestamp where that is believable, else now. With
 * lock. */
static guint64
capture_time (GstFrameSampler *self, GstBuffer *buffer)
{
  guint64 now = gst_util_get_timestamp ();
  GstClockTime present = element_running_time (GST_ELEMENT (self)), stamped;

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
  GstClockTime now = element_running_time (GST_ELEMENT (self));
  GstFlowReturn flow;

  g_mutex_lock (&self->lock);
  flow = self->flow;
  if (self->is_fresh)
    self->dropped++;
  sampler_state_clear_frame (self);
  self->frame = frame;
  self->frame_caps = gst_caps_ref (self->in_caps);
  self->capture_ns = capture_ns;
  self->arrived = GST_CLOCK_TIME_IS_VALID (now) ? now : 0;
  self->is_fresh = TRUE;
  self->was_held = self->hold || !self->is_playing;
  sampler_state_wake (self);
  g_mutex_unlock (&self->lock);
  return flow;
}

GstFlowReturn
sampler_input_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
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
  sampler_state_wake (self);
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

static void
take_stream_start (GstFrameSampler *self, GstEvent *event)
{
  g_mutex_lock (&self->lock);
  gst_event_replace (&self->stream_start, event);
  self->need_segment = TRUE;
  self->is_eos = FALSE;
  if (self->flow == GST_FLOW_EOS && self->is_active) {
    self->flow = GST_FLOW_OK;
    sampler_output_start (self);
  }
  sampler_state_wake (self);
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
    sampler_state_forget_frames (self);
    gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
    /* with the lock, so that it cannot come after the pad was stopped */
    if (self->is_active)
      sampler_output_start (self);
  }
  sampler_state_wake (self);
  g_mutex_unlock (&self->lock);
  if (is_start)
    gst_pad_pause_task (self->srcpad);
  return result;
}

gboolean
sampler_input_event (GstPad *pad, GstObject *parent, GstEvent *event)
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
      sampler_state_wake (self);
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
