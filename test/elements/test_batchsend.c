/*
 * test_batchsend.c: batches over real loopback sockets, with and without segmentation offload.
 */
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include "batchreceive.h"
#include "batchsend.h"
#include "egress.h"
#include "lossknob.h"
#include "udpsocket.h"

#define DATAGRAMS_MAX 300

typedef struct
{
  guint8 bytes[DATAGRAMS_MAX][1500];
  struct iovec iovs[DATAGRAMS_MAX];
} Batch;

static Batch batch;

/* Sizes as a frame has them: equal ones, then a few of other lengths. */
static gsize
size_of (guint index)
{
  return index % 97 == 96 ? 200 + index : index % 50 == 49 ? 1400 : 1040;
}

static void
fill_batch (guint n)
{
  for (guint i = 0; i < n; i++) {
    loopback_fill (batch.bytes[i], size_of (i), i);
    batch.iovs[i] = (struct iovec) { batch.bytes[i], size_of (i) };
  }
}

/* Sends n datagrams and checks what arrives. Returns the counters. */
static BatchCounters
check_transfer (int send_fd, int receive_fd, const char *host, guint16 port, gboolean segmentation, guint n)
{
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  send.segmentation = segmentation;
  fail_unless_equals_int (batch_endpoint_set (&endpoint, send.family, host, port, NULL, 0), 0);
  fill_batch (n);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, batch.iovs, n, NULL, &counters), 0);
  for (guint i = 0; i < n; i++)
    loopback_expect (receive_fd, size_of (i), i);
  fail_unless (loopback_is_empty (receive_fd));
  fail_unless_equals_uint64 (counters.datagrams, n);
  fail_unless_equals_uint64 (counters.errors + counters.full, 0);
  return counters;
}

GST_START_TEST (test_batchsend_both_paths_give_identical_datagrams)
{
  guint16 port;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  BatchCounters plain, segmented;

  for (guint n = 1; n <= DATAGRAMS_MAX; n += 23) {
    plain = check_transfer (send_fd, receive_fd, "127.0.0.1", port, FALSE, n);
    segmented = check_transfer (send_fd, receive_fd, "127.0.0.1", port, TRUE, n);
    fail_unless_equals_uint64 (plain.bytes, segmented.bytes);
  }
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_contiguous_datagrams_leave_in_few_calls)
{
  guint16 port;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  guint8 *arena = g_malloc (228 * 1408);
  struct iovec iovs[228];
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  for (guint i = 0; i < 228; i++) {
    loopback_fill (arena + i * 1408, 1408, i);
    iovs[i] = (struct iovec) { arena + i * 1408, 1408 };
  }
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless (send.segmentation, "this kernel lacks UDP_SEGMENT");
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "127.0.0.1", port, NULL, 0), 0);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, iovs, 228, NULL, &counters), 0);
  for (guint i = 0; i < 228; i++)
    loopback_expect (receive_fd, 1408, i);
  /* 46 datagrams of 1408 bytes fit a message: five messages, one call. */
  fail_unless_equals_uint64 (counters.calls, 1);
  g_free (arena);
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_dual_stack_socket_reaches_both_families)
{
  guint16 port, port6;
  int receive_fd = loopback_open (AF_INET, &port);
  int receive6_fd = loopback_open (AF_INET6, &port6);
  int send_fd = udp_socket_open_any ();

  check_transfer (send_fd, receive_fd, "127.0.0.1", port, TRUE, 100);
  check_transfer (send_fd, receive_fd, "::ffff:127.0.0.1", port, TRUE, 100);
  check_transfer (send_fd, receive6_fd, "::1", port6, TRUE, 100);
  check_transfer (send_fd, receive6_fd, "::1", port6, FALSE, 100);
  close (send_fd);
  close (receive_fd);
  close (receive6_fd);
}

GST_END_TEST;

/* Receives one datagram and says its type of service and where it came from. */
static int
receive_tos (int fd, struct sockaddr_storage *from)
{
  guint8 data[64];
  char control[128];
  struct iovec iov = { data, sizeof (data) };
  struct msghdr message = {
    .msg_name = from,
    .msg_namelen = sizeof (*from),
    .msg_iov = &iov,
    .msg_iovlen = 1,
    .msg_control = control,
    .msg_controllen = sizeof (control),
  };
  int tos = -1;

  fail_unless (recvmsg (fd, &message, 0) > 0, "no datagram: %s", g_strerror (errno));
  for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c != NULL; c = CMSG_NXTHDR (&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
      tos = *(guint8 *) CMSG_DATA (c);
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
      memcpy (&tos, CMSG_DATA (c), sizeof (tos));
  }
  return tos;
}

