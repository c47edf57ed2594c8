/*
 * test_moonlightdepay.c: datagrams into the element: buffers, flags, times, messages, statistics, decryption, rubbish.
 */
#include <gst/check/gstharness.h>

#include "mediacrypt.h"
#include "shardmaker.h"
#include "startfault.h"

#define KEY_TEXT "000102030405060708090a0b0c0d0e0f"
#define VIDEO_CAPS "application/x-moonlight, media=(string)video, layout=(string)datagrams"
#define AUDIO_CAPS "application/x-moonlight, media=(string)audio, layout=(string)datagrams"

static GstHarness *h;
static GstBus *bus;
static ShardMaker maker;

static void
open_harness (const gchar *launch, const gchar *caps)
{
  static const ShardMaker fresh = SHARD_MAKER_INIT;

  maker = fresh;
  h = gst_harness_new_parse (launch);
  fail_unless (h != NULL);
  bus = gst_bus_new ();
  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, caps);
}

static void
close_harness (void)
{
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

static guint64
stat (const gchar *name)
{
  GstElement *depay = h->element;
  GstStructure *stats = NULL;
  guint64 value = G_MAXUINT64;

  if (GST_IS_BIN (depay))
    depay = GST_ELEMENT (GST_BIN_CHILDREN (depay)->data);
  g_object_get (depay, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, name, &value), "no field %s", name);
  gst_structure_free (stats);
  return value;
}

static void
push_bytes (const guint8 *bytes, gsize size, GstClockTime pts)
{
  GstBuffer *buffer = size > 0 ? gst_buffer_new_memdup (bytes, size) : gst_buffer_new ();

  GST_BUFFER_PTS (buffer) = pts;
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
}

static void
push_frame (const ShardedFrame *frame, GstClockTime pts, guint from, guint to)
{
  guint i;

  for (i = from; i < to && i < frame->plan.total_packets; i++)
    push_bytes (frame->shards[i], frame->shard_bytes, pts);
}

/* Makes a frame, pushes all of it but the first `dropped` shards, and frees it. */
static void
send_frame (gsize bytes, gboolean is_key, guint dropped, GstClockTime pts)
{
  ShardedFrame *frame = shard_maker_frame (&maker, bytes, is_key);

  push_frame (frame, pts, dropped, G_MAXUINT);
  sharded_frame_free (frame);
}

static const GstStructure *
pop_message (const gchar *name, GstMessage **message)
{
  *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  fail_unless (*message != NULL, "no message %s", name);
  fail_unless (gst_message_has_name (*message, name), "%" GST_PTR_FORMAT, gst_message_get_structure (*message));
  return gst_message_get_structure (*message);
}

static guint64
field (const GstStructure *s, const gchar *name)
{
  guint64 value = G_MAXUINT64;

  fail_unless (gst_structure_get_uint64 (s, name, &value));
  return value;
}

