/*
 * test_audioqueue.c: audio datagrams in, payloads in order out.
 */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "audioqueue.h"
#include "rsfec.h"

#define PAYLOAD 60
#define MAX_PACKETS 4096

typedef struct
{
  guint count;
  guint16 sequence[MAX_PACKETS];
  guint32 missing[MAX_PACKETS];
  guint damaged;
} Received;

static Received received;
static AudioQueue *queue;

static guint8
byte_at (guint16 sequence, guint i)
{
  return (guint8) (31 * sequence + 5 * i);
}

static void
on_packet (void *user, uint16_t sequence, const uint8_t *payload, size_t bytes, uint32_t missing)
{
  guint i;

  fail_unless (received.count < MAX_PACKETS);
  received.sequence[received.count] = sequence;
  received.missing[received.count++] = missing;
  for (i = 0; i < bytes; i++)
    if (payload[i] != byte_at (sequence, i)) {
      received.damaged++;
      break;
    }
}

/* Datagram `index` (4 and 5: parity) of the block that begins at `base`. Returns its size. */
static gsize
make (guint8 *datagram, guint16 base, guint index, gsize bytes)
{
  guint8 payload[6][1400];
  guint8 *shards[6];
  RsFec *fec = rs_fec_new ();
  guint s, i;

  for (s = 0; s < 6; s++) {
    shards[s] = payload[s];
    for (i = 0; s < 4 && i < bytes; i++)
      payload[s][i] = byte_at ((guint16) (base + s), i);
  }
  fail_unless (rs_fec_encode (fec, RS_FEC_AUDIO, 4, 2, shards, bytes));
  rs_fec_free (fec);
  if (index < 4)
    nv_audio_write_data (datagram, (guint16) (base + index), (base + index) * 5u);
  else
    nv_audio_write_parity (datagram, (guint8) (index - 4), base, base * 5u);
  gsize header = index < 4 ? NV_AUDIO_HEADER_BYTES : NV_AUDIO_PARITY_HEADER_BYTES;
  memcpy (datagram + header, payload[index], bytes);
  return header + bytes;
}

static void
push (guint16 base, guint index)
{
  guint8 datagram[1500];
  gsize size = make (datagram, base, index, PAYLOAD);

  fail_unless (audio_queue_push (queue, datagram, size));
}

static void
push_block (guint16 base, guint dropped_mask)
{
  guint i;

  for (i = 0; i < 6; i++)
    if (!((dropped_mask >> i) & 1))
      push (base, i);
}

static void
setup (void)
{
  AudioQueueSink sink = { on_packet, NULL };

  memset (&received, 0, sizeof received);
  queue = audio_queue_new (&sink);
}

static void
teardown (void)
{
  audio_queue_free (queue);
}

static void
expect_run (guint16 from, guint count)
{
  guint i;

  fail_unless_equals_int (received.count, count);
  for (i = 0; i < count; i++)
    fail_unless_equals_int (received.sequence[i], (guint16) (from + i));
  fail_unless_equals_int (received.damaged, 0);
}

GST_START_TEST (test_data_in_order_passes_at_once)
{
  push (0, 0);
  fail_unless_equals_int (received.count, 1);
  push (0, 1);
  fail_unless_equals_int (received.count, 2);
  push (0, 2);
  push (0, 3);
  push (0, 4);
  push (0, 5);
  expect_run (0, 4);
}

GST_END_TEST;

GST_START_TEST (test_every_loss_of_two_of_six_recovers)
{
  guint mask, blocks = 0;

  for (mask = 0; mask < 64; mask++)
    if (__builtin_popcount (mask) <= 2)
      push_block ((guint16) (4 * blocks++), mask);
  expect_run (0, 4 * blocks);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->lost, 0);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->gaps, 0);
  /* 4 single losses of data, 6 pairs of data (two each), 8 of data with parity */
  fail_unless_equals_uint64 (audio_queue_stats (queue)->recovered, 4 + 12 + 8);
}

GST_END_TEST;

GST_START_TEST (test_third_loss_leaves_a_gap_when_the_next_block_begins)
{
  push_block (0, 0);
  push_block (4, 0x07); /* 4, 5, 6 lost; 7 and both parities came */
  fail_unless_equals_int (received.count, 4);
  push_block (8, 0);
  fail_unless_equals_int (received.count, 9);
  fail_unless_equals_int (received.sequence[4], 7);
  fail_unless_equals_int (received.missing[4], 3);
  fail_unless_equals_int (received.missing[5], 0);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->lost, 3);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->gaps, 1);
}