static void
send_one (int send_fd, const char *host, guint16 port, const char *source, guint dscp)
{
  guint8 byte = 1;
  struct iovec iov = { &byte, 1 };
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, send.family, host, port, source, dscp), 0);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, &iov, 1, NULL, &counters), 0);
  fail_unless_equals_uint64 (counters.datagrams, 1);
}

GST_START_TEST (test_batchsend_sets_dscp_and_source_in_both_families)
{
  guint16 port, port6;
  int on = 1;
  int receive_fd = loopback_open (AF_INET, &port);
  int receive6_fd = loopback_open (AF_INET6, &port6);
  int send_fd = udp_socket_open_any ();
  int send4_fd = socket (AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_storage from;

  fail_unless (setsockopt (receive_fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof (on)) == 0);
  fail_unless (setsockopt (receive6_fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof (on)) == 0);
  /* All of 127/8 is local, so the source can be seen to differ from the kernel's choice. */
  send_one (send_fd, "127.0.0.1", port, "127.0.0.77", 40);
  fail_unless_equals_int (receive_tos (receive_fd, &from), 40 << 2);
  fail_unless_equals_int (ntohl (((struct sockaddr_in *) &from)->sin_addr.s_addr), 0x7f00004d);
  send_one (send4_fd, "127.0.0.1", port, "127.0.0.78", 46);
  fail_unless_equals_int (receive_tos (receive_fd, &from), 46 << 2);
  fail_unless_equals_int (ntohl (((struct sockaddr_in *) &from)->sin_addr.s_addr), 0x7f00004e);
  send_one (send_fd, "::1", port6, "::1", 40);
  fail_unless_equals_int (receive_tos (receive6_fd, &from), 40 << 2);
  close (send_fd);
  close (send4_fd);
  close (receive_fd);
  close (receive6_fd);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_endpoint_refuses_what_cannot_be_sent_to)
{
  BatchEndpoint endpoint;

  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "example.org", 1, NULL, 0), EINVAL);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "", 1, NULL, 0), EINVAL);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, NULL, 1, NULL, 0), EINVAL);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "127.0.0.1", 0, NULL, 0), EINVAL);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "::1", 1, NULL, 0), EAFNOSUPPORT);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET6, "::1", 1, "127.0.0.1", 0), EAFNOSUPPORT);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET6, "::1", 1, "nonsense", 0), EINVAL);
  fail_unless (!endpoint.valid);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_only_numeric_text_is_an_address)
{
  static const char *const good[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%1" };
  static const char *const bad[] = { NULL, "", "localhost", "127.0.0.1:80", "[::1]", "banana" };

  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    fail_unless (batch_endpoint_is_address (good[i]), "%s", good[i]);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    fail_if (batch_endpoint_is_address (bad[i]), "%s", bad[i]);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_refused_is_counted_and_sending_goes_on)
{
  guint16 port;
  int on = 1;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  guint8 byte = 0;
  struct iovec iov = { &byte, 1 };
  BatchSend send;
  BatchEndpoint closed, open;
  BatchCounters counters = { 0 };

  /* Without this an unconnected socket never hears of ICMP. */
  fail_unless (setsockopt (send_fd, IPPROTO_IP, IP_RECVERR, &on, sizeof (on)) == 0);
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless_equals_int (batch_endpoint_set (&closed, AF_INET, "127.0.0.1", loopback_closed_port (), NULL, 0), 0);
  fail_unless_equals_int (batch_endpoint_set (&open, AF_INET, "127.0.0.1", port, NULL, 0), 0);
  fail_unless_equals_int (batchsend_send (&send, &closed, &iov, 1, NULL, &counters), 0);
  /* Loopback delivers the ICMP report before sendmmsg returns. */
  fail_unless_equals_int (batchsend_send (&send, &open, &iov, 1, NULL, &counters), 0);
  fail_unless_equals_uint64 (counters.refused, 1);
  fail_unless_equals_uint64 (counters.datagrams, 2);
  fail_unless_equals_uint64 (loopback_receive (receive_fd, &byte, 1), 1);
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_oversized_datagram_is_counted_alone)
{
  guint16 port;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  guint8 *large = g_malloc0 (70000);
  guint8 small[4];
  struct iovec iovs[] = { { large, 70000 }, { small, 4 } };
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  loopback_fill (small, 4, 5);
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "127.0.0.1", port, NULL, 0), 0);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, iovs, 2, NULL, &counters), 0);
  fail_unless_equals_uint64 (counters.errors, 1);
  fail_unless_equals_int (counters.last_errno, EMSGSIZE);
  fail_unless_equals_uint64 (counters.datagrams, 1);
  loopback_expect (receive_fd, 4, 5);
  g_free (large);
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

