/*
 * test_framequeue.c: shards in, frames out: every shape of frame, every loss that parity covers, and what lies beyond.
 */
#include "framequeue.h"
#include "shardmaker.h"

typedef struct
{
  guint frames;
  guint32 last_index;
  GByteArray *last; /* newest access unit */
  gboolean was_recovered;
  guint lost_calls;
  guint32 lost_first, lost_last;
  guint block_calls;
  FrameQueueBlock block; /* newest report */
} Received;

static void
on_frame (void *user, const FrameQueueFrame *frame)
{
  Received *r = user;

  r->frames++;
  r->last_index = frame->frame_index;
  r->was_recovered = frame->is_recovered;
  g_byte_array_set_size (r->last, 0);
  g_byte_array_append (r->last, frame->storage + frame->offset, (guint) frame->bytes);
  g_free (frame->storage);
}

static void
on_lost (void *user, uint32_t lost_first, uint32_t lost_last)
{
  Received *r = user;

  r->lost_calls++;
  r->lost_first = lost_first;
  r->lost_last = lost_last;
}

static void
on_block (void *user, const FrameQueueBlock *block)
{
  Received *r = user;

  r->block_calls++;
  r->block = *block;
}

static Received received;
static ShardMaker maker;
static FrameQueue *queue;

static void
open_queue (guint32 packet_size)
{
  static const ShardMaker fresh = SHARD_MAKER_INIT;
  FrameQueueSink sink = { on_frame, on_lost, on_block, &received };

  maker = fresh;
  maker.packet_size = packet_size;
  memset (&received, 0, sizeof received);
  received.last = g_byte_array_new ();
  queue = frame_queue_new (packet_size, &sink);
  fail_unless (queue != NULL);
}

static void
setup (void)
{
  open_queue (1024);
}

static void
teardown (void)
{
  frame_queue_free (queue);
  g_byte_array_unref (received.last);
}

static FrameQueueResult
push (const ShardedFrame *frame, guint shard)
{
  return frame_queue_push (queue, frame->shards[shard], frame->shard_bytes, 1000);
}

/* Pushes all shards but those marked in `dropped` (may be NULL). */
static void
push_frame (const ShardedFrame *frame, const gboolean *dropped)
{
  guint i;

  for (i = 0; i < frame->plan.total_packets; i++)
    if (!dropped || !dropped[i])
      push (frame, i);
}

static void
expect_frame (const ShardedFrame *frame, guint32 index)
{
  fail_unless_equals_int (received.last_index, index);
  fail_unless_equals_int (received.last->len, frame->bytes);
  fail_unless (memcmp (received.last->data, frame->unit, frame->bytes) == 0, "the frame's bytes differ");
}

/* Bytes of frames of one to four blocks, full last packets, block edges, and one too large for parity. */
static const gsize shapes[] = { 1, 300, 1000, 1001, 2008, 40000, 212 * 1008 - 8, 212 * 1008 - 7, 300000, 500000, 700000,
  848 * 1008 - 8, 848 * 1008 - 7, 900000 };

GST_START_TEST (test_frames_of_every_shape_come_out_whole)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (shapes); i++) {
    ShardedFrame *frame = shard_maker_frame (&maker, shapes[i], i == 0);

    push_frame (frame, NULL);
    fail_unless_equals_int (received.frames, i + 1);
    expect_frame (frame, i + 1);
    fail_if (received.was_recovered);
    sharded_frame_free (frame);
  }
  fail_unless_equals_int (received.lost_calls, 0);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->duplicates, 0);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->sequence_gaps, 0);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->rejected, 0);
}

GST_END_TEST;

/* Marks `count` random shards of each block. */
static gboolean *
drop_in_each_block (const ShardedFrame *frame, gint more_than_parity, guint32 *seed)
{
  gboolean *dropped = g_new0 (gboolean, frame->plan.total_packets);
  guint b;

  for (b = 0; b < frame->plan.block_count; b++) {
    const FramePlanBlock *block = &frame->plan.blocks[b];
    guint total = block->data_shards + block->parity_shards, start = shard_maker_block_start (frame, b);
    gint left = (gint) block->parity_shards + more_than_parity;

    while (left > 0) {
      guint s = start + next_random (seed) % total;

      left -= !dropped[s];
      dropped[s] = TRUE;
    }
  }
  return dropped;
}

