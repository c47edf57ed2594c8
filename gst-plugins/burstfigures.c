/*
 * burstfigures.c: what the burst sender counts and measures, as its `stats`. See burstsenderprivate.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "burstsenderprivate.h"
#include "histogramstats.h"

void
burst_figures_publish (BurstSender *self)
{
  const SendFigures *from = &self->figures;
  SendFigures *to = &self->sent;

  to->batch.datagrams += from->batch.datagrams;
  to->batch.bytes += from->batch.bytes;
  to->batch.calls += from->batch.calls;
  to->batch.full += from->batch.full;
  to->batch.errors += from->batch.errors;
  to->batch.refused += from->batch.refused;
  to->drops_injected += from->drops_injected;
  to->no_endpoint += from->no_endpoint;
  self->figures = (SendFigures) { 0 };
  self->segmentation = self->socket.segmentation;
}

void
burst_figures_reset (BurstSender *self)
{
  self->sent = (SendFigures) { 0 };
  self->bursts = self->bursts_dropped = self->queue_full = 0;
  self->pending_drops = self->message_ns = 0;
  self->last_arrival_ns = 0;
  self->last_pts = GST_CLOCK_TIME_NONE;
  histogram_reset (&self->queue_ns);
  histogram_reset (&self->late_ns);
  histogram_reset (&self->spread_ns);
}

static const gchar *
shape_name (PacerShape shape)
{
  switch (shape) {
    case PACER_SPREAD:
      return "spread";
    case PACER_KERNEL:
      return "kernel";
    case PACER_NONE:
      return "none";
    default:
      return "rate";
  }
}

GstStructure *
burst_sender_get_stats (BurstSender *self)
{
  GstStructure *stats;

  g_mutex_lock (&self->lock);
  stats = gst_structure_new ("moonlightsink-stats", "bursts", G_TYPE_UINT64, self->bursts, "bursts-dropped",
      G_TYPE_UINT64, self->bursts_dropped, "datagrams", G_TYPE_UINT64, self->sent.batch.datagrams, "bytes",
      G_TYPE_UINT64, self->sent.batch.bytes, "send-calls", G_TYPE_UINT64, self->sent.batch.calls, "drops-injected",
      G_TYPE_UINT64, self->sent.drops_injected, "eagain", G_TYPE_UINT64, self->sent.batch.full, "send-errors",
      G_TYPE_UINT64, self->sent.batch.errors, "refused", G_TYPE_UINT64, self->sent.batch.refused, "no-endpoint",
      G_TYPE_UINT64, self->sent.no_endpoint, "queue-full", G_TYPE_UINT64, self->queue_full, "segmentation",
      G_TYPE_BOOLEAN, self->segmentation, "realtime", G_TYPE_BOOLEAN,
      self->realtime ? realtime_is_granted (self->realtime) : self->was_realtime, "pacing", G_TYPE_STRING,
      shape_name (self->shape), NULL);
  histogram_set_stats (&self->queue_ns, stats, "queue-ns");
  histogram_set_stats (&self->late_ns, stats, "late-ns");
  histogram_set_stats (&self->spread_ns, stats, "spread-ns");
  g_mutex_unlock (&self->lock);
  return stats;
}