/* The kernel segments only what it may checksum, so a socket without UDP checksums stands for a device that cannot. */
GST_START_TEST (test_batchsend_falls_back_once_where_segmentation_fails)
{
  guint16 port;
  int on = 1;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  fail_unless (setsockopt (send_fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof (on)) == 0);
  fill_batch (100);
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless (send.segmentation);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "127.0.0.1", port, NULL, 0), 0);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, batch.iovs, 100, NULL, &counters), 0);
  fail_unless (!send.segmentation && send.segmentation_failed);
  fail_unless (send.segmentation_errno == EINVAL || send.segmentation_errno == EIO);
  /* None is lost and none comes twice. */
  for (guint i = 0; i < 100; i++)
    loopback_expect (receive_fd, size_of (i), i);
  fail_unless (loopback_is_empty (receive_fd));
  fail_unless_equals_uint64 (counters.datagrams, 100);
  fail_unless_equals_uint64 (counters.errors, 0);
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_bad_source_does_not_blame_segmentation)
{
  int send_fd = socket (AF_INET, SOCK_DGRAM, 0);
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  fill_batch (10);
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  /* TEST-NET-1 (RFC 5737) is no address of this machine: the kernel refuses it as a source. */
  fail_unless_equals_int (
      batch_endpoint_set (&endpoint, AF_INET, "127.0.0.1", loopback_closed_port (), "192.0.2.1", 0), 0);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, batch.iovs, 10, NULL, &counters), 0);
  fail_unless_equals_uint64 (counters.errors, 10);
  fail_unless (send.segmentation);
  fail_unless (!send.segmentation_failed);
  close (send_fd);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_full_socket_is_counted_and_bounded)
{
  int pair[2];
  int size = 4096;
  BatchSend send = { .family = AF_INET };
  BatchEndpoint nowhere = { .valid = true };
  BatchCounters counters = { 0 };

  /* Loopback UDP never fills a send buffer; a socket pair that nobody reads does. */
  fail_unless (socketpair (AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
  setsockopt (pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof (size));
  send.fd = pair[0];
  fill_batch (DATAGRAMS_MAX);
  fail_unless_equals_int (batchsend_send (&send, &nowhere, batch.iovs, DATAGRAMS_MAX, NULL, &counters), 0);
  fail_unless (counters.full > 0);
  fail_unless_equals_uint64 (counters.full + counters.datagrams, DATAGRAMS_MAX);
  fail_unless_equals_int (counters.last_errno, EAGAIN);
  close (pair[0]);
  close (pair[1]);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_closed_descriptor_is_an_error)
{
  int fd = socket (AF_INET, SOCK_DGRAM, 0);
  guint8 byte = 0;
  struct iovec iov = { &byte, 1 };
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };

  fail_unless_equals_int (batchsend_init (&send, fd), 0);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, AF_INET, "127.0.0.1", 9, NULL, 0), 0);
  close (fd);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, &iov, 1, NULL, &counters), EBADF);
  fail_unless_equals_int (batchsend_init (&send, fd), EBADF);
}

GST_END_TEST;

GST_START_TEST (test_batchsend_departure_times_are_accepted)
{
  guint16 port;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = udp_socket_open_any ();
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };
  guint64 departures_ns[20];

  fill_batch (20);
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless_equals_int (batchsend_enable_departures (&send), 0);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, send.family, "127.0.0.1", port, NULL, 0), 0);
  for (guint i = 0; i < 20; i++)
    departures_ns[i] = gst_util_get_timestamp () + 1000000 * (i / 5 + 1);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, batch.iovs, 20, departures_ns, &counters), 0);
  fail_unless_equals_uint64 (counters.calls, 1);
  for (guint i = 0; i < 20; i++)
    loopback_expect (receive_fd, size_of (i), i);
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

typedef struct
{
  guint n;
} Taken;

static void
take (const uint8_t *data, size_t bytes, void *user_data)
{
  Taken *taken = user_data;
  guint8 expected[1500];

  loopback_fill (expected, size_of (taken->n), taken->n);
  fail_unless_equals_uint64 (bytes, size_of (taken->n));
  fail_unless (memcmp (data, expected, bytes) == 0, "datagram %u differs", taken->n);
  taken->n++;
}

