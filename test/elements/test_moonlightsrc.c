/*
 * test_moonlightsrc.c: the receiver over real loopback sockets. A plain socket sends, a GstHarness pulls.
 */
#include "loopback.h"

#include <fcntl.h>
#include <gst/check/gstharness.h>

#define DATAGRAM 1040

typedef struct
{
  GstHarness *harness;
  int fd; /* the sender's socket */
  guint16 fd_port;
  struct sockaddr_in to; /* where the source listens */
} Fixture;

/* Starts a source with the properties that `configure` sets. */
static Fixture
start (const gchar *properties)
{
  Fixture f = { 0 };
  gchar *line = g_strdup_printf ("moonlightsrc name=src address=127.0.0.1 %s", properties);
  GError *error = NULL;
  GstElement *src = gst_parse_launch_full (line, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  guint port = 0;

  fail_unless (error == NULL, "%s: %s", line, error ? error->message : "");
  gst_object_ref_sink (src);
  f.fd = loopback_open (AF_INET, &f.fd_port);
  f.harness = gst_harness_new_with_element (src, NULL, "src");
  gst_harness_play (f.harness);
  g_object_get (src, "port", &port, NULL);
  fail_unless (port != 0, "no port in PLAYING");
  f.to = (struct sockaddr_in) {
    .sin_family = AF_INET, .sin_port = htons ((guint16) port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)
  };
  gst_object_unref (src);
  g_free (line);
  return f;
}

static void
finish (Fixture *f)
{
  gst_harness_teardown (f->harness);
  close (f->fd);
}

static guint64
stat_of (GstElement *src, const gchar *name)
{
  GstStructure *stats = NULL;
  guint64 value = 0;

  g_object_get (src, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no %s in stats", name);
  gst_structure_free (stats);
  return value;
}

static void
wait_for_stat (GstElement *src, const gchar *name, guint64 value)
{
  for (guint i = 0; i < 10000; i++) {
    if (stat_of (src, name) >= value)
      return;
    g_usleep (1000);
  }
  fail ("%s stays at %" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT, name, stat_of (src, name), value);
}

static void
send_datagram (Fixture *f, guint index, gsize size)
{
  guint8 *data = g_malloc (MAX (size, 1));

  loopback_fill (data, size, index);
  fail_unless_equals_int (sendto (f->fd, data, size, 0, (struct sockaddr *) &f->to, sizeof (f->to)), (gint) size);
  g_free (data);
}

/* Pulls the next datagram and checks that it is number `index`. */
static void
pull_expected (Fixture *f, guint index, gsize size)
{
  GstBuffer *buffer = gst_harness_pull (f->harness);
  guint8 *expected = g_malloc (MAX (size, 1));

  fail_unless (buffer != NULL, "no datagram %u", index);
  loopback_fill (expected, size, index);
  fail_unless (gst_buffer_get_size (buffer) == size, "datagram %u has %" G_GSIZE_FORMAT " bytes", index,
      gst_buffer_get_size (buffer));
  fail_unless (gst_buffer_memcmp (buffer, 0, expected, size) == 0, "datagram %u differs", index);
  gst_buffer_unref (buffer);
  g_free (expected);
}

GST_START_TEST (test_src_delivers_each_datagram_in_order)
{
  Fixture f = start ("");

  for (guint i = 0; i < 200; i++) {
    send_datagram (&f, i, i % 10 == 9 ? 500 + i : DATAGRAM);
  }
  for (guint i = 0; i < 200; i++)
    pull_expected (&f, i, i % 10 == 9 ? 500 + i : DATAGRAM);
  fail_unless_equals_uint64 (stat_of (f.harness->element, "datagrams"), 200);
  fail_unless (stat_of (f.harness->element, "first-datagram-ns") > 0);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (test_src_caps_name_the_media)
{
  Fixture f = start ("media=audio");
  GstCaps *caps;

  send_datagram (&f, 0, 10);
  pull_expected (&f, 0, 10);
  caps = gst_pad_get_current_caps (f.harness->sinkpad);
  fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0), "application/x-moonlight"));
  fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure (caps, 0), "media"), "audio");
  fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure (caps, 0), "layout"), "datagrams");
  gst_caps_unref (caps);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (test_src_buffers_carry_timestamp_and_arrival_time)
{
  Fixture f = start ("");
  GstCaps *caps = gst_caps_new_empty_simple ("timestamp/x-lumen-arrival");
  guint64 before = gst_util_get_timestamp ();

  send_datagram (&f, 0, DATAGRAM);
  send_datagram (&f, 1, DATAGRAM);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *buffer = gst_harness_pull (f.harness);
    GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (buffer, caps);
    fail_unless (meta != NULL);
    fail_unless (meta->timestamp >= before && meta->timestamp <= gst_util_get_timestamp ());
    fail_unless (GST_BUFFER_PTS_IS_VALID (buffer));
    gst_buffer_unref (buffer);
  }
  gst_caps_unref (caps);
  finish (&f);
}