GST_START_TEST (test_as_many_losses_as_parity_recover_in_every_block_of_every_shape)
{
  guint32 seed = 1;
  guint round, i, expected = 0;

  for (round = 0; round < 5; round++) {
    for (i = 0; i < G_N_ELEMENTS (shapes); i++) {
      ShardedFrame *frame = shard_maker_frame (&maker, shapes[i], FALSE);
      gboolean *dropped = drop_in_each_block (frame, 0, &seed);

      push_frame (frame, dropped);
      expected++;
      fail_unless_equals_int (received.frames, expected);
      expect_frame (frame, expected);
      g_free (dropped);
      sharded_frame_free (frame);
    }
  }
  fail_unless_equals_int (received.lost_calls, 0);
  fail_unless (frame_queue_stats (queue)->frames_recovered > 0);
}

GST_END_TEST;

GST_START_TEST (test_one_loss_more_than_parity_loses_the_frame_when_the_next_one_comes)
{
  guint32 seed = 7;
  ShardedFrame *before = shard_maker_frame (&maker, 300, TRUE);
  ShardedFrame *broken = shard_maker_frame (&maker, 40000, FALSE);
  ShardedFrame *after = shard_maker_frame (&maker, 300, FALSE);
  gboolean *dropped = drop_in_each_block (broken, 1, &seed);

  push_frame (before, NULL);
  push_frame (broken, dropped);
  fail_unless_equals_int (received.frames, 1);
  fail_unless_equals_int (received.lost_calls, 0);
  push (after, 0);
  fail_unless_equals_int (received.lost_calls, 1);
  fail_unless_equals_int (received.lost_first, 2);
  fail_unless_equals_int (received.lost_last, 2);
  expect_frame (after, 3);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->frames_lost, 1);

  g_free (dropped);
  sharded_frame_free (before);
  sharded_frame_free (broken);
  sharded_frame_free (after);
}

GST_END_TEST;

/* The figures of protocol/control.md §6.5 for a block of 10 data shards and 2 of parity. */
static ShardedFrame *
ten_data_shards (void)
{
  ShardedFrame *frame = shard_maker_frame (&maker, 9 * 1008 + 500, FALSE);

  fail_unless_equals_int (frame->plan.blocks[0].data_shards, 10);
  fail_unless_equals_int (frame->plan.blocks[0].parity_shards, 2);
  return frame;
}

GST_START_TEST (test_block_that_needs_its_parity_is_reported_and_a_whole_one_is_not)
{
  ShardedFrame *whole = ten_data_shards (), *thinned = ten_data_shards ();
  gboolean dropped[12] = { [3] = TRUE, [7] = TRUE };

  push_frame (whole, NULL);
  fail_unless_equals_int (received.block_calls, 0);
  push_frame (thinned, dropped);
  fail_unless_equals_int (received.frames, 2);
  fail_unless_equals_int (received.block_calls, 1);
  fail_unless_equals_int (received.block.frame_index, 2);
  fail_unless_equals_int (received.block.data_shards, 10);
  fail_unless_equals_int (received.block.parity_shards, 2);
  fail_unless_equals_int (received.block.data_received, 8);
  fail_unless_equals_int (received.block.parity_received, 2);
  fail_unless_equals_int (received.block.missing, 2);
  fail_unless_equals_int (received.block.next_sequence, 12 + 3);
  fail_unless_equals_int (received.block.highest_sequence, 12 + 11);
  fail_unless_equals_int (received.block.fec_percentage, 20);
  fail_unless_equals_int (received.block.block, 0);
  fail_unless_equals_int (received.block.blocks, 1);
  sharded_frame_free (whole);
  sharded_frame_free (thinned);
}

GST_END_TEST;

