/*
 * nvpacket.c: see nvpacket.h.
 */
#include "nvpacket.h"

#include <string.h>

#include "frameplan.h"

/* Version 2 with the extension bit: four reserved bytes follow the RTP header. */
#define VIDEO_RTP_FLAGS 0x90
#define AUDIO_RTP_FLAGS 0x80
/* Unknown, observed 0x10 everywhere. */
#define MULTI_FEC_FLAGS 0x10
#define FRAME_HEADER_SHORT 0x01

static void
put16be (uint8_t *p, uint16_t v)
{
  p[0] = (uint8_t) (v >> 8);
  p[1] = (uint8_t) v;
}

static void
put32be (uint8_t *p, uint32_t v)
{
  put16be (p, (uint16_t) (v >> 16));
  put16be (p + 2, (uint16_t) v);
}

static void
put16le (uint8_t *p, uint16_t v)
{
  p[0] = (uint8_t) v;
  p[1] = (uint8_t) (v >> 8);
}

static void
put32le (uint8_t *p, uint32_t v)
{
  put16le (p, (uint16_t) v);
  put16le (p + 2, (uint16_t) (v >> 16));
}

static uint16_t
get16be (const uint8_t *p)
{
  return (uint16_t) (p[0] << 8 | p[1]);
}

static uint32_t
get32be (const uint8_t *p)
{
  return (uint32_t) get16be (p) << 16 | get16be (p + 2);
}

static uint16_t
get16le (const uint8_t *p)
{
  return (uint16_t) (p[1] << 8 | p[0]);
}

static uint32_t
get32le (const uint8_t *p)
{
  return (uint32_t) get16le (p + 2) << 16 | get16le (p);
}

/*
 *  0      1      2        4           8      12     16            20           24     25     26     27     28
 *  +------+------+--------+-----------+------+------+-------------+------------+------+------+------+------+---------+
 *  | 0x90 | 0    | seq BE | time BE   | SSRC | zero | n << 8 LE   | frame LE   | flags| extra| 0x10 | block| fec LE  |
 *  +------+------+--------+-----------+------+------+-------------+------------+------+------+------+------+---------+
 *     after parity is computed                      | before      | after      | before             | after          |
 *
 * block: bits 7-6 last block, 5-4 this block. fec: bits 31-22 data shards, 21-12 shard index, 11-4 percentage.
 */
void
nv_video_write_coded (uint8_t *shard, uint32_t packet_number, uint8_t flags, uint8_t extra_flags)
{
  memset (shard, 0, NV_VIDEO_HEADER_BYTES);
  put32le (shard + 16, packet_number << 8);
  shard[24] = flags;
  shard[25] = extra_flags;
  shard[26] = MULTI_FEC_FLAGS;
}

void
nv_video_write_uncoded (uint8_t *shard, const NvVideoHeader *header)
{
  shard[0] = VIDEO_RTP_FLAGS;
  put16be (shard + 2, header->sequence);
  put32be (shard + 4, header->timestamp);
  put32le (shard + 20, header->frame_index);
  shard[27] = (uint8_t) ((header->blocks - 1) << 6 | header->block << 4);
  put32le (shard + 28,
      (uint32_t) header->data_shards << 22 | (uint32_t) header->shard_index << 12
          | (uint32_t) header->fec_percentage << 4);
}

NvReadResult
nv_video_read (const uint8_t *shard, size_t size, NvVideoHeader *header)
{
  NvVideoHeader h;
  uint32_t fec;

  if (size < NV_VIDEO_HEADER_BYTES)
    return NV_READ_SHORT;
  if (shard[0] != VIDEO_RTP_FLAGS)
    return NV_READ_NOT_RTP;
  h.sequence = get16be (shard + 2);
  h.timestamp = get32be (shard + 4);
  h.packet_number = get32le (shard + 16) >> 8;
  h.frame_index = get32le (shard + 20);
  h.flags = shard[24];
  h.extra_flags = shard[25];
  h.blocks = (uint8_t) ((shard[27] >> 6) + 1);
  h.block = (shard[27] >> 4) & 3;
  fec = get32le (shard + 28);
  h.data_shards = (uint16_t) (fec >> 22);
  h.shard_index = (fec >> 12) & 0x3ff;
  h.fec_percentage = (fec >> 4) & 0xff;
  if (h.block >= h.blocks || h.data_shards == 0)
    return NV_READ_BAD_SHARD;
  if (h.shard_index >= h.data_shards + frame_plan_parity_shards (h.data_shards, h.fec_percentage))
    return NV_READ_BAD_SHARD;
  if (h.fec_percentage != 0
      && h.data_shards + frame_plan_parity_shards (h.data_shards, h.fec_percentage) > FRAME_PLAN_MAX_SHARDS)
    return NV_READ_BAD_SHARD;
  *header = h;
  return NV_READ_OK;
}

/*
 *  0      1            3      4             6        8
 *  +------+------------+------+-------------+--------+
 *  | 0x01 | latency LE | type | last len LE | zero   |
 *  +------+------------+------+-------------+--------+
 */
void
nv_frame_header_write (uint8_t *bytes, const NvFrameHeader *header)
{
  bytes[0] = FRAME_HEADER_SHORT;
  put16le (bytes + 1, header->host_latency);
  bytes[3] = header->frame_type;
  put16le (bytes + 4, header->last_payload_bytes);
  put16le (bytes + 6, 0);
}