GST_START_TEST (test_access_units_come_out_with_caps_flags_and_sender_time)
{
  ShardedFrame *frame;
  GstBuffer *buffer;
  GstCaps *caps;
  GstMessage *message;

  open_harness ("moonlightdepay", VIDEO_CAPS);
  frame = shard_maker_frame (&maker, 40000, TRUE);
  push_frame (frame, 2 * GST_SECOND, 0, G_MAXUINT);
  buffer = gst_harness_pull (h);
  fail_unless_equals_int (gst_buffer_get_size (buffer), 40000);
  fail_unless (gst_buffer_memcmp (buffer, 0, frame->unit, 40000) == 0);
  fail_if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT));
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), 2 * GST_SECOND);
  gst_buffer_unref (buffer);
  sharded_frame_free (frame);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-h264"));
  gst_caps_unref (caps);

  /* arrives 3 ms late, but was made 1/60 s after the first */
  send_frame (300, FALSE, 0, 2 * GST_SECOND + 20 * GST_MSECOND);
  buffer = gst_harness_pull (h);
  fail_unless (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT));
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), 2 * GST_SECOND + GST_SECOND / 60);
  gst_buffer_unref (buffer);

  fail_unless_equals_uint64 (field (pop_message ("moonlight-key-frame", &message), "frame-index"), 1);
  fail_unless (field (gst_message_get_structure (message), "arrival-ns") > 0);
  gst_message_unref (message);
  fail_unless_equals_uint64 (stat ("frames"), 2);
  fail_unless_equals_uint64 (stat ("key-frames"), 1);
  fail_unless_equals_uint64 (stat ("datagrams"), 51);
  fail_unless_equals_uint64 (stat ("first-frame-index"), 1);
  fail_unless_equals_uint64 (stat ("last-frame-index"), 2);
  fail_unless_equals_uint64 (stat ("last-key-frame-index"), 1);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_buffer_lists_are_taken)
{
  ShardedFrame *frame;
  GstBufferList *list = gst_buffer_list_new ();
  guint i;

  open_harness ("moonlightdepay", VIDEO_CAPS);
  frame = shard_maker_frame (&maker, 500000, TRUE);
  for (i = 0; i < frame->plan.total_packets; i++)
    gst_buffer_list_add (list, gst_buffer_new_memdup (frame->shards[i], frame->shard_bytes));
  fail_unless_equals_int (gst_pad_push_list (h->srcpad, list), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  sharded_frame_free (frame);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_after_a_loss_frames_are_kept_back_until_the_next_key_frame)
{
  GstMessage *message;
  const GstStructure *lost, *block;
  guint index, data, received, parity;

  open_harness ("moonlightdepay", VIDEO_CAPS);
  send_frame (5000, FALSE, 0, 0); /* before any key frame */
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  send_frame (5000, TRUE, 0, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  send_frame (5000, FALSE, 3, 0); /* 5 + 2: three lost is one too many */
  send_frame (5000, FALSE, 0, 0);
  send_frame (5000, FALSE, 2, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  send_frame (5000, TRUE, 0, 0);
  send_frame (5000, FALSE, 0, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 3);

  gst_message_unref ((pop_message ("moonlight-key-frame", &message), message));
  block = pop_message ("moonlight-fec-status", &message);
  fail_unless (gst_structure_get (block, "frame-index", G_TYPE_UINT, &index, "data-shards", G_TYPE_UINT, &data,
      "data-received", G_TYPE_UINT, &received, "parity-shards", G_TYPE_UINT, &parity, NULL));
  fail_unless_equals_int (index, 3);
  fail_unless_equals_int (data, 5);
  fail_unless_equals_int (received + 3, data);
  fail_unless_equals_int (parity, 2);
  gst_message_unref (message);
  lost = pop_message ("moonlight-frame-lost", &message);
  fail_unless_equals_uint64 (field (lost, "first"), 3);
  fail_unless_equals_uint64 (field (lost, "last"), 3);
  gst_message_unref (message);
  fail_unless_equals_uint64 (stat ("frames-lost"), 1);
  fail_unless_equals_uint64 (stat ("frames-recovered"), 1);
  fail_unless_equals_uint64 (stat ("frames-discarded"), 3);
  fail_unless_equals_uint64 (stat ("frames"), 3);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_without_waiting_every_complete_frame_comes_out)
{
  open_harness ("moonlightdepay wait-for-key-frame=false", VIDEO_CAPS);
  send_frame (5000, FALSE, 0, 0);
  send_frame (5000, FALSE, 3, 0);
  send_frame (5000, FALSE, 0, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 2);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_lost_frames_are_reported_merged_and_at_most_once_in_100_ms)
{
  GstMessage *message;
  guint i, messages = 0, blocks = 0;
  guint64 last = 0;

  open_harness ("moonlightdepay", VIDEO_CAPS);
  send_frame (300, TRUE, 0, 0);
  for (i = 0; i < 50; i++)
    send_frame (5000, FALSE, i % 2 ? 0 : 3, 0);
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "moonlight-frame-lost")) {
      fail_unless (messages == 0 || field (gst_message_get_structure (message), "first") > last);
      last = field (gst_message_get_structure (message), "last");
      messages++;
    }
    blocks += gst_message_has_name (message, "moonlight-fec-status");
    gst_message_unref (message);
  }
  /* as many as a client sends: 8 in 100 ms, and this takes no second */
  fail_unless (blocks >= 8 && blocks < 25, "%u reports", blocks);
  /* one at once, the rest together when the stream ended */
  fail_unless (messages >= 2 && messages <= 10, "%u messages", messages);
  fail_unless_equals_uint64 (last, 50);
  fail_unless_equals_uint64 (stat ("frames-lost"), 25);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_host_latency_comes_from_the_frame_headers)
{
  guint i;
  guint64 p50;

  open_harness ("moonlightdepay", VIDEO_CAPS);
  maker.host_latency = 80; /* 8 ms */
  for (i = 0; i < 100; i++)
    send_frame (300, i == 0, 0, 0);
  p50 = stat ("host-latency-ns-p50");
  fail_unless (p50 > 7500000 && p50 < 8500000, "p50 %" G_GUINT64_FORMAT, p50);
  fail_unless (stat ("arrival-jitter-ns-p99") > 0);
  close_harness ();
}

