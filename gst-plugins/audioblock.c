/*
 * audioblock.c: see audioblock.h.
 */
#include "audioblock.h"

#include <string.h>

void
audio_block_begin (AudioBlock *block, uint32_t first_packet)
{
  block->first_packet = first_packet;
  block->count = 0;
  block->payload_bytes = 0;
  block->is_uneven = false;
}

uint32_t
audio_block_next_packet (const AudioBlock *block)
{
  return block->first_packet + block->count;
}

bool
audio_block_is_full (const AudioBlock *block)
{
  return block->count == NV_AUDIO_DATA_SHARDS;
}

const uint8_t *
audio_block_add (AudioBlock *block, MediaCrypt *crypt, uint32_t key_id, const uint8_t *opus, size_t size, size_t *bytes)
{
  uint8_t *payload = block->payloads[block->count];

  *bytes = crypt != NULL ? media_crypt_audio_bytes (size) : size;
  if (crypt == NULL)
    memcpy (payload, opus, size);
  else if (!media_crypt_seal_audio (crypt, key_id, (uint16_t) audio_block_next_packet (block), opus, size, payload))
    return NULL;
  if (block->count == 0)
    block->payload_bytes = *bytes;
  block->is_uneven = block->is_uneven || *bytes != block->payload_bytes;
  block->count++;
  return payload;
}

bool
audio_block_encode (
    const AudioBlock *block, RsFec *fec, uint8_t parity[NV_AUDIO_PARITY_SHARDS][AUDIO_BLOCK_MAX_PAYLOAD_BYTES])
{
  uint8_t *shards[NV_AUDIO_DATA_SHARDS + NV_AUDIO_PARITY_SHARDS];

  if (block->is_uneven)
    return false;
  /* the data shards are read alone */
  for (uint32_t i = 0; i < NV_AUDIO_DATA_SHARDS; i++)
    shards[i] = (uint8_t *) block->payloads[i];
  for (uint32_t i = 0; i < NV_AUDIO_PARITY_SHARDS; i++)
    shards[NV_AUDIO_DATA_SHARDS + i] = parity[i];
  return rs_fec_encode (fec, RS_FEC_AUDIO, NV_AUDIO_DATA_SHARDS, NV_AUDIO_PARITY_SHARDS, shards, block->payload_bytes);
}
