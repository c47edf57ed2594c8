/*
 * payfigures.c: see payfigures.h.
 */
#include "payfigures.h"

#include <string.h>
#include "histogramstats.h"

void
pay_figures_reset (PayFigures *figures, GstElement *element)
{
  GST_OBJECT_LOCK (element);
  memset (figures, 0, G_STRUCT_OFFSET (PayFigures, encode_ns));
  GST_OBJECT_UNLOCK (element);
  histogram_reset (&figures->encode_ns);
  histogram_reset (&figures->packetise_ns);
  histogram_reset (&figures->host_latency_ns);
}

void
pay_figures_count_frame (
    PayFigures *figures, GstElement *element, const PayFrame *frame, guint datagram_bytes, guint64 packetise_ns)
{
  const FramePlan *plan = &frame->plan;

  histogram_add (&figures->packetise_ns, packetise_ns);
  if (frame->host_latency_ns != 0)
    histogram_add (&figures->host_latency_ns, frame->host_latency_ns);
  GST_OBJECT_LOCK (element);
  figures->frames++;
  figures->key_frames += frame->unit.is_key;
  figures->data_shards += plan->data_packets;
  figures->parity_shards += plan->total_packets - plan->data_packets;
  figures->datagrams += plan->total_packets;
  figures->bytes += (guint64) plan->total_packets * datagram_bytes;
  figures->frames_without_parity += plan->without_parity;
  figures->last_frame_index = frame->frame_index;
  GST_OBJECT_UNLOCK (element);
}

GstStructure *
pay_figures_to_structure (const PayFigures *figures, GstElement *element)
{
  GstStructure *stats;

  GST_OBJECT_LOCK (element);
  stats = gst_structure_new ("application/x-moonlightpay-stats", "frames", G_TYPE_UINT64, figures->frames, "key-frames",
      G_TYPE_UINT64, figures->key_frames, "data-shards", G_TYPE_UINT64, figures->data_shards, "parity-shards",
      G_TYPE_UINT64, figures->parity_shards, "datagrams", G_TYPE_UINT64, figures->datagrams, "bytes", G_TYPE_UINT64,
      figures->bytes, "frames-without-parity", G_TYPE_UINT64, figures->frames_without_parity, "frames-refused",
      G_TYPE_UINT64, figures->frames_refused, "late-slice-headers", G_TYPE_UINT64, figures->late_slice_headers,
      "last-frame-index", G_TYPE_UINT64, figures->last_frame_index, NULL);
  GST_OBJECT_UNLOCK (element);
  histogram_set_stats (&figures->encode_ns, stats, "encode-ns");
  histogram_set_stats (&figures->packetise_ns, stats, "packetise-ns");
  histogram_set_stats (&figures->host_latency_ns, stats, "host-latency-ns");
  return stats;
}
