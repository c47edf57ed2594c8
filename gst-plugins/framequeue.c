/*
 * framequeue.c: see framequeue.h.
 */
#include "framequeue.h"

#include <glib.h>
#include <string.h>

#include "frameplan.h"
#include "rsfec.h"
#include "sequencewindow.h"

/* A frame index further ahead than this is not of this stream: nine minutes at 60 frames a second. */
#define MAX_FRAME_JUMP 32768
/* So many late shards in a row are no rest of a lost frame (4092 at most): the numbers, and so we, start afresh. */
#define MAX_LATE_IN_A_ROW 8192

/* Position of the flags byte in a shard (protocol/video.md §2.2). */
#define FLAGS_OFFSET 24

struct _FrameQueue
{
  FrameQueueSink sink;
  FrameQueueStats stats;
  uint32_t shard_bytes;   /* packet size + 16 */
  uint32_t payload_bytes; /* packet size - 16 */
  RsFec *fec;

  bool is_started;
  uint32_t frame_index; /* the frame being received, or expected next */
  uint32_t late_in_a_row;

  /* the frame that is open */
  bool is_frame_open;
  uint32_t blocks;
  uint32_t block; /* the block being received, or expected next */
  uint32_t timestamp;
  bool is_recovered;
  uint64_t first_arrival_ns;
  uint64_t last_arrival_ns;
  uint8_t *storage; /* payload of the blocks that are complete */
  size_t stored;
  size_t storage_size;

  /* the block that is open */
  bool is_block_open;
  uint32_t data_shards;
  uint32_t parity_shards;
  uint8_t fec_percentage;
  uint16_t base_sequence; /* of shard 0 */
  uint32_t received;
  bool present[FRAME_PLAN_MAX_DATA_SHARDS];
  uint8_t *shards[FRAME_PLAN_MAX_DATA_SHARDS];
  uint8_t *arena; /* where the shards lie, one after the other */
  size_t arena_size;

  SequenceWindow sequences; /* tells a duplicate from surplus parity */
};

FrameQueue *
frame_queue_new (uint32_t packet_size, const FrameQueueSink *sink)
{
  FrameQueue *queue;

  if (packet_size < NV_PACKET_SIZE_MIN || packet_size > NV_PACKET_SIZE_MAX)
    return NULL;
  queue = g_new0 (FrameQueue, 1);
  queue->sink = *sink;
  queue->shard_bytes = packet_size + NV_VIDEO_SHARD_OVERHEAD;
  queue->payload_bytes = queue->shard_bytes - NV_VIDEO_HEADER_BYTES;
  queue->fec = rs_fec_new ();
  return queue;
}

void
frame_queue_free (FrameQueue *queue)
{
  if (!queue)
    return;
  rs_fec_free (queue->fec);
  g_free (queue->storage);
  g_free (queue->arena);
  g_free (queue);
}

const FrameQueueStats *
frame_queue_stats (const FrameQueue *queue)
{
  return &queue->stats;
}

/* ---- reports ---- */

/* The open block as it stands. */
static void
describe_block (const FrameQueue *queue, FrameQueueBlock *block)
{
  uint32_t total = queue->data_shards + queue->parity_shards, i, highest = 0, gap = total, received = 0;

  *block = (FrameQueueBlock) { .frame_index = queue->frame_index,
    .data_shards = queue->data_shards,
    .parity_shards = queue->parity_shards,
    .fec_percentage = queue->fec_percentage,
    .block = queue->block,
    .blocks = queue->blocks };
  for (i = 0; i < total; i++) {
    if (!queue->present[i]) {
      gap = MIN (gap, i);
      continue;
    }
    highest = i;
    received++;
    block->data_received += i < queue->data_shards;
  }
  block->parity_received = received - block->data_received;
  block->missing = received > 0 ? highest + 1 - received : 0;
  block->highest_sequence = (uint16_t) (queue->base_sequence + highest);
  block->next_sequence = (uint16_t) (queue->base_sequence + gap);
}

static void
report_block (const FrameQueue *queue)
{
  FrameQueueBlock block;

  if (!queue->sink.block || !queue->is_block_open)
    return;
  describe_block (queue, &block);
  queue->sink.block (queue->sink.user, &block);
}

/* ---- frames ---- */

static void
close_frame (FrameQueue *queue)
{
  g_clear_pointer (&queue->storage, g_free);
  queue->storage_size = queue->stored = 0;
  queue->is_frame_open = queue->is_block_open = false;
}

