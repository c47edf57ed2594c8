/*
 * samplerstate.c: see samplerstate.h.
 */
#include "samplerstate.h"

void
sampler_state_wake (GstFrameSampler *self)
{
  if (self->clock_id)
    gst_clock_id_unschedule (self->clock_id);
  g_cond_signal (&self->cond);
}

void
sampler_state_clear_frame (GstFrameSampler *self)
{
  gst_clear_buffer (&self->frame);
  gst_clear_caps (&self->frame_caps);
  self->is_fresh = FALSE;
  self->was_held = FALSE;
}

void
sampler_state_forget_frames (GstFrameSampler *self)
{
  sampler_state_clear_frame (self);
  self->is_eos = FALSE;
  self->last_pts = GST_CLOCK_TIME_NONE;
  self->need_segment = TRUE;
  g_queue_clear_full (&self->events, (GDestroyNotify) gst_event_unref);
  cadence_restart (&self->cadence);
}

void
sampler_state_begin_grid (GstFrameSampler *self)
{
  cadence_restart (&self->cadence);
  if (self->frame && !self->is_fresh) {
    self->is_fresh = TRUE;
    self->was_held = TRUE;
  }
}
