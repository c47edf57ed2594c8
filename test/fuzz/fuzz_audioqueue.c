/*
 * fuzz_audioqueue.c: any series of audio datagrams, restarts and ends into the receiving queue.
 * Input: operations; each one byte, then what it needs.
 */
#include "fuzz.h"

#include "audioqueue.h"

#define MAX_DATAGRAMS 4096

typedef struct
{
  uint64_t packets;
} Seen;

static void
take_packet (void *user, uint16_t sequence, const uint8_t *payload, size_t bytes, uint32_t missing)
{
  Seen *seen = user;

  FUZZ_CHECK (bytes > 0 && bytes <= NV_AUDIO_MAX_DATAGRAM);
  fuzz_touch (payload, bytes);
  seen->packets++;
}

/* A datagram of any bytes. */
static void
push_raw (AudioQueue *queue, FuzzInput *input)
{
  size_t size;
  uint8_t *datagram = fuzz_take (input, fuzz_u16 (input) % (NV_AUDIO_MAX_DATAGRAM + 2), &size);

  audio_queue_push (queue, datagram, size);
  free (datagram);
}

/* A datagram with a proper header near `*sequence`, so that blocks fill up. */
static void
push_shaped (AudioQueue *queue, FuzzInput *input, uint16_t *sequence, bool is_parity)
{
  uint8_t datagram[NV_AUDIO_MAX_DATAGRAM];
  uint8_t step = fuzz_byte (input);
  size_t header = is_parity ? NV_AUDIO_PARITY_HEADER_BYTES : NV_AUDIO_HEADER_BYTES;
  size_t payload = fuzz_byte (input) % 64;

  *sequence = (uint16_t) (*sequence + (int8_t) step);
  if (is_parity)
    nv_audio_write_parity (datagram, step & 1, *sequence & 0xfffc, *sequence);
  else
    nv_audio_write_data (datagram, *sequence, *sequence);
  memset (datagram + header, step, payload);
  audio_queue_push (queue, datagram, header + payload);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  Seen seen = { 0 };
  AudioQueueSink sink = { take_packet, &seen };
  AudioQueue *queue = audio_queue_new (&sink);
  uint16_t sequence = 0;

  for (int n = 0; n < MAX_DATAGRAMS && input.left > 0; n++) {
    switch (fuzz_byte (&input) % 8) {
      case 0:
        push_raw (queue, &input);
        break;
      case 1:
        audio_queue_drain (queue);
        break;
      case 2:
        audio_queue_restart (queue);
        break;
      case 3:
        sequence = (uint16_t) fuzz_u16 (&input);
        break;
      case 4:
      case 5:
        push_shaped (queue, &input, &sequence, true);
        break;
      default:
        push_shaped (queue, &input, &sequence, false);
        break;
    }
  }
  audio_queue_drain (queue);
  FUZZ_CHECK (audio_queue_stats (queue)->packets == seen.packets);
  FUZZ_CHECK (audio_queue_stats (queue)->recovered <= seen.packets);
  audio_queue_free (queue);
  return 0;
}
