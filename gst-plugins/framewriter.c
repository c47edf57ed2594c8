/*
 * framewriter.c: see framewriter.h.
 */
#include "framewriter.h"

#include <string.h>

#include "nvpacket.h"

#define CACHE_LINE_BYTES 64u
/* How far the copying fetches ahead. Access unit and arena have left the near caches since they were last touched, a frame
 * ago; left to itself, the processor fetches ahead within a page only, and not before it has seen some lines of it. */
#define FETCH_AHEAD_BYTES 4096u
/* GCC takes a function that only fetches for one without effect, and leaves out calls of it. */
#define FETCHING static inline __attribute__ ((always_inline)) void

/* Reads the spans of the access unit as one run of bytes. */
typedef struct
{
  const WriterFrame *frame;
  uint32_t span;
  size_t done; /* of this span */
} Cursor;

uint32_t
frame_writer_datagram_bytes (uint32_t packet_size, bool is_encrypted)
{
  return packet_size + NV_VIDEO_SHARD_OVERHEAD + (is_encrypted ? NV_ENCRYPTED_PREFIX_BYTES : 0);
}

static size_t
cursor_copy (Cursor *cursor, uint8_t *out, size_t wanted)
{
  size_t copied = 0;

  while (copied < wanted && cursor->span < cursor->frame->span_count) {
    const AnnexbSpan *span = &cursor->frame->spans[cursor->span];
    size_t part = span->size - cursor->done;

    if (part > wanted - copied)
      part = wanted - copied;
    memcpy (out + copied, cursor->frame->bytes + span->offset + cursor->done, part);
    copied += part;
    cursor->done += part;
    if (cursor->done == span->size) {
      cursor->span++;
      cursor->done = 0;
    }
  }
  return copied;
}

/* Asks for the cache lines of bytes `from` to `to`, as far as there are such before `end`. */
FETCHING
fetch (const uint8_t *bytes, size_t from, size_t to, size_t end)
{
  for (size_t at = from; at < to && at < end; at += CACHE_LINE_BYTES)
    __builtin_prefetch (bytes + at);
}

/* Asks for `wanted` bytes of the access unit, `ahead` of the cursor. */
FETCHING
cursor_fetch (const Cursor *cursor, size_t ahead, size_t wanted)
{
  const AnnexbSpan *span;
  size_t from;

  if (cursor->span == cursor->frame->span_count)
    return;
  span = &cursor->frame->spans[cursor->span];
  from = span->offset + cursor->done + ahead;
  fetch (cursor->frame->bytes, from, from + wanted, span->offset + span->size);
}

static void
write_frame_header (uint8_t *bytes, const WriterFrame *frame)
{
  NvFrameHeader header = {
    .host_latency = frame->host_latency,
    .frame_type = frame->frame_type,
    .last_payload_bytes = (uint16_t) frame->plan->last_payload_bytes,
  };

  nv_frame_header_write (bytes, &header);
}

static void
write_data_shard (uint8_t *shard, Cursor *cursor, uint32_t packet_number, uint8_t flags, bool is_first)
{
  uint8_t *payload = shard + NV_VIDEO_HEADER_BYTES;
  size_t room = cursor->frame->plan->payload_bytes, copied;

  nv_video_write_coded (shard, packet_number, flags, 0);
  if (is_first) {
    write_frame_header (payload, cursor->frame);
    payload += NV_FRAME_HEADER_BYTES;
    room -= NV_FRAME_HEADER_BYTES;
  }
  copied = cursor_copy (cursor, payload, room);
  /* The padding is part of what parity covers. */
  memset (payload + copied, 0, room - copied);
}

