/*
 * frameplan.h: how one video frame is cut into packets and parity blocks. Pure arithmetic, no bytes are touched.
 * Source: protocol/video.md §3.3 (splitting) and §4 (blocks, percentages, limits).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Blocks a frame can have: the header has two bits for them. */
#define FRAME_PLAN_MAX_BLOCKS 4
/* Data and parity shards of a block with parity: the field is GF(2^8). */
#define FRAME_PLAN_MAX_SHARDS 255
/* Data shards of a block without parity: the header has ten bits for them. */
#define FRAME_PLAN_MAX_DATA_SHARDS 1023
/* Data packets of a frame: 4 * 1023. */
#define FRAME_PLAN_MAX_PACKETS (FRAME_PLAN_MAX_BLOCKS * FRAME_PLAN_MAX_DATA_SHARDS)

typedef enum
{
  FRAME_PLAN_OK,
  /* A frame of no bytes is no frame. */
  FRAME_PLAN_EMPTY,
  /* More than FRAME_PLAN_MAX_PACKETS packets: no client can take it. */
  FRAME_PLAN_TOO_LARGE,
  /* Packet size outside NV_PACKET_SIZE_MIN..MAX or not a multiple of 16. */
  FRAME_PLAN_BAD_PACKET_SIZE,
} FramePlanResult;

typedef struct
{
  uint32_t data_shards;   /* D, 1 to 1023 */
  uint32_t parity_shards; /* P, 0 to 254 */
  uint32_t percentage;    /* as sent: the client computes P from it and D; 0 to 255 */
} FramePlanBlock;

typedef struct
{
  uint32_t payload_bytes;      /* payload of one packet: packet size - 16 */
  uint32_t data_packets;       /* n, over all blocks */
  uint32_t total_packets;      /* data and parity over all blocks */
  uint32_t last_payload_bytes; /* lastPayloadLen: used bytes of the last data packet, 1 to payload_bytes */
  uint32_t block_count;        /* 1 to 4 */
  bool without_parity;         /* parity was asked for, but the frame is too large for it */
  FramePlanBlock blocks[FRAME_PLAN_MAX_BLOCKS];
} FramePlan;

/*
 * Plans a frame of `frame_bytes` bytes (the access unit, without the 8-byte frame header).
 * `packet_size` in bytes as announced by the client, `fec_percentage` 0 to 255 (larger is taken as 255),
 * `min_parity` parity shards at least in each block, clamped to what the header can say.
 * `plan` is written only when the result is FRAME_PLAN_OK.
 */
FramePlanResult frame_plan_compute (
    FramePlan *plan, size_t frame_bytes, uint32_t packet_size, uint32_t fec_percentage, uint32_t min_parity);

/* P as every client computes it from a received header: floor((D * percentage + 99) / 100). */
static inline uint32_t
frame_plan_parity_shards (uint32_t data_shards, uint32_t percentage)
{
  return (data_shards * percentage + 99) / 100;
}

/* A sentence for logs. Static memory. */
const char *frame_plan_result_text (FramePlanResult result);
