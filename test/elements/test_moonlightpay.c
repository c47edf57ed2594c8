/*
 * test_moonlightpay.c: the element in a harness: worked examples, both layouts, numbering, states, bad input.
 * Source: protocol/video.md §5, §8; docs/architecture.md.
 */
#include "wirefixture.h"

#include <gst/check/gstharness.h>
#include <time.h>

#include "frameplan.h"
#include "mediacrypt.h"
#include "nvpacket.h"
#include "startfault.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define H264 "video/x-h264,stream-format=byte-stream,alignment=au"
#define FRAME_CAPS "application/x-moonlight,media=video,layout=frame,datagram-size=[1,65507]"
#define DATAGRAM_CAPS "application/x-moonlight,media=video,layout=datagrams"

/* `element` is configured already. sink_caps NULL: a peer that takes anything. */
static GstHarness *
harness_of (GstElement *element, const gchar *src_caps, const gchar *sink_caps)
{
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");

  if (sink_caps != NULL)
    gst_harness_set_sink_caps_str (h, sink_caps);
  gst_harness_set_src_caps_str (h, src_caps);
  gst_object_unref (element);
  return h;
}

static GstElement *
new_pay (void)
{
  GstElement *element = gst_element_factory_make ("moonlightpay", NULL);

  fail_unless (element != NULL);
  return element;
}

static GstFlowReturn
push_bytes (GstHarness *h, const guint8 *bytes, gsize size, GstClockTime pts, gboolean is_delta)
{
  GstBuffer *buffer = size == 0 ? gst_buffer_new () : gst_buffer_new_memdup (bytes, size);

  GST_BUFFER_PTS (buffer) = pts;
  if (is_delta)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return gst_harness_push (h, buffer);
}

static GstFlowReturn
push_idr (GstHarness *h, gsize size, GstClockTime pts)
{
  guint8 *unit = wire_access_unit (WIRE_IDR_HEAD, size);
  GstFlowReturn flow = push_bytes (h, unit, size, pts, FALSE);

  g_free (unit);
  return flow;
}

static GstFlowReturn
push_p (GstHarness *h, gsize size, GstClockTime pts)
{
  guint8 *unit = wire_access_unit (WIRE_P_HEAD, size);
  GstFlowReturn flow = push_bytes (h, unit, size, pts, TRUE);

  g_free (unit);
  return flow;
}

/* All bytes that came out, one buffer after the other; *buffers gets their number. Free with g_byte_array_unref. */
static GByteArray *
pull_all (GstHarness *h, guint *buffers)
{
  GByteArray *bytes = g_byte_array_new ();
  GstBuffer *buffer;
  guint count = 0;

  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    GstMapInfo map;

    fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
    g_byte_array_append (bytes, map.data, map.size);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
    count++;
  }
  if (buffers != NULL)
    *buffers = count;
  return bytes;
}

static NvVideoHeader
header_at (const GByteArray *bytes, gsize offset)
{
  NvVideoHeader h;

  fail_unless (offset + 32 <= bytes->len);
  fail_unless_equals_int (nv_video_read (bytes->data + offset, bytes->len - offset, &h), NV_READ_OK);
  return h;
}

static NvFrameHeader
frame_header_at (const GByteArray *bytes, gsize offset)
{
  NvFrameHeader h;

  fail_unless (offset + 40 <= bytes->len);
  fail_unless_equals_int (nv_frame_header_read (bytes->data + offset + 32, bytes->len - offset - 32, &h), NV_READ_OK);
  return h;
}

static guint64
stat_of (GstHarness *h, const gchar *name)
{
  GstStructure *stats;
  guint64 value = 0;

  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no stat %s", name);
  gst_structure_free (stats);
  return value;
}

