/*
 * fuzz_framequeue.c: any series of video shards into the receiving queue: raw bytes, shards with possible headers, and
 * whole frames of which shards are lost, doubled, reordered or damaged.
 * Input: packet size (1), then operations; each one byte, then what it needs.
 */
#include "fuzz.h"

#include <glib.h>

#include "frameplan.h"
#include "framequeue.h"
#include "framewriter.h"
#include "rsfec.h"

#define MAX_PUSHES 6000

typedef struct
{
  FrameQueue *queue;
  RsFec *fec;
  uint32_t packet_size;
  uint32_t frame_index;
  uint64_t packet;
  int pushes;
  /* what came out */
  bool has_order; /* false after the stream was taken up afresh */
  uint32_t newest;
  uint64_t frames;
  uint64_t lost;
} Stream;

static void
take_frame (void *user, const FrameQueueFrame *frame)
{
  Stream *stream = user;

  FUZZ_CHECK (frame->bytes >= 1 && frame->frame_index != 0);
  FUZZ_CHECK (!stream->has_order || (int32_t) (frame->frame_index - stream->newest) > 0);
  FUZZ_CHECK (frame->first_arrival_ns <= frame->last_arrival_ns);
  fuzz_touch (frame->storage + frame->offset, frame->bytes);
  stream->has_order = true;
  stream->newest = frame->frame_index;
  stream->frames++;
  g_free (frame->storage);
}

static void
take_loss (void *user, uint32_t first, uint32_t last)
{
  Stream *stream = user;

  FUZZ_CHECK (!stream->has_order || (int32_t) (first - stream->newest) > 0);
  FUZZ_CHECK ((int32_t) (last - first) >= 0);
  stream->has_order = true;
  stream->newest = last;
  stream->lost += (uint64_t) (last - first) + 1;
}

/* What a report says must add up, whatever came. */
static void
take_block (void *user, const FrameQueueBlock *block)
{
  (void) user;
  FUZZ_CHECK (block->block < block->blocks);
  FUZZ_CHECK (block->data_received <= block->data_shards && block->parity_received <= block->parity_shards);
  FUZZ_CHECK (block->data_received < block->data_shards);
  FUZZ_CHECK (
      block->missing + block->data_received + block->parity_received <= block->data_shards + block->parity_shards);
}

static void
push (Stream *stream, const uint8_t *shard, size_t size)
{
  frame_queue_push (stream->queue, shard, size, (uint64_t) stream->pushes++);
}

static void
push_raw (Stream *stream, FuzzInput *input)
{
  size_t size;
  uint8_t *shard = fuzz_take (input, fuzz_u16 (input) % (stream->packet_size + 32), &size);

  push (stream, shard, size);
  free (shard);
}

/* A header that the reader takes, around the frame that is under way. */
static void
push_shaped (Stream *stream, FuzzInput *input)
{
  size_t size = stream->packet_size + NV_VIDEO_SHARD_OVERHEAD - fuzz_byte (input) % 4;
  uint8_t *shard = malloc (size);
  uint8_t layout = fuzz_byte (input);
  NvVideoHeader header = {
    .sequence = (uint16_t) (stream->packet + fuzz_byte (input)),
    .timestamp = fuzz_byte (input) & 1,
    .frame_index = stream->frame_index + (uint32_t) (int8_t) fuzz_byte (input) % 4,
    .block = layout & 3,
    .blocks = (uint8_t) ((layout >> 2 & 3) + 1),
    .data_shards = (uint16_t) (fuzz_u16 (input) % 1024),
    .shard_index = (uint16_t) (fuzz_u16 (input) % 1024),
    .fec_percentage = fuzz_byte (input),
  };

  if (shard == NULL)
    abort ();
  memset (shard, fuzz_byte (input), size);
  nv_video_write_coded (shard, (uint32_t) stream->packet, fuzz_byte (input), 0);
  nv_video_write_uncoded (shard, &header);
  push (stream, shard, size);
  free (shard);
}

