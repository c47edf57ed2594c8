/*
 * depayvideo.c: see depayvideo.h.
 */
#include "depayvideo.h"

#include <string.h>

#include "annexb.h"
#include "histogramstats.h"
#include "lossreport.h"
#include "noncewatch.h"
#include "sendertime.h"

#define GST_CAT_DEFAULT moonlight_depay_debug

#define RTP_CLOCK_RATE 90000
/* The header's unit of host latency (protocol/video.md §2.4). */
#define HOST_LATENCY_UNIT_NS G_GUINT64_CONSTANT (100000)

struct _DepayVideo
{
  DepayVideoSetup setup;
  DepayOutput *output;
  DepayVideoFigures *figures;

  FrameQueue *queue;
  NonceWatch *nonces; /* NULL in the clear */
  guint8 *plain;      /* room for a decrypted datagram */
  gsize plain_size;
  DepayArrival arrival; /* of the datagram in hand */
  SenderTime time;      /* of RTP timestamps */
  LossReport report;
  gboolean is_waiting;         /* for a key frame */
  guint64 previous_arrival_ns; /* of the frame before, for jitter; 0 = none */
  guint64 previous_time;
};

#define LOCK(self) GST_OBJECT_LOCK ((self)->output->element)
#define UNLOCK(self) GST_OBJECT_UNLOCK ((self)->output->element)

/* ---- losses ---- */

static void
report_lost (DepayVideo *self, gboolean is_forced)
{
  if (!self->report.has_lost || !loss_report_take (&self->report, gst_util_get_timestamp (), is_forced))
    return;
  GST_DEBUG_OBJECT (self->output->element, "lost frames %u to %u", self->report.first, self->report.last);
  depay_output_post (self->output,
      gst_structure_new ("moonlight-frame-lost", "first", G_TYPE_UINT64, (guint64) self->report.first, "last",
          G_TYPE_UINT64, (guint64) self->report.last, NULL));
}

static void
on_lost (void *user, uint32_t first, uint32_t last)
{
  DepayVideo *self = user;

  loss_report_note (&self->report, first, last);
  self->output->is_discont = TRUE;
  self->previous_arrival_ns = 0;
  if (g_atomic_int_get (self->setup.wait_for_key_frame))
    self->is_waiting = TRUE;
  report_lost (self, FALSE);
}

static void
on_block (void *user, const FrameQueueBlock *block)
{
  DepayVideo *self = user;

  if (!loss_report_admits_block (&self->report, gst_util_get_timestamp ()))
    return;
  depay_output_post (self->output,
      gst_structure_new ("moonlight-fec-status", "frame-index", G_TYPE_UINT, block->frame_index, "highest-sequence",
          G_TYPE_UINT, (guint) block->highest_sequence, "next-sequence", G_TYPE_UINT, (guint) block->next_sequence,
          "missing", G_TYPE_UINT, block->missing, "data-shards", G_TYPE_UINT, block->data_shards, "parity-shards",
          G_TYPE_UINT, block->parity_shards, "data-received", G_TYPE_UINT, block->data_received, "parity-received",
          G_TYPE_UINT, block->parity_received, "fec-percentage", G_TYPE_UINT, (guint) block->fec_percentage, "block",
          G_TYPE_UINT, block->block, "blocks", G_TYPE_UINT, block->blocks, NULL));
}

/* ---- frames ---- */

/* As clients decide it: by parameter sets in front, and for AV1 by the frame type alone (protocol/video.md §6). */
static gboolean
is_key_frame (DepayVideo *self, const FrameQueueFrame *frame)
{
  const guint8 *unit = frame->storage + frame->offset;

  switch (self->setup.codec) {
    case DEPAY_CODEC_H264:
      return annexb_begins_with_parameter_sets (ANNEXB_H264, unit, frame->bytes);
    case DEPAY_CODEC_H265:
      return annexb_begins_with_parameter_sets (ANNEXB_H265, unit, frame->bytes);
    default:
      return frame->header.frame_type == NV_FRAME_TYPE_IDR;
  }
}