GST_END_TEST;

/* ---- encryption ---- */

static MediaCrypt *
make_crypt (void)
{
  guint8 key[MEDIA_KEY_BYTES];

  fail_unless (media_key_parse (KEY_TEXT, key));
  return media_crypt_new (key);
}

static void
push_sealed (MediaCrypt *crypt, const ShardedFrame *frame, guint shard, guint64 counter)
{
  guint8 datagram[2048];

  memcpy (datagram + NV_ENCRYPTED_PREFIX_BYTES, frame->shards[shard], frame->shard_bytes);
  fail_unless (media_crypt_seal_video (crypt, datagram, frame->shard_bytes, counter, 1));
  push_bytes (datagram, frame->shard_bytes + NV_ENCRYPTED_PREFIX_BYTES, 0);
}

GST_START_TEST (test_encrypted_video_is_decrypted_and_forgeries_are_counted)
{
  MediaCrypt *crypt = make_crypt ();
  ShardedFrame *frame;
  guint8 rubbish[1056] = { 0 };
  guint i;

  open_harness ("moonlightdepay key=" KEY_TEXT " packet-size=992", VIDEO_CAPS);
  maker.packet_size = 992;
  frame = shard_maker_frame (&maker, 40000, TRUE);
  push_bytes (rubbish, 1040, 0);
  push_bytes (rubbish, 1056, 0);
  push_bytes (rubbish, 12, 0);
  push_bytes (frame->shards[0], frame->shard_bytes, 0); /* in clear: not taken */
  for (i = 0; i < frame->plan.total_packets; i++)
    push_sealed (crypt, frame, i, i);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  fail_unless_equals_uint64 (stat ("decrypt-failures"), 4);
  fail_unless_equals_uint64 (stat ("nonce-repeats"), 0);
  sharded_frame_free (frame);
  media_crypt_free (crypt);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_nonce_of_two_datagrams_is_counted_and_a_duplicate_datagram_is_not)
{
  MediaCrypt *crypt = make_crypt ();
  ShardedFrame *frame;

  open_harness ("moonlightdepay key=" KEY_TEXT, VIDEO_CAPS);
  frame = shard_maker_frame (&maker, 40000, TRUE);
  push_sealed (crypt, frame, 0, 10);
  push_sealed (crypt, frame, 0, 10);
  fail_unless_equals_uint64 (stat ("nonce-repeats"), 0);
  fail_unless_equals_uint64 (stat ("duplicates"), 1);
  push_sealed (crypt, frame, 1, 10);
  fail_unless_equals_uint64 (stat ("nonce-repeats"), 1);
  /* a later media process: other top bits, so no repeat; the earlier one's counters again: one */
  push_sealed (crypt, frame, 2, (G_GUINT64_CONSTANT (1) << 48) | 10);
  fail_unless_equals_uint64 (stat ("nonce-repeats"), 1);
  push_sealed (crypt, frame, 3, 11);
  fail_unless_equals_uint64 (stat ("nonce-repeats"), 2);
  sharded_frame_free (frame);
  media_crypt_free (crypt);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_bad_settings_do_not_start)
{
  static const struct
  {
    const gchar *name, *value, *why;
  } faults[] = {
    { "key", "000102030405", "32 hex digits" },
    { "packet-size", "1000", "multiple of 16" },
    { "opus-layout", "642", "opus-layout is no layout" },
    { "opus-layout", "64201234", "opus-layout is no layout" },
    { "opus-layout", "642012346", "opus-layout is no layout" },
    { "opus-layout", "66101234a", "opus-layout is no layout" },
    { "opus-layout", "2120!", "opus-layout is no layout" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    GstElement *depay = gst_element_factory_make ("moonlightdepay", NULL);

    gst_util_set_object_arg (G_OBJECT (depay), faults[i].name, faults[i].value);
    assert_does_not_start (depay, faults[i].why);
  }
}

GST_END_TEST;

GST_START_TEST (test_key_cannot_be_read_and_an_empty_one_is_none)
{
  GstElement *depay = gst_element_factory_make ("moonlightdepay", NULL);

  fail_if (g_object_class_find_property (G_OBJECT_GET_CLASS (depay), "key")->flags & G_PARAM_READABLE);
  g_object_set (depay, "key", "", NULL);
  fail_unless_equals_int (gst_element_set_state (depay, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (depay, GST_STATE_NULL);
  gst_object_unref (depay);
}

GST_END_TEST;

/* ---- audio ---- */

static gsize
unhex (const gchar *text, guint8 *bytes)
{
  gsize n = 0;

  for (; text[0] && text[1]; text += 2)
    bytes[n++] = (guint8) (g_ascii_xdigit_value (text[0]) << 4 | g_ascii_xdigit_value (text[1]));
  return n;
}

/* The worked datagrams of protocol/audio.md §5: packet 0 and the first parity of its block. */
#define AUDIO_PACKET_0 \
  "806100000000000000000000" \
  "3f154c0f4e5437ae089e241d0b0cd183a91082f6268193cb63af47d40b6ff87cffa1c2efa6c5fc83e99ca6842ee12df9" \
  "d18ec5d49231015b50f81ebeeaf91de2"
#define AUDIO_PARITY_0 \
  "807f00040000000000000000006100000000000000000000" \
  "e7e54ad943e8acd670be92bab1852f46af171f8cdc54ea47767e0c7e9b1b76885de300e76bfd2e858f16f78a64fc15e5" \
  "456345b2c0c6e540863d44b27861d3d2"

static gsize
make_audio (MediaCrypt *crypt, guint16 sequence, guint8 *datagram)
{
  guint8 plain[60] = { 0xfc };
  guint i;

  for (i = 0; i < 59; i++)
    plain[i + 1] = (guint8) (31 * sequence + 5 * i);
  nv_audio_write_data (datagram, sequence, sequence * 5u);
  if (!crypt) {
    memcpy (datagram + NV_AUDIO_HEADER_BYTES, plain, sizeof plain);
    return NV_AUDIO_HEADER_BYTES + sizeof plain;
  }
  fail_unless (
      media_crypt_seal_audio (crypt, 0x01020304, sequence, plain, sizeof plain, datagram + NV_AUDIO_HEADER_BYTES));
  return NV_AUDIO_HEADER_BYTES + media_crypt_audio_bytes (sizeof plain);
}

static void
push_audio (MediaCrypt *crypt, guint16 sequence)
{
  guint8 datagram[256];
  gsize size = make_audio (crypt, sequence, datagram);

  push_bytes (datagram, size, GST_SECOND + sequence * 5 * GST_MSECOND);
}

static void
expect_packet (guint16 sequence)
{
  GstBuffer *buffer = gst_harness_pull (h);
  GstMapInfo map;
  guint i;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  fail_unless_equals_int (map.size, 60);
  fail_unless_equals_int (map.data[0], 0xfc);
  for (i = 0; i < 59; i++)
    fail_unless_equals_int (map.data[i + 1], (guint8) (31 * sequence + 5 * i));
  gst_buffer_unmap (buffer, &map);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), GST_SECOND + sequence * 5 * GST_MSECOND);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), 5 * GST_MSECOND);
  gst_buffer_unref (buffer);
}