GST_END_TEST;

/* protocol/video.md §1.1: 16 characters verbatim, then a big-endian counter from 1. */
GST_START_TEST (test_src_session_ping_is_payload_and_counter)
{
  Fixture f;
  guint8 data[64];
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  gchar *properties = g_strdup_printf ("remote-host=127.0.0.1 remote-port=%u ping-interval=20 "
                                       "ping-payload=0123456789ABCDEF",
      port);

  f = start (properties);
  for (guint i = 1; i <= 5; i++) {
    fail_unless_equals_uint64 (loopback_receive (fd, data, sizeof (data)), 20);
    fail_unless (memcmp (data, "0123456789ABCDEF", 16) == 0);
    fail_unless_equals_int (data[16], 0);
    fail_unless_equals_int (data[17], 0);
    fail_unless_equals_int (data[18], 0);
    fail_unless_equals_int (data[19], (gint) i);
  }
  wait_for_stat (f.harness->element, "pings", 5);
  finish (&f);
  close (fd);
  g_free (properties);
}

GST_END_TEST;

GST_START_TEST (test_src_legacy_ping_comes_from_the_listening_port)
{
  static const gchar *const payloads[] = { "", "ping-payload=tooshort", "ping-payload=0123456789ABCDEFG" };

  for (guint i = 0; i < G_N_ELEMENTS (payloads); i++) {
    guint8 data[64];
    guint16 port;
    int fd = loopback_open (AF_INET, &port);
    gchar *properties = g_strdup_printf ("remote-port=%u %s", port, payloads[i]);
    Fixture f = start (properties);
    struct sockaddr_in from;
    socklen_t len = sizeof (from);

    fail_unless_equals_int (recvfrom (fd, data, sizeof (data), 0, (struct sockaddr *) &from, &len), 4);
    fail_unless (memcmp (data, "PING", 4) == 0);
    fail_unless_equals_int (from.sin_port, f.to.sin_port);
    finish (&f);
    close (fd);
    g_free (properties);
  }
}

GST_END_TEST;

GST_START_TEST (test_src_pings_a_remote_that_is_set_while_playing)
{
  Fixture f = start ("ping-interval=3600000");
  guint8 data[64];
  guint16 port, port6;
  int fd = loopback_open (AF_INET, &port);
  int fd6 = loopback_open (AF_INET6, &port6);

  g_object_set (f.harness->element, "remote-port", (guint) port, NULL);
  fail_unless_equals_uint64 (loopback_receive (fd, data, sizeof (data)), 4);
  /* An IPv4 socket cannot reach IPv6: no ping, no error. */
  g_object_set (f.harness->element, "remote-host", "::1", "remote-port", (guint) port6, NULL);
  send_datagram (&f, 3, 100);
  pull_expected (&f, 3, 100);
  fail_unless (loopback_is_empty (fd6));
  finish (&f);
  close (fd);
  close (fd6);
}

