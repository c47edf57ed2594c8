/*
 * receivedbatch.h: the datagrams that moonlightsrc reads by one call, and the buffers that they become. Knows a socket and
 * GStreamer's buffers; no element.
 *
 * Threads: the streaming thread's own, but for what received_batch_read() says.
 */
#pragma once

#include <gst/gst.h>

#include "batchreceive.h"
#include "histogram.h"
#include "lossknob.h"

G_BEGIN_DECLS

typedef struct _ReceivedBatch ReceivedBatch;

/* Of a stream. With a lock of the caller's, but for the histogram. */
typedef struct
{
  guint64 datagrams, bytes, drops_injected;
  guint64 first_datagram_ns; /* CLOCK_MONOTONIC, 0 = none */
  BatchReceiveCounters received;
  Histogram jitter_ns; /* how much the gap between two batches differs from the gap before it */
} ReceivedFigures;

/* Reads from a socket (borrowed). */
ReceivedBatch *received_batch_new (int fd);
void received_batch_free (ReceivedBatch *self);

gboolean received_batch_has_gro (const ReceivedBatch *self);

/* Replaces the batch by what the socket has, without waiting; `loss` loses some of it. To be called with the lock that
 * guards `loss` and `figures`. Returns 0 or an errno. */
int received_batch_read (ReceivedBatch *self, LossKnob *loss, ReceivedFigures *figures);

/* Datagrams of the batch in hand. */
guint received_batch_length (const ReceivedBatch *self);

/* Appends one GstBuffer for each to `queue`, all of them windows on one copy of the batch: with `pts` and the arrival time
 * as a reference timestamp of `arrival_caps`. */
void received_batch_queue_buffers (ReceivedBatch *self, GQueue *queue, GstClockTime pts, GstCaps *arrival_caps);

G_END_DECLS
