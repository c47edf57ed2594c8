/*
 * audioblock.h: the four Opus packets that share two parity packets, on their way out: their payloads, encrypted where there
 * is a key, and the parity over them (protocol/audio.md §2, §3). No GObject.
 *
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mediacrypt.h"
#include "nvpacket.h"
#include "rsfec.h"

/* A parity datagram has the longer header and must still fit the client's receive buffer. */
#define AUDIO_BLOCK_MAX_PAYLOAD_BYTES (NV_AUDIO_MAX_DATAGRAM - NV_AUDIO_PARITY_HEADER_BYTES)
/* Of an Opus packet, so that it fits encrypted too. */
#define AUDIO_BLOCK_MAX_OPUS_BYTES (AUDIO_BLOCK_MAX_PAYLOAD_BYTES - 16)

/* All zero is an empty block. */
typedef struct
{
  uint32_t first_packet; /* number of the first packet, a multiple of 4 */
  uint32_t count;        /* payloads so far, 0 to 4 */
  size_t payload_bytes;  /* of the first payload */
  bool is_uneven;        /* a later one differed: no parity can cover the block */
  uint8_t payloads[NV_AUDIO_DATA_SHARDS][AUDIO_BLOCK_MAX_PAYLOAD_BYTES];
} AudioBlock;

/* Empties it. A block that another process began is never gone on with: its first payloads are not ours to cover. */
void audio_block_begin (AudioBlock *block, uint32_t first_packet);

/* Number of the packet that comes next. */
uint32_t audio_block_next_packet (const AudioBlock *block);

bool audio_block_is_full (const AudioBlock *block);

/*
 * Takes the next Opus packet, of 1 to AUDIO_BLOCK_MAX_OPUS_BYTES, into a block that is not full. Returns its payload, valid
 * until the block begins anew, and its size in `*bytes`; NULL when the cipher failed, which leaves the block as it was.
 */
const uint8_t *audio_block_add (
    AudioBlock *block, MediaCrypt *crypt, uint32_t key_id, const uint8_t *opus, size_t size, size_t *bytes);

/* Writes block->payload_bytes of each parity payload of a full block. False when its payloads have several sizes: then it
 * goes without. */
bool audio_block_encode (
    const AudioBlock *block, RsFec *fec, uint8_t parity[NV_AUDIO_PARITY_SHARDS][AUDIO_BLOCK_MAX_PAYLOAD_BYTES]);