GST_END_TEST;

GST_START_TEST (test_whole_missing_blocks_count_as_one_gap)
{
  push_block (0, 0);
  push_block (400, 0);
  fail_unless_equals_int (received.missing[4], 396);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->lost, 396);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->gaps, 1);
}

GST_END_TEST;

GST_START_TEST (test_order_is_restored_inside_a_block)
{
  static const guint order[] = { 0, 3, 1, 2, 4, 5 };
  guint i;

  for (i = 0; i < 6; i++)
    push (0, order[i]);
  push (0, 2);
  expect_run (0, 4);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->duplicates, 1);
}

GST_END_TEST;

GST_START_TEST (test_sequence_wraps)
{
  push_block (65528, 0x0c);
  push_block (65532, 0x03);
  push_block (0, 0x21);
  expect_run (65528, 12);
}

GST_END_TEST;

GST_START_TEST (test_joining_in_mid_block_loses_nothing)
{
  push_block (100, 0x33); /* 102 and 103 come first, no parity */
  push_block (104, 0);
  expect_run (102, 6);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->lost, 0);
}

GST_END_TEST;

GST_START_TEST (test_block_of_unequal_sizes_is_not_recovered_from)
{
  guint8 datagram[1500];

  push (0, 0);
  fail_unless (audio_queue_push (queue, datagram, make (datagram, 0, 1, PAYLOAD + 1)));
  push (0, 4);
  push (0, 5);
  fail_unless_equals_int (received.count, 2);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->recovered, 0);
}

GST_END_TEST;

GST_START_TEST (test_sequence_that_starts_afresh_is_taken_up_again)
{
  guint i;

  push_block (20000, 0);
  for (i = 0; i < 40; i++)
    push_block ((guint16) (4 * i), 0);
  fail_unless (received.count > 4 + 100, "%u packets", received.count);
}

GST_END_TEST;

GST_START_TEST (test_end_of_stream_hands_on_what_is_there)
{
  push (0, 0);
  push (0, 2);
  audio_queue_drain (queue);
  fail_unless_equals_int (received.count, 2);
  fail_unless_equals_uint64 (audio_queue_stats (queue)->lost, 1);
}

GST_END_TEST;

GST_START_TEST (test_random_and_truncated_datagrams_are_rejected_or_harmless)
{
  guint32 x = 5;
  guint i, j;

  for (i = 0; i < 100000; i++) {
    guint8 datagram[1500];
    gsize size;

    for (j = 0; j < 32; j++) {
      x = x * 1664525u + 1013904223u;
      datagram[j] = (guint8) (x >> 24);
    }
    if (i % 2) {
      datagram[0] = 0x80;
      datagram[1] = i % 4 == 1 ? 97 : 127;
    }
    size = x % 40;
    received.count = 0;
    audio_queue_push (queue, datagram, MIN (size, 32));
  }
  fail_unless (audio_queue_stats (queue)->rejected > 50000);
  fail_if (audio_queue_push (queue, (const guint8 *) "", 0));
}

GST_END_TEST;

static Suite *
audioqueue_suite (void)
{
  Suite *s = suite_create ("audioqueue");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, test_data_in_order_passes_at_once);
  tcase_add_test (tc, test_every_loss_of_two_of_six_recovers);
  tcase_add_test (tc, test_third_loss_leaves_a_gap_when_the_next_block_begins);
  tcase_add_test (tc, test_whole_missing_blocks_count_as_one_gap);
  tcase_add_test (tc, test_order_is_restored_inside_a_block);
  tcase_add_test (tc, test_sequence_wraps);
  tcase_add_test (tc, test_joining_in_mid_block_loses_nothing);
  tcase_add_test (tc, test_block_of_unequal_sizes_is_not_recovered_from);
  tcase_add_test (tc, test_sequence_that_starts_afresh_is_taken_up_again);
  tcase_add_test (tc, test_end_of_stream_hands_on_what_is_there);
  tcase_add_test (tc, test_random_and_truncated_datagrams_are_rejected_or_harmless);
  return s;
}

GST_CHECK_MAIN (audioqueue);
