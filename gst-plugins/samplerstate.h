/*
 * samplerstate.h: what the two sides of framesampler share, under one lock: the newest frame, and what the task is told.
 * Private to the element.
 */
#pragma once

#include "cadence.h"
#include "elementtime.h"
#include "gstframesampler.h"
#include "histogram.h"
#include "ownframe.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (frame_sampler_debug);

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

/* Tells the task that something has changed. With lock. */
void sampler_state_wake (GstFrameSampler *self);

/* With lock. */
void sampler_state_clear_frame (GstFrameSampler *self);

/* Back to the state before the first frame, as after a flush; caps and stream-start stay. With lock. */
void sampler_state_forget_frames (GstFrameSampler *self);

/*
 * Begins a new grid with what is there: a frame that has left before leaves again at once and anchors the grid, because
 * a source that stands still brings no other. With lock.
 */
void sampler_state_begin_grid (GstFrameSampler *self);

G_END_DECLS
