/*
 * fuzz_frameplan.c: plans for any sizes and settings. Every plan covers each byte once, and its header says what it has.
 * Input: frame bytes (8), packet size (4), fec percentage (4), fewest parity shards (4).
 */
#include "fuzz.h"

#include "frameplan.h"
#include "nvpacket.h"

static void
check_block (const FramePlanBlock *block)
{
  FUZZ_CHECK (block->data_shards >= 1 && block->data_shards <= FRAME_PLAN_MAX_DATA_SHARDS);
  FUZZ_CHECK (block->percentage <= 255);
  FUZZ_CHECK (block->parity_shards == frame_plan_parity_shards (block->data_shards, block->percentage));
  FUZZ_CHECK (block->parity_shards == 0 || block->data_shards + block->parity_shards <= FRAME_PLAN_MAX_SHARDS);
}

static void
check_plan (const FramePlan *plan, size_t frame_bytes, uint32_t packet_size)
{
  uint32_t data = 0, total = 0;

  FUZZ_CHECK (plan->payload_bytes == packet_size - 16);
  FUZZ_CHECK (plan->block_count >= 1 && plan->block_count <= FRAME_PLAN_MAX_BLOCKS);
  for (uint32_t b = 0; b < plan->block_count; b++) {
    check_block (&plan->blocks[b]);
    data += plan->blocks[b].data_shards;
    total += plan->blocks[b].data_shards + plan->blocks[b].parity_shards;
  }
  FUZZ_CHECK (data == plan->data_packets && total == plan->total_packets);
  FUZZ_CHECK (plan->last_payload_bytes >= 1 && plan->last_payload_bytes <= plan->payload_bytes);
  FUZZ_CHECK ((uint64_t) (data - 1) * plan->payload_bytes + plan->last_payload_bytes
      == (uint64_t) frame_bytes + NV_FRAME_HEADER_BYTES);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  uint64_t frame_bytes = (uint64_t) fuzz_u32 (&input) << 32;
  uint32_t packet_size, percentage, min_parity;
  FramePlan plan;

  frame_bytes |= fuzz_u32 (&input);
  packet_size = fuzz_u32 (&input);
  percentage = fuzz_u32 (&input);
  min_parity = fuzz_u32 (&input);
  if (frame_plan_compute (&plan, (size_t) frame_bytes, packet_size, percentage, min_parity) == FRAME_PLAN_OK)
    check_plan (&plan, (size_t) frame_bytes, packet_size);

  /* the same numbers folded into what is planned, where an input made at random seldom lands */
  frame_bytes %= 2000000;
  packet_size = NV_PACKET_SIZE_MIN + packet_size % 128 * 16;
  percentage %= 256;
  min_parity %= 256;
  if (frame_plan_compute (&plan, (size_t) frame_bytes, packet_size, percentage, min_parity) == FRAME_PLAN_OK)
    check_plan (&plan, (size_t) frame_bytes, packet_size);
  return 0;
}
