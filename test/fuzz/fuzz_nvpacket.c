/*
 * fuzz_nvpacket.c: the readers of nvpacket.h over any bytes. What a reader takes, a writer must be able to say again.
 */
#include "fuzz.h"

#include "frameplan.h"
#include "nvpacket.h"

static void
read_video (const uint8_t *data, size_t size)
{
  uint8_t again[NV_VIDEO_HEADER_BYTES];
  NvVideoHeader header, back;

  if (nv_video_read (data, size, &header) != NV_READ_OK)
    return;
  FUZZ_CHECK (header.block < header.blocks && header.blocks <= FRAME_PLAN_MAX_BLOCKS);
  FUZZ_CHECK (header.data_shards >= 1 && header.data_shards <= FRAME_PLAN_MAX_DATA_SHARDS);
  FUZZ_CHECK (
      header.shard_index < header.data_shards + frame_plan_parity_shards (header.data_shards, header.fec_percentage));
  nv_video_write_coded (again, header.packet_number, header.flags, header.extra_flags);
  nv_video_write_uncoded (again, &header);
  FUZZ_CHECK (nv_video_read (again, sizeof again, &back) == NV_READ_OK);
  FUZZ_CHECK (back.sequence == header.sequence && back.timestamp == header.timestamp);
  FUZZ_CHECK (back.packet_number == header.packet_number && back.frame_index == header.frame_index);
  FUZZ_CHECK (back.block == header.block && back.blocks == header.blocks);
  FUZZ_CHECK (back.data_shards == header.data_shards && back.shard_index == header.shard_index);
  FUZZ_CHECK (back.fec_percentage == header.fec_percentage && back.flags == header.flags);
}

static void
read_audio (const uint8_t *data, size_t size)
{
  NvAudioHeader header;

  if (nv_audio_read (data, size, &header) != NV_READ_OK)
    return;
  FUZZ_CHECK (header.payload_offset + header.payload_bytes == size && header.payload_bytes > 0);
  FUZZ_CHECK (header.base_sequence % NV_AUDIO_DATA_SHARDS == 0);
  FUZZ_CHECK (!header.is_parity || header.shard_index < NV_AUDIO_PARITY_SHARDS);
  fuzz_touch (data + header.payload_offset, header.payload_bytes);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NvFrameHeader frame;
  uint32_t frame_index;
  uint8_t again[NV_FRAME_HEADER_BYTES];

  read_video (data, size);
  read_audio (data, size);
  if (nv_frame_header_read (data, size, &frame) == NV_READ_OK) {
    nv_frame_header_write (again, &frame);
    FUZZ_CHECK (memcmp (again, data, 6) == 0);
  }
  if (nv_encrypted_prefix_read (data, size, &frame_index) == NV_READ_OK)
    FUZZ_CHECK (size >= NV_ENCRYPTED_PREFIX_BYTES + NV_VIDEO_HEADER_BYTES);
  return 0;
}
