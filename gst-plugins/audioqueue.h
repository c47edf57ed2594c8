/*
 * audioqueue.h: the receiving end of an audio stream: datagrams in, payloads in order out. Blocks of four data packets
 * and two parity packets; any four of the six make the block (protocol/audio.md §2, §3). Data in order passes at once;
 * a block is given up when a later one begins. Payloads are not decrypted here: parity is over ciphertext.
 *
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvpacket.h"

typedef struct _AudioQueue AudioQueue;

typedef struct
{
  /* The payload of packet `sequence`, valid during the call; `missing` packets before it never came. */
  void (*packet) (void *user, uint16_t sequence, const uint8_t *payload, size_t bytes, uint32_t missing);
  void *user;
} AudioQueueSink;

typedef struct
{
  uint64_t packets; /* handed on, recovered ones among them */
  uint64_t recovered;
  uint64_t lost; /* data packets that never came */
  uint64_t gaps; /* runs of these */
  uint64_t duplicates;
  uint64_t rejected;
} AudioQueueStats;

AudioQueue *audio_queue_new (const AudioQueueSink *sink);
void audio_queue_free (AudioQueue *queue);

/* Takes one datagram (copied); false when it is no audio datagram of this stream. */
bool audio_queue_push (AudioQueue *queue, const uint8_t *datagram, size_t size);

/* Forgets the stream but not the statistics: the next datagram begins a new one. */
void audio_queue_restart (AudioQueue *queue);

/* The stream ends: what is there of an incomplete block is handed on. */
void audio_queue_drain (AudioQueue *queue);

const AudioQueueStats *audio_queue_stats (const AudioQueue *queue);
