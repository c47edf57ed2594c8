/*
 * test_badinput.c: what must not stop a stream: settings and caps that change under way, a peer that goes and comes back, and a
 * system that is short of buffers.
 *
 * The program exports sendmmsg and setsockopt of its own, in front of the C library's, to refuse and to be slow as a kernel is.
 */
#include "wirefixture.h"

#include <errno.h>
#include <gst/check/gstharness.h>
#include <sys/syscall.h>

#include "frameplan.h"
#include "loopback.h"
#include "mediacrypt.h"
#include "nvpacket.h"
#include "pacer.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f"
#define KEY_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define H264 "video/x-h264,stream-format=byte-stream,alignment=au"
#define H265 "video/x-h265,stream-format=byte-stream,alignment=au"
#define LIST_CAPS "application/x-moonlight,media=(string)video,layout=(string)datagrams"
#define DATAGRAM 1040

/* ---- a kernel that refuses, or is slow ---- */

/* Times of the calls that were held up. The send thread alone writes; read after it has ended. */
typedef struct
{
  guint64 begin_ns, end_ns;
} HeldCall;

static gint hold_us; /* atomic: how long a call of sendmmsg is held up before it sends */
static HeldCall held_calls[16];
static guint n_held_calls;
static gint refuse_errno;  /* atomic: what sendmmsg fails with; 0: it works */
static gint refused_calls; /* atomic */
static gint clamp_bytes;   /* atomic: the largest send buffer that is granted; 0: as asked */

static int
send_held_up (int fd, struct mmsghdr *messages, guint count, int flags)
{
  HeldCall call = { .begin_ns = gst_util_get_timestamp () };
  int sent;

  g_usleep ((gulong) g_atomic_int_get (&hold_us));
  sent = (int) syscall (SYS_sendmmsg, fd, messages, count, flags);
  call.end_ns = gst_util_get_timestamp ();
  fail_unless (n_held_calls < G_N_ELEMENTS (held_calls));
  held_calls[n_held_calls++] = call;
  return sent;
}

__attribute__ ((visibility ("default"))) int
sendmmsg (int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
  gint err = g_atomic_int_get (&refuse_errno);

  if (g_atomic_int_get (&hold_us) != 0)
    return send_held_up (fd, messages, count, flags);
  if (err == 0)
    return (int) syscall (SYS_sendmmsg, fd, messages, count, flags);
  g_atomic_int_inc (&refused_calls);
  errno = err;
  return -1;
}

__attribute__ ((visibility ("default"))) int
setsockopt (int fd, int level, int name, const void *value, socklen_t size)
{
  int clamp = g_atomic_int_get (&clamp_bytes);

  if (clamp != 0 && level == SOL_SOCKET && name == SO_SNDBUFFORCE) {
    errno = EPERM;
    return -1;
  }
  if (clamp != 0 && level == SOL_SOCKET && name == SO_SNDBUF)
    value = &clamp;
  return (int) syscall (SYS_setsockopt, fd, level, name, value, size);
}

/* ---- helpers ---- */

static guint64
stat_of (GstElement *element, const gchar *name)
{
  GstStructure *stats = NULL;
  guint64 value = 0;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no stat %s", name);
  gst_structure_free (stats);
  return value;
}