GST_START_TEST (test_block_that_is_given_up_is_reported_once_and_a_frame_of_which_nothing_came_is_not)
{
  ShardedFrame *broken = ten_data_shards (), *gone = ten_data_shards (), *after = ten_data_shards ();
  gboolean dropped[12] = { [0] = TRUE, [3] = TRUE, [10] = TRUE, [11] = TRUE };

  push_frame (broken, dropped);
  fail_unless_equals_int (received.block_calls, 0);
  push_frame (after, NULL);
  fail_unless_equals_int (received.frames, 1);
  fail_unless_equals_int (received.lost_last, 2);
  fail_unless_equals_int (received.block_calls, 1);
  fail_unless_equals_int (received.block.frame_index, 1);
  fail_unless_equals_int (received.block.data_received, 8);
  fail_unless_equals_int (received.block.parity_received, 0);
  fail_unless_equals_int (received.block.missing, 2);
  fail_unless_equals_int (received.block.next_sequence, 0);
  sharded_frame_free (broken);
  sharded_frame_free (gone);
  sharded_frame_free (after);
}

GST_END_TEST;

GST_START_TEST (test_next_block_before_the_first_is_complete_loses_the_frame_at_once_and_only_once)
{
  ShardedFrame *broken = shard_maker_frame (&maker, 500000, TRUE);
  ShardedFrame *after = shard_maker_frame (&maker, 500000, FALSE);
  guint start = shard_maker_block_start (broken, 1), i;

  for (i = 0; i < 165; i++)
    push (broken, i);
  push (broken, start);
  fail_unless_equals_int (received.lost_calls, 1);
  fail_unless_equals_int (received.lost_last, 1);
  for (i = start + 1; i < broken->plan.total_packets; i++)
    push (broken, i);
  push_frame (after, NULL);
  fail_unless_equals_int (received.lost_calls, 1);
  expect_frame (after, 2);
  sharded_frame_free (broken);
  sharded_frame_free (after);
}

GST_END_TEST;

GST_START_TEST (test_whole_missing_frames_are_reported_as_one_range)
{
  ShardedFrame *frames[5];
  guint i;

  for (i = 0; i < 5; i++)
    frames[i] = shard_maker_frame (&maker, 5000, i == 0);
  push_frame (frames[0], NULL);
  push_frame (frames[4], NULL);
  fail_unless_equals_int (received.lost_calls, 1);
  fail_unless_equals_int (received.lost_first, 2);
  fail_unless_equals_int (received.lost_last, 4);
  expect_frame (frames[4], 5);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->frames_lost, 3);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->sequence_gaps, 1);
  /* an old frame is neither delivered nor taken for a duplicate */
  push_frame (frames[2], NULL);
  fail_unless_equals_int (received.frames, 2);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->duplicates, 0);
  for (i = 0; i < 5; i++)
    sharded_frame_free (frames[i]);
}

GST_END_TEST;

GST_START_TEST (test_any_order_inside_a_block_is_fine)
{
  ShardedFrame *frame = shard_maker_frame (&maker, 40000, TRUE);
  ShardedFrame *after = shard_maker_frame (&maker, 300, FALSE);
  guint i;

  for (i = frame->plan.total_packets; i > 0; i--)
    push (frame, i - 1);
  fail_unless_equals_int (received.frames, 1);
  expect_frame (frame, 1);
  push_frame (after, NULL);
  expect_frame (after, 2);
  fail_unless_equals_int (received.lost_calls, 0);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->duplicates, 0);
  sharded_frame_free (frame);
  sharded_frame_free (after);
}

GST_END_TEST;

GST_START_TEST (test_duplicates_are_counted_and_surplus_parity_is_not)
{
  ShardedFrame *frame = shard_maker_frame (&maker, 40000, TRUE);
  guint i;

  for (i = 0; i < frame->plan.total_packets; i++) {
    fail_unless_equals_int (push (frame, i), i < 40 ? FRAME_QUEUE_TAKEN : FRAME_QUEUE_LATE);
    fail_unless_equals_int (push (frame, i), FRAME_QUEUE_DUPLICATE);
  }
  fail_unless_equals_int (received.frames, 1);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->duplicates, frame->plan.total_packets);
  sharded_frame_free (frame);
}

GST_END_TEST;

GST_START_TEST (test_sequence_and_frame_numbers_wrap)
{
  guint32 seed = 3;
  guint i;

  maker.sequence = 65536 - 100;
  maker.frame_index = G_MAXUINT32 - 2;
  for (i = 0; i < 8; i++) {
    ShardedFrame *frame;
    gboolean *dropped;

    if (maker.frame_index == 0)
      maker.frame_index = 1;
    frame = shard_maker_frame (&maker, 40000, FALSE);
    dropped = drop_in_each_block (frame, 0, &seed);
    push_frame (frame, dropped);
    fail_unless_equals_int (received.frames, i + 1);
    g_free (dropped);
    sharded_frame_free (frame);
  }
  /* index 0 is never sent: the wrap looks like one lost frame */
  fail_unless_equals_int (received.lost_calls, 1);
  fail_unless_equals_int (received.lost_first, 0);
}

