/*
 * audioqueue.c: see audioqueue.h.
 */
#include "audioqueue.h"

#include <glib.h>
#include <string.h>

#include "rsfec.h"

#define SHARDS (NV_AUDIO_DATA_SHARDS + NV_AUDIO_PARITY_SHARDS)
/* So many late packets in a row are no reordering: the numbers started afresh, so we do too. 0.3 s at 5 ms. */
#define MAX_LATE_IN_A_ROW 64

struct _AudioQueue
{
  AudioQueueSink sink;
  AudioQueueStats stats;
  RsFec *fec;

  bool is_started;
  uint16_t base;    /* first data packet of the open block */
  uint32_t next;    /* data packet of the block that is handed on next; 4 when it is done */
  uint32_t missing; /* packets lost since the last one handed on */
  uint32_t late_in_a_row;
  bool present[SHARDS];
  size_t bytes[SHARDS];
  uint8_t payload[SHARDS][NV_AUDIO_MAX_DATAGRAM];
};

AudioQueue *
audio_queue_new (const AudioQueueSink *sink)
{
  AudioQueue *queue = g_new0 (AudioQueue, 1);

  queue->sink = *sink;
  queue->fec = rs_fec_new ();
  return queue;
}

void
audio_queue_free (AudioQueue *queue)
{
  if (!queue)
    return;
  rs_fec_free (queue->fec);
  g_free (queue);
}

const AudioQueueStats *
audio_queue_stats (const AudioQueue *queue)
{
  return &queue->stats;
}

static void
open_block (AudioQueue *queue, uint16_t base)
{
  queue->base = base;
  queue->next = 0;
  memset (queue->present, 0, sizeof queue->present);
}

static void
hand_on_next (AudioQueue *queue)
{
  uint32_t index = queue->next++, missing = queue->missing;

  if (!queue->present[index]) {
    queue->stats.lost++;
    queue->missing++;
    return;
  }
  queue->stats.gaps += missing > 0;
  queue->missing = 0;
  queue->stats.packets++;
  queue->sink.packet (
      queue->sink.user, (uint16_t) (queue->base + index), queue->payload[index], queue->bytes[index], missing);
}

/* Ends the open block with what is there. */
static void
give_up (AudioQueue *queue)
{
  while (queue->next < NV_AUDIO_DATA_SHARDS)
    hand_on_next (queue);
}

/* Rebuilds the missing data packets once four shards of one size are there. */
static void
recover (AudioQueue *queue)
{
  uint8_t *shards[SHARDS];
  uint32_t i, count = 0;
  size_t bytes = 0;

  for (i = 0; i < SHARDS; i++) {
    shards[i] = queue->payload[i];
    if (!queue->present[i])
      continue;
    if (count++ > 0 && queue->bytes[i] != bytes)
      return;
    bytes = queue->bytes[i];
  }
  if (count < NV_AUDIO_DATA_SHARDS || bytes == 0
      || !rs_fec_decode (
          queue->fec, RS_FEC_AUDIO, NV_AUDIO_DATA_SHARDS, NV_AUDIO_PARITY_SHARDS, shards, queue->present, bytes))
    return;
  for (i = 0; i < NV_AUDIO_DATA_SHARDS; i++) {
    /* one that was handed on before joining mid-block does not count */
    if (!queue->present[i] && i >= queue->next)
      queue->stats.recovered++;
    queue->present[i] = true;
    queue->bytes[i] = bytes;
  }
}

/* Makes `base` the open block; false for a block that is done with. */
static bool
move_to (AudioQueue *queue, uint16_t base, uint32_t first)
{
  int16_t ahead;

  if (!queue->is_started) {
    queue->is_started = true;
    open_block (queue, base);
    /* what came before us is not lost */
    queue->next = first;
    return true;
  }
  ahead = (int16_t) (base - queue->base);
  if (ahead < 0) {
    if (++queue->late_in_a_row >= MAX_LATE_IN_A_ROW) {
      queue->is_started = false;
      queue->late_in_a_row = 0;
    }
    return false;
  }
  if (ahead > 0) {
    give_up (queue);
    queue->stats.lost += (uint64_t) ahead - NV_AUDIO_DATA_SHARDS;
    queue->missing += (uint32_t) ahead - NV_AUDIO_DATA_SHARDS;
    open_block (queue, base);
  }
  queue->late_in_a_row = 0;
  return true;
}

bool
audio_queue_push (AudioQueue *queue, const uint8_t *datagram, size_t size)
{
  NvAudioHeader header;
  uint32_t index;

  if (size > NV_AUDIO_MAX_DATAGRAM || nv_audio_read (datagram, size, &header) != NV_READ_OK || header.payload_bytes == 0
      || header.base_sequence % NV_AUDIO_DATA_SHARDS != 0
      || (header.is_parity && header.shard_index >= NV_AUDIO_PARITY_SHARDS)) {
    queue->stats.rejected++;
    return false;
  }
  index = header.is_parity ? NV_AUDIO_DATA_SHARDS + header.shard_index : header.sequence % NV_AUDIO_DATA_SHARDS;
  if (!move_to (queue, header.base_sequence, header.is_parity ? 0 : index))
    return true;
  if (queue->present[index]) {
    queue->stats.duplicates++;
    return true;
  }
  if (queue->next == NV_AUDIO_DATA_SHARDS)
    return true;
  queue->present[index] = true;
  queue->bytes[index] = header.payload_bytes;
  memcpy (queue->payload[index], datagram + header.payload_offset, header.payload_bytes);
  if (!queue->present[queue->next])
    recover (queue);
  while (queue->next < NV_AUDIO_DATA_SHARDS && queue->present[queue->next])
    hand_on_next (queue);
  return true;
}

void
audio_queue_restart (AudioQueue *queue)
{
  queue->is_started = false;
  queue->late_in_a_row = 0;
  queue->missing = 0;
}

void
audio_queue_drain (AudioQueue *queue)
{
  uint32_t last = queue->is_started ? NV_AUDIO_DATA_SHARDS : 0;

  /* the end of a stream is not a loss: stop at the last packet that is there */
  while (last > 0 && !queue->present[last - 1])
    last--;
  while (queue->next < last)
    hand_on_next (queue);
}