GST_START_TEST (test_moonlightpay_worked_idr_in_both_layouts_is_the_same)
{
  static const gchar *layouts[] = { NULL, DATAGRAM_CAPS, FRAME_CAPS, FRAME_CAPS ";" DATAGRAM_CAPS };

  for (guint i = 0; i < G_N_ELEMENTS (layouts); i++) {
    GstHarness *h = harness_of (new_pay (), H264, layouts[i]);
    GByteArray *bytes;
    guint buffers;

    fail_unless_equals_int (push_idr (h, 40000, 33333333), GST_FLOW_OK);
    bytes = pull_all (h, &buffers);
    fail_unless_equals_int (buffers, i < 2 ? 48 : 1);
    wire_assert_sha256 (bytes->data, bytes->len, "e110155bf09573f86579fb1cde57749fa9631b23a792cf835275e0965d00f9b8");
    fail_unless_equals_uint64 (stat_of (h, "frames"), 1);
    fail_unless_equals_uint64 (stat_of (h, "key-frames"), 1);
    fail_unless_equals_uint64 (stat_of (h, "data-shards"), 40);
    fail_unless_equals_uint64 (stat_of (h, "parity-shards"), 8);
    fail_unless_equals_uint64 (stat_of (h, "datagrams"), 48);
    fail_unless_equals_uint64 (stat_of (h, "bytes"), 48 * 1040);
    fail_unless_equals_uint64 (stat_of (h, "last-frame-index"), 1);
    fail_unless (stat_of (h, "packetise-ns-p99") >= stat_of (h, "packetise-ns-p50"));
    g_byte_array_unref (bytes);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_worked_p_frame_goes_on_from_the_page)
{
  GstElement *pay = new_pay ();
  gint fd = wire_page_fd (0, 3, 1539, 0);
  GstHarness *h;
  GByteArray *bytes;

  g_object_set (pay, "session-page-fd", fd, NULL);
  h = harness_of (pay, H264, NULL);
  fail_unless_equals_int (push_p (h, 300, 83333333), GST_FLOW_OK);
  bytes = pull_all (h, NULL);
  wire_assert_sha256 (bytes->data, bytes->len, "8fc4fe7841567ca7c9ceb47f36d577e411e314c983c745332ec96807e0d9008f");
  fail_unless_equals_int (wire_page_field (fd, 12), 4);
  fail_unless_equals_int (wire_page_field (fd, 16), 1542);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_large_frames_split_into_blocks)
{
  static const guint8 three[] = { 0x80, 0x90, 0xA0 }, four[] = { 0xC0, 0xD0, 0xE0, 0xF0 };
  GstHarness *h = harness_of (new_pay (), H264, FRAME_CAPS);
  GByteArray *bytes;

  fail_unless_equals_int (push_idr (h, 500000, 0), GST_FLOW_OK);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (bytes->len, 598 * 1040);
  for (guint b = 0, at = 0; b < 3; b++, at += 200) {
    fail_unless_equals_int (bytes->data[at * 1040 + 27], three[b]);
    fail_unless_equals_int (bytes->data[at * 1040 + 24] & 4, 4);
    fail_unless_equals_int (header_at (bytes, at * 1040).data_shards, b < 2 ? 166 : 165);
    fail_unless_equals_int (header_at (bytes, at * 1040).fec_percentage, 20);
    fail_unless_equals_int (header_at (bytes, at * 1040).sequence, at);
  }
  g_byte_array_unref (bytes);

  fail_unless_equals_int (push_idr (h, 900000, 0), GST_FLOW_OK);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (bytes->len, 893 * 1040);
  for (guint b = 0; b < 4; b++) {
    fail_unless_equals_int (bytes->data[b * 224 * 1040 + 27], four[b]);
    fail_unless_equals_int (header_at (bytes, b * 224 * 1040).fec_percentage, 0);
  }
  fail_unless_equals_uint64 (stat_of (h, "frames-without-parity"), 1);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_timestamp_is_running_time)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  GstClockTime start = 1000 * 3600 * GST_SECOND;
  GstSegment segment;
  GByteArray *bytes;

  /* x264enc shifts its timestamps by 1000 hours, and says so in the segment. */
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = start;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  push_p (h, 300, start + GST_SECOND);
  push_p (h, 300, GST_CLOCK_TIME_NONE);
  push_p (h, 300, start + 13 * 3600 * GST_SECOND + 16 * 60 * GST_SECOND);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (header_at (bytes, 0).timestamp, 90000);
  /* without one, the last is repeated */
  fail_unless_equals_int (header_at (bytes, 3 * 1040).timestamp, 90000);
  /* 13 h 16 min at 90 kHz has passed 2^32 */
  fail_unless_equals_int (header_at (bytes, 6 * 1040).timestamp, (guint32) (47760ULL * 90000));
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_frame_type_follows_the_bitstream)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  guint8 *idr = wire_access_unit (WIRE_IDR_HEAD, 300), *bare = wire_access_unit ("000000016588840b", 300);
  GByteArray *bytes;
  static const guint8 wanted[] = { 2, 1, 1, 1 };

  push_bytes (h, idr, 300, 0, FALSE);
  push_p (h, 300, 0);
  push_bytes (h, bare, 300, 0, FALSE); /* an IDR slice without SPS is none to the client */
  push_bytes (h, idr, 300, 0, TRUE);
  bytes = pull_all (h, NULL);
  for (guint i = 0; i < 4; i++) {
    fail_unless_equals_int (frame_header_at (bytes, i * 3 * 1040).frame_type, wanted[i]);
    fail_unless_equals_int (frame_header_at (bytes, i * 3 * 1040).last_payload_bytes, 308);
    fail_unless_equals_int (frame_header_at (bytes, i * 3 * 1040).host_latency, 0);
    fail_unless_equals_int (header_at (bytes, i * 3 * 1040).frame_index, i + 1);
  }
  g_byte_array_unref (bytes);
  g_free (idr);
  g_free (bare);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_av1_passes_unchanged)
{
  GstHarness *h = harness_of (new_pay (), "video/x-av1,stream-format=obu-stream,alignment=tu", NULL);
  static const guint8 unit[] = { 0x12, 0x00, 0x0a, 0x0b, 0, 0, 0, 0x24 };
  GByteArray *bytes;

  push_bytes (h, unit, sizeof unit, 0, FALSE);
  push_bytes (h, unit, sizeof unit, 0, TRUE);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (frame_header_at (bytes, 0).frame_type, 2);
  fail_unless_equals_int (frame_header_at (bytes, 0).last_payload_bytes, 16);
  fail_unless (memcmp (bytes->data + 40, unit, sizeof unit) == 0);
  fail_unless_equals_int (frame_header_at (bytes, 3 * 1040).frame_type, 1);
  fail_unless_equals_uint64 (stat_of (h, "late-slice-headers"), 0);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_drops_what_hides_the_slice_header)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  GByteArray *unit = g_byte_array_new (), *bytes;
  gsize head_size, size;
  guint8 *aud = wire_unhex ("0000000109f0"
                            "0000000106059999",
             &head_size),
         *sei = g_malloc0 (3000);
  guint8 *idr = wire_unhex (WIRE_IDR_HEAD, &size);

  memset (sei, 0x55, 3000);
  g_byte_array_append (unit, aud, head_size);
  g_byte_array_append (unit, sei, 3000);
  g_byte_array_append (unit, idr, size);
  push_bytes (h, unit->data, unit->len, 0, FALSE);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (bytes->len, 3 * 1040);
  fail_unless (memcmp (bytes->data + 40, idr, size) == 0);
  fail_unless_equals_uint64 (stat_of (h, "late-slice-headers"), 0);
  fail_unless_equals_int (frame_header_at (bytes, 0).frame_type, 2);
  g_byte_array_unref (bytes);
  g_byte_array_unref (unit);
  g_free (aud);
  g_free (sei);
  g_free (idr);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The limit of protocol/video.md §6.1: parameter sets end within per - 8 - 5 = 995 bytes. */
