/*
 * shardmaker.h: test helper: cuts a frame into datagrams with the plain modules, so that the receiving side is tested
 * without the payloader element.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <string.h>

#include "frameplan.h"
#include "nvpacket.h"
#include "rsfec.h"

typedef struct
{
  FramePlan plan;
  guint8 *unit; /* the access unit */
  gsize bytes;
  guint8 **shards; /* plan.total_packets datagrams */
  gsize shard_bytes;
} ShardedFrame;

typedef struct
{
  guint32 packet_size;
  guint32 percentage;
  guint32 min_parity;
  guint32 sequence;     /* of the next shard */
  guint32 frame_index;  /* of the next frame */
  guint32 timestamp;    /* of the next frame, raised by 1500 a frame (60 a second) */
  guint16 host_latency; /* in 1/10 ms */
} ShardMaker;

#define SHARD_MAKER_INIT { .packet_size = 1024, .percentage = 20, .min_parity = 2, .frame_index = 1, .timestamp = 3000 }

/* Where a block's shards begin in ShardedFrame.shards. */
static inline guint
shard_maker_block_start (const ShardedFrame *frame, guint block)
{
  guint start = 0, b;

  for (b = 0; b < block; b++)
    start += frame->plan.blocks[b].data_shards + frame->plan.blocks[b].parity_shards;
  return start;
}

/* A frame of `bytes` bytes: an H.264 key frame's or ordinary frame's start, then a pattern without zero bytes. */
static inline ShardedFrame *
shard_maker_frame (ShardMaker *maker, gsize bytes, gboolean is_key)
{
  static const guint8 key_head[] = { 0, 0, 0, 1, 0x67, 0x64, 0, 0, 0, 1, 0x68, 0xeb, 0, 0, 0, 1, 0x65, 0x88 };
  static const guint8 head[] = { 0, 0, 0, 1, 0x41, 0x9a, 0, 0x11 };
  ShardedFrame *frame = g_new0 (ShardedFrame, 1);
  gsize head_bytes = is_key ? sizeof key_head : sizeof head, per, i;
  guint8 *payload;
  RsFec *fec = rs_fec_new ();
  guint b, shard = 0, packet = 0;

  g_assert (frame_plan_compute (&frame->plan, bytes, maker->packet_size, maker->percentage, maker->min_parity)
      == FRAME_PLAN_OK);
  per = frame->plan.payload_bytes;
  frame->shard_bytes = maker->packet_size + NV_VIDEO_SHARD_OVERHEAD;
  frame->bytes = bytes;
  frame->unit = g_malloc (bytes);
  for (i = 0; i < bytes; i++)
    frame->unit[i] = (guint8) ((7 * i + 3 + maker->frame_index) | 1);
  memcpy (frame->unit, is_key ? key_head : head, MIN (head_bytes, bytes));

  payload = g_malloc0 (frame->plan.data_packets * per);
  NvFrameHeader header = { .host_latency = maker->host_latency,
    .frame_type = is_key ? NV_FRAME_TYPE_IDR : NV_FRAME_TYPE_P,
    .last_payload_bytes = (guint16) frame->plan.last_payload_bytes };
  nv_frame_header_write (payload, &header);
  memcpy (payload + NV_FRAME_HEADER_BYTES, frame->unit, bytes);

  frame->shards = g_new0 (guint8 *, frame->plan.total_packets);
  for (i = 0; i < frame->plan.total_packets; i++)
    frame->shards[i] = g_malloc0 (frame->shard_bytes);
  for (b = 0; b < frame->plan.block_count; b++) {
    const FramePlanBlock *block = &frame->plan.blocks[b];
    guint total = block->data_shards + block->parity_shards, s;

    for (s = 0; s < block->data_shards; s++, packet++) {
      guint8 flags = NV_VIDEO_FLAG_PICTURE | (s == 0 ? NV_VIDEO_FLAG_SOF : 0)
          | (s == block->data_shards - 1 ? NV_VIDEO_FLAG_EOF : 0);

      nv_video_write_coded (frame->shards[shard + s], maker->sequence + s, flags, 0);
      memcpy (frame->shards[shard + s] + NV_VIDEO_HEADER_BYTES, payload + packet * per, per);
    }
    if (block->parity_shards > 0)
      g_assert (rs_fec_encode (
          fec, RS_FEC_VIDEO, block->data_shards, block->parity_shards, frame->shards + shard, frame->shard_bytes));
    for (s = 0; s < total; s++) {
      NvVideoHeader h = { .sequence = (guint16) (maker->sequence + s),
        .timestamp = maker->timestamp,
        .frame_index = maker->frame_index,
        .block = (guint8) b,
        .blocks = (guint8) frame->plan.block_count,
        .data_shards = (guint16) block->data_shards,
        .shard_index = (guint16) s,
        .fec_percentage = (guint8) block->percentage };

      nv_video_write_uncoded (frame->shards[shard + s], &h);
    }
    maker->sequence += total;
    shard += total;
  }
  maker->frame_index++;
  maker->timestamp += 1500;
  g_free (payload);
  rs_fec_free (fec);
  return frame;
}

static inline void
sharded_frame_free (ShardedFrame *frame)
{
  guint i;

  for (i = 0; i < frame->plan.total_packets; i++)
    g_free (frame->shards[i]);
  g_free (frame->shards);
  g_free (frame->unit);
  g_free (frame);
}

/* xorshift: the same numbers on every run. */
static inline guint32
next_random (guint32 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}