/* Times of a frame: how old it was at the sender, how even it came, how long its datagrams took. */
static void
measure (DepayVideo *self, const FrameQueueFrame *frame, guint64 time)
{
  DepayVideoFigures *figures = self->figures;

  if (frame->header.host_latency > 0)
    histogram_add (&figures->host_latency, frame->header.host_latency * HOST_LATENCY_UNIT_NS);
  histogram_add (&figures->frame_spread, frame->last_arrival_ns - frame->first_arrival_ns);
  if (self->previous_arrival_ns != 0 && time > self->previous_time) {
    gint64 arrived = (gint64) (frame->first_arrival_ns - self->previous_arrival_ns);
    gint64 sent = (gint64) gst_util_uint64_scale (time - self->previous_time, GST_SECOND, RTP_CLOCK_RATE);

    histogram_add (&figures->arrival_jitter, (guint64) ABS (arrived - sent));
  }
  self->previous_arrival_ns = frame->first_arrival_ns;
  self->previous_time = time;
}

static void
note_key_frame (DepayVideo *self, const FrameQueueFrame *frame)
{
  LOCK (self);
  self->figures->key_frames++;
  self->figures->last_key_frame_index = frame->frame_index;
  self->figures->last_key_frame_ns = frame->last_arrival_ns;
  UNLOCK (self);
  self->is_waiting = FALSE;
  depay_output_post (self->output,
      gst_structure_new ("moonlight-key-frame", "frame-index", G_TYPE_UINT64, (guint64) frame->frame_index,
          "arrival-ns", G_TYPE_UINT64, (guint64) frame->last_arrival_ns, NULL));
}

static void
count_frame (DepayVideo *self, const FrameQueueFrame *frame)
{
  DepayVideoFigures *figures = self->figures;

  LOCK (self);
  if (figures->first_frame_ns == 0) {
    figures->first_frame_ns = frame->last_arrival_ns;
    figures->first_frame_index = frame->frame_index;
  }
  figures->last_frame_index = frame->frame_index;
  if (self->is_waiting) {
    figures->frames_discarded++;
  } else {
    if (figures->last_frame_ns != 0 && frame->last_arrival_ns > figures->last_frame_ns)
      figures->longest_gap_ns = MAX (figures->longest_gap_ns, frame->last_arrival_ns - figures->last_frame_ns);
    figures->last_frame_ns = frame->last_arrival_ns;
    figures->frames++;
  }
  UNLOCK (self);
}

