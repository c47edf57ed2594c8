/*
 * test_frameplan.c: blocks, parity counts and limits. Source: protocol/video.md §3.3, §4, §5.3.
 */
#include <gst/check/gstcheck.h>

#include "frameplan.h"

static FramePlan
plan_of (gsize bytes, guint packet_size, guint percentage, guint min_parity)
{
  FramePlan plan;

  fail_unless_equals_int (frame_plan_compute (&plan, bytes, packet_size, percentage, min_parity), FRAME_PLAN_OK);
  return plan;
}

GST_START_TEST (test_frameplan_worked_examples)
{
  FramePlan p = plan_of (40000, 1024, 20, 2);

  fail_unless_equals_int (p.payload_bytes, 1008);
  fail_unless_equals_int (p.data_packets, 40);
  fail_unless_equals_int (p.last_payload_bytes, 696);
  fail_unless_equals_int (p.block_count, 1);
  fail_unless_equals_int (p.blocks[0].parity_shards, 8);
  fail_unless_equals_int (p.total_packets, 48);

  p = plan_of (300, 1024, 20, 2);
  fail_unless_equals_int (p.blocks[0].data_shards, 1);
  fail_unless_equals_int (p.blocks[0].parity_shards, 2);
  fail_unless_equals_int (p.blocks[0].percentage, 200);
  fail_unless_equals_int (p.last_payload_bytes, 308);

  p = plan_of (2008, 1024, 20, 2);
  fail_unless_equals_int (p.total_packets, 4);
  fail_unless_equals_int (p.last_payload_bytes, 1008);
  fail_unless_equals_int (p.blocks[0].percentage, 100);
}

GST_END_TEST;

GST_START_TEST (test_frameplan_large_frames_have_several_blocks)
{
  FramePlan p = plan_of (500000, 1024, 20, 2);

  fail_unless_equals_int (p.block_count, 3);
  fail_unless_equals_int (p.blocks[0].data_shards, 166);
  fail_unless_equals_int (p.blocks[1].data_shards, 166);
  fail_unless_equals_int (p.blocks[2].data_shards, 165);
  fail_unless_equals_int (p.blocks[0].parity_shards, 34);
  fail_unless_equals_int (p.blocks[2].parity_shards, 33);
  fail_unless_equals_int (p.total_packets, 598);
  fail_if (p.without_parity);

  p = plan_of (900000, 1024, 20, 2);
  fail_unless_equals_int (p.block_count, 4);
  fail_unless_equals_int (p.blocks[0].data_shards, 224);
  fail_unless_equals_int (p.blocks[3].data_shards, 221);
  fail_unless_equals_int (p.blocks[0].parity_shards, 0);
  fail_unless_equals_int (p.blocks[0].percentage, 0);
  fail_unless_equals_int (p.total_packets, 893);
  fail_unless (p.without_parity);
}

GST_END_TEST;

GST_START_TEST (test_frameplan_limits_are_exact)
{
  static const struct
  {
    guint percentage;
    gsize with_parity_bytes; /* largest frame with parity at packet size 1024, §4 */
  } table[] = { { 5, 975736 }, { 10, 931384 }, { 20, 854776 }, { 25, 822520 }, { 50, 685432 } };
  FramePlan p;

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    p = plan_of (table[i].with_parity_bytes, 1024, table[i].percentage, 2);
    fail_if (p.without_parity);
    fail_unless (p.blocks[0].parity_shards > 0);
    fail_unless (plan_of (table[i].with_parity_bytes + 1, 1024, table[i].percentage, 2).without_parity);
  }
  p = plan_of (4124728, 1024, 20, 2);
  fail_unless_equals_int (p.data_packets, 4092);
  fail_unless_equals_int (frame_plan_compute (&p, 4124729, 1024, 20, 2), FRAME_PLAN_TOO_LARGE);
  fail_unless_equals_int (frame_plan_compute (&p, G_MAXSIZE, 1024, 20, 2), FRAME_PLAN_TOO_LARGE);
  fail_unless_equals_int (frame_plan_compute (&p, G_MAXSIZE - 3, 65456, 0, 0), FRAME_PLAN_TOO_LARGE);
  fail_unless_equals_int (frame_plan_compute (&p, 0, 1024, 20, 2), FRAME_PLAN_EMPTY);
  fail_unless_equals_int (p.data_packets, 4092); /* refusals leave the plan alone */
}