GST_START_TEST (test_worked_audio_datagrams_decrypt_and_recover)
{
  MediaCrypt *crypt = make_crypt ();
  guint8 bytes[256];
  GstCaps *caps;
  gint channels;
  guint i;

  open_harness ("moonlightdepay key=" KEY_TEXT " key-id=16909060", AUDIO_CAPS);
  push_bytes (bytes, unhex (AUDIO_PACKET_0, bytes), GST_SECOND);
  expect_packet (0);
  /* packet 2 is lost and comes back by the parity */
  push_audio (crypt, 1);
  push_audio (crypt, 3);
  push_bytes (bytes, unhex (AUDIO_PARITY_0, bytes), GST_SECOND);
  for (i = 1; i < 4; i++)
    expect_packet ((guint16) i);
  fail_unless_equals_uint64 (stat ("packets"), 4);
  fail_unless_equals_uint64 (stat ("recovered"), 1);
  fail_unless_equals_uint64 (stat ("lost"), 0);

  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_structure_get_int (gst_caps_get_structure (caps, 0), "channels", &channels) && channels == 2);
  gst_caps_unref (caps);
  media_crypt_free (crypt);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_audio_gap_is_counted_and_announced)
{
  GstEvent *event;
  gboolean has_gap = FALSE;

  open_harness ("moonlightdepay", AUDIO_CAPS);
  push_audio (NULL, 0);
  push_audio (NULL, 1);
  push_audio (NULL, 4);
  push_audio (NULL, 5);
  expect_packet (0);
  expect_packet (1);
  expect_packet (4);
  expect_packet (5);
  while ((event = gst_harness_try_pull_event (h))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
      GstClockTime start, duration;

      gst_event_parse_gap (event, &start, &duration);
      fail_unless_equals_uint64 (start, GST_SECOND + 10 * GST_MSECOND);
      fail_unless_equals_uint64 (duration, 10 * GST_MSECOND);
      has_gap = TRUE;
    }
    gst_event_unref (event);
  }
  fail_unless (has_gap);
  fail_unless_equals_uint64 (stat ("lost"), 2);
  fail_unless_equals_uint64 (stat ("gaps"), 1);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_audio_that_does_not_decrypt_is_counted)
{
  open_harness ("moonlightdepay key=" KEY_TEXT, AUDIO_CAPS);
  push_audio (NULL, 0); /* in clear: 60 bytes are no whole number of cipher blocks */
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  fail_unless_equals_uint64 (stat ("decrypt-failures"), 1);
  close_harness ();
}