/* Frames from the expected one to `last` are lost; the one after is expected next. */
static void
give_up (FrameQueue *queue, uint32_t last)
{
  uint32_t first = queue->frame_index;

  report_block (queue);
  close_frame (queue);
  queue->frame_index = last + 1;
  queue->stats.frames_lost += (uint64_t) (last - first) + 1;
  queue->sink.lost (queue->sink.user, first, last);
}

static void
open_frame (FrameQueue *queue, const NvVideoHeader *header, uint64_t arrival_ns)
{
  queue->is_frame_open = true;
  queue->blocks = header->blocks;
  queue->block = 0;
  queue->timestamp = header->timestamp;
  queue->is_recovered = false;
  queue->first_arrival_ns = arrival_ns;
}

/* The last block is in: hands the frame on. False when its header makes no sense. */
static bool
deliver (FrameQueue *queue)
{
  FrameQueueFrame frame = { 0 };
  size_t padding, bytes;

  if (nv_frame_header_read (queue->storage, queue->stored, &frame.header) != NV_READ_OK
      || frame.header.last_payload_bytes > queue->payload_bytes || frame.header.last_payload_bytes == 0)
    return false;
  padding = queue->payload_bytes - frame.header.last_payload_bytes;
  bytes = queue->stored - padding;
  if (bytes <= NV_FRAME_HEADER_BYTES)
    return false;

  frame.frame_index = queue->frame_index;
  frame.timestamp = queue->timestamp;
  frame.storage = g_steal_pointer (&queue->storage);
  frame.offset = NV_FRAME_HEADER_BYTES;
  frame.bytes = bytes - NV_FRAME_HEADER_BYTES;
  frame.is_recovered = queue->is_recovered;
  frame.first_arrival_ns = queue->first_arrival_ns;
  frame.last_arrival_ns = queue->last_arrival_ns;
  queue->stats.frames_recovered += queue->is_recovered;
  close_frame (queue);
  queue->frame_index++;
  queue->sink.frame (queue->sink.user, &frame);
  return true;
}

/* ---- blocks ---- */

static void
open_block (FrameQueue *queue, const NvVideoHeader *header)
{
  uint32_t total, i;

  queue->is_block_open = true;
  queue->data_shards = header->data_shards;
  queue->fec_percentage = header->fec_percentage;
  queue->parity_shards = frame_plan_parity_shards (header->data_shards, header->fec_percentage);
  queue->base_sequence = (uint16_t) (header->sequence - header->shard_index);
  queue->received = 0;
  total = queue->data_shards + queue->parity_shards;
  if (queue->arena_size < (size_t) total * queue->shard_bytes) {
    g_free (queue->arena);
    queue->arena_size = (size_t) total * queue->shard_bytes;
    queue->arena = g_malloc (queue->arena_size);
  }
  for (i = 0; i < total; i++) {
    queue->present[i] = false;
    queue->shards[i] = queue->arena + (size_t) i * queue->shard_bytes;
  }
}

/* A shard says as much about its block as every other shard of it, so all must agree. */
static bool
fits_block (const FrameQueue *queue, const NvVideoHeader *header)
{
  return header->data_shards == queue->data_shards && header->fec_percentage == queue->fec_percentage
      && (uint16_t) (header->sequence - header->shard_index) == queue->base_sequence;
}

/* Recovered bytes are only as good as the shards that went in; the flags check them (protocol/video.md §2.2). */
static bool
is_plausible (const FrameQueue *queue, uint32_t index)
{
  uint8_t expected = NV_VIDEO_FLAG_PICTURE;

  if (index == 0)
    expected |= NV_VIDEO_FLAG_SOF;
  if (index == queue->data_shards - 1)
    expected |= NV_VIDEO_FLAG_EOF;
  return queue->shards[index][FLAGS_OFFSET] == expected;
}

static bool
recover_block (FrameQueue *queue)
{
  if (memchr (queue->present, false, queue->data_shards) == NULL)
    return true;
  if (!rs_fec_decode (queue->fec, RS_FEC_VIDEO, queue->data_shards, queue->parity_shards, queue->shards, queue->present,
          queue->shard_bytes))
    return false;
  for (uint32_t i = 0; i < queue->data_shards; i++)
    if (!queue->present[i] && !is_plausible (queue, i))
      return false;
  report_block (queue);
  queue->is_recovered = true;
  return true;
}

