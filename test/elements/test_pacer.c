/*
 * test_pacer.c: the rate clock alone, in made-up time.
 */
#include <gst/check/gstcheck.h>

#include "pacer.h"

#define MS UINT64_C (1000000)
#define INTERVAL_60 UINT64_C (16666667)
#define SENDS_MAX 20000

typedef struct
{
  guint64 at_ns, gone_ns;
  guint32 bytes;
} Send;

typedef struct
{
  Pacer pacer;
  guint64 now_ns;
  guint64 late_max_ns; /* wake-ups come up to this late */
  guint64 call_max_ns; /* send calls take up to this long */
  guint32 random;
  guint n_sends;
  Send sends[SENDS_MAX];
} Link;

static Link link_state;

static guint32
next_random (Link *link)
{
  link->random = link->random * 1664525u + 1013904223u;
  return link->random >> 8;
}

static Link *
new_link (PacerShape shape, guint32 link_kbps, guint64 late_max_ns)
{
  Link *link = &link_state;

  memset (link, 0, sizeof (*link));
  pacer_init (&link->pacer, shape, link_kbps);
  link->now_ns = 1000 * MS;
  link->late_max_ns = late_max_ns;
  link->random = 7;
  return link;
}

/* Sends one frame as the send thread does and returns the time of its last group. */
static guint64
send_frame (Link *link, guint64 arrival_ns, guint n_datagrams, guint datagram_bytes)
{
  guint left = n_datagrams;

  link->now_ns = MAX (link->now_ns, arrival_ns);
  pacer_begin (&link->pacer, link->now_ns, arrival_ns, (guint64) n_datagrams * datagram_bytes);
  while (left > 0) {
    guint fit = pacer_group_bytes (&link->pacer, link->now_ns) / datagram_bytes;
    guint n = CLAMP (fit, 1, left);
    guint64 wake_ns = pacer_wake_ns (&link->pacer, link->now_ns);

    if (wake_ns != 0) {
      fail_unless (wake_ns >= link->now_ns + PACER_DEBT_NS, "a wait shorter than the debt was asked for");
      link->now_ns = wake_ns + (link->late_max_ns ? next_random (link) % link->late_max_ns : 0);
    }
    pacer_sent (&link->pacer, link->now_ns, n * datagram_bytes);
    fail_unless (link->n_sends < SENDS_MAX);
    link->sends[link->n_sends].at_ns = link->now_ns;
    link->sends[link->n_sends].bytes = n * datagram_bytes;
    link->now_ns += link->call_max_ns ? next_random (link) % link->call_max_ns : 0;
    pacer_gone (&link->pacer, link->now_ns);
    link->sends[link->n_sends++].gone_ns = link->now_ns;
    left -= n;
  }
  return link->now_ns;
}

/* The most bytes by which any window exceeds what the rate (bytes/s) allows in it. */
static guint64
largest_excess (const Link *link, guint64 rate)
{
  gdouble excess, worst = 0;

  for (guint i = 0; i < link->n_sends; i++) {
    excess = 0;
    for (guint j = i; j < link->n_sends && j < i + 400; j++) {
      excess += link->sends[j].bytes;
      worst = MAX (worst, excess - (gdouble) rate * (gdouble) (link->sends[j].at_ns - link->sends[i].at_ns) / 1e9);
    }
  }
  return (guint64) worst;
}

static const struct
{
  guint32 link_kbps;
  guint cap; /* half a millisecond of R, within its limit */
} profiles[] = {
  { 100000, 5625 },
  { 800000, 45000 },
  { 1000000, 45000 },
  { 2500000, 65507 },
};

/* The largest group, which every run of groups has to stay within, and at least one datagram. */
static guint
group_max (guint cap, guint datagram_bytes)
{
  return MAX (MIN (cap * 5 / 4, 65507), datagram_bytes);
}

static guint64
rate_of (guint32 link_kbps)
{
  return (guint64) link_kbps * 225 / 2;
}

/* What a group may have above the rate: itself, and the debt. */
static guint64
excess_max (guint p)
{
  return group_max (profiles[p].cap, 1408) + rate_of (profiles[p].link_kbps) * PACER_DEBT_NS / 1000000000 + 1;
}