static void
write_data_shards (uint8_t **shards, size_t stride, const FramePlanBlock *block, Cursor *cursor, uint64_t first_packet,
    bool is_first_block)
{
  size_t end = (block->data_shards + block->parity_shards) * stride;

  fetch (shards[0], 0, FETCH_AHEAD_BYTES, end);
  cursor_fetch (cursor, 0, FETCH_AHEAD_BYTES);
  for (uint32_t i = 0; i < block->data_shards; i++) {
    /* SOF and EOF mark the ends of every block, not of the frame. */
    unsigned flags = NV_VIDEO_FLAG_PICTURE;

    fetch (shards[0], i * stride + FETCH_AHEAD_BYTES, (i + 1) * stride + FETCH_AHEAD_BYTES, end);
    cursor_fetch (cursor, FETCH_AHEAD_BYTES, cursor->frame->plan->payload_bytes);
    if (i == 0)
      flags |= NV_VIDEO_FLAG_SOF;
    if (i == block->data_shards - 1)
      flags |= NV_VIDEO_FLAG_EOF;
    write_data_shard (shards[i], cursor, (uint32_t) (first_packet + i), (uint8_t) flags, is_first_block && i == 0);
  }
}

/* `first` is the block's first shard; the next ones follow at `stride`. */
static bool
write_block (RsFec *fec, uint8_t *first, size_t stride, Cursor *cursor, uint32_t block_number, uint64_t first_packet)
{
  const WriterFrame *frame = cursor->frame;
  const FramePlanBlock *block = &frame->plan->blocks[block_number];
  uint32_t count = block->data_shards + block->parity_shards;
  uint8_t *shards[FRAME_PLAN_MAX_DATA_SHARDS];
  NvVideoHeader header = {
    .timestamp = frame->timestamp,
    .frame_index = frame->frame_index,
    .block = (uint8_t) block_number,
    .blocks = (uint8_t) frame->plan->block_count,
    .data_shards = (uint16_t) block->data_shards,
    .fec_percentage = (uint8_t) block->percentage,
  };

  if (count > FRAME_PLAN_MAX_DATA_SHARDS)
    return false;
  for (uint32_t i = 0; i < count; i++)
    shards[i] = first + i * stride;
  write_data_shards (shards, stride, block, cursor, first_packet, block_number == 0);
  if (!rs_fec_encode (fec, RS_FEC_VIDEO, block->data_shards, block->parity_shards, shards,
          frame->packet_size + NV_VIDEO_SHARD_OVERHEAD))
    return false;
  for (uint32_t i = 0; i < count; i++) {
    header.sequence = (uint16_t) (first_packet + i);
    header.shard_index = (uint16_t) i;
    nv_video_write_uncoded (shards[i], &header);
  }
  return true;
}

/* After parity: it is computed over plaintext, and parity shards are encrypted like the others. */
static bool
encrypt_datagrams (MediaCrypt *crypt, uint8_t *datagrams, size_t stride, const WriterFrame *frame)
{
  for (uint32_t i = 0; i < frame->plan->total_packets; i++) {
    if (!media_crypt_seal_video (crypt, datagrams + i * stride, frame->packet_size + NV_VIDEO_SHARD_OVERHEAD,
            frame->first_gcm_counter + i, frame->frame_index))
      return false;
  }
  return true;
}

bool
frame_writer_write (RsFec *fec, MediaCrypt *crypt, uint8_t *datagrams, const WriterFrame *frame)
{
  Cursor cursor = { frame, 0, 0 };
  size_t stride = frame_writer_datagram_bytes (frame->packet_size, crypt != NULL);
  uint8_t *shards = datagrams + (crypt != NULL ? NV_ENCRYPTED_PREFIX_BYTES : 0);
  uint64_t packet = frame->first_packet;

  for (uint32_t b = 0; b < frame->plan->block_count; b++) {
    uint32_t count = frame->plan->blocks[b].data_shards + frame->plan->blocks[b].parity_shards;

    if (!write_block (fec, shards, stride, &cursor, b, packet))
      return false;
    shards += count * stride;
    packet += count;
  }
  return crypt == NULL || encrypt_datagrams (crypt, datagrams, stride, frame);
}