GST_END_TEST;

GST_START_TEST (test_frameplan_bad_packet_size_is_refused)
{
  static const guint bad[] = { 0, 16, 48, 63, 1023, 1025, 65472, 65535, G_MAXUINT };
  FramePlan p;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    fail_unless_equals_int (frame_plan_compute (&p, 1000, bad[i], 20, 2), FRAME_PLAN_BAD_PACKET_SIZE);
}

GST_END_TEST;

/* The client knows D and the percentage only: what it computes must be what was sent. */
GST_START_TEST (test_frameplan_client_computes_the_same_parity)
{
  for (guint percentage = 0; percentage <= 255; percentage += percentage < 60 ? 5 : 13) {
    for (guint min_parity = 0; min_parity <= 255; min_parity += min_parity < 6 ? 1 : 83) {
      for (guint n = 1; n <= 1100; n += n < 256 ? 1 : 61) {
        FramePlan p = plan_of ((gsize) n * 48 - 8, 64, percentage, min_parity);
        guint data = 0, total = 0;

        fail_unless_equals_int (p.data_packets, n);
        for (guint b = 0; b < p.block_count; b++) {
          const FramePlanBlock *block = &p.blocks[b];

          fail_unless (block->data_shards >= 1);
          fail_unless (block->percentage <= 255);
          fail_unless_equals_int (
              block->parity_shards, frame_plan_parity_shards (block->data_shards, block->percentage));
          fail_unless (block->parity_shards == 0 || block->data_shards + block->parity_shards <= 255);
          fail_unless (block->data_shards <= 1023);
          data += block->data_shards;
          total += block->data_shards + block->parity_shards;
        }
        fail_unless_equals_int (data, n);
        fail_unless_equals_int (total, p.total_packets);
      }
    }
  }
}

GST_END_TEST;

GST_START_TEST (test_frameplan_minimum_that_overflows_is_clamped)
{
  /* floor (100 * 3 / 1) = 300 does not fit a byte: two is the most a single shard can have. */
  FramePlan p = plan_of (100, 1024, 20, 255);

  fail_unless_equals_int (p.blocks[0].parity_shards, 2);
  fail_unless_equals_int (p.blocks[0].percentage, 200);
  /* 0 percent means no parity, whatever the minimum. */
  p = plan_of (100, 1024, 0, 2);
  fail_unless_equals_int (p.blocks[0].parity_shards, 0);
  fail_if (p.without_parity);
}

GST_END_TEST;

GST_START_TEST (test_frameplan_covers_every_byte_once)
{
  for (gsize bytes = 1; bytes < 20000; bytes += 7) {
    FramePlan p = plan_of (bytes, 256, 20, 2);

    fail_unless (p.last_payload_bytes >= 1 && p.last_payload_bytes <= p.payload_bytes);
    fail_unless_equals_int ((p.data_packets - 1) * p.payload_bytes + p.last_payload_bytes, bytes + 8);
  }
}

GST_END_TEST;

static Suite *
frameplan_suite (void)
{
  Suite *s = suite_create ("frameplan");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_frameplan_worked_examples);
  tcase_add_test (tc, test_frameplan_large_frames_have_several_blocks);
  tcase_add_test (tc, test_frameplan_limits_are_exact);
  tcase_add_test (tc, test_frameplan_bad_packet_size_is_refused);
  tcase_add_test (tc, test_frameplan_client_computes_the_same_parity);
  tcase_add_test (tc, test_frameplan_minimum_that_overflows_is_clamped);
  tcase_add_test (tc, test_frameplan_covers_every_byte_once);
  return s;
}

GST_CHECK_MAIN (frameplan);
