/*
 * packetise.c: see packetise.h.
 */
#include "packetise.h"

#include <isa-l.h>
#include <string.h>

#include "nvpacket.h"

#define SHARD_OVERHEAD 16u
/* RTP header and its four reserved bytes. */
#define RTP_BYTES 16u
#define ONE_BLOCK_PACKETS 90u
#define SMALL_BLOCKS 3u
/* ISA-L's expanded tables need 32 bytes a coefficient. */
#define TABLE_BYTES 32u
/* k times m is largest in the middle. */
#define COEFFICIENTS_MAX (128 * 127)

static uint32_t
shard_bytes_of (const Workload *workload)
{
  return workload->packet_size + SHARD_OVERHEAD;
}

/* Parity over k contiguous shards into the m that follow, with matrix and tables made on the spot. */
static void
encode_block (uint8_t *shards, uint32_t k, uint32_t m, uint32_t bytes)
{
  /* Kept: it is the making of tables that is under test, not page faults. */
  static __thread uint8_t matrix[COEFFICIENTS_MAX], tables[COEFFICIENTS_MAX * TABLE_BYTES];
  uint8_t *pointers[FRAME_PLAN_MAX_SHARDS];

  if (m == 0)
    return;
  for (uint32_t j = 0; j < m; j++) {
    for (uint32_t i = 0; i < k; i++)
      matrix[j * k + i] = gf_inv ((uint8_t) ((m + i) ^ j));
  }
  ec_init_tables ((int) k, (int) m, matrix, tables);
  for (uint32_t i = 0; i < k + m; i++)
    pointers[i] = shards + (size_t) i * bytes;
  ec_encode_data ((int) bytes, (int) k, (int) m, tables, pointers, pointers + k);
}

static uint8_t
flags_of (uint32_t index, uint32_t data_shards)
{
  unsigned flags = NV_VIDEO_FLAG_PICTURE;

  if (index == 0)
    flags |= NV_VIDEO_FLAG_SOF;
  if (index == data_shards - 1)
    flags |= NV_VIDEO_FLAG_EOF;
  return (uint8_t) flags;
}

/* All that the remaining header fields of a frame's shards have in common. */
static NvVideoHeader
header_of (const Workload *workload, const FramePlan *plan, uint32_t block, uint64_t number)
{
  return (NvVideoHeader) {
    .timestamp = (uint32_t) (number * 90000 / workload->fps),
    .frame_index = (uint32_t) number + 1,
    .block = (uint8_t) block,
    .blocks = (uint8_t) plan->block_count,
    .data_shards = (uint16_t) plan->blocks[block].data_shards,
    .fec_percentage = (uint8_t) plan->blocks[block].percentage,
  };
}

static void
write_rest (uint8_t *shard, NvVideoHeader *header, uint64_t packet, uint32_t index)
{
  header->sequence = (uint16_t) packet;
  header->shard_index = (uint16_t) index;
  nv_video_write_uncoded (shard, header);
}

static void
write_frame_header (uint8_t *bytes, const FramePlan *plan, bool is_key)
{
  NvFrameHeader header = {
    .frame_type = is_key ? NV_FRAME_TYPE_IDR : NV_FRAME_TYPE_P,
    .last_payload_bytes = (uint16_t) plan->last_payload_bytes,
  };

  nv_frame_header_write (bytes, &header);
}

/* --- concatenate and encode --- */

typedef struct
{
  const uint8_t *at; /* of the concatenated frame */
  size_t left;
} Rest;

static void
cut_shard (uint8_t *shard, Rest *rest, const FramePlan *plan, uint32_t packet, uint8_t flags)
{
  size_t part = MIN (rest->left, plan->payload_bytes);

  nv_video_write_coded (shard, packet, flags, 0);
  memcpy (shard + NV_VIDEO_HEADER_BYTES, rest->at, part);
  memset (shard + NV_VIDEO_HEADER_BYTES + part, 0, plan->payload_bytes - part);
  rest->at += part;
  rest->left -= part;
}

/* Grows in steps that few frames take. */
static uint8_t *
room_for (uint8_t **memory, size_t *room, size_t bytes)
{
  if (*room < bytes) {
    *room = bytes + bytes / 2;
    *memory = g_realloc (*memory, *room);
  }
  return *memory;
}

void
packetise_concat (
    Datagrams *out, const Workload *workload, const AccessUnit *unit, uint64_t number, uint64_t first_packet)
{
  FramePlan plan = workload_plan (workload, unit->size);
  uint32_t bytes = shard_bytes_of (workload);
  size_t frame_bytes = NV_FRAME_HEADER_BYTES + unit->size;
  uint8_t *frame = room_for (&out->frame, &out->frame_room, frame_bytes);
  uint8_t *shards = room_for (&out->bytes, &out->room, (size_t) plan.total_packets * bytes);
  Rest rest = { frame, frame_bytes };

  write_frame_header (frame, &plan, unit->is_key);
  memcpy (frame + NV_FRAME_HEADER_BYTES, unit->bytes, unit->size);
  for (uint32_t b = 0; b < plan.block_count; b++) {
    uint32_t k = plan.blocks[b].data_shards, m = plan.blocks[b].parity_shards;
    NvVideoHeader header = header_of (workload, &plan, b, number);

    for (uint32_t i = 0; i < k; i++)
      cut_shard (shards + (size_t) i * bytes, &rest, &plan, (uint32_t) first_packet + i, flags_of (i, k));
    encode_block (shards, k, m, bytes);
    for (uint32_t i = 0; i < k + m; i++)
      write_rest (shards + (size_t) i * bytes, &header, first_packet + i, i);
    shards += (size_t) (k + m) * bytes;
    first_packet += k + m;
  }
  out->count = plan.total_packets;
  out->datagram_bytes = bytes;
}

