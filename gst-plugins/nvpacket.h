/*
 * nvpacket.h: the media datagrams of GameStream, as bytes: video shards (RTP + NV header), the short frame header, the
 * prefix of encrypted video, audio data and parity headers. Writers and bounds-checked readers; no parity, no cipher.
 * Source: protocol/video.md §2, §3.1, §4.1, §8; protocol/audio.md §2, §3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* x-nv-video[0].packetSize that we work with, bytes. The upper end keeps an encrypted datagram within 65507. */
#define NV_PACKET_SIZE_MIN 64
#define NV_PACKET_SIZE_MAX 65456
/* RTP (12), zero (4), NV video header (16). */
#define NV_VIDEO_HEADER_BYTES 32
/* A shard is this much longer than packetSize. */
#define NV_VIDEO_SHARD_OVERHEAD 16
#define NV_FRAME_HEADER_BYTES 8
/* IV (12), frame index (4), GCM tag (16), in front of an encrypted shard. */
#define NV_ENCRYPTED_PREFIX_BYTES 32
#define NV_ENCRYPTED_TAG_OFFSET 16
#define NV_GCM_IV_BYTES 12
#define NV_GCM_TAG_BYTES 16

#define NV_VIDEO_FLAG_PICTURE 0x01
#define NV_VIDEO_FLAG_EOF 0x02
#define NV_VIDEO_FLAG_SOF 0x04

#define NV_FRAME_TYPE_P 1
#define NV_FRAME_TYPE_IDR 2
#define NV_FRAME_TYPE_INTRA_REFRESH 4
#define NV_FRAME_TYPE_AFTER_INVALIDATION 5

#define NV_AUDIO_HEADER_BYTES 12
#define NV_AUDIO_PARITY_HEADER_BYTES 24
#define NV_AUDIO_TYPE_DATA 97
#define NV_AUDIO_TYPE_PARITY 127
#define NV_AUDIO_DATA_SHARDS 4
#define NV_AUDIO_PARITY_SHARDS 2
/* The client's receive buffer (protocol/audio.md §1): a longer datagram arrives cut. */
#define NV_AUDIO_MAX_DATAGRAM 1400

/* What a reader found wrong. */
typedef enum
{
  NV_READ_OK,
  NV_READ_SHORT,            /* fewer bytes than the header has */
  NV_READ_NOT_RTP,          /* first byte is not what this stream sends */
  NV_READ_BAD_TYPE,         /* audio: neither data nor parity */
  NV_READ_BAD_SHARD,        /* shard index, count or block number that no sender can mean */
  NV_READ_BAD_FRAME_HEADER, /* video: not the 8-byte short form */
} NvReadResult;

/*
 * A video shard's header. In a parity shard `packet_number`, `flags` and `extra_flags` are Reed-Solomon output and
 * mean nothing until the block is complete.
 */
typedef struct
{
  uint16_t sequence;      /* RTP sequence, counts parity too */
  uint32_t timestamp;     /* 90 kHz */
  uint32_t packet_number; /* 24 bits of streamPacketIndex >> 8 */
  uint32_t frame_index;   /* 1 is the first frame of a session */
  uint8_t flags;          /* NV_VIDEO_FLAG_*, SOF and EOF a block */
  uint8_t extra_flags;    /* 0x01: long-term reference candidate */
  uint8_t block;          /* 0 to blocks - 1 */
  uint8_t blocks;         /* 1 to 4 */
  uint16_t data_shards;   /* D of the block, 1 to 1023 */
  uint16_t shard_index;   /* 0 to D - 1 data, then parity */
  uint8_t fec_percentage; /* P = frame_plan_parity_shards (D, percentage) */
} NvVideoHeader;

/* The 8 bytes in front of the access unit in a frame's first data shard. */
typedef struct
{
  uint16_t host_latency;       /* capture to packetising in 1/10 ms; 0 = unknown or a repeated frame */
  uint8_t frame_type;          /* NV_FRAME_TYPE_* */
  uint16_t last_payload_bytes; /* payload used in the frame's last data packet */
} NvFrameHeader;

/* An audio datagram; `payload` is what follows the header (Opus, ciphertext or parity). */
typedef struct
{
  bool is_parity;
  uint16_t sequence;       /* data: RTP sequence; parity: of no use */
  uint32_t timestamp;      /* data: milliseconds; parity: of no use */
  uint8_t shard_index;     /* parity: 0 or 1 */
  uint16_t base_sequence;  /* first data packet of the block, a multiple of 4 */
  uint32_t base_timestamp; /* parity: its timestamp; data: 0 */
  size_t payload_offset;
  size_t payload_bytes;
} NvAudioHeader;

/*
 * Writes into a data shard the header as the parity covers it, all else of the 32 bytes zero
 * (protocol/video.md §4.1: bytes 16-19 and 24-26 must be final before parity is computed).
 * `shard` has at least NV_VIDEO_HEADER_BYTES.
 */
void nv_video_write_coded (uint8_t *shard, uint32_t packet_number, uint8_t flags, uint8_t extra_flags);

/*
 * Writes, after parity was computed, the fields that are overwritten in data and parity shards alike: RTP flags,
 * sequence, timestamp, frame index, block, fecInfo. Leaves packet number, flags and extra flags as coded.
 */
void nv_video_write_uncoded (uint8_t *shard, const NvVideoHeader *header);

/* Reads a (decrypted) video shard of `size` bytes; `header` is written only on NV_READ_OK. */
NvReadResult nv_video_read (const uint8_t *shard, size_t size, NvVideoHeader *header);

void nv_frame_header_write (uint8_t *bytes, const NvFrameHeader *header);

/* Reads the frame header at the start of a frame's payload of `size` bytes. */
NvReadResult nv_frame_header_read (const uint8_t *bytes, size_t size, NvFrameHeader *header);

/* Writes IV and frame index of an encrypted datagram; the cipher writes the tag. */
void nv_encrypted_prefix_write (uint8_t *datagram, uint64_t counter, uint32_t frame_index);

/* Reads the frame index that an encrypted datagram shows in clear (unauthenticated). */
NvReadResult nv_encrypted_prefix_read (const uint8_t *datagram, size_t size, uint32_t *frame_index);

/* Writes the 12 header bytes of an audio data packet; `timestamp` in milliseconds. */
void nv_audio_write_data (uint8_t *bytes, uint16_t sequence, uint32_t timestamp);

/* Writes the 24 header bytes of audio parity packet `shard_index` (0 or 1) of the block that begins at `base`. */
void nv_audio_write_parity (uint8_t *bytes, uint8_t shard_index, uint16_t base_sequence, uint32_t base_timestamp);

NvReadResult nv_audio_read (const uint8_t *datagram, size_t size, NvAudioHeader *header);

/* A few words for logs. Static memory. */
const char *nv_read_result_text (NvReadResult result);