/* Until the condition holds; the limit is for a test that fails. */
#define WAIT_FOR(condition) \
  do { \
    for (guint wait_ms = 0; !(condition); wait_ms++) { \
      fail_unless (wait_ms < 10000, "%s: not within 10 s", #condition); \
      g_usleep (1000); \
    } \
  } while (0)

static GstFlowReturn
push_unit (GstHarness *h, const gchar *head, gsize size)
{
  guint8 *unit = wire_access_unit (head, size);

  return gst_harness_push (h, gst_buffer_new_wrapped (unit, size));
}

static GstBufferList *
make_list (guint first, guint n)
{
  GstBufferList *list = gst_buffer_list_new ();

  for (guint i = 0; i < n; i++) {
    guint8 *data = g_malloc (DATAGRAM);

    loopback_fill (data, DATAGRAM, first + i);
    gst_buffer_list_add (list, gst_buffer_new_wrapped (data, DATAGRAM));
  }
  return list;
}

static GstHarness *
new_sink (guint16 port)
{
  GstHarness *h = gst_harness_new ("moonlightsink");

  g_object_set (h->element, "port", (guint) port, NULL);
  gst_harness_set_src_caps_str (h, LIST_CAPS);
  gst_harness_play (h);
  return h;
}

static NvVideoHeader
pull_header (GstHarness *h, guint *datagrams)
{
  NvVideoHeader first = { 0 };
  GstBuffer *buffer;

  *datagrams = 0;
  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    NvVideoHeader header;
    GstMapInfo map;

    fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
    fail_unless_equals_int (nv_video_read (map.data, map.size, &header), NV_READ_OK);
    if ((*datagrams)++ == 0)
      first = header;
    fail_unless (map.size == DATAGRAM);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  return first;
}

/* ---- settings and caps ---- */

GST_START_TEST (test_pay_goes_on_when_caps_change_under_way)
{
  GstHarness *h = gst_harness_new ("moonlightpay");
  guint datagrams;

  gst_harness_set_sink_caps_str (h, LIST_CAPS);
  gst_harness_set_src_caps_str (h, H264);
  fail_unless_equals_int (push_unit (h, WIRE_IDR_HEAD, 5000), GST_FLOW_OK);
  fail_unless_equals_int (pull_header (h, &datagrams).frame_index, 1);
  /* another codec; and a packet size that no longer counts */
  g_object_set (h->element, "packet-size", 512, NULL);
  gst_harness_set_src_caps_str (h, H265);
  fail_unless_equals_int (push_unit (h, "00000001400100000001420100000001260180", 5000), GST_FLOW_OK);
  fail_unless_equals_int (pull_header (h, &datagrams).frame_index, 2);
  fail_unless_equals_uint64 (stat_of (h->element, "key-frames"), 2);
  gst_harness_set_src_caps_str (h, H264 ",width=64,height=64");
  fail_unless_equals_int (push_unit (h, WIRE_P_HEAD, 500), GST_FLOW_OK);
  fail_unless_equals_int (pull_header (h, &datagrams).frame_index, 3);
  fail_unless_equals_uint64 (stat_of (h->element, "late-slice-headers"), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_sink_goes_on_when_the_layout_changes_under_way)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (port);
  guint index = 0;

  for (guint round = 0; round < 10; round++) {
    guint size = round % 2 ? 512 : DATAGRAM;
    gchar *caps = g_strdup_printf ("application/x-moonlight,media=video,layout=frame,datagram-size=%u", size);
    guint8 *arena = g_malloc (3 * size);

    gst_harness_set_src_caps_str (h, LIST_CAPS);
    fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (index, 3)), GST_FLOW_OK);
    for (guint i = 0; i < 3; i++)
      loopback_expect (fd, DATAGRAM, index++);
    gst_harness_set_src_caps_str (h, caps);
    for (guint i = 0; i < 3; i++)
      loopback_fill (arena + i * size, size, index + i);
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_wrapped (arena, 3 * size)), GST_FLOW_OK);
    for (guint i = 0; i < 3; i++)
      loopback_expect (fd, size, index++);
    g_free (caps);
  }
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

/* Whether the next datagram opens with a key; all that wait are taken. */
static gboolean
opens_with (GstHarness *h, const gchar *key_text)
{
  guint8 key[MEDIA_KEY_BYTES], shard[2000];
  GstBuffer *buffer = gst_harness_pull (h);
  MediaCrypt *crypt;
  GstMapInfo map;
  gboolean ok;

  fail_unless (media_key_parse (key_text, key));
  crypt = media_crypt_new (key);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ) && map.size <= sizeof shard);
  ok = media_crypt_open_video (crypt, map.data, map.size, shard);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  media_crypt_free (crypt);
  while ((buffer = gst_harness_try_pull (h)) != NULL)
    gst_buffer_unref (buffer);
  return ok;
}