GST_END_TEST;

/* ---- round trips with the payloaders ---- */

#define H264_CAPS "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au"

static GstHarness *pay;

static void
open_round_trip (const gchar *pay_launch, const gchar *pay_caps, const gchar *depay_launch, const gchar *caps)
{
  open_harness (depay_launch, caps);
  pay = gst_harness_new_parse (pay_launch);
  gst_harness_set_caps_str (pay, pay_caps, caps);
}

static void
close_round_trip (void)
{
  gst_harness_teardown (pay);
  close_harness ();
}

/* Sends an access unit through both elements without the datagrams for which `is_dropped` says so. */
static GstBuffer *
round_trip (GstBuffer *unit, GstClockTime pts, gboolean (*is_dropped) (guint i, guint n))
{
  guint n, i;

  GST_BUFFER_PTS (unit) = pts;
  fail_unless_equals_int (gst_harness_push (pay, gst_buffer_ref (unit)), GST_FLOW_OK);
  n = gst_harness_buffers_in_queue (pay);
  for (i = 0; i < n; i++) {
    GstBuffer *datagram = gst_harness_pull (pay);

    if (is_dropped && is_dropped (i, n))
      gst_buffer_unref (datagram);
    else
      fail_unless_equals_int (gst_harness_push (h, datagram), GST_FLOW_OK);
  }
  return gst_harness_try_pull (h);
}

static gboolean
drop_sixth (guint i, guint n)
{
  return i % 6 == 5;
}