GST_END_TEST;

/* The warning of a ping that cannot be sent names the host while somebody sets another one. For the sanitizers. */
GST_START_TEST (test_src_remote_may_be_set_while_its_ping_fails)
{
  Fixture f = start ("remote-host=::1 remote-port=1 ping-interval=1");

  /* made, as a warning that is read would be, and not written */
  gst_debug_set_threshold_for_name ("moonlightsrc", GST_LEVEL_WARNING);
  gst_debug_remove_log_function (gst_debug_log_default);
  for (guint round = 0; round < 50; round++) {
    for (guint i = 0; i < 100; i++)
      g_object_set (f.harness->element, "remote-host", i % 2 == 0 ? "::2" : "::1", NULL);
    /* each start warns anew */
    gst_element_set_state (f.harness->element, GST_STATE_READY);
    fail_unless (gst_element_set_state (f.harness->element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  fail_unless_equals_uint64 (stat_of (f.harness->element, "pings"), 0);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (test_src_survives_a_remote_that_refuses)
{
  gchar *properties = g_strdup_printf ("remote-port=%u ping-interval=5", loopback_closed_port ());
  Fixture f = start (properties);

  wait_for_stat (f.harness->element, "pings", 5);
  send_datagram (&f, 8, DATAGRAM);
  pull_expected (&f, 8, DATAGRAM);
  finish (&f);
  g_free (properties);
}

GST_END_TEST;

GST_START_TEST (test_src_overlong_datagram_is_counted_and_skipped)
{
  Fixture f = start ("");

  send_datagram (&f, 0, 20000);
  send_datagram (&f, 1, 9216);
  pull_expected (&f, 1, 9216);
  fail_unless_equals_uint64 (stat_of (f.harness->element, "truncated"), 1);
  fail_unless_equals_uint64 (stat_of (f.harness->element, "datagrams"), 1);
  finish (&f);
}

GST_END_TEST;

GST_START_TEST (test_src_listens_on_both_families)
{
  Fixture f = start ("address=::");
  struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = f.to.sin_port, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  guint16 port6;
  int fd6 = loopback_open (AF_INET6, &port6);
  guint8 data[50];

  send_datagram (&f, 1, 50);
  pull_expected (&f, 1, 50);
  loopback_fill (data, sizeof (data), 2);
  fail_unless_equals_int (sendto (fd6, data, sizeof (data), 0, (struct sockaddr *) &to6, sizeof (to6)), 50);
  pull_expected (&f, 2, 50);
  finish (&f);
  close (fd6);
}

GST_END_TEST;

GST_START_TEST (test_src_given_descriptor_stays_open)
{
  guint16 port;
  int given = loopback_open (AF_INET, &port);
  gchar *properties = g_strdup_printf ("fd=%d", given);
  Fixture f = start (properties);

  fail_unless_equals_int (ntohs (f.to.sin_port), port);
  send_datagram (&f, 4, DATAGRAM);
  pull_expected (&f, 4, DATAGRAM);
  gst_harness_teardown (f.harness);
  /* It still receives, one datagram at a time. */
  send_datagram (&f, 5, DATAGRAM);
  loopback_expect (given, DATAGRAM, 5);
  close (f.fd);
  close (given);
  g_free (properties);
}

GST_END_TEST;

GST_START_TEST (test_src_refuses_an_address_that_it_cannot_have)
{
  GstElement *src = gst_element_factory_make ("moonlightsrc", NULL);

  g_object_set (src, "address", "no-address", NULL);
  fail_unless_equals_int (gst_element_set_state (src, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (src, GST_STATE_NULL);
  gst_object_unref (src);
}

GST_END_TEST;

/* Which of 300 datagrams survive the loss knob. */
static void
lose (guint seed, gboolean *arrived)
{
  gchar *properties = g_strdup_printf ("drop-percent=10 drop-seed=%u", seed);
  Fixture f = start (properties);
  guint64 n;

  memset (arrived, 0, 300 * sizeof (gboolean));
  for (guint i = 0; i < 300; i++)
    send_datagram (&f, i, 100);
  for (guint tries = 0; tries < 10000; tries++) {
    n = stat_of (f.harness->element, "datagrams");
    if (n + stat_of (f.harness->element, "drops-injected") == 300)
      break;
    g_usleep (1000);
  }
  for (guint i = 0; i < n; i++) {
    guint8 number[4];
    GstBuffer *buffer = gst_harness_pull (f.harness);
    fail_unless_equals_uint64 (gst_buffer_extract (buffer, 0, number, 4), 4);
    fail_unless (GST_READ_UINT32_BE (number) < 300);
    arrived[GST_READ_UINT32_BE (number)] = TRUE;
    gst_buffer_unref (buffer);
  }
  finish (&f);
  g_free (properties);
}

GST_START_TEST (test_src_loss_is_the_same_for_the_same_seed)
{
  gboolean first[300], second[300], other[300];
  guint lost = 0;

  lose (1, first);
  lose (1, second);
  lose (2, other);
  fail_unless (memcmp (first, second, sizeof (first)) == 0);
  fail_unless (memcmp (first, other, sizeof (first)) != 0);
  for (guint i = 0; i < 300; i++)
    lost += !first[i];
  fail_unless (lost >= 10 && lost <= 50, "%u of 300 lost", lost);
}

GST_END_TEST;

GST_START_TEST (test_src_state_changes_while_receiving_never_hang)
{
  GstElement *pipeline = gst_parse_launch ("moonlightsrc name=src address=127.0.0.1 ping-interval=1 ! "
                                           "fakesink async=false",
      NULL);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  guint16 fd_port;
  int fd = loopback_open (AF_INET, &fd_port);

  g_object_set (src, "remote-port", (guint) fd_port, NULL);
  for (guint i = 0; i < 300; i++) {
    static const GstState states[] = { GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    guint port = 0;

    fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    g_object_get (src, "port", &port, NULL);
    to.sin_port = htons ((guint16) port);
    for (guint d = 0; d < i % 7; d++)
      sendto (fd, &d, sizeof (d), 0, (struct sockaddr *) &to, sizeof (to));
    if (i % 4 == 0)
      g_usleep (i * 10);
    fail_unless (gst_element_set_state (pipeline, states[i % 3]) != GST_STATE_CHANGE_FAILURE);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (src);
  gst_object_unref (pipeline);
  close (fd);
}

GST_END_TEST;

static Suite *
moonlightsrc_suite (void)
{
  Suite *suite = suite_create ("moonlightsrc");
  TCase *tc = tcase_create ("moonlightsrc");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_src_delivers_each_datagram_in_order);
  tcase_add_test (tc, test_src_caps_name_the_media);
  tcase_add_test (tc, test_src_buffers_carry_timestamp_and_arrival_time);
  tcase_add_test (tc, test_src_session_ping_is_payload_and_counter);
  tcase_add_test (tc, test_src_legacy_ping_comes_from_the_listening_port);
  tcase_add_test (tc, test_src_pings_a_remote_that_is_set_while_playing);
  tcase_add_test (tc, test_src_remote_may_be_set_while_its_ping_fails);
  tcase_add_test (tc, test_src_survives_a_remote_that_refuses);
  tcase_add_test (tc, test_src_overlong_datagram_is_counted_and_skipped);
  tcase_add_test (tc, test_src_listens_on_both_families);
  tcase_add_test (tc, test_src_given_descriptor_stays_open);
  tcase_add_test (tc, test_src_refuses_an_address_that_it_cannot_have);
  tcase_add_test (tc, test_src_loss_is_the_same_for_the_same_seed);
  tcase_add_test (tc, test_src_state_changes_while_receiving_never_hang);
  return suite;
}

GST_CHECK_MAIN (moonlightsrc);
