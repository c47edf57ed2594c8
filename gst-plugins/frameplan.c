/*
 * frameplan.c: see frameplan.h.
 */
#include "frameplan.h"

#include "nvpacket.h"

static uint32_t
divide_up (uint32_t a, uint32_t b)
{
  return (a + b - 1) / b;
}

/*
 * Example: D = 1, F = 20, M = 2: floor((20 + 99) / 100) = 1 parity, raised to 2, sent as 200 %.
 * The percentage is one byte and the block has 255 shards, so M is clamped first; P is then taken back from the
 * percentage, because for D above 100 the rounding of floor(100 P / D) can cost a shard, and the client believes
 * the percentage (protocol/video.md §4).
 */
static void
plan_block (FramePlanBlock *block, uint32_t data, uint32_t percentage, uint32_t min_parity)
{
  uint32_t parity = frame_plan_parity_shards (data, percentage);

  if (percentage != 0 && parity < min_parity) {
    uint32_t by_percentage = (256 * data - 1) / 100;
    uint32_t by_field = FRAME_PLAN_MAX_SHARDS - data;
    uint32_t wanted = min_parity;

    if (wanted > by_percentage)
      wanted = by_percentage;
    if (wanted > by_field)
      wanted = by_field;
    if (wanted > parity) {
      uint32_t boosted = 100 * wanted / data;

      if (frame_plan_parity_shards (data, boosted) > parity) {
        percentage = boosted;
        parity = frame_plan_parity_shards (data, boosted);
      }
    }
  }
  block->data_shards = data;
  block->parity_shards = parity;
  block->percentage = percentage;
}

FramePlanResult
frame_plan_compute (
    FramePlan *plan, size_t frame_bytes, uint32_t packet_size, uint32_t fec_percentage, uint32_t min_parity)
{
  FramePlan p = { 0 };
  uint32_t max_data, per_block, left;
  uint64_t packets, total = (uint64_t) frame_bytes + NV_FRAME_HEADER_BYTES;

  if (packet_size < NV_PACKET_SIZE_MIN || packet_size > NV_PACKET_SIZE_MAX || packet_size % 16 != 0)
    return FRAME_PLAN_BAD_PACKET_SIZE;
  if (frame_bytes == 0)
    return FRAME_PLAN_EMPTY;
  p.payload_bytes = packet_size - NV_VIDEO_HEADER_BYTES + NV_VIDEO_SHARD_OVERHEAD;
  packets = total / p.payload_bytes + (total % p.payload_bytes != 0);
  if (frame_bytes > UINT32_MAX || packets > FRAME_PLAN_MAX_PACKETS)
    return FRAME_PLAN_TOO_LARGE;
  if (fec_percentage > 255)
    fec_percentage = 255;

  p.data_packets = (uint32_t) packets;
  p.last_payload_bytes = (uint32_t) (total - (packets - 1) * p.payload_bytes);
  max_data = 25500 / (100 + fec_percentage);
  p.block_count = divide_up (p.data_packets, max_data);
  if (p.block_count > FRAME_PLAN_MAX_BLOCKS) {
    p.block_count = FRAME_PLAN_MAX_BLOCKS;
    p.without_parity = fec_percentage != 0;
    fec_percentage = 0;
  }
  per_block = divide_up (p.data_packets, p.block_count);
  left = p.data_packets;
  for (uint32_t b = 0; b < p.block_count; b++) {
    uint32_t data = left < per_block ? left : per_block;

    plan_block (&p.blocks[b], data, fec_percentage, min_parity);
    p.total_packets += data + p.blocks[b].parity_shards;
    left -= data;
  }
  *plan = p;
  return FRAME_PLAN_OK;
}

const char *
frame_plan_result_text (FramePlanResult result)
{
  switch (result) {
    case FRAME_PLAN_OK:
      return "planned";
    case FRAME_PLAN_EMPTY:
      return "the frame has no bytes";
    case FRAME_PLAN_TOO_LARGE:
      return "the frame needs more than 4092 packets";
    case FRAME_PLAN_BAD_PACKET_SIZE:
      return "the packet size is not a multiple of 16 from 64 to 65456";
  }
  return "unknown";
}