GST_START_TEST (test_pacer_punctual_never_exceeds_rate_and_one_group)
{
  for (guint p = 0; p < G_N_ELEMENTS (profiles); p++) {
    Link *link = new_link (PACER_RATE, profiles[p].link_kbps, 0);
    guint64 rate = rate_of (profiles[p].link_kbps);

    for (guint f = 0; f < 120; f++) {
      /* Key frames of half an interval among small ones, some frames back to back. */
      guint n = f % 10 == 0 ? (guint) (rate / 120 / 1408) : 1 + next_random (link) % 40;
      send_frame (link, 1000 * MS + f * INTERVAL_60 - (f % 3 == 0 ? 0 : 8 * MS), n, 1408);
    }
    fail_unless (largest_excess (link, rate) <= excess_max (p), "profile %u kbit/s: %" G_GUINT64_FORMAT,
        profiles[p].link_kbps, largest_excess (link, rate));
  }
}

GST_END_TEST;

GST_START_TEST (test_pacer_late_repays_at_most_one_group)
{
  for (guint p = 0; p < G_N_ELEMENTS (profiles); p++) {
    Link *link = new_link (PACER_RATE, profiles[p].link_kbps, 1 * MS);
    guint64 rate = rate_of (profiles[p].link_kbps);

    for (guint f = 0; f < 120; f++)
      send_frame (link, 1000 * MS + f * 3 * INTERVAL_60, (guint) (rate / 240 / 1408), 1408);
    fail_unless (largest_excess (link, rate) <= 2 * excess_max (p), "profile %u kbit/s: %" G_GUINT64_FORMAT,
        profiles[p].link_kbps, largest_excess (link, rate));
  }
}

GST_END_TEST;

/* What a switch port sees: groups without a pause between them are one burst, however late the wake-ups were and however
 * long the calls took. */
GST_START_TEST (test_pacer_no_burst_on_the_wire_exceeds_one_group)
{
  for (guint p = 0; p < G_N_ELEMENTS (profiles); p++) {
    Link *link = new_link (PACER_RATE, profiles[p].link_kbps, 700000);
    guint group = group_max (profiles[p].cap, 1408);
    /* Nine tenths of what the link carries in an interval, so that no frame needs a higher rate. */
    guint largest = (guint) (rate_of (profiles[p].link_kbps) * 9 / 10 / 240 / 1408);
    guint64 run = 0;

    link->call_max_ns = 700000;
    for (guint f = 0; f < 200; f++)
      send_frame (link, 1000 * MS + f * INTERVAL_60 / 4, 1 + next_random (link) % largest, 1408);
    for (guint i = 0; i < link->n_sends; i++) {
      gboolean is_apart = i > 0 && link->sends[i].at_ns >= link->sends[i - 1].gone_ns + PACER_DEBT_NS;
      run = (is_apart ? 0 : run) + link->sends[i].bytes;
      fail_unless (
          run <= group, "%u kbit/s: %" G_GUINT64_FORMAT " bytes of at most %u", profiles[p].link_kbps, run, group);
    }
  }
}

GST_END_TEST;

/* Frames as they come to an idle link: how many groups they leave in, and that no two of a frame differ by more than a
 * datagram. */
GST_START_TEST (test_pacer_frame_is_cut_into_the_fewest_equal_groups)
{
  static const struct
  {
    guint32 link_kbps;
    guint datagrams, datagram_bytes, groups;
  } frames[] = {
    { 800000, 51, 1040, 1 },   /* 1.18 caps */
    { 800000, 54, 1040, 1 },   /* 1.248 */
    { 800000, 55, 1040, 2 },   /* 1.27 */
    { 800000, 228, 1408, 6 },  /* 7.13 */
    { 800000, 137, 1408, 4 },  /* 4.29 */
    { 2500000, 228, 1408, 5 }, /* 4.90 */
    { 2500000, 50, 1408, 2 },  /* 1.07, but one message carries no more than a cap */
    { 800000, 1, 1408, 1 },
  };

  for (guint f = 0; f < G_N_ELEMENTS (frames); f++) {
    Link *link = new_link (PACER_RATE, frames[f].link_kbps, 0);
    guint32 smallest = G_MAXUINT32, largest = 0;

    send_frame (link, link->now_ns, frames[f].datagrams, frames[f].datagram_bytes);
    for (guint i = 0; i < link->n_sends; i++) {
      smallest = MIN (smallest, link->sends[i].bytes);
      largest = MAX (largest, link->sends[i].bytes);
    }
    fail_unless (link->n_sends == frames[f].groups && largest - smallest <= frames[f].datagram_bytes
            && largest <= PACER_GROUP_BYTES_MAX,
        "%u datagrams at %u kbit/s: %u groups of %u to %u bytes", frames[f].datagrams, frames[f].link_kbps,
        link->n_sends, smallest, largest);
  }
}