/* A frame as the payloader writes it; NULL when the plan refuses it. Free with free. */
static uint8_t *
write_frame (Stream *stream, FuzzInput *input, FramePlan *plan)
{
  size_t bytes = 1 + fuzz_u16 (input) % 40000;
  AnnexbSpan span = { 0, bytes };
  uint8_t *unit = malloc (bytes), *datagrams = NULL;
  WriterFrame frame = {
    .bytes = unit,
    .spans = &span,
    .span_count = 1,
    .plan = plan,
    .packet_size = stream->packet_size,
    .frame_index = stream->frame_index,
    .timestamp = stream->frame_index * 1500,
    .frame_type = NV_FRAME_TYPE_P,
    .first_packet = stream->packet,
  };

  if (unit == NULL)
    abort ();
  memset (unit, 0x5a, bytes);
  if (frame_plan_compute (plan, bytes, stream->packet_size, fuzz_byte (input), fuzz_byte (input)) == FRAME_PLAN_OK) {
    datagrams = malloc ((size_t) plan->total_packets * frame_writer_datagram_bytes (stream->packet_size, false));
    if (datagrams == NULL)
      abort ();
    FUZZ_CHECK (frame_writer_write (stream->fec, NULL, datagrams, &frame));
    stream->packet += plan->total_packets;
    if (++stream->frame_index == 0)
      stream->frame_index = 1;
  }
  free (unit);
  return datagrams;
}

/* Sends a frame; a byte for each shard decides what becomes of it. A run of zero bytes sends it as it is. */
static void
push_frame (Stream *stream, FuzzInput *input)
{
  size_t shard_bytes = stream->packet_size + NV_VIDEO_SHARD_OVERHEAD;
  FramePlan plan;
  uint8_t *datagrams = write_frame (stream, input, &plan);

  for (uint32_t i = 0; datagrams != NULL && i < plan.total_packets && stream->pushes < MAX_PUSHES; i++) {
    uint8_t *shard = datagrams + i * shard_bytes;
    uint8_t fate = fuzz_byte (input);

    if (fate % 8 == 1)
      continue;
    if (fate % 8 == 2)
      push (stream, datagrams + fuzz_byte (input) % plan.total_packets * shard_bytes, shard_bytes);
    if (fate % 8 == 3)
      shard[fuzz_byte (input) % shard_bytes] ^= (uint8_t) (fate >> 3);
    push (stream, shard, fate % 8 == 4 ? shard_bytes - fate : shard_bytes);
  }
  free (datagrams);
}

static void
run (Stream *stream, FuzzInput *input)
{
  while (stream->pushes < MAX_PUSHES && input->left > 0) {
    switch (fuzz_byte (input) % 8) {
      case 0:
        push_raw (stream, input);
        break;
      case 1:
      case 2:
        push_shaped (stream, input);
        break;
      case 3:
        frame_queue_drain (stream->queue);
        break;
      case 4:
        frame_queue_restart (stream->queue);
        stream->has_order = false;
        break;
      case 5:
        stream->frame_index += fuzz_u16 (input);
        stream->packet += fuzz_byte (input);
        break;
      default:
        push_frame (stream, input);
        break;
    }
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  Stream stream = { .frame_index = 1, .fec = rs_fec_new () };
  FrameQueueSink sink = { take_frame, take_loss, take_block, &stream };

  stream.packet_size = NV_PACKET_SIZE_MIN + fuzz_byte (&input) * 16u;
  stream.queue = frame_queue_new (stream.packet_size, &sink);
  FUZZ_CHECK (stream.queue != NULL);
  run (&stream, &input);
  frame_queue_drain (stream.queue);
  FUZZ_CHECK (frame_queue_stats (stream.queue)->frames_lost == stream.lost);
  FUZZ_CHECK (frame_queue_stats (stream.queue)->frames_recovered <= stream.frames);
  frame_queue_free (stream.queue);
  rs_fec_free (stream.fec);
  return 0;
}