void
datagrams_renumber (Datagrams *datagrams, uint64_t number)
{
  uint32_t index = (uint32_t) number + 1;

  for (uint32_t i = 0; i < datagrams->count; i++)
    memcpy (datagrams->bytes + (size_t) i * datagrams->datagram_bytes + WORKLOAD_FRAME_INDEX_OFFSET, &index,
        sizeof (index));
}

void
datagrams_clear (Datagrams *datagrams)
{
  g_free (datagrams->frame);
  g_free (datagrams->bytes);
}

/* --- a buffer for each datagram --- */

/* RTP header, video header and slice appended to each other, and for the last one padding. */
static GstBuffer *
data_buffer (GstBuffer *frame, gsize *offset, const FramePlan *plan, uint32_t packet, uint8_t flags)
{
  gsize part = MIN (gst_buffer_get_size (frame) - *offset, plan->payload_bytes);
  uint8_t header[NV_VIDEO_HEADER_BYTES];
  GstBuffer *buffer;

  nv_video_write_coded (header, packet, flags, 0);
  buffer = gst_buffer_new_memdup (header, RTP_BYTES);
  buffer = gst_buffer_append (buffer, gst_buffer_new_memdup (header + RTP_BYTES, sizeof (header) - RTP_BYTES));
  buffer = gst_buffer_append (buffer, gst_buffer_copy_region (frame, GST_BUFFER_COPY_MEMORY, *offset, part));
  if (part < plan->payload_bytes) {
    GstBuffer *padding = gst_buffer_new_allocate (NULL, plan->payload_bytes - part, NULL);

    gst_buffer_memset (padding, 0, 0, plan->payload_bytes - part);
    buffer = gst_buffer_append (buffer, padding);
  }
  *offset += part;
  return buffer;
}

/* The slices of a block in one run of memory, with room for its parity behind them. */
static uint8_t *
gather (GstBufferList *slices, uint32_t k, uint32_t m, uint32_t bytes)
{
  uint8_t *run = g_malloc0 ((gsize) (k + m) * bytes);
  GstBuffer *all = gst_buffer_new ();
  GstMapInfo map;

  for (uint32_t i = 0; i < k; i++)
    all = gst_buffer_append (all, gst_buffer_ref (gst_buffer_list_get (slices, i)));
  gst_buffer_map (all, &map, GST_MAP_READ);
  memcpy (run, map.data, MIN (map.size, (gsize) k * bytes));
  gst_buffer_unmap (all, &map);
  gst_buffer_unref (all);
  return run;
}

static void
append_datagram (
    GstBufferList *list, const uint8_t *shard, uint32_t bytes, NvVideoHeader *header, uint64_t packet, uint32_t index)
{
  GstBuffer *buffer = gst_buffer_new_memdup (shard, bytes);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_READWRITE);
  write_rest (map.data, header, packet, index);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_list_add (list, buffer);
}

/* Three blocks above 90 data packets. */
static FramePlan
plan_small_blocks (const Workload *workload, size_t frame_bytes)
{
  FramePlan plan = workload_plan (workload, frame_bytes);
  uint32_t each = (plan.data_packets + SMALL_BLOCKS - 1) / SMALL_BLOCKS;

  if (plan.data_packets <= ONE_BLOCK_PACKETS || plan.block_count >= SMALL_BLOCKS)
    return plan;
  plan.block_count = SMALL_BLOCKS;
  plan.total_packets = plan.data_packets;
  for (uint32_t b = 0; b < SMALL_BLOCKS; b++) {
    FramePlanBlock *block = &plan.blocks[b];

    block->data_shards = MIN (each, plan.data_packets - b * each);
    block->percentage = workload->fec_percentage;
    block->parity_shards = frame_plan_parity_shards (block->data_shards, block->percentage);
    plan.total_packets += block->parity_shards;
  }
  return plan;
}

static GstBuffer *
with_frame_header (GstBuffer *unit, const FramePlan *plan, bool is_key)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, NV_FRAME_HEADER_BYTES, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  write_frame_header (map.data, plan, is_key);
  gst_buffer_unmap (buffer, &map);
  return gst_buffer_append (buffer, gst_buffer_ref (unit));
}

GstBufferList *
packetise_buffers (const Workload *workload, GstBuffer *unit, bool is_key, uint64_t number, uint64_t first_packet)
{
  FramePlan plan = plan_small_blocks (workload, gst_buffer_get_size (unit));
  uint32_t bytes = shard_bytes_of (workload);
  GstBufferList *list = gst_buffer_list_new ();
  GstBuffer *frame = with_frame_header (unit, &plan, is_key);
  gsize offset = 0;

  for (uint32_t b = 0; b < plan.block_count; b++) {
    uint32_t k = plan.blocks[b].data_shards, m = plan.blocks[b].parity_shards;
    GstBufferList *slices = gst_buffer_list_new ();
    NvVideoHeader header = header_of (workload, &plan, b, number);
    uint8_t *run;

    for (uint32_t i = 0; i < k; i++)
      gst_buffer_list_add (slices, data_buffer (frame, &offset, &plan, (uint32_t) first_packet + i, flags_of (i, k)));
    run = gather (slices, k, m, bytes);
    encode_block (run, k, m, bytes);
    for (uint32_t i = 0; i < k + m; i++)
      append_datagram (list, run + (size_t) i * bytes, bytes, &header, first_packet + i, i);
    g_free (run);
    gst_buffer_list_unref (slices);
    first_packet += k + m;
  }
  gst_buffer_unref (frame);
  return list;
}