GST_END_TEST;

GST_START_TEST (test_pacer_tells_the_wake_after_the_next)
{
  Link *link = new_link (PACER_RATE, 800000, 0);
  Pacer *pacer = &link->pacer;
  guint64 expected_ns = 0;

  pacer_begin (pacer, link->now_ns, link->now_ns, 300000);
  for (guint left = 300000; left > 0;) {
    guint bytes = MIN (pacer_group_bytes (pacer, link->now_ns), left);
    guint64 wake_ns = pacer_wake_ns (pacer, link->now_ns);

    fail_unless_equals_uint64 (wake_ns, expected_ns);
    link->now_ns = MAX (link->now_ns, wake_ns);
    expected_ns = pacer_wake_after_ns (pacer, bytes);
    left -= bytes;
    fail_unless (left > 0 ? expected_ns > link->now_ns + PACER_DEBT_NS : expected_ns == 0, "%u bytes left", left);
    pacer_sent (pacer, link->now_ns, bytes);
  }
}

GST_END_TEST;

/* Rounding of the last chunk made some packet counts take longer than a frame in other senders. */
GST_START_TEST (test_pacer_odd_packet_counts_never_fall_behind)
{
  static const PacerShape shapes[] = { PACER_RATE, PACER_SPREAD, PACER_NONE };

  for (guint s = 0; s < G_N_ELEMENTS (shapes); s++) {
    for (guint n = 1; n <= 64; n++) {
      Link *link = new_link (shapes[s], 100000, 200000);
      for (guint f = 0; f < 200; f++) {
        guint64 arrival_ns = 1000 * MS + f * INTERVAL_60;
        if (f > 0)
          pacer_learn_interval (&link->pacer, INTERVAL_60);
        guint64 end_ns = send_frame (link, arrival_ns, n, 1040);
        fail_unless (end_ns < arrival_ns + INTERVAL_60, "shape %u, %u datagrams, frame %u", shapes[s], n, f);
      }
    }
  }
}

GST_END_TEST;

GST_START_TEST (test_pacer_small_frame_on_idle_link_leaves_at_once)
{
  Link *link = new_link (PACER_RATE, 800000, 0);

  for (guint f = 0; f < 10; f++) {
    guint64 arrival_ns = 1000 * MS + f * INTERVAL_60;
    fail_unless_equals_uint64 (send_frame (link, arrival_ns, 20, 1040), arrival_ns);
  }
}

GST_END_TEST;

GST_START_TEST (test_pacer_clock_is_carried_to_the_next_frame)
{
  Link *link = new_link (PACER_RATE, 800000, 0);
  guint64 start_ns = link->now_ns;

  /* 90 MB/s: 40 datagrams of 1000 bytes take 444 us, so the second frame may not leave with the first. */
  send_frame (link, start_ns, 39, 1000);
  send_frame (link, start_ns, 39, 1000);
  fail_unless_equals_int (link->n_sends, 2);
  fail_unless (link->sends[1].at_ns >= start_ns + 433333, "%" G_GUINT64_FORMAT, link->sends[1].at_ns - start_ns);
}

GST_END_TEST;

GST_START_TEST (test_pacer_spread_fills_three_quarters_of_the_interval)
{
  Link *link = new_link (PACER_SPREAD, 800000, 0);
  guint64 start_ns = link->now_ns;

  pacer_learn_interval (&link->pacer, 8 * MS);
  guint64 end_ns = send_frame (link, start_ns, 100, 1000);
  fail_unless (end_ns - start_ns > 5 * MS && end_ns - start_ns <= 6 * MS, "%" G_GUINT64_FORMAT, end_ns - start_ns);
}

GST_END_TEST;

GST_START_TEST (test_pacer_huge_frame_takes_at_most_two_intervals)
{
  Link *link = new_link (PACER_RATE, 100000, 0);
  guint64 start_ns = link->now_ns;

  pacer_learn_interval (&link->pacer, INTERVAL_60);
  guint64 end_ns = send_frame (link, start_ns, 3000, 1408);
  fail_unless (end_ns - start_ns <= 2 * INTERVAL_60, "%" G_GUINT64_FORMAT, end_ns - start_ns);
  /* One frame says nothing about the stream. */
  fail_unless_equals_int (pacer_needed_link_kbps (&link->pacer), 0);
}

