/*
 * depaystream.c: see depaystream.h.
 */
#include "depaystream.h"

#include "depaycaps.h"
#include "depayoutput.h"
#include "elementtime.h"
#include "opuslayout.h"

struct _DepayStream
{
  GstCaps *arrival_caps; /* of the timestamp that datagrams carry */

  /* streaming thread only */
  DepayOutput output;
  DepayVideo *video; /* one of the two while the stream is open */
  DepayAudio *audio;
  GstSegment segment; /* of the input */

  /* with the object lock */
  gboolean is_audio;
  DepayVideoFigures video_figures;
  DepayAudioFigures audio_figures;
};

#define LOCK(self) GST_OBJECT_LOCK ((self)->output.element)
#define UNLOCK(self) GST_OBJECT_UNLOCK ((self)->output.element)

/* ---- life ---- */

DepayStream *
depay_stream_new (GstElement *element, GstPad *pad)
{
  DepayStream *self = g_new0 (DepayStream, 1);

  self->arrival_caps = gst_caps_new_empty_simple (LUMEN_ARRIVAL_CAPS);
  self->output.element = element;
  self->output.pad = pad;
  return self;
}

void
depay_stream_free (DepayStream *self)
{
  depay_stream_close (self);
  gst_caps_unref (self->arrival_caps);
  g_free (self);
}

void
depay_stream_reset (DepayStream *self)
{
  depay_video_figures_reset (&self->video_figures, self->output.element);
  depay_audio_figures_reset (&self->audio_figures, self->output.element);
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  self->output.has_warned = FALSE;
}

/* ---- opening ---- */

static GstCaps *
make_src_caps (DepayStream *self, const DepayStreamSetup *setup, const GstCaps *sink_caps)
{
  OpusLayout layout;

  if (!self->is_audio)
    return depay_caps_video (setup->video.codec);
  if (setup->layout == NULL || !opus_layout_parse (&layout, setup->layout))
    layout = depay_caps_layout (sink_caps);
  return depay_caps_audio (&layout);
}

static gboolean
push_src_caps (DepayStream *self, const DepayStreamSetup *setup, const GstCaps *sink_caps)
{
  GstCaps *caps = make_src_caps (self, setup, sink_caps);
  gboolean result = gst_pad_push_event (self->output.pad, gst_event_new_caps (caps));

  gst_caps_unref (caps);
  return result;
}

static void
begin_output (DepayStream *self)
{
  self->output.need_segment = TRUE;
  self->output.is_discont = TRUE;
}

gboolean
depay_stream_open (DepayStream *self, const DepayStreamSetup *setup, const GstCaps *caps)
{
  const gchar *media = gst_structure_get_string (gst_caps_get_structure (caps, 0), "media");
  gboolean is_audio = g_strcmp0 (media, "audio") == 0;

  /* the same stream goes on */
  if (is_audio ? self->audio != NULL : self->video != NULL)
    return TRUE;
  depay_stream_close (self);
  LOCK (self);
  self->is_audio = is_audio;
  UNLOCK (self);
  if (is_audio)
    self->audio = depay_audio_new (&setup->audio, &self->output, &self->audio_figures);
  else
    self->video = depay_video_new (&setup->video, &self->output, &self->video_figures);
  begin_output (self);
  return push_src_caps (self, setup, caps);
}

void
depay_stream_close (DepayStream *self)
{
  g_clear_pointer (&self->video, depay_video_free);
  g_clear_pointer (&self->audio, depay_audio_free);
}

/* ---- events ---- */

void
depay_stream_set_segment (DepayStream *self, const GstSegment *segment)
{
  gst_segment_copy_into (segment, &self->segment);
}

void
depay_stream_restart (DepayStream *self)
{
  gst_segment_init (&self->segment, GST_FORMAT_UNDEFINED);
  if (self->video)
    depay_video_restart (self->video);
  if (self->audio)
    depay_audio_restart (self->audio);
  if (self->video || self->audio)
    begin_output (self);
}

void
depay_stream_drain (DepayStream *self)
{
  if (self->video)
    depay_video_drain (self->video);
  if (self->audio)
    depay_audio_drain (self->audio);
}

/* ---- datagrams ---- */

static DepayArrival
arrival_of (DepayStream *self, GstBuffer *buffer)
{
  GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (buffer, self->arrival_caps);
  DepayArrival arrival = { .pts = GST_CLOCK_TIME_NONE, .ns = meta ? meta->timestamp : gst_util_get_timestamp () };

  if (GST_BUFFER_PTS_IS_VALID (buffer) && self->segment.format == GST_FORMAT_TIME)
    arrival.pts = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  return arrival;
}

static void
take_datagram (DepayStream *self, GstBuffer *buffer)
{
  DepayArrival arrival;
  GstMapInfo map;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  arrival = arrival_of (self, buffer);
  if (self->audio)
    depay_audio_push (self->audio, map.data, map.size, &arrival);
  else
    depay_video_push (self->video, map.data, map.size, &arrival);
  gst_buffer_unmap (buffer, &map);
}

static void
finish (DepayStream *self, guint datagrams)
{
  if (self->audio)
    depay_audio_finish (self->audio, datagrams);
  else
    depay_video_finish (self->video, datagrams);
}

GstFlowReturn
depay_stream_push (DepayStream *self, GstBuffer *datagram)
{
  if (!self->video && !self->audio) {
    gst_buffer_unref (datagram);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  self->output.flow = GST_FLOW_OK;
  take_datagram (self, datagram);
  gst_buffer_unref (datagram);
  finish (self, 1);
  return self->output.flow;
}

GstFlowReturn
depay_stream_push_list (DepayStream *self, GstBufferList *datagrams)
{
  guint i, n = gst_buffer_list_length (datagrams);

  if (!self->video && !self->audio) {
    gst_buffer_list_unref (datagrams);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  self->output.flow = GST_FLOW_OK;
  for (i = 0; i < n && self->output.flow == GST_FLOW_OK; i++)
    take_datagram (self, gst_buffer_list_get (datagrams, i));
  gst_buffer_list_unref (datagrams);
  finish (self, i);
  return self->output.flow;
}

/* ---- figures ---- */

GstStructure *
depay_stream_get_stats (DepayStream *self)
{
  GstStructure *stats;

  LOCK (self);
  stats = self->is_audio ? depay_audio_figures_to_structure (&self->audio_figures)
                         : depay_video_figures_to_structure (&self->video_figures);
  UNLOCK (self);
  return stats;
}