GST_END_TEST;

GST_START_TEST (test_short_last_data_shard_counts_as_padded_with_zeros)
{
  ShardedFrame *frame = shard_maker_frame (&maker, 1500, TRUE);

  fail_unless_equals_int (push (frame, 0), FRAME_QUEUE_TAKEN);
  fail_unless_equals_int (
      frame_queue_push (queue, frame->shards[1], NV_VIDEO_HEADER_BYTES + 500, 0), FRAME_QUEUE_TAKEN);
  expect_frame (frame, 1);
  sharded_frame_free (frame);
}

GST_END_TEST;

GST_START_TEST (test_shards_that_cannot_be_of_this_stream_are_rejected)
{
  ShardedFrame *frame = shard_maker_frame (&maker, 5000, TRUE);
  guint8 long_shard[1041] = { 0 };
  guint8 zero[1040], far[1040], other[1040];

  memcpy (long_shard, frame->shards[0], 1040);
  fail_unless_equals_int (frame_queue_push (queue, long_shard, 1041, 0), FRAME_QUEUE_REJECTED);
  fail_unless_equals_int (frame_queue_push (queue, frame->shards[0], 31, 0), FRAME_QUEUE_REJECTED);
  fail_unless_equals_int (frame_queue_push (queue, frame->shards[0], 1000, 0), FRAME_QUEUE_REJECTED);
  fail_unless_equals_int (frame_queue_push (queue, (const guint8 *) "", 0, 0), FRAME_QUEUE_REJECTED);
  memcpy (zero, frame->shards[0], 1040);
  memset (zero + 20, 0, 4); /* frame index 0 */
  fail_unless_equals_int (frame_queue_push (queue, zero, 1040, 0), FRAME_QUEUE_REJECTED);

  fail_unless_equals_int (push (frame, 0), FRAME_QUEUE_TAKEN);
  memcpy (far, frame->shards[1], 1040);
  far[22] = 1; /* frame index + 65536 */
  fail_unless_equals_int (frame_queue_push (queue, far, 1040, 0), FRAME_QUEUE_REJECTED);
  memcpy (other, frame->shards[1], 1040);
  other[5] ^= 1; /* another timestamp in the same frame */
  fail_unless_equals_int (frame_queue_push (queue, other, 1040, 0), FRAME_QUEUE_REJECTED);
  fail_unless_equals_uint64 (frame_queue_stats (queue)->rejected, 7);
  /* and none of it harmed the frame */
  push_frame (frame, NULL);
  expect_frame (frame, 1);
  sharded_frame_free (frame);
}

GST_END_TEST;

GST_START_TEST (test_frame_whose_last_payload_length_is_absurd_is_lost)
{
  static const guint16 lengths[] = { 0, 8, 1009, 65535 };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (lengths); i++) {
    ShardedFrame *frame = shard_maker_frame (&maker, 300, FALSE);

    GST_WRITE_UINT16_LE (frame->shards[0] + NV_VIDEO_HEADER_BYTES + 4, lengths[i]);
    push (frame, 0);
    fail_unless_equals_int (received.frames, 0);
    fail_unless_equals_int (received.lost_last, i + 1);
    sharded_frame_free (frame);
  }
}

GST_END_TEST;

GST_START_TEST (test_stream_that_starts_afresh_is_taken_up_again)
{
  ShardedFrame *first_frame;
  guint i;

  maker.frame_index = 5000;
  first_frame = shard_maker_frame (&maker, 300, TRUE);
  push_frame (first_frame, NULL);
  fail_unless_equals_int (received.frames, 1);
  maker.frame_index = 1;
  for (i = 0; i < 9000 && received.frames == 1; i++) {
    ShardedFrame *frame = shard_maker_frame (&maker, 300, TRUE);
    push_frame (frame, NULL);
    sharded_frame_free (frame);
  }
  fail_unless_equals_int (received.frames, 2);
  sharded_frame_free (first_frame);
}

