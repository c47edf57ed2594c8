/*
 * framequeue.h: the receiving end of a video stream: decrypted shards in, whole frames out. Puts the shards of a parity
 * block in order, rebuilds what is missing, joins the blocks of a frame, and gives a frame up exactly when it can no
 * longer be rebuilt: when a shard of a newer frame or of the next block comes while the block is incomplete
 * (protocol/video.md §2, §3, §4, §7). No socket, no clock, no cipher, no GObject.
 *
 * Works on one block at a time, as every client does: inside a block any order of arrival is fine.
 *
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvpacket.h"

typedef struct _FrameQueue FrameQueue;

/* A frame as it came off the wire. */
typedef struct
{
  uint32_t frame_index;
  uint32_t timestamp; /* RTP, 90 kHz */
  NvFrameHeader header;
  uint8_t *storage;          /* g_malloc'ed; the receiver of the frame frees it with g_free */
  size_t offset;             /* of the access unit within storage */
  size_t bytes;              /* of the access unit, padding not counted; at least 1 */
  bool is_recovered;         /* at least one of its blocks needed parity */
  uint64_t first_arrival_ns; /* of its first shard */
  uint64_t last_arrival_ns;  /* of the shard that completed it */
} FrameQueueFrame;

/* How a parity block came in that needed its parity or was given up: what a client tells its host
 * (protocol/control.md §6.5). */
typedef struct
{
  uint32_t frame_index;
  uint16_t highest_sequence; /* of the shards received */
  uint16_t next_sequence;    /* the first that is missing */
  uint32_t missing;          /* shards before the highest received one */
  uint32_t data_shards, parity_shards;
  uint32_t data_received, parity_received;
  uint8_t fec_percentage;
  uint32_t block, blocks;
} FrameQueueBlock;

typedef struct
{
  /* A complete frame; takes frame->storage over. Frames come in rising order. */
  void (*frame) (void *user, const FrameQueueFrame *frame);
  /* Frames `first` to `last` will not come. Called before any later frame is delivered. */
  void (*lost) (void *user, uint32_t first, uint32_t last);
  /* A block needed its parity, or is given up although some of it came. NULL where nobody asks. */
  void (*block) (void *user, const FrameQueueBlock *block);
  void *user;
} FrameQueueSink;

typedef enum
{
  FRAME_QUEUE_TAKEN,
  FRAME_QUEUE_LATE, /* of a block or frame that is done with: surplus parity, mostly */
  FRAME_QUEUE_DUPLICATE,
  FRAME_QUEUE_REJECTED, /* no shard of this stream */
} FrameQueueResult;

typedef struct
{
  uint64_t duplicates;
  uint64_t rejected;
  uint64_t frames_lost;
  uint64_t frames_recovered;
  uint64_t sequence_gaps; /* times that the RTP sequence did not go on where it should */
} FrameQueueStats;

/* `packet_size` in bytes as agreed in ANNOUNCE. NULL when it is outside NV_PACKET_SIZE_MIN..MAX. */
FrameQueue *frame_queue_new (uint32_t packet_size, const FrameQueueSink *sink);
void frame_queue_free (FrameQueue *queue);

/* Takes one shard of `size` bytes (copied). A last data shard may be short; what is missing counts as zero. */
FrameQueueResult frame_queue_push (FrameQueue *queue, const uint8_t *shard, size_t size, uint64_t arrival_ns);

/* Forgets the stream but not the statistics: the next shard begins a new one. */
void frame_queue_restart (FrameQueue *queue);

/* The stream ends: an incomplete frame is reported lost. */
void frame_queue_drain (FrameQueue *queue);

const FrameQueueStats *frame_queue_stats (const FrameQueue *queue);