GST_END_TEST;

GST_START_TEST (test_pacer_stream_above_the_link_keeps_up_and_names_the_link_it_needs)
{
  Link *link = new_link (PACER_RATE, 100000, 0);

  for (guint f = 0; f < 200; f++) {
    guint64 arrival_ns = 1000 * MS + f * INTERVAL_60;
    pacer_learn_interval (&link->pacer, INTERVAL_60);
    /* 375 KB a frame at 60 fps: 22.5 MB/s, twice R; a link of 200 Mbit/s has R = 22.5 MB/s. */
    guint64 end_ns = send_frame (link, arrival_ns, 375, 1000);
    fail_unless (
        end_ns <= arrival_ns + 2 * INTERVAL_60 + MS, "frame %u took %" G_GUINT64_FORMAT, f, end_ns - arrival_ns);
  }
  guint32 needed = pacer_needed_link_kbps (&link->pacer);
  fail_unless (needed >= 199000 && needed <= 201000, "%u", needed);
}

GST_END_TEST;

GST_START_TEST (test_pacer_kernel_departures_increase_at_the_rate)
{
  Pacer pacer;
  guint64 now_ns = 1000 * MS, first = 0, last = 0;

  pacer_init (&pacer, PACER_KERNEL, 800000);
  pacer_begin (&pacer, now_ns, now_ns, 900000);
  for (guint i = 0; i < 900; i++) {
    guint64 departure_ns = pacer_sent (&pacer, now_ns, 1000);
    fail_unless (departure_ns >= now_ns && departure_ns > last);
    first = i == 0 ? departure_ns : first;
    last = departure_ns;
  }
  /* 899 datagrams of 1000 bytes at 90 MB/s. */
  fail_unless (last - first >= 9988 * 1000 && last - first <= 9990 * 1000, "%" G_GUINT64_FORMAT, last - first);
  fail_unless_equals_uint64 (pacer_wake_ns (&pacer, now_ns), 0);
}

GST_END_TEST;

GST_START_TEST (test_pacer_kernel_bursts_fit_one_call)
{
  /* 48 messages: with them two bursts fit fq's queue of a hundred packets. */
  for (guint link_kbps = 10000; link_kbps <= 10000000; link_kbps *= 10) {
    for (guint n = 1; n <= 300; n++) {
      Pacer pacer;
      guint fit, messages;

      pacer_init (&pacer, PACER_KERNEL, link_kbps);
      pacer_begin (&pacer, MS, MS, (guint64) n * 1408);
      fit = MAX (pacer_group_bytes (&pacer, MS) / 1408, 1);
      messages = (n + fit - 1) / fit;
      fail_unless (
          messages <= 48 || link_kbps < 100000, "%u datagrams at %u kbit/s: %u messages", n, link_kbps, messages);
      fail_unless (pacer_group_bytes (&pacer, MS) <= PACER_GROUP_BYTES_MAX);
    }
  }
}

GST_END_TEST;

static Suite *
pacer_suite (void)
{
  Suite *suite = suite_create ("pacer");
  TCase *tc = tcase_create ("pacer");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_pacer_punctual_never_exceeds_rate_and_one_group);
  tcase_add_test (tc, test_pacer_late_repays_at_most_one_group);
  tcase_add_test (tc, test_pacer_no_burst_on_the_wire_exceeds_one_group);
  tcase_add_test (tc, test_pacer_frame_is_cut_into_the_fewest_equal_groups);
  tcase_add_test (tc, test_pacer_tells_the_wake_after_the_next);
  tcase_add_test (tc, test_pacer_odd_packet_counts_never_fall_behind);
  tcase_add_test (tc, test_pacer_small_frame_on_idle_link_leaves_at_once);
  tcase_add_test (tc, test_pacer_clock_is_carried_to_the_next_frame);
  tcase_add_test (tc, test_pacer_spread_fills_three_quarters_of_the_interval);
  tcase_add_test (tc, test_pacer_huge_frame_takes_at_most_two_intervals);
  tcase_add_test (tc, test_pacer_stream_above_the_link_keeps_up_and_names_the_link_it_needs);
  tcase_add_test (tc, test_pacer_kernel_departures_increase_at_the_rate);
  tcase_add_test (tc, test_pacer_kernel_bursts_fit_one_call);
  return suite;
}

GST_CHECK_MAIN (pacer);
