/*
 * sampleroutput.c: see sampleroutput.h.
 */
#include "sampleroutput.h"

#include "samplercaps.h"
#include "samplerstate.h"
#include "samplestep.h"

#define GST_CAT_DEFAULT frame_sampler_debug

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

/* Waits until there is something to do. With lock. */
static SampleStep
wait_for_step (GstFrameSampler *self)
{
  while (!self->is_flushing) {
    GstClockTime now, due = CADENCE_NEVER;

    if (self->stream_start || !g_queue_is_empty (&self->events))
      return SAMPLE_STEP_EVENT;
    now = self->is_playing && !self->hold ? element_running_time (GST_ELEMENT (self)) : GST_CLOCK_TIME_NONE;
    if (GST_CLOCK_TIME_IS_VALID (now)) {
      SampleState state;
      SampleStep step;

      if ((self->is_fresh || !self->is_eos) && cadence_is_stale (&self->cadence, now))
        sampler_state_begin_grid (self);
      state = (SampleState) { .has_frame = self->frame != NULL,
        .is_fresh = self->is_fresh,
        .is_eos = self->is_eos,
        .arrived_ns = self->arrived };
      step = sample_step (&self->cadence, &state, now, &due);
      if (step != SAMPLE_STEP_WAIT)
        return step;
    }
    sleep_until (self, due);
  }
  return SAMPLE_STEP_WAIT;
}

/* Events that go before the frame. Called with lock, which is released for each push. */
static gboolean
push_headers (GstFrameSampler *self, GstCaps *in_caps)
{
  gboolean has_new_caps =
      in_caps != self->out_caps && (!self->out_caps || !gst_caps_is_equal (in_caps, self->out_caps));
  gboolean need_segment = self->need_segment;
  gint rate_n = self->rate_n, rate_d = self->rate_d;
  gboolean result = TRUE;

  if (has_new_caps)
    gst_caps_replace (&self->out_caps, in_caps);
  self->need_segment = FALSE;
  g_mutex_unlock (&self->lock);
  if (has_new_caps) {
    GstCaps *caps = sampler_caps_fix_rate (in_caps, rate_n, rate_d);
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
  GstClockTime now = element_running_time (GST_ELEMENT (self));
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
      histogram_add (&self->capture_age, gst_util_get_timestamp () - self->capture_ns);
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
loop (gpointer user_data)
{
  GstPad *pad = user_data;
  GstFrameSampler *self = (GstFrameSampler *) GST_PAD_PARENT (pad);
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&self->lock);
  switch (wait_for_step (self)) {
    case SAMPLE_STEP_WAIT: /* flushing */
      flow = GST_FLOW_FLUSHING;
      break;
    case SAMPLE_STEP_EVENT:
      push_events (self);
      break;
    case SAMPLE_STEP_SEND:
      flow = send_frame (self);
      break;
    case SAMPLE_STEP_EOS:
      flow = GST_FLOW_EOS;
      break;
  }
  if (flow != GST_FLOW_OK)
    stop_streaming (self, self->is_flushing ? GST_FLOW_FLUSHING : flow);
  g_mutex_unlock (&self->lock);
}

gboolean
sampler_output_start (GstFrameSampler *self)
{
  return gst_pad_start_task (self->srcpad, loop, self->srcpad, NULL);
}