GST_START_TEST (test_batchreceive_splits_what_the_kernel_merged)
{
  guint16 port;
  int receive_fd = loopback_open (AF_INET, &port);
  int send_fd = udp_socket_open_any ();
  BatchReceive *receive = batchreceive_new (receive_fd);
  BatchReceiveCounters received = { 0 };
  BatchSend send;
  BatchEndpoint endpoint;
  BatchCounters counters = { 0 };
  Taken taken = { 0 };

  fill_batch (DATAGRAMS_MAX);
  fail_unless_equals_int (batchsend_init (&send, send_fd), 0);
  fail_unless_equals_int (batch_endpoint_set (&endpoint, send.family, "127.0.0.1", port, NULL, 0), 0);
  fail_unless_equals_int (batchsend_send (&send, &endpoint, batch.iovs, DATAGRAMS_MAX, NULL, &counters), 0);
  /* Loopback has delivered everything by now. */
  for (guint i = 0; i < DATAGRAMS_MAX && taken.n < DATAGRAMS_MAX; i++)
    fail_unless_equals_int (batchreceive_read (receive, take, &taken, &received), 0);
  fail_unless_equals_int (taken.n, DATAGRAMS_MAX);
  fail_unless_equals_uint64 (received.truncated, 0);
  batchreceive_free (receive);
  close (send_fd);
  close (receive_fd);
}

GST_END_TEST;

GST_START_TEST (test_egress_of_loopback_is_not_fq)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  struct sockaddr unknown = { .sa_family = AF_UNIX };

  fail_unless (!egress_is_fq ((struct sockaddr *) &in));
  fail_unless (!egress_is_fq ((struct sockaddr *) &in6));
  fail_unless (!egress_is_fq (&unknown));
}

GST_END_TEST;

GST_START_TEST (test_lossknob_loses_what_it_says_and_repeats_itself)
{
  LossKnob a, b;
  guint lost = 0;

  loss_knob_seed (&a, 5);
  loss_knob_seed (&b, 5);
  loss_knob_set_percent (&a, 2);
  loss_knob_set_percent (&b, 2);
  for (guint i = 0; i < 100000; i++) {
    gboolean hit = loss_knob_hits (&a);
    fail_unless_equals_int (hit, loss_knob_hits (&b));
    lost += hit;
  }
  fail_unless (lost > 1800 && lost < 2200, "%u", lost);
  loss_knob_set_percent (&a, 0);
  loss_knob_set_percent (&b, 100);
  for (guint i = 0; i < 1000; i++) {
    fail_unless (!loss_knob_hits (&a));
    fail_unless (loss_knob_hits (&b));
  }
}

GST_END_TEST;

static Suite *
batchsend_suite (void)
{
  Suite *suite = suite_create ("batchsend");
  TCase *tc = tcase_create ("batchsend");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_batchsend_both_paths_give_identical_datagrams);
  tcase_add_test (tc, test_batchsend_contiguous_datagrams_leave_in_few_calls);
  tcase_add_test (tc, test_batchsend_dual_stack_socket_reaches_both_families);
  tcase_add_test (tc, test_batchsend_sets_dscp_and_source_in_both_families);
  tcase_add_test (tc, test_batchsend_endpoint_refuses_what_cannot_be_sent_to);
  tcase_add_test (tc, test_batchsend_only_numeric_text_is_an_address);
  tcase_add_test (tc, test_batchsend_refused_is_counted_and_sending_goes_on);
  tcase_add_test (tc, test_batchsend_oversized_datagram_is_counted_alone);
  tcase_add_test (tc, test_batchsend_falls_back_once_where_segmentation_fails);
  tcase_add_test (tc, test_batchsend_bad_source_does_not_blame_segmentation);
  tcase_add_test (tc, test_batchsend_full_socket_is_counted_and_bounded);
  tcase_add_test (tc, test_batchsend_closed_descriptor_is_an_error);
  tcase_add_test (tc, test_batchsend_departure_times_are_accepted);
  tcase_add_test (tc, test_batchreceive_splits_what_the_kernel_merged);
  tcase_add_test (tc, test_egress_of_loopback_is_not_fq);
  tcase_add_test (tc, test_lossknob_loses_what_it_says_and_repeats_itself);
  return suite;
}

GST_CHECK_MAIN (batchsend);