GST_START_TEST (test_moonlightpay_late_slice_headers_are_counted)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  GByteArray *bytes;

  for (guint extra = 0; extra < 2; extra++) {
    guint8 unit[2000] = { 0, 0, 0, 1, 0x67 };

    memset (unit + 5, 0x42, sizeof unit - 5);
    memcpy (unit + 995 + extra, "\0\0\0\1\x65", 5);
    push_bytes (h, unit, sizeof unit, 0, FALSE);
    fail_unless_equals_uint64 (stat_of (h, "late-slice-headers"), extra);
  }
  bytes = pull_all (h, NULL);
  fail_unless (bytes->len > 0); /* sent all the same: only the client can say that it was in vain */
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint64
monotonic_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (guint64) now.tv_sec * GST_SECOND + now.tv_nsec;
}

GST_START_TEST (test_moonlightpay_host_latency_comes_from_the_capture_time)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  GstCaps *caps = gst_caps_new_empty_simple ("timestamp/x-lumen-capture");
  guint64 now = monotonic_ns ();
  /* 20 ms ago; when the machine came up, which saturates; in the future, which means nothing */
  const guint64 captured[] = { now - 20 * GST_MSECOND, 1, now + 3600 * GST_SECOND };
  GByteArray *bytes;

  for (guint i = 0; i < 3; i++) {
    guint8 *unit = wire_access_unit (WIRE_P_HEAD, 300);
    GstBuffer *buffer = gst_buffer_new_wrapped (unit, 300);

    gst_buffer_add_reference_timestamp_meta (buffer, caps, captured[i], GST_CLOCK_TIME_NONE);
    gst_harness_push (h, buffer);
  }
  bytes = pull_all (h, NULL);
  fail_unless (frame_header_at (bytes, 0).host_latency >= 200);
  fail_unless_equals_int (frame_header_at (bytes, 3 * 1040).host_latency, 65535);
  fail_unless_equals_int (frame_header_at (bytes, 6 * 1040).host_latency, 0);
  fail_unless (stat_of (h, "host-latency-ns-p50") >= 19 * GST_MSECOND);
  g_byte_array_unref (bytes);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_fec_percentage_changes_between_frames)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  static const guint percentages[] = { 20, 50, 0, 255, 20 };
  static const guint parities[] = { 8, 20, 0, 102, 8 };
  gsize at = 0;
  GByteArray *bytes;

  for (guint i = 0; i < G_N_ELEMENTS (percentages); i++) {
    g_object_set (h->element, "fec-percentage", percentages[i], NULL);
    push_idr (h, 40000, 0);
  }
  bytes = pull_all (h, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (percentages); i++) {
    NvVideoHeader head = header_at (bytes, at);

    fail_unless_equals_int (head.frame_index, i + 1);
    fail_unless_equals_int (head.fec_percentage, percentages[i]);
    fail_unless_equals_int (head.shard_index, 0);
    at += (40 + parities[i]) * 1040;
  }
  fail_unless_equals_int (at, bytes->len);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