static void
store_block (FrameQueue *queue)
{
  size_t needed = queue->stored + (size_t) queue->data_shards * queue->payload_bytes;

  if (queue->storage_size < needed) {
    /* blocks of a frame have the same size, but for a shorter last one */
    queue->storage_size = MAX (needed, (size_t) queue->data_shards * queue->blocks * queue->payload_bytes);
    queue->storage = g_realloc (queue->storage, queue->storage_size);
  }
  for (uint32_t i = 0; i < queue->data_shards; i++) {
    memcpy (queue->storage + queue->stored, queue->shards[i] + NV_VIDEO_HEADER_BYTES, queue->payload_bytes);
    queue->stored += queue->payload_bytes;
  }
}

/* As many shards as the block has data are in. */
static void
complete_block (FrameQueue *queue)
{
  if (!recover_block (queue)) {
    give_up (queue, queue->frame_index);
    return;
  }
  store_block (queue);
  queue->is_block_open = false;
  queue->block++;
  if (queue->block == queue->blocks && !deliver (queue))
    give_up (queue, queue->frame_index);
}

/* ---- shards ---- */

static bool
is_valid (const FrameQueue *queue, const NvVideoHeader *header, size_t size)
{
  uint32_t parity = frame_plan_parity_shards (header->data_shards, header->fec_percentage);

  if (size > queue->shard_bytes || header->frame_index == 0 || header->shard_index >= header->data_shards + parity)
    return false;
  if (parity > 0 && header->data_shards + parity > FRAME_PLAN_MAX_SHARDS)
    return false;
  /* only the last data shard of a block may be cut short */
  return size == queue->shard_bytes || header->shard_index == header->data_shards - 1u;
}

static FrameQueueResult
reject (FrameQueue *queue)
{
  queue->stats.rejected++;
  return FRAME_QUEUE_REJECTED;
}

static FrameQueueResult
note_late (FrameQueue *queue)
{
  if (++queue->late_in_a_row >= MAX_LATE_IN_A_ROW) {
    close_frame (queue);
    queue->is_started = false;
    queue->late_in_a_row = 0;
  }
  return FRAME_QUEUE_LATE;
}

/* Makes the header's frame and block the open ones, giving up what stands in the way. TAKEN when they are. */
static FrameQueueResult
move_to (FrameQueue *queue, const NvVideoHeader *header, uint64_t arrival_ns)
{
  int32_t ahead;

  if (!queue->is_started) {
    queue->is_started = true;
    queue->frame_index = header->frame_index;
  }
  ahead = (int32_t) (header->frame_index - queue->frame_index);
  if (ahead < 0)
    return note_late (queue);
  if (ahead > MAX_FRAME_JUMP) {
    note_late (queue);
    return reject (queue);
  }
  if (ahead > 0)
    give_up (queue, header->frame_index - 1);
  if (!queue->is_frame_open)
    open_frame (queue, header, arrival_ns);
  if (header->blocks != queue->blocks || header->timestamp != queue->timestamp)
    return reject (queue);
  if (header->block < queue->block)
    return note_late (queue);
  if (header->block > queue->block) {
    give_up (queue, queue->frame_index);
    return FRAME_QUEUE_LATE;
  }
  if (!queue->is_block_open)
    open_block (queue, header);
  return fits_block (queue, header) ? FRAME_QUEUE_TAKEN : reject (queue);
}

FrameQueueResult
frame_queue_push (FrameQueue *queue, const uint8_t *shard, size_t size, uint64_t arrival_ns)
{
  NvVideoHeader header;
  FrameQueueResult result;
  uint8_t *place;

  if (nv_video_read (shard, size, &header) != NV_READ_OK || !is_valid (queue, &header, size))
    return reject (queue);
  result = move_to (queue, &header, arrival_ns);
  if (result == FRAME_QUEUE_REJECTED)
    return result;
  if (sequence_window_note (&queue->sequences, header.sequence, &queue->stats.sequence_gaps)) {
    queue->stats.duplicates++;
    return FRAME_QUEUE_DUPLICATE;
  }
  if (result != FRAME_QUEUE_TAKEN || queue->present[header.shard_index])
    return FRAME_QUEUE_LATE;

  queue->late_in_a_row = 0;
  place = queue->shards[header.shard_index];
  memcpy (place, shard, size);
  memset (place + size, 0, queue->shard_bytes - size);
  queue->present[header.shard_index] = true;
  queue->last_arrival_ns = arrival_ns;
  if (++queue->received == queue->data_shards)
    complete_block (queue);
  return FRAME_QUEUE_TAKEN;
}

void
frame_queue_restart (FrameQueue *queue)
{
  close_frame (queue);
  queue->is_started = false;
  queue->late_in_a_row = 0;
  sequence_window_reset (&queue->sequences);
}

void
frame_queue_drain (FrameQueue *queue)
{
  if (queue->is_frame_open)
    give_up (queue, queue->frame_index);
}