static void
on_frame (void *user, const FrameQueueFrame *frame)
{
  DepayVideo *self = user;
  gboolean is_key = is_key_frame (self, frame);
  guint64 time = sender_time_unwrap (&self->time, frame->timestamp, 32);
  GstClockTime pts;
  GstBuffer *buffer;

  /* a sender that stamps nothing sends 0 (protocol/video.md §2.1): then the arrival has to do */
  if (frame->timestamp == 0 && GST_CLOCK_TIME_IS_VALID (self->arrival.pts))
    self->time.has_epoch = false;
  pts = sender_time_map (&self->time, time, RTP_CLOCK_RATE, self->arrival.pts);
  measure (self, frame, time);
  if (is_key)
    note_key_frame (self, frame);

  count_frame (self, frame);
  if (self->is_waiting) {
    self->output->is_discont = TRUE;
    g_free (frame->storage);
    return;
  }

  buffer = gst_buffer_new_wrapped_full (
      0, frame->storage, frame->offset + frame->bytes, frame->offset, frame->bytes, frame->storage, g_free);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_OFFSET (buffer) = frame->frame_index;
  if (!is_key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  depay_output_push (self->output, buffer);
}

/* ---- datagrams ---- */

static gboolean
decrypt (DepayVideo *self, const guint8 **data, gsize *size)
{
  gboolean is_repeat;

  if (*size > self->plain_size + NV_ENCRYPTED_PREFIX_BYTES
      || !media_crypt_open_video (self->setup.crypt, *data, *size, self->plain))
    return FALSE;
  is_repeat = nonce_watch_note (self->nonces, *data);
  *data = self->plain;
  *size -= NV_ENCRYPTED_PREFIX_BYTES;
  if (is_repeat) {
    LOCK (self);
    self->figures->nonce_repeats++;
    UNLOCK (self);
  }
  return TRUE;
}

void
depay_video_push (DepayVideo *self, const guint8 *data, gsize size, const DepayArrival *arrival)
{
  self->arrival = *arrival;
  if (self->setup.crypt == NULL || decrypt (self, &data, &size)) {
    frame_queue_push (self->queue, data, size, arrival->ns);
    return;
  }
  LOCK (self);
  self->figures->decrypt_failures++;
  UNLOCK (self);
  depay_output_warn_undecipherable (self->output);
}

static void
publish (DepayVideo *self, guint datagrams)
{
  LOCK (self);
  self->figures->datagrams += datagrams;
  self->figures->queue = *frame_queue_stats (self->queue);
  UNLOCK (self);
}

void
depay_video_finish (DepayVideo *self, guint datagrams)
{
  report_lost (self, FALSE);
  publish (self, datagrams);
}

void
depay_video_drain (DepayVideo *self)
{
  frame_queue_drain (self->queue);
  report_lost (self, TRUE);
  publish (self, 0);
}

/* ---- the stream ---- */

DepayVideo *
depay_video_new (const DepayVideoSetup *setup, DepayOutput *output, DepayVideoFigures *figures)
{
  DepayVideo *self = g_new0 (DepayVideo, 1);
  const FrameQueueSink sink = { on_frame, on_lost, on_block, self };

  self->setup = *setup;
  self->output = output;
  self->figures = figures;
  self->queue = frame_queue_new (setup->packet_size, &sink);
  if (setup->crypt != NULL) {
    self->nonces = nonce_watch_new ();
    self->plain_size = setup->packet_size + NV_VIDEO_SHARD_OVERHEAD;
    self->plain = g_malloc (self->plain_size);
  }
  depay_video_restart (self);
  return self;
}

void
depay_video_free (DepayVideo *self)
{
  frame_queue_free (self->queue);
  g_clear_pointer (&self->nonces, nonce_watch_free);
  g_free (self->plain);
  g_free (self);
}

void
depay_video_restart (DepayVideo *self)
{
  frame_queue_restart (self->queue);
  self->is_waiting = g_atomic_int_get (self->setup.wait_for_key_frame);
  self->report.has_lost = false;
  self->previous_arrival_ns = 0;
  sender_time_reset (&self->time);
}

/* ---- figures ---- */

void
depay_video_figures_reset (DepayVideoFigures *figures, GstElement *element)
{
  GST_OBJECT_LOCK (element);
  memset (figures, 0, G_STRUCT_OFFSET (DepayVideoFigures, host_latency));
  GST_OBJECT_UNLOCK (element);
  histogram_reset (&figures->host_latency);
  histogram_reset (&figures->arrival_jitter);
  histogram_reset (&figures->frame_spread);
}

GstStructure *
depay_video_figures_to_structure (const DepayVideoFigures *figures)
{
  const FrameQueueStats *queue = &figures->queue;
  GstStructure *stats = gst_structure_new ("stats", "frames", G_TYPE_UINT64, figures->frames, "frames-lost",
      G_TYPE_UINT64, queue->frames_lost, "frames-recovered", G_TYPE_UINT64, queue->frames_recovered, "frames-discarded",
      G_TYPE_UINT64, figures->frames_discarded, "key-frames", G_TYPE_UINT64, figures->key_frames, "datagrams",
      G_TYPE_UINT64, figures->datagrams, "duplicates", G_TYPE_UINT64, queue->duplicates, "rejected", G_TYPE_UINT64,
      queue->rejected, "decrypt-failures", G_TYPE_UINT64, figures->decrypt_failures, "nonce-repeats", G_TYPE_UINT64,
      figures->nonce_repeats, "sequence-gaps", G_TYPE_UINT64, queue->sequence_gaps, NULL);

  gst_structure_set (stats, "first-frame-ns", G_TYPE_UINT64, figures->first_frame_ns, "last-key-frame-ns",
      G_TYPE_UINT64, figures->last_key_frame_ns, "first-frame-index", G_TYPE_UINT64, figures->first_frame_index,
      "last-frame-index", G_TYPE_UINT64, figures->last_frame_index, "last-key-frame-index", G_TYPE_UINT64,
      figures->last_key_frame_index, "last-frame-ns", G_TYPE_UINT64, figures->last_frame_ns, "longest-gap-ns",
      G_TYPE_UINT64, figures->longest_gap_ns, NULL);
  histogram_set_stats (&figures->host_latency, stats, "host-latency-ns");
  histogram_set_stats (&figures->arrival_jitter, stats, "arrival-jitter-ns");
  histogram_set_stats (&figures->frame_spread, stats, "frame-spread-ns");
  return stats;
}