static GstElement *
new_encrypting_pay (gint page_fd)
{
  GstElement *pay = new_pay ();

  g_object_set (pay, "key", KEY, "packet-size", 992, "session-page-fd", page_fd, NULL);
  return pay;
}

GST_START_TEST (test_moonlightpay_encrypts_each_datagram)
{
  gint fd = wire_page_fd (5, 3, 1539, 0);
  GstHarness *h = harness_of (new_encrypting_pay (fd), H264, FRAME_CAPS);
  MediaCrypt *crypt;
  guint8 key[16], plain[1008];
  GByteArray *bytes;
  GstCaps *caps;
  gint size = 0;

  push_p (h, 300, 83333333);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (bytes->len, 3 * 1040);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_int (gst_caps_get_structure (caps, 0), "datagram-size", &size));
  fail_unless_equals_int (size, 1040);
  gst_caps_unref (caps);
  fail_unless (media_key_parse (KEY, key));
  crypt = media_crypt_new (key);
  for (guint i = 0; i < 3; i++) {
    const guint8 *datagram = bytes->data + i * 1040;
    NvVideoHeader header;

    /* counter = incarnation 5 << 48 | packet number 1539 + i */
    fail_unless_equals_int (datagram[0], 3 + i);
    wire_assert_begins (datagram + 1, 15, "06 00 00 00 00 05 00 00 00 00 56 04 00 00 00");
    fail_unless (media_crypt_open_video (crypt, datagram, 1040, plain));
    fail_unless_equals_int (nv_video_read (plain, sizeof plain, &header), NV_READ_OK);
    fail_unless_equals_int (header.shard_index, i);
    if (i == 0)
      wire_assert_sha256 (plain, sizeof plain, "8f30ae84f04b104f2f7f9e0d8965c9738cde79481704c29d55f5ceec6ff32abd");
  }
  media_crypt_free (crypt);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_successor_goes_on_and_repeats_no_nonce)
{
  gint fd = wire_page_fd (0, 0, 0, 0);
  GHashTable *nonces = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint32 incarnation = 0, frames = 0;

  for (; incarnation < 3; incarnation++) {
    GstHarness *h;
    GByteArray *bytes;

    fail_unless (pwrite (fd, &incarnation, 4, 8) == 4);
    h = harness_of (new_encrypting_pay (fd), H264, NULL);
    for (guint i = 0; i < 5; i++)
      push_idr (h, 5000, i * GST_MSECOND);
    bytes = pull_all (h, NULL);
    for (gsize at = 0; at < bytes->len; at += 1040) {
      gchar *nonce = g_base64_encode (bytes->data + at, 12);

      fail_unless (g_hash_table_add (nonces, nonce), "nonce seen twice");
    }
    frames += 5;
    fail_unless_equals_uint64 (stat_of (h, "last-frame-index"), frames);
    fail_unless_equals_int (wire_page_field (fd, 16), g_hash_table_size (nonces));
    g_byte_array_unref (bytes);
    gst_harness_teardown (h);
  }
  g_hash_table_unref (nonces);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_restart_without_page_repeats_no_number)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  GByteArray *bytes;

  push_p (h, 300, 0);
  gst_element_set_state (h->element, GST_STATE_READY);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (h, H264);
  push_p (h, 300, 0);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (bytes->len, 6 * 1040);
  fail_unless_equals_int (header_at (bytes, 3 * 1040).frame_index, 2);
  fail_unless_equals_int (header_at (bytes, 3 * 1040).sequence, 3);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* `stats` count from READY to PAUSED on: a second stream of the same element begins with nothing. */