/* An access unit of `bytes` bytes: parameter sets and an IDR slice, or an ordinary slice. */
static GstBuffer *
make_unit (gsize bytes, gboolean is_key)
{
  static const guint8 key_head[] = { 0, 0, 0, 1, 0x67, 0x64, 0, 0x28, 0xac, 0xd9, 0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0, 0, 0,
    1, 0x65, 0x88, 0x84 };
  static const guint8 head[] = { 0, 0, 0, 1, 0x41, 0x9a, 0, 0x11 };
  guint8 *data = g_malloc (bytes);
  gsize i;

  for (i = 0; i < bytes; i++)
    data[i] = (guint8) ((7 * i + 3) | 1);
  memcpy (data, is_key ? key_head : head, is_key ? sizeof key_head : sizeof head);
  return gst_buffer_new_wrapped (data, bytes);
}

static void
expect_round_trip (const gchar *options, gboolean (*is_dropped) (guint i, guint n))
{
  static const gsize sizes[] = { 300, 2008, 40000, 212 * 1008 - 8, 212 * 1008 - 7, 500000, 848 * 1008 - 8 };
  gchar *pay_launch = g_strdup_printf ("moonlightpay %s", options);
  gchar *depay_launch = g_strdup_printf ("moonlightdepay %s", options);
  guint i;

  open_round_trip (pay_launch, H264_CAPS, depay_launch, VIDEO_CAPS);
  for (i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstBuffer *unit = make_unit (sizes[i], i == 0), *out = round_trip (unit, i * 20 * GST_MSECOND, is_dropped);
    GstMapInfo map;

    fail_unless (out != NULL, "%" G_GSIZE_FORMAT " bytes did not come back", sizes[i]);
    fail_unless (gst_buffer_map (unit, &map, GST_MAP_READ));
    fail_unless_equals_int (gst_buffer_get_size (out), map.size);
    fail_unless (gst_buffer_memcmp (out, 0, map.data, map.size) == 0);
    gst_buffer_unmap (unit, &map);
    gst_buffer_unref (unit);
    gst_buffer_unref (out);
  }
  fail_unless_equals_uint64 (stat ("frames-lost"), 0);
  fail_unless_equals_uint64 (stat ("rejected"), 0);
  fail_unless_equals_uint64 (stat ("nonce-repeats"), 0);
  close_round_trip ();
  g_free (pay_launch);
  g_free (depay_launch);
}

GST_START_TEST (test_what_the_payloader_cuts_comes_back_whole)
{
  expect_round_trip ("packet-size=1024", NULL);
  expect_round_trip ("packet-size=1024 key=" KEY_TEXT, NULL);
}

GST_END_TEST;

GST_START_TEST (test_every_sixth_datagram_may_be_lost)
{
  expect_round_trip ("packet-size=1024", drop_sixth);
  expect_round_trip ("packet-size=1024 key=" KEY_TEXT, drop_sixth);
}

GST_END_TEST;

GST_START_TEST (test_sound_of_the_payloader_comes_back_in_spite_of_losses)
{
  guint i, received = 0;

  open_round_trip ("moonlightaudiopay key=" KEY_TEXT " key-id=5",
      "audio/x-opus, channel-mapping-family=(int)0, channels=(int)2, rate=(int)48000",
      "moonlightdepay key=" KEY_TEXT " key-id=5", AUDIO_CAPS);
  for (i = 0; i < 400; i++) {
    guint8 packet[60] = { 0xfc, (guint8) i, (guint8) (i >> 8) };
    GstBuffer *opus = gst_buffer_new_memdup (packet, sizeof packet);
    GstBuffer *out = round_trip (opus, i * 5 * GST_MSECOND, i % 8 == 2 ? drop_sixth : NULL);

    gst_buffer_unref (opus);
    for (; out; out = gst_harness_try_pull (h), received++) {
      guint8 number[2];

      fail_unless_equals_int (gst_buffer_extract (out, 1, number, 2), 2);
      fail_unless_equals_int (GST_READ_UINT16_LE (number), received);
      gst_buffer_unref (out);
    }
  }
  fail_unless_equals_int (received, 400);
  fail_unless_equals_uint64 (stat ("lost"), 0);
  close_round_trip ();
}

GST_END_TEST;

/* ---- rubbish and states ---- */