GST_START_TEST (test_pay_takes_the_newest_key_and_never_one_under_way)
{
  GstElement *pay = gst_element_factory_make ("moonlightpay", NULL);
  GstHarness *h;

  g_object_set (pay, "key", KEY_A, NULL);
  g_object_set (pay, "key", KEY_B, NULL);
  h = gst_harness_new_with_element (pay, "sink", "src");
  gst_harness_set_sink_caps_str (h, LIST_CAPS);
  gst_harness_set_src_caps_str (h, H264);
  fail_unless_equals_int (push_unit (h, WIRE_IDR_HEAD, 500), GST_FLOW_OK);
  fail_unless (opens_with (h, KEY_B));
  g_object_set (pay, "key", KEY_A, NULL);
  fail_unless_equals_int (push_unit (h, WIRE_P_HEAD, 500), GST_FLOW_OK);
  fail_unless (opens_with (h, KEY_B));
  fail_unless (gst_element_set_state (pay, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS);
  fail_unless (gst_element_set_state (pay, GST_STATE_PLAYING) == GST_STATE_CHANGE_SUCCESS);
  gst_harness_push_event (h, gst_event_new_stream_start ("again"));
  gst_harness_set_src_caps_str (h, H264);
  fail_unless_equals_int (push_unit (h, WIRE_IDR_HEAD, 500), GST_FLOW_OK);
  fail_unless (opens_with (h, KEY_A));
  gst_object_unref (pay);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* protocol/video.md §4: the percentage has eight bits, and a client computes the parity count from it. */
GST_START_TEST (test_pay_says_no_percentage_that_the_header_cannot_hold)
{
  static const guint settings[][2] = { { 255, 255 }, { 255, 2 }, { 1, 255 }, { 100, 200 }, { 20, 255 } };

  for (guint s = 0; s < G_N_ELEMENTS (settings); s++) {
    for (gsize size = 1; size < 70000; size += size < 2000 ? 333 : 9973) {
      GstHarness *h = gst_harness_new ("moonlightpay");
      NvVideoHeader header;
      guint datagrams;

      g_object_set (h->element, "fec-percentage", settings[s][0], "min-fec-packets", settings[s][1], NULL);
      gst_harness_set_sink_caps_str (h, LIST_CAPS);
      gst_harness_set_src_caps_str (h, H264);
      fail_unless_equals_int (push_unit (h, WIRE_P_HEAD, size + 10), GST_FLOW_OK);
      header = pull_header (h, &datagrams);
      fail_unless_equals_int (header.blocks, 1);
      fail_unless_equals_int (
          datagrams, header.data_shards + frame_plan_parity_shards (header.data_shards, header.fec_percentage));
      fail_unless (header.fec_percentage >= settings[s][0]);
      gst_harness_teardown (h);
    }
  }
}

GST_END_TEST;

/* ---- the other end, and the kernel ---- */

static int
open_on (guint16 port)
{
  struct sockaddr_in in = {
    .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)
  };
  struct timeval patience = { .tv_sec = LOOPBACK_PATIENCE_S };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  fail_unless (bind (fd, (struct sockaddr *) &in, sizeof in) == 0);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

GST_START_TEST (test_sink_outlives_a_peer_that_disappears_and_comes_back)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  int on = 1, send_fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  GstElement *sink = gst_element_factory_make ("moonlightsink", NULL);
  guint64 datagrams = 0;
  GstHarness *h;

  /* with this the socket hears that nobody listens */
  fail_unless (setsockopt (send_fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
  g_object_set (sink, "fd", send_fd, "port", (guint) port, NULL);
  h = gst_harness_new_with_element (sink, "sink", NULL);
  gst_harness_set_src_caps_str (h, LIST_CAPS);
  gst_harness_play (h);
  for (guint round = 0; round < 5; round++) {
    fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (round, 3)), GST_FLOW_OK);
    for (guint i = 0; i < 3; i++)
      loopback_expect (fd, DATAGRAM, round + i);
    close (fd);
    datagrams = stat_of (sink, "datagrams");
    for (guint gone = 0; gone < 4; gone++) {
      fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (900, 3)), GST_FLOW_OK);
      WAIT_FOR (stat_of (sink, "datagrams") + stat_of (sink, "send-errors") >= datagrams + 3 * (gone + 1));
    }
    fd = open_on (port);
  }
  fail_unless (stat_of (sink, "refused") >= 5);
  close (fd);
  close (send_fd);
  gst_object_unref (sink);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A second of it at 60 frames: the sink neither stops nor spins, counts what it gives up, and goes on afterwards. */