GST_START_TEST (test_moonlightpay_stats_begin_with_each_stream)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);

  push_p (h, 300, 0);
  fail_unless_equals_uint64 (stat_of (h, "frames"), 1);
  gst_element_set_state (h->element, GST_STATE_READY);
  fail_unless_equals_uint64 (stat_of (h, "frames"), 1); /* still there to be read */
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  fail_unless_equals_uint64 (stat_of (h, "frames"), 0);
  fail_unless_equals_uint64 (stat_of (h, "packetise-ns-p99"), 0);
  gst_harness_set_src_caps_str (h, H264);
  push_p (h, 300, 0);
  fail_unless_equals_uint64 (stat_of (h, "frames"), 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_bad_settings_do_not_start)
{
  GstElement *pay = new_pay ();
  gint fd = wire_page_fd (0, 0, 0, 0);
  guint32 zero = 0;

  g_object_set (pay, "session-page-fd", 999999, NULL);
  assert_does_not_start (pay, "999999");
  fail_unless (ftruncate (fd, 100) == 0);
  pay = new_pay ();
  g_object_set (pay, "session-page-fd", fd, NULL);
  assert_does_not_start (pay, "4096");
  fail_unless (ftruncate (fd, 4096) == 0 && pwrite (fd, &zero, 4, 0) == 4);
  pay = new_pay ();
  g_object_set (pay, "session-page-fd", fd, NULL);
  assert_does_not_start (pay, "magic");
  close (fd);
  pay = new_pay ();
  g_object_set (pay, "key", "000102030405", NULL);
  assert_does_not_start (pay, "32 hex digits");
  pay = new_pay ();
  g_object_set (pay, "packet-size", 1000, NULL);
  assert_does_not_start (pay, "multiple of 16");
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_key_cannot_be_read)
{
  GstElement *pay = new_pay ();
  GParamSpec *key = g_object_class_find_property (G_OBJECT_GET_CLASS (pay), "key");

  fail_unless (key->flags & G_PARAM_WRITABLE);
  fail_if (key->flags & G_PARAM_READABLE);
  gst_object_unref (pay);
}

GST_END_TEST;

/* Each costs a count; what was a picture also costs an index, so that the client sees the gap. */
GST_START_TEST (test_moonlightpay_bad_access_units_are_counted)
{
  GstHarness *h = harness_of (new_pay (), H264, NULL);
  GByteArray *bytes;
  guint8 garbage[500];

  memset (garbage, 0x5A, sizeof garbage);
  fail_unless_equals_int (push_bytes (h, garbage, 0, 0, TRUE), GST_FLOW_OK);
  fail_unless_equals_uint64 (stat_of (h, "frames-refused"), 1);
  fail_unless_equals_int (push_bytes (h, garbage, sizeof garbage, 0, TRUE), GST_FLOW_OK);
  fail_unless_equals_int (push_idr (h, 5 << 20, 0), GST_FLOW_OK);
  fail_unless_equals_uint64 (stat_of (h, "frames-refused"), 3);
  fail_unless_equals_uint64 (stat_of (h, "frames"), 0);
  fail_unless_equals_int (push_p (h, 300, 0), GST_FLOW_OK);
  bytes = pull_all (h, NULL);
  fail_unless_equals_int (header_at (bytes, 0).frame_index, 3);
  fail_unless_equals_int (header_at (bytes, 0).sequence, 0);
  g_byte_array_unref (bytes);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_takes_the_first_layout_its_peer_can_use)
{
  static const struct
  {
    const gchar *peer;
    const gchar *layout;
  } table[] = {
    { DATAGRAM_CAPS ";" FRAME_CAPS, "datagrams" },
    { FRAME_CAPS ";" DATAGRAM_CAPS, "frame" },
    { "application/x-moonlight,media=video,layout=frame,datagram-size=[1,100];" DATAGRAM_CAPS, "datagrams" },
    { "application/x-moonlight,media=audio,layout=datagrams;" FRAME_CAPS, "frame" },
    { "application/x-moonlight", "datagrams" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    GstHarness *h = harness_of (new_pay (), H264, table[i].peer);
    GstCaps *caps;

    fail_unless_equals_int (push_p (h, 300, 0), GST_FLOW_OK);
    caps = gst_pad_get_current_caps (h->sinkpad);
    fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure (caps, 0), "layout"), table[i].layout);
    fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure (caps, 0), "media"), "video");
    gst_caps_unref (caps);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

