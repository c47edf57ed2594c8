/*
 * receivedbatch.c: see receivedbatch.h.
 */
#include "receivedbatch.h"

/* First size of the arena a batch is copied into. */
#define ARENA_BYTES 65536

struct _ReceivedBatch
{
  BatchReceive *receive;
  GByteArray *arena; /* the batch in hand, datagrams back to back */
  GArray *sizes;     /* gsize, of each datagram in the arena */
  guint64 arrival_ns;
  guint64 last_batch_ns, last_gap_ns; /* 0 = none */

  /* during a read */
  LossKnob *loss;
  guint64 drops;
};

ReceivedBatch *
received_batch_new (int fd)
{
  ReceivedBatch *self = g_new0 (ReceivedBatch, 1);

  self->receive = batchreceive_new (fd);
  self->arena = g_byte_array_sized_new (ARENA_BYTES);
  self->sizes = g_array_new (FALSE, FALSE, sizeof (gsize));
  return self;
}

void
received_batch_free (ReceivedBatch *self)
{
  batchreceive_free (self->receive);
  g_byte_array_unref (self->arena);
  g_array_unref (self->sizes);
  g_free (self);
}

gboolean
received_batch_has_gro (const ReceivedBatch *self)
{
  return batchreceive_has_gro (self->receive);
}

guint
received_batch_length (const ReceivedBatch *self)
{
  return self->sizes->len;
}

static void
take_datagram (const uint8_t *data, size_t bytes, void *user_data)
{
  ReceivedBatch *self = user_data;
  gsize size = bytes;

  if (loss_knob_hits (self->loss)) {
    self->drops++;
    return;
  }
  g_byte_array_append (self->arena, data, (guint) bytes);
  g_array_append_val (self->sizes, size);
}

static void
note_arrival (ReceivedBatch *self, Histogram *jitter_ns)
{
  if (self->last_batch_ns != 0) {
    guint64 gap_ns = self->arrival_ns - self->last_batch_ns;

    if (self->last_gap_ns != 0)
      histogram_add (jitter_ns, gap_ns > self->last_gap_ns ? gap_ns - self->last_gap_ns : self->last_gap_ns - gap_ns);
    self->last_gap_ns = gap_ns;
  }
  self->last_batch_ns = self->arrival_ns;
}

int
received_batch_read (ReceivedBatch *self, LossKnob *loss, ReceivedFigures *figures)
{
  int err;

  g_byte_array_set_size (self->arena, 0);
  g_array_set_size (self->sizes, 0);
  self->loss = loss;
  self->drops = 0;
  err = batchreceive_read (self->receive, take_datagram, self, &figures->received);
  self->arrival_ns = gst_util_get_timestamp ();
  figures->drops_injected += self->drops;
  if (self->sizes->len == 0)
    return err;
  figures->datagrams += self->sizes->len;
  figures->bytes += self->arena->len;
  if (figures->first_datagram_ns == 0)
    figures->first_datagram_ns = self->arrival_ns;
  note_arrival (self, &figures->jitter_ns);
  return err;
}

void
received_batch_queue_buffers (ReceivedBatch *self, GQueue *queue, GstClockTime pts, GstCaps *arrival_caps)
{
  gsize total = self->arena->len;
  gsize offset = 0;
  gpointer copy = g_memdup2 (self->arena->data, total);
  GstMemory *memory = gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, copy, total, 0, total, copy, g_free);

  for (guint i = 0; i < self->sizes->len; i++) {
    gsize size = g_array_index (self->sizes, gsize, i);
    GstBuffer *buffer = gst_buffer_new ();

    gst_buffer_append_memory (buffer, gst_memory_share (memory, (gssize) offset, (gssize) size));
    GST_BUFFER_PTS (buffer) = pts;
    GST_BUFFER_DTS (buffer) = pts;
    gst_buffer_add_reference_timestamp_meta (buffer, arrival_caps, self->arrival_ns, GST_CLOCK_TIME_NONE);
    g_queue_push_tail (queue, buffer);
    offset += size;
  }
  gst_memory_unref (memory);
}
