/*
 * depayvideo.h: the video side of moonlightdepay: shards of one stream to access units on the pad, the wait for a key
 * frame, and what is told of frames and losses. Order and recovery are framequeue.c's.
 *
 * Threads: the streaming thread's own, but for the figures.
 */
#pragma once

#include <gst/gst.h>

#include "depaycaps.h"
#include "depayoutput.h"
#include "framequeue.h"
#include "histogram.h"
#include "mediacrypt.h"

G_BEGIN_DECLS

typedef struct _DepayVideo DepayVideo;

/* Outlive the stream; with the object lock of the element, but for the histograms, which need none. */
typedef struct
{
  guint64 datagrams, decrypt_failures, nonce_repeats;
  guint64 frames, key_frames, frames_discarded; /* passed on; key frames; whole, but kept back */
  guint64 first_frame_ns, last_key_frame_ns, last_frame_ns, longest_gap_ns;
  guint64 first_frame_index, last_frame_index, last_key_frame_index;
  FrameQueueStats queue;
  Histogram host_latency, arrival_jitter, frame_spread;
} DepayVideoFigures;

typedef struct
{
  DepayCodec codec;
  guint packet_size;              /* bytes */
  MediaCrypt *crypt;              /* not owned; NULL = in the clear */
  const gint *wait_for_key_frame; /* not owned; a boolean that is read atomically and may change at any time */
} DepayVideoSetup;

/* `output` and `figures` are the caller's and outlive the result. */
DepayVideo *depay_video_new (const DepayVideoSetup *setup, DepayOutput *output, DepayVideoFigures *figures);
void depay_video_free (DepayVideo *self);

/* After a flush, as at the start: nothing of what came before counts. */
void depay_video_restart (DepayVideo *self);

/* Takes one datagram (copied), decrypting it where there is a key. */
void depay_video_push (DepayVideo *self, const guint8 *data, gsize size, const DepayArrival *arrival);

/* After `datagrams` were pushed: reports what is due, and brings the figures up to date. */
void depay_video_finish (DepayVideo *self, guint datagrams);

/* The stream ends: an incomplete frame is lost, and that is reported at once. */
void depay_video_drain (DepayVideo *self);

/* As at READY to PAUSED. Without the object lock. */
void depay_video_figures_reset (DepayVideoFigures *figures, GstElement *element);

/* The element's `stats` (transfer full). With the object lock. */
GstStructure *depay_video_figures_to_structure (const DepayVideoFigures *figures);

G_END_DECLS
