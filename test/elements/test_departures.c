/*
 * test_departures.c: messages with departure times, in made-up time.
 */
#include <gst/check/gstcheck.h>

#include "departures.h"

#define DATAGRAMS_MAX 600
#define DATAGRAM_BYTES 1408
#define BUFFER_BYTES (16 * 1024 * 1024)

static guint8 payload[DATAGRAM_BYTES];
static struct iovec datagrams[DATAGRAMS_MAX];

static void
fill (guint n)
{
  for (guint i = 0; i < n; i++)
    datagrams[i] = (struct iovec) { payload, DATAGRAM_BYTES };
}

GST_START_TEST (test_departures_a_frame_is_planned_whole)
{
  const BatchSend send = { .segmentation = true };
  Departures departures;
  DeparturePlan plan;
  guint sum = 0;

  fill (228);
  departures_init (&departures, BUFFER_BYTES);
  departures_plan (&departures, &send, datagrams, 228, 10 * DATAGRAM_BYTES, &plan);
  fail_unless_equals_int (plan.datagrams, 228);
  fail_unless_equals_int (plan.messages, 23);
  for (guint m = 0; m < plan.messages; m++) {
    fail_unless (plan.lengths[m] <= 10);
    sum += plan.lengths[m];
  }
  fail_unless_equals_int (sum, 228);
}

GST_END_TEST;

GST_START_TEST (test_departures_without_segmentation_every_datagram_is_a_message)
{
  const BatchSend send = { 0 };
  Departures departures;
  DeparturePlan plan;

  fill (51);
  departures_init (&departures, BUFFER_BYTES);
  departures_plan (&departures, &send, datagrams, 51, 10 * DATAGRAM_BYTES, &plan);
  fail_unless_equals_int (plan.messages, 51);
  fail_unless_equals_int (plan.datagrams, 51);
  fill (200);
  departures_plan (&departures, &send, datagrams, 200, 10 * DATAGRAM_BYTES, &plan);
  fail_unless_equals_int (plan.messages, BATCHSEND_MESSAGES_PER_CALL);
}

GST_END_TEST;

/* Gives as many bursts to the kernel as a sender that never sleeps would, and sees how much it then holds. */
static void
check_bound (guint64 buffer_bytes, guint per_burst, guint message_datagrams)
{
  const BatchSend send = { .segmentation = true };
  Departures departures;
  DeparturePlan plan;
  guint64 now_ns = 1000, at_ns = 1000, waits = 0;
  GArray *sent = g_array_new (FALSE, FALSE, sizeof (guint64));

  fill (per_burst);
  departures_init (&departures, buffer_bytes);
  for (guint burst = 0; burst < 50; burst++) {
    guint done = 0;

    while (done < per_burst) {
      departures_plan (
          &departures, &send, datagrams + done, per_burst - done, message_datagrams * DATAGRAM_BYTES, &plan);
      fail_unless (plan.datagrams > 0);
      guint64 wake_ns = departures_wake_ns (&departures, now_ns, &plan);
      if (wake_ns != 0) {
        fail_unless (wake_ns > now_ns);
        now_ns = wake_ns;
        waits++;
      }
      fail_unless_equals_uint64 (departures_wake_ns (&departures, now_ns, &plan), 0);
      guint waiting = 0;
      for (guint m = 0; m < plan.messages; m++) {
        at_ns = MAX (at_ns, now_ns) + 100;
        departures_add (&departures, at_ns, (guint64) plan.lengths[m] * DATAGRAM_BYTES);
        g_array_append_val (sent, at_ns);
      }
      for (guint i = 0; i < sent->len; i++)
        waiting += g_array_index (sent, guint64, i) > now_ns;
      fail_unless (waiting <= DEPARTURES_HELD_MAX, "the kernel would hold %u messages", waiting);
      fail_unless (departures.cost <= buffer_bytes || waiting == plan.messages);
      done += plan.datagrams;
    }
  }
  fail_unless (waits > 0);
  g_array_unref (sent);
}

GST_START_TEST (test_departures_the_kernel_never_holds_more_than_it_can)
{
  check_bound (BUFFER_BYTES, 137, 5);
  check_bound (BUFFER_BYTES, 600, 1);
  check_bound (425984, 228, 10); /* what a kernel's default wmem_max comes to */
  check_bound (4608, 51, 2);     /* the least that a kernel grants */
}

GST_END_TEST;

static Suite *
departures_suite (void)
{
  Suite *suite = suite_create ("departures");
  TCase *tc = tcase_create ("departures");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_departures_a_frame_is_planned_whole);
  tcase_add_test (tc, test_departures_without_segmentation_every_datagram_is_a_message);
  tcase_add_test (tc, test_departures_the_kernel_never_holds_more_than_it_can);
  return suite;
}

GST_CHECK_MAIN (departures);
