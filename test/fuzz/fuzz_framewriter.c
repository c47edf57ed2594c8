/*
 * fuzz_framewriter.c: any access unit written as datagrams, encrypted or not, comes back from the receiving side byte
 * for byte when no block loses more than its parity; a damaged encrypted datagram does not open.
 * Input: settings (5), then the access unit, whose bytes also choose the losses.
 */
#include "fuzz.h"

#include <glib.h>

#include "framequeue.h"
#include "framewriter.h"
#include "mediacrypt.h"

typedef struct
{
  const uint8_t *unit;
  size_t bytes;
  uint32_t frames;
} Expected;

static void
take_frame (void *user, const FrameQueueFrame *frame)
{
  Expected *expected = user;

  FUZZ_CHECK (frame->bytes == expected->bytes);
  FUZZ_CHECK (memcmp (frame->storage + frame->offset, expected->unit, frame->bytes) == 0);
  FUZZ_CHECK (frame->header.host_latency == 123 && frame->header.frame_type == NV_FRAME_TYPE_IDR);
  expected->frames++;
  g_free (frame->storage);
}

static void
take_loss (void *user, uint32_t first, uint32_t last)
{
  fprintf (stderr, "frames %u to %u lost, although no block lost more than its parity\n", first, last);
  abort ();
}

/* Opens what is encrypted and pushes it, leaving out parity_shards of each block. */
static void
receive (FrameQueue *queue, MediaCrypt *crypt, uint8_t *datagrams, const WriterFrame *frame)
{
  size_t stride = frame_writer_datagram_bytes (frame->packet_size, crypt != NULL);
  size_t shard_bytes = frame->packet_size + NV_VIDEO_SHARD_OVERHEAD;
  uint8_t *datagram = datagrams, *shard = malloc (shard_bytes);

  if (shard == NULL)
    abort ();
  for (uint32_t b = 0; b < frame->plan->block_count; b++) {
    const FramePlanBlock *block = &frame->plan->blocks[b];
    uint32_t losses = block->parity_shards, count = block->data_shards + block->parity_shards;

    for (uint32_t i = 0; i < count; i++, datagram += stride) {
      if (losses > 0 && (frame->bytes[i % frame->spans[0].size] & 1)) {
        losses--;
        continue;
      }
      if (crypt == NULL) {
        memcpy (shard, datagram, shard_bytes);
      } else {
        FUZZ_CHECK (media_crypt_open_video (crypt, datagram, stride, shard));
      }
      frame_queue_push (queue, shard, shard_bytes, i);
    }
  }
  free (shard);
}

/* One bit, anywhere but in the frame index, which is a hint that nothing authenticates. */
static void
damage (MediaCrypt *crypt, uint8_t *datagram, size_t size, uint8_t where)
{
  uint8_t *shard = malloc (size);
  size_t at = where % size;

  if (shard == NULL)
    abort ();
  if (at < 12 || at >= 16) {
    datagram[at] ^= 1;
    FUZZ_CHECK (!media_crypt_open_video (crypt, datagram, size, shard));
  }
  FUZZ_CHECK (!media_crypt_open_video (crypt, datagram, where % (NV_ENCRYPTED_PREFIX_BYTES + 1), shard));
  free (shard);
}

static void
round_trip (const uint8_t *unit, size_t bytes, FramePlan *plan, const uint8_t *settings)
{
  static const uint8_t key[MEDIA_KEY_BYTES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
  AnnexbSpan span = { 0, bytes };
  Expected expected = { unit, bytes, 0 };
  FrameQueueSink sink = { take_frame, take_loss, NULL, &expected };
  uint32_t packet_size = plan->payload_bytes + 16;
  MediaCrypt *crypt = settings[0] & 1 ? media_crypt_new (key) : NULL;
  size_t stride = frame_writer_datagram_bytes (packet_size, crypt != NULL);
  uint8_t *datagrams = malloc (plan->total_packets * stride);
  RsFec *fec = rs_fec_new ();
  FrameQueue *queue = frame_queue_new (packet_size, &sink);
  WriterFrame frame = {
    .bytes = unit,
    .spans = &span,
    .span_count = 1,
    .plan = plan,
    .packet_size = packet_size,
    .frame_index = 1,
    .host_latency = 123,
    .frame_type = NV_FRAME_TYPE_IDR,
    .first_packet = (uint64_t) settings[1] * 0x0101010101010101u,
    .first_gcm_counter = settings[2],
  };

  if (datagrams == NULL)
    abort ();
  FUZZ_CHECK (frame_writer_write (fec, crypt, datagrams, &frame));
  receive (queue, crypt, datagrams, &frame);
  FUZZ_CHECK (expected.frames == 1);
  if (crypt != NULL)
    damage (crypt, datagrams, stride, settings[2]);
  frame_queue_free (queue);
  rs_fec_free (fec);
  media_crypt_free (crypt);
  free (datagrams);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  uint8_t settings[3];
  uint32_t percentage, min_parity;
  FramePlan plan;
  uint8_t *unit;
  size_t bytes;

  for (size_t i = 0; i < sizeof settings; i++)
    settings[i] = fuzz_byte (&input);
  percentage = fuzz_byte (&input);
  min_parity = fuzz_byte (&input);
  unit = fuzz_take (&input, input.left, &bytes);
  if (frame_plan_compute (&plan, bytes, NV_PACKET_SIZE_MIN + (settings[0] >> 1) * 16u, percentage, min_parity)
      == FRAME_PLAN_OK)
    round_trip (unit, bytes, &plan, settings);
  free (unit);
  return 0;
}
