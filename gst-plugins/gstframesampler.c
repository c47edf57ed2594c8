/*
 * gstframesampler.c: keeps the newest captured frame and pushes it at the client's rate: pads, states and properties. The
 * two sides are in samplerinput.c and sampleroutput.c, the timing rules in cadence.c and samplestep.c, the rules about
 * memory in ownframe.c.
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

#include "elementtime.h"
#include "histogramstats.h"
#include "samplercaps.h"
#include "samplerinput.h"
#include "sampleroutput.h"
#include "samplerstate.h"

GST_DEBUG_CATEGORY (frame_sampler_debug);
#define GST_CAT_DEFAULT frame_sampler_debug

#define DEFAULT_RATE_N 60
#define DEFAULT_RATE_D 1
/* Buffers of a downstream pool that this element may hold: the newest, the one being pushed, the one being filled. */
#define EXTRA_BUFFERS 3

enum
{
  PROP_0,
  PROP_FRAMERATE,
  PROP_HOLD,
  PROP_STATS,
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("video/x-raw(ANY)"));

G_DEFINE_TYPE (GstFrameSampler, gst_frame_sampler, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (framesampler, "framesampler", GST_RANK_NONE, GST_TYPE_FRAME_SAMPLER);

/* ---- pads ---- */

static GstCaps *
with_own_rate (GstFrameSampler *self, const GstCaps *caps)
{
  gint n, d;

  g_mutex_lock (&self->lock);
  n = self->rate_n;
  d = self->rate_d;
  g_mutex_unlock (&self->lock);
  return sampler_caps_fix_rate (caps, n, d);
}

/* What `pad` can take or give is what the other side's peer can, at another rate. */
static gboolean
query_caps (GstFrameSampler *self, GstPad *pad, GstQuery *query)
{
  GstPad *other = pad == self->sinkpad ? self->srcpad : self->sinkpad;
  GstCaps *filter, *other_filter = NULL, *peer, *caps;

  gst_query_parse_caps (query, &filter);
  if (filter)
    other_filter = pad == self->sinkpad ? with_own_rate (self, filter) : sampler_caps_open_rate (filter);
  peer = gst_pad_peer_query_caps (other, other_filter);
  gst_clear_caps (&other_filter);
  if (gst_caps_is_any (peer))
    caps = gst_pad_get_pad_template_caps (pad);
  else
    caps = pad == self->sinkpad ? sampler_caps_open_rate (peer) : with_own_rate (self, peer);
  gst_caps_unref (peer);
  caps = sampler_caps_narrow (caps, filter);
  gst_query_set_caps_result (query, caps);
  gst_caps_unref (caps);
  return TRUE;
}

/* This element keeps buffers of the peer's pool, so the pool must be larger than the peer thinks. */
static gboolean
query_allocation (GstFrameSampler *self, GstQuery *query)
{
  if (!gst_pad_peer_query (self->srcpad, query))
    return FALSE;
  sampler_caps_grow_pools (query, EXTRA_BUFFERS);
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
  sampler_state_wake (self);
  g_mutex_unlock (&self->lock);
  if (active)
    return sampler_output_start (self);
  return gst_pad_stop_task (pad);
}

/* ---- element ---- */

/* with lock */
static void
reset (GstFrameSampler *self)
{
  sampler_state_forget_frames (self);
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
  sampler_state_wake (self);
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
      G_TYPE_UINT64, self->repeated, "dropped", G_TYPE_UINT64, self->dropped, NULL);
  histogram_set_stats (&self->capture_age, stats, "capture-age-ns");
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
        sampler_state_begin_grid (self);
      self->hold = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  sampler_state_wake (self);
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
  gst_pad_set_chain_function (self->sinkpad, sampler_input_chain);
  gst_pad_set_event_function (self->sinkpad, sampler_input_event);
  gst_pad_set_query_function (self->sinkpad, gst_frame_sampler_query);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_event_function (self->srcpad, gst_frame_sampler_src_event);
  gst_pad_set_query_function (self->srcpad, gst_frame_sampler_query);
  gst_pad_set_activatemode_function (self->srcpad, gst_frame_sampler_src_activate_mode);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