GST_END_TEST;

GST_START_TEST (test_incomplete_frame_at_the_end_is_lost)
{
  ShardedFrame *frame = shard_maker_frame (&maker, 5000, TRUE);

  push (frame, 0);
  frame_queue_drain (queue);
  fail_unless_equals_int (received.lost_calls, 1);
  frame_queue_drain (queue);
  fail_unless_equals_int (received.lost_calls, 1);
  sharded_frame_free (frame);
}

GST_END_TEST;

GST_START_TEST (test_damaged_and_random_shards_never_break_the_queue)
{
  guint32 seed = 99;
  guint round, i;

  for (round = 0; round < 400; round++) {
    ShardedFrame *frame = shard_maker_frame (&maker, 1 + next_random (&seed) % 60000, FALSE);

    for (i = 0; i < frame->plan.total_packets; i++) {
      guint32 what = next_random (&seed) % 8;
      gsize size = frame->shard_bytes;

      if (what == 0)
        size = next_random (&seed) % (size + 1);
      if (what < 3)
        frame->shards[i][next_random (&seed) % NV_VIDEO_HEADER_BYTES] ^= (guint8) next_random (&seed);
      if (what == 3)
        frame->shards[i][NV_VIDEO_HEADER_BYTES + next_random (&seed) % 8] ^= (guint8) next_random (&seed);
      frame_queue_push (queue, frame->shards[i], size, i);
    }
    sharded_frame_free (frame);
  }
  /* an undamaged stream gets through afterwards */
  guint before = received.frames;
  for (round = 0; round < 3000; round++) {
    ShardedFrame *frame = shard_maker_frame (&maker, 4000, TRUE);
    push_frame (frame, NULL);
    sharded_frame_free (frame);
  }
  fail_unless (received.frames > before + 1000, "only %u of 3000 frames came through", received.frames - before);
}

GST_END_TEST;

GST_START_TEST (test_absurd_packet_sizes_make_no_queue)
{
  FrameQueueSink sink = { on_frame, on_lost, on_block, &received };

  fail_unless (frame_queue_new (0, &sink) == NULL);
  fail_unless (frame_queue_new (NV_PACKET_SIZE_MIN - 16, &sink) == NULL);
  fail_unless (frame_queue_new (NV_PACKET_SIZE_MAX + 16, &sink) == NULL);
  frame_queue_free (NULL);
}

GST_END_TEST;

static Suite *
framequeue_suite (void)
{
  Suite *s = suite_create ("framequeue");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, test_frames_of_every_shape_come_out_whole);
  tcase_add_test (tc, test_as_many_losses_as_parity_recover_in_every_block_of_every_shape);
  tcase_add_test (tc, test_one_loss_more_than_parity_loses_the_frame_when_the_next_one_comes);
  tcase_add_test (tc, test_next_block_before_the_first_is_complete_loses_the_frame_at_once_and_only_once);
  tcase_add_test (tc, test_whole_missing_frames_are_reported_as_one_range);
  tcase_add_test (tc, test_any_order_inside_a_block_is_fine);
  tcase_add_test (tc, test_duplicates_are_counted_and_surplus_parity_is_not);
  tcase_add_test (tc, test_sequence_and_frame_numbers_wrap);
  tcase_add_test (tc, test_short_last_data_shard_counts_as_padded_with_zeros);
  tcase_add_test (tc, test_shards_that_cannot_be_of_this_stream_are_rejected);
  tcase_add_test (tc, test_block_that_needs_its_parity_is_reported_and_a_whole_one_is_not);
  tcase_add_test (tc, test_block_that_is_given_up_is_reported_once_and_a_frame_of_which_nothing_came_is_not);
  tcase_add_test (tc, test_frame_whose_last_payload_length_is_absurd_is_lost);
  tcase_add_test (tc, test_stream_that_starts_afresh_is_taken_up_again);
  tcase_add_test (tc, test_incomplete_frame_at_the_end_is_lost);
  tcase_add_test (tc, test_damaged_and_random_shards_never_break_the_queue);
  tcase_add_test (tc, test_absurd_packet_sizes_make_no_queue);
  return s;
}

GST_CHECK_MAIN (framequeue);
