/*
 * depayaudio.c: see depayaudio.h.
 */
#include "depayaudio.h"

#include <string.h>

#include "sendertime.h"

struct _DepayAudio
{
  DepayAudioSetup setup;
  DepayOutput *output;
  DepayAudioFigures *figures;

  AudioQueue *queue;
  guint8 plain[NV_AUDIO_MAX_DATAGRAM]; /* the packet in hand, decrypted */
  DepayArrival arrival;                /* of the datagram in hand */
  SenderTime time;                     /* of milliseconds by sequence number */
};

#define LOCK(self) GST_OBJECT_LOCK ((self)->output->element)
#define UNLOCK(self) GST_OBJECT_UNLOCK ((self)->output->element)

static gboolean
decrypt (DepayAudio *self, guint16 sequence, const guint8 **payload, gsize *bytes)
{
  gsize plain_bytes;

  if (*bytes > sizeof self->plain
      || !media_crypt_open_audio (
          self->setup.crypt, self->setup.key_id, sequence, *payload, *bytes, self->plain, &plain_bytes)
      || plain_bytes == 0)
    return FALSE;
  *payload = self->plain;
  *bytes = plain_bytes;
  return TRUE;
}

static void
count_decrypt_failure (DepayAudio *self)
{
  LOCK (self);
  self->figures->decrypt_failures++;
  UNLOCK (self);
  depay_output_warn_undecipherable (self->output);
}

static void
on_packet (void *user, uint16_t sequence, const uint8_t *payload, size_t bytes, uint32_t missing)
{
  DepayAudio *self = user;
  GstClockTime duration = self->setup.packet_duration_ms * GST_MSECOND;
  GstBuffer *buffer;
  GstClockTime pts;
  guint64 sender_ms;

  if (self->setup.crypt != NULL && !decrypt (self, sequence, &payload, &bytes)) {
    count_decrypt_failure (self);
    return;
  }
  /* packets are of one length, so their number is the time */
  sender_ms = sender_time_unwrap (&self->time, sequence, 16) * self->setup.packet_duration_ms;
  pts = sender_time_map (&self->time, sender_ms, 1000, self->arrival.pts);
  depay_output_gap (self->output, pts, missing * duration);
  buffer = gst_buffer_new_memdup (payload, bytes);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = duration;
  LOCK (self);
  self->figures->packets++;
  clock_drift_push (&self->figures->drift, sender_ms * GST_MSECOND, self->arrival.ns);
  UNLOCK (self);
  depay_output_push (self->output, buffer);
}

DepayAudio *
depay_audio_new (const DepayAudioSetup *setup, DepayOutput *output, DepayAudioFigures *figures)
{
  DepayAudio *self = g_new0 (DepayAudio, 1);
  const AudioQueueSink sink = { on_packet, self };

  self->setup = *setup;
  self->output = output;
  self->figures = figures;
  self->queue = audio_queue_new (&sink);
  depay_audio_restart (self);
  return self;
}

void
depay_audio_free (DepayAudio *self)
{
  audio_queue_free (self->queue);
  g_free (self);
}

void
depay_audio_restart (DepayAudio *self)
{
  audio_queue_restart (self->queue);
  sender_time_reset (&self->time);
}

void
depay_audio_push (DepayAudio *self, const guint8 *data, gsize size, const DepayArrival *arrival)
{
  self->arrival = *arrival;
  audio_queue_push (self->queue, data, size);
}

void
depay_audio_finish (DepayAudio *self, guint datagrams)
{
  LOCK (self);
  self->figures->datagrams += datagrams;
  self->figures->queue = *audio_queue_stats (self->queue);
  UNLOCK (self);
}

void
depay_audio_drain (DepayAudio *self)
{
  audio_queue_drain (self->queue);
  depay_audio_finish (self, 0);
}

void
depay_audio_figures_reset (DepayAudioFigures *figures, GstElement *element)
{
  GST_OBJECT_LOCK (element);
  memset (figures, 0, sizeof *figures);
  clock_drift_reset (&figures->drift);
  GST_OBJECT_UNLOCK (element);
}

GstStructure *
depay_audio_figures_to_structure (const DepayAudioFigures *figures)
{
  const AudioQueueStats *queue = &figures->queue;

  return gst_structure_new ("stats", "packets", G_TYPE_UINT64, figures->packets, "lost", G_TYPE_UINT64, queue->lost,
      "recovered", G_TYPE_UINT64, queue->recovered, "rejected", G_TYPE_UINT64, queue->rejected, "decrypt-failures",
      G_TYPE_UINT64, figures->decrypt_failures, "gaps", G_TYPE_UINT64, queue->gaps, "datagrams", G_TYPE_UINT64,
      figures->datagrams, "duplicates", G_TYPE_UINT64, queue->duplicates, "drift-ns", G_TYPE_INT64,
      clock_drift_ns (&figures->drift), NULL);
}