GST_START_TEST (test_sink_outlives_a_second_without_buffers)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (port);
  const guint frames = 60, each = 5;

  g_object_set (h->element, "pacing", 4 /* none */, NULL);
  gst_pad_push_list (h->srcpad, make_list (0, 1));
  loopback_expect (fd, DATAGRAM, 0);
  g_atomic_int_set (&refused_calls, 0);
  g_atomic_int_set (&refuse_errno, ENOBUFS);
  for (guint f = 0; f < frames; f++) {
    fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (900, each)), GST_FLOW_OK);
    g_usleep (G_USEC_PER_SEC / frames);
  }
  WAIT_FOR (stat_of (h->element, "send-errors") + stat_of (h->element, "eagain")
          + each * stat_of (h->element, "bursts-dropped")
      == frames * each);
  fail_unless (g_atomic_int_get (&refused_calls) > 0);
  fail_unless (g_atomic_int_get (&refused_calls) <= (gint) (frames * each * 10), "%d calls for %u datagrams",
      refused_calls, frames * each);
  g_atomic_int_set (&refuse_errno, 0);
  fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (7, 5)), GST_FLOW_OK);
  for (guint i = 0; i < 5; i++)
    loopback_expect (fd, DATAGRAM, 7 + i);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

/* By the end of a call that took long the next group is due. Had the pause been counted from the call's beginning, both
 * would be one burst for the switch behind us, of twice the size that its buffer was to see. */
GST_START_TEST (test_sink_pauses_after_a_send_call_that_was_held_up)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h = new_sink (port);

  g_atomic_int_set (&hold_us, 2000);
  for (guint f = 0; f < 2; f++)
    fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (f, 150)), GST_FLOW_OK);
  WAIT_FOR (stat_of (h->element, "datagrams") == 2 * 150);
  gst_element_set_state (h->element, GST_STATE_NULL);
  /* 150 datagrams of 1040 bytes are three groups. */
  fail_unless_equals_int (n_held_calls, 2 * 3);
  for (guint i = 1; i < n_held_calls; i++) {
    guint64 pause_ns = held_calls[i].begin_ns - held_calls[i - 1].end_ns;

    fail_unless (pause_ns >= PACER_DEBT_NS, "%" G_GUINT64_FORMAT " ns before call %u", pause_ns, i);
  }
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sink_sends_all_with_a_send_buffer_that_the_kernel_clamps)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);
  GstHarness *h;

  g_atomic_int_set (&clamp_bytes, 16 * 1024);
  h = new_sink (port);
  g_atomic_int_set (&clamp_bytes, 0);
  for (guint f = 0; f < 10; f++) {
    fail_unless_equals_int (gst_pad_push_list (h->srcpad, make_list (f, 200)), GST_FLOW_OK);
    WAIT_FOR (stat_of (h->element, "datagrams") + stat_of (h->element, "eagain") + stat_of (h->element, "send-errors")
        == 200 * (f + 1));
  }
  fail_unless_equals_uint64 (stat_of (h->element, "send-errors"), 0);
  fail_unless (stat_of (h->element, "datagrams") > 0);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

static Suite *
badinput_suite (void)
{
  Suite *s = suite_create ("badinput");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pay_goes_on_when_caps_change_under_way);
  tcase_add_test (tc, test_sink_goes_on_when_the_layout_changes_under_way);
  tcase_add_test (tc, test_pay_takes_the_newest_key_and_never_one_under_way);
  tcase_add_test (tc, test_pay_says_no_percentage_that_the_header_cannot_hold);
  tcase_add_test (tc, test_sink_outlives_a_peer_that_disappears_and_comes_back);
  tcase_add_test (tc, test_sink_outlives_a_second_without_buffers);
  tcase_add_test (tc, test_sink_pauses_after_a_send_call_that_was_held_up);
  tcase_add_test (tc, test_sink_sends_all_with_a_send_buffer_that_the_kernel_clamps);
  return s;
}

GST_CHECK_MAIN (badinput);
