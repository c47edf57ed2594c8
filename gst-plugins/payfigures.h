/*
 * payfigures.h: what moonlightpay counts and measures: its `stats`.
 */
#pragma once

#include <gst/gst.h>

#include "histogram.h"
#include "payframe.h"

G_BEGIN_DECLS

/* In the order and the units of `stats`. With the object lock, but for the histograms, which need none. */
typedef struct
{
  guint64 frames;
  guint64 key_frames;
  guint64 data_shards;
  guint64 parity_shards;
  guint64 datagrams;
  guint64 bytes;
  guint64 frames_without_parity;
  guint64 frames_refused;
  guint64 late_slice_headers;
  guint64 last_frame_index;
  Histogram encode_ns;
  Histogram packetise_ns;
  Histogram host_latency_ns;
} PayFigures;

/* As at READY to PAUSED. Without the object lock. */
void pay_figures_reset (PayFigures *figures, GstElement *element);

/* A frame is ready to leave. Takes the object lock. */
void pay_figures_count_frame (
    PayFigures *figures, GstElement *element, const PayFrame *frame, guint datagram_bytes, guint64 packetise_ns);

/* The element's `stats` (transfer full). Takes the object lock. */
GstStructure *pay_figures_to_structure (const PayFigures *figures, GstElement *element);

G_END_DECLS