NvReadResult
nv_frame_header_read (const uint8_t *bytes, size_t size, NvFrameHeader *header)
{
  if (size < NV_FRAME_HEADER_BYTES)
    return NV_READ_SHORT;
  if (bytes[0] != FRAME_HEADER_SHORT)
    return NV_READ_BAD_FRAME_HEADER;
  header->host_latency = get16le (bytes + 1);
  header->frame_type = bytes[3];
  header->last_payload_bytes = get16le (bytes + 4);
  return NV_READ_OK;
}

/*
 *  0             8      11    12           16          32
 *  +-------------+------+-----+------------+-----------+------------
 *  | counter LE  | zero | 'V' | frame LE   | GCM tag   | ciphertext
 *  +-------------+------+-----+------------+-----------+------------
 */
void
nv_encrypted_prefix_write (uint8_t *datagram, uint64_t counter, uint32_t frame_index)
{
  put32le (datagram, (uint32_t) counter);
  put32le (datagram + 4, (uint32_t) (counter >> 32));
  memset (datagram + 8, 0, 3);
  datagram[11] = 'V';
  put32le (datagram + 12, frame_index);
}

NvReadResult
nv_encrypted_prefix_read (const uint8_t *datagram, size_t size, uint32_t *frame_index)
{
  if (size < NV_ENCRYPTED_PREFIX_BYTES + NV_VIDEO_HEADER_BYTES)
    return NV_READ_SHORT;
  *frame_index = get32le (datagram + 12);
  return NV_READ_OK;
}

/*
 *  0      1      2        4           8          12     13     14         16         20     24
 *  +------+------+--------+-----------+----------+------+------+----------+----------+------+---------
 *  | 0x80 | 97   | seq BE | ms BE     | zero     | Opus ...
 *  | 0x80 | 127  | seq BE | zero      | zero     | 0, 1 | 97   | base BE  | ms BE    | zero | parity
 *  +------+------+--------+-----------+----------+------+------+----------+----------+------+---------
 */
void
nv_audio_write_data (uint8_t *bytes, uint16_t sequence, uint32_t timestamp)
{
  memset (bytes, 0, NV_AUDIO_HEADER_BYTES);
  bytes[0] = AUDIO_RTP_FLAGS;
  bytes[1] = NV_AUDIO_TYPE_DATA;
  put16be (bytes + 2, sequence);
  put32be (bytes + 4, timestamp);
}

void
nv_audio_write_parity (uint8_t *bytes, uint8_t shard_index, uint16_t base_sequence, uint32_t base_timestamp)
{
  memset (bytes, 0, NV_AUDIO_PARITY_HEADER_BYTES);
  bytes[0] = AUDIO_RTP_FLAGS;
  bytes[1] = NV_AUDIO_TYPE_PARITY;
  put16be (bytes + 2, (uint16_t) (base_sequence + NV_AUDIO_DATA_SHARDS + shard_index));
  bytes[12] = shard_index;
  bytes[13] = NV_AUDIO_TYPE_DATA;
  put16be (bytes + 14, base_sequence);
  put32be (bytes + 16, base_timestamp);
}

NvReadResult
nv_audio_read (const uint8_t *datagram, size_t size, NvAudioHeader *header)
{
  NvAudioHeader h = { 0 };

  if (size < NV_AUDIO_HEADER_BYTES)
    return NV_READ_SHORT;
  if (datagram[0] != AUDIO_RTP_FLAGS)
    return NV_READ_NOT_RTP;
  h.sequence = get16be (datagram + 2);
  h.timestamp = get32be (datagram + 4);
  switch (datagram[1]) {
    case NV_AUDIO_TYPE_DATA:
      h.base_sequence = h.sequence & 0xfffc;
      h.payload_offset = NV_AUDIO_HEADER_BYTES;
      break;
    case NV_AUDIO_TYPE_PARITY:
      if (size < NV_AUDIO_PARITY_HEADER_BYTES)
        return NV_READ_SHORT;
      h.is_parity = true;
      h.shard_index = datagram[12];
      h.base_sequence = get16be (datagram + 14);
      h.base_timestamp = get32be (datagram + 16);
      h.payload_offset = NV_AUDIO_PARITY_HEADER_BYTES;
      if (h.shard_index >= NV_AUDIO_PARITY_SHARDS || datagram[13] != NV_AUDIO_TYPE_DATA
          || h.base_sequence % NV_AUDIO_DATA_SHARDS != 0)
        return NV_READ_BAD_SHARD;
      break;
    default:
      return NV_READ_BAD_TYPE;
  }
  h.payload_bytes = size - h.payload_offset;
  if (h.payload_bytes == 0)
    return NV_READ_SHORT;
  *header = h;
  return NV_READ_OK;
}

const char *
nv_read_result_text (NvReadResult result)
{
  switch (result) {
    case NV_READ_OK:
      return "read";
    case NV_READ_SHORT:
      return "too short";
    case NV_READ_NOT_RTP:
      return "not an RTP packet of this stream";
    case NV_READ_BAD_TYPE:
      return "unknown payload type";
    case NV_READ_BAD_SHARD:
      return "impossible shard or block number";
    case NV_READ_BAD_FRAME_HEADER:
      return "not a short frame header";
  }
  return "unknown";
}