GST_START_TEST (test_moonlightpay_peer_without_a_common_format_is_refused)
{
  GstHarness *h = harness_of (new_pay (), H264, "application/x-rtp");

  fail_unless_equals_int (push_p (h, 300, 0), GST_FLOW_NOT_NEGOTIATED);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A frame that outgrows the arena while earlier ones are still held, then small ones again. */
GST_START_TEST (test_moonlightpay_arenas_grow_and_are_not_shared)
{
  GstHarness *h = harness_of (new_pay (), H264, FRAME_CAPS);
  GstHarness *reference = harness_of (new_pay (), H264, DATAGRAM_CAPS);
  static const gsize sizes[] = { 1000, 700000, 2000, 300000, 50, 900000 };
  GByteArray *one, *other;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    push_idr (h, sizes[i], i * GST_MSECOND);
    push_idr (reference, sizes[i], i * GST_MSECOND);
  }
  one = pull_all (h, NULL);
  other = pull_all (reference, NULL);
  fail_unless_equals_int (one->len, other->len);
  fail_unless (memcmp (one->data, other->data, one->len) == 0);
  g_byte_array_unref (one);
  g_byte_array_unref (other);
  gst_harness_teardown (h);
  gst_harness_teardown (reference);
}

GST_END_TEST;

static Suite *
moonlightpay_suite (void)
{
  Suite *s = suite_create ("moonlightpay");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_moonlightpay_worked_idr_in_both_layouts_is_the_same);
  tcase_add_test (tc, test_moonlightpay_worked_p_frame_goes_on_from_the_page);
  tcase_add_test (tc, test_moonlightpay_large_frames_split_into_blocks);
  tcase_add_test (tc, test_moonlightpay_timestamp_is_running_time);
  tcase_add_test (tc, test_moonlightpay_frame_type_follows_the_bitstream);
  tcase_add_test (tc, test_moonlightpay_av1_passes_unchanged);
  tcase_add_test (tc, test_moonlightpay_drops_what_hides_the_slice_header);
  tcase_add_test (tc, test_moonlightpay_late_slice_headers_are_counted);
  tcase_add_test (tc, test_moonlightpay_host_latency_comes_from_the_capture_time);
  tcase_add_test (tc, test_moonlightpay_fec_percentage_changes_between_frames);
  tcase_add_test (tc, test_moonlightpay_encrypts_each_datagram);
  tcase_add_test (tc, test_moonlightpay_successor_goes_on_and_repeats_no_nonce);
  tcase_add_test (tc, test_moonlightpay_restart_without_page_repeats_no_number);
  tcase_add_test (tc, test_moonlightpay_stats_begin_with_each_stream);
  tcase_add_test (tc, test_moonlightpay_bad_settings_do_not_start);
  tcase_add_test (tc, test_moonlightpay_key_cannot_be_read);
  tcase_add_test (tc, test_moonlightpay_bad_access_units_are_counted);
  tcase_add_test (tc, test_moonlightpay_takes_the_first_layout_its_peer_can_use);
  tcase_add_test (tc, test_moonlightpay_peer_without_a_common_format_is_refused);
  tcase_add_test (tc, test_moonlightpay_arenas_grow_and_are_not_shared);
  return s;
}

GST_CHECK_MAIN (moonlightpay);