static void
push_rubbish (const gchar *launch, const gchar *caps)
{
  guint32 seed = 17;
  guint8 bytes[1100];
  guint i, j;

  open_harness (launch, caps);
  for (i = 0; i < 100000; i++) {
    gsize size = next_random (&seed) % 64;

    if (i % 16 == 0)
      size = next_random (&seed) % sizeof bytes;
    for (j = 0; j < MIN (size, 40); j++)
      bytes[j] = (guint8) (next_random (&seed) >> 8);
    if (i % 2)
      bytes[0] = i % 4 == 1 ? 0x90 : 0x80;
    bytes[1] = i % 3 ? 97 : 127;
    push_bytes (bytes, size, i * GST_USECOND);
  }
  fail_unless_equals_uint64 (stat ("datagrams"), 100000);
  fail_unless (stat ("rejected") + stat ("decrypt-failures") > 40000);
  while (gst_harness_buffers_in_queue (h) > 0)
    gst_buffer_unref (gst_harness_pull (h));
  close_harness ();
}

GST_START_TEST (test_random_datagrams_are_counted_and_harmless)
{
  push_rubbish ("moonlightdepay wait-for-key-frame=false", VIDEO_CAPS);
  push_rubbish ("moonlightdepay key=" KEY_TEXT, VIDEO_CAPS);
  push_rubbish ("moonlightdepay", AUDIO_CAPS);
  push_rubbish ("moonlightdepay key=" KEY_TEXT, AUDIO_CAPS);
}

GST_END_TEST;

GST_START_TEST (test_flush_starts_over)
{
  open_harness ("moonlightdepay", VIDEO_CAPS);
  send_frame (300, TRUE, 0, 0);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  send_frame (300, FALSE, 0, 0);
  fail_unless_equals_uint64 (stat ("frames"), 1);
  send_frame (300, TRUE, 0, 0);
  fail_unless_equals_uint64 (stat ("frames"), 2);
  close_harness ();
}

GST_END_TEST;

GST_START_TEST (test_state_changes_leave_nothing_behind)
{
  guint i;

  for (i = 0; i < 200; i++) {
    open_harness ("moonlightdepay", i % 2 ? VIDEO_CAPS : AUDIO_CAPS);
    if (i % 2)
      send_frame (300, TRUE, 0, 0);
    close_harness ();
  }
}

GST_END_TEST;

static Suite *
moonlightdepay_suite (void)
{
  Suite *s = suite_create ("moonlightdepay");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_access_units_come_out_with_caps_flags_and_sender_time);
  tcase_add_test (tc, test_buffer_lists_are_taken);
  tcase_add_test (tc, test_after_a_loss_frames_are_kept_back_until_the_next_key_frame);
  tcase_add_test (tc, test_without_waiting_every_complete_frame_comes_out);
  tcase_add_test (tc, test_lost_frames_are_reported_merged_and_at_most_once_in_100_ms);
  tcase_add_test (tc, test_host_latency_comes_from_the_frame_headers);
  tcase_add_test (tc, test_encrypted_video_is_decrypted_and_forgeries_are_counted);
  tcase_add_test (tc, test_nonce_of_two_datagrams_is_counted_and_a_duplicate_datagram_is_not);
  tcase_add_test (tc, test_bad_settings_do_not_start);
  tcase_add_test (tc, test_key_cannot_be_read_and_an_empty_one_is_none);
  tcase_add_test (tc, test_worked_audio_datagrams_decrypt_and_recover);
  tcase_add_test (tc, test_audio_gap_is_counted_and_announced);
  tcase_add_test (tc, test_audio_that_does_not_decrypt_is_counted);
  tcase_add_test (tc, test_what_the_payloader_cuts_comes_back_whole);
  tcase_add_test (tc, test_every_sixth_datagram_may_be_lost);
  tcase_add_test (tc, test_sound_of_the_payloader_comes_back_in_spite_of_losses);
  tcase_add_test (tc, test_random_datagrams_are_counted_and_harmless);
  tcase_add_test (tc, test_flush_starts_over);
  tcase_add_test (tc, test_state_changes_leave_nothing_behind);
  return s;
}

GST_CHECK_MAIN (moonlightdepay);
