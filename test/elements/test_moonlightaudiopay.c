/*
 * test_moonlightaudiopay.c: the element in a harness: worked examples, accepted datagrams, numbering, bad input.
 * Source: protocol/audio.md; test/fixtures/wire-encrypted.txt; docs/architecture.md.
 */
#include "wirefixture.h"

#include <gst/check/gstharness.h>

#include "nvpacket.h"

#define KEY "000102030405060708090a0b0c0d0e0f"

static GstHarness *
harness_of (const gchar *key, guint key_id, gint page_fd, guint duration_ms)
{
  GstElement *pay = gst_element_factory_make ("moonlightaudiopay", NULL);
  GstHarness *h;

  fail_unless (pay != NULL);
  g_object_set (pay, "key", key, "key-id", key_id, "session-page-fd", page_fd, "packet-duration", duration_ms, NULL);
  h = gst_harness_new_with_element (pay, "sink", "src");
  gst_harness_set_src_caps_str (h, "audio/x-opus,channel-mapping-family=0");
  gst_object_unref (pay);
  return h;
}

static GstFlowReturn
push_opus (GstHarness *h, const guint8 *bytes, gsize size)
{
  return gst_harness_push (h, size == 0 ? gst_buffer_new () : gst_buffer_new_memdup (bytes, size));
}

/* `fc` and then (31 s + 5 i) & 0xff, 60 bytes in all (protocol/audio.md §5). */
static void
push_worked (GstHarness *h, guint s)
{
  guint8 opus[60] = { 0xfc };

  for (guint i = 0; i < 59; i++)
    opus[i + 1] = (guint8) (31 * s + 5 * i);
  fail_unless_equals_int (push_opus (h, opus, sizeof opus), GST_FLOW_OK);
}

static GByteArray *
pull (GstHarness *h)
{
  GstBuffer *buffer = gst_harness_try_pull (h);
  GByteArray *bytes = g_byte_array_new ();
  GstMapInfo map;

  fail_unless (buffer != NULL, "nothing came out");
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  g_byte_array_append (bytes, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  return bytes;
}

static void
assert_pulls (GstHarness *h, gsize size, const gchar *hex)
{
  GByteArray *bytes = pull (h);

  fail_unless_equals_int (bytes->len, size);
  wire_assert_begins (bytes->data, bytes->len, hex);
  g_byte_array_unref (bytes);
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

GST_START_TEST (test_moonlightaudiopay_worked_encrypted_block_matches)
{
  GstHarness *h = harness_of (KEY, 0x01020304, -1, 5);

  for (guint s = 0; s < 4; s++)
    push_worked (h, s);
  assert_pulls (h, 76,
      "806100000000000000000000 3f154c0f4e5437ae089e241d0b0cd183a91082f6268193cb63af47d40b6ff87cffa1c2"
      "efa6c5fc83e99ca6842ee12df9d18ec5d49231015b50f81ebeeaf91de2");
  assert_pulls (h, 76, "80610001 00000005 00000000");
  assert_pulls (h, 76, "80610002 0000000a 00000000");
  assert_pulls (h, 76, "80610003 0000000f 00000000");
  assert_pulls (h, 88,
      "807f00040000000000000000 006100000000000000000000 e7e54ad943e8acd670be92bab1852f46af171f8cdc54"
      "ea47767e0c7e9b1b76885de300e76bfd2e858f16f78a64fc15e5456345b2c0c6e540863d44b27861d3d2");
  assert_pulls (h, 88, "807f00050000000000000000 016100000000000000000000 d05d001f1a150352");
  fail_unless_equals_uint64 (stat_of (h, "packets"), 4);
  fail_unless_equals_uint64 (stat_of (h, "parity-packets"), 2);
  fail_unless_equals_uint64 (stat_of (h, "bytes"), 4 * 76 + 2 * 88);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightaudiopay_worked_plain_block_matches)
{
  GstHarness *h = harness_of (NULL, 0, -1, 5);

  for (guint s = 0; s < 4; s++)
    push_worked (h, s);
  assert_pulls (h, 72, "806100000000000000000000 fc 00 05 0a");
  for (guint s = 1; s < 4; s++)
    g_byte_array_unref (pull (h));
  assert_pulls (h, 84, "807f00040000000000000000 006100000000000000000000 fc2bcbc8195b7aac0cc9da29184a1ef6");
  assert_pulls (h, 84, "807f00050000000000000000 016100000000000000000000 fc80a85f3b949b0ca362345db708429e");
  fail_unless (gst_harness_try_pull (h) == NULL);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Datagrams that the stock client's code accepted; the timestamp of a parity packet is nobody's business. */
GST_START_TEST (test_moonlightaudiopay_accepted_datagrams_are_written_again)
{
  GstHarness *h = harness_of (KEY, 77, -1, 5);
  gchar **lines = wire_fixture_lines ("wire-encrypted.txt");
  guint datagrams = 0;

  for (gchar **line = lines; *line; line++) {
    gchar **words = g_strsplit (*line, " ", -1);
    gsize size;

    if (words[0] != NULL && g_str_equal (words[0], "audio")) {
      guint8 *opus = wire_unhex (words[4], &size);

      fail_unless_equals_int (push_opus (h, opus, size), GST_FLOW_OK);
      assert_pulls (h, strlen (words[3]) / 2, words[3]);
      datagrams++;
      g_free (opus);
    } else if (words[0] != NULL && g_str_equal (words[0], "audio-parity")) {
      guint8 *wanted = wire_unhex (words[2], &size);
      GByteArray *got = pull (h);

      memset (wanted + 4, 0, 4);
      fail_unless (got->len == size && memcmp (got->data, wanted, size) == 0);
      datagrams++;
      g_byte_array_unref (got);
      g_free (wanted);
    }
    g_strfreev (words);
  }
  fail_unless_equals_int (datagrams, 16);
  g_strfreev (lines);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What each push hands on at once. */
static GstPadProbeReturn
count_bursts (GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  GString *lengths = user_data;

  g_string_append_printf (lengths, "%u ", gst_buffer_list_length (GST_PAD_PROBE_INFO_BUFFER_LIST (info)));
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (test_moonlightaudiopay_parity_leaves_with_the_fourth_packet)
{
  GstHarness *h = harness_of (NULL, 0, -1, 5);
  GString *lengths = g_string_new (NULL);
  GstPad *src = gst_element_get_static_pad (h->element, "src");

  gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER_LIST, count_bursts, lengths, NULL);
  for (guint s = 0; s < 8; s++)
    push_worked (h, s);
  fail_unless_equals_string (lengths->str, "1 1 1 3 1 1 1 3 ");
  gst_object_unref (src);
  g_string_free (lengths, TRUE);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightaudiopay_wraps_with_sixteen_bits_in_the_iv)
{
  gint fd = wire_page_fd (0, 0, 0, 0x1fffc);
  GstHarness *h = harness_of (KEY, 0x01020304, fd, 10);
  GstHarness *fresh = harness_of (KEY, 0x01020304, -1, 10);
  GByteArray *wrapped, *first;

  /* 0x1fffc .. 0x1ffff, then 0x20000, whose RTP sequence is 0: so is what the IV adds. */
  for (guint s = 0; s < 4; s++)
    push_worked (h, s);
  assert_pulls (h, 76, "8061fffc 0013ffd8 00000000");
  for (guint s = 1; s < 4; s++)
    g_byte_array_unref (pull (h));
  assert_pulls (h, 88, "807f0000 00000000 00000000 0061fffc 0013ffd8 00000000");
  g_byte_array_unref (pull (h));
  push_worked (h, 0);
  push_worked (fresh, 0);
  wrapped = pull (h);
  first = pull (fresh);
  wire_assert_begins (wrapped->data, wrapped->len, "80610000 00140000 00000000");
  fail_unless (memcmp (wrapped->data + 12, first->data + 12, 64) == 0);
  g_byte_array_unref (wrapped);
  g_byte_array_unref (first);
  gst_harness_teardown (h);
  gst_harness_teardown (fresh);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_moonlightaudiopay_successor_begins_with_a_new_block)
{
  gint fd = wire_page_fd (0, 0, 0, 0);
  GstHarness *h = harness_of (NULL, 0, fd, 5);

  for (guint s = 0; s < 6; s++)
    push_worked (h, s);
  gst_harness_teardown (h);
  fail_unless_equals_int (wire_page_field (fd, 20), 8);
  h = harness_of (NULL, 0, fd, 5);
  push_worked (h, 0);
  assert_pulls (h, 72, "80610008 00000028 00000000");
  fail_unless_equals_int (wire_page_field (fd, 20), 12);
  gst_harness_teardown (h);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_moonlightaudiopay_size_changes_are_counted_and_sent)
{
  GstHarness *h = harness_of (NULL, 0, -1, 5);
  static const guint8 opus[200] = { 0xfc };
  static const gsize sizes[] = { 60, 60, 61, 60, 80, 80, 80, 80 };
  guint pulled = 0;
  GstBuffer *buffer;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    fail_unless_equals_int (push_opus (h, opus, sizes[i]), GST_FLOW_OK);
  fail_unless_equals_uint64 (stat_of (h, "size-changes"), 3);
  fail_unless_equals_uint64 (stat_of (h, "packets"), 8);
  /* No parity can cover the uneven block; the next has it again. */
  fail_unless_equals_uint64 (stat_of (h, "parity-packets"), 2);
  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    gst_buffer_unref (buffer);
    pulled++;
  }
  fail_unless_equals_int (pulled, 10);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightaudiopay_bad_packets_are_refused)
{
  GstHarness *h = harness_of (KEY, 0, -1, 5);
  guint8 *large = g_malloc0 (5000);
  GstBuffer *header = gst_buffer_new_memdup ("OpusHead", 8);

  fail_unless_equals_int (push_opus (h, large, 0), GST_FLOW_OK);
  fail_unless_equals_int (push_opus (h, large, 5000), GST_FLOW_OK);
  fail_unless_equals_int (push_opus (h, large, 1376), GST_FLOW_OK);
  fail_unless_equals_uint64 (stat_of (h, "packets-refused"), 3);
  GST_BUFFER_FLAG_SET (header, GST_BUFFER_FLAG_HEADER);
  fail_unless_equals_int (gst_harness_push (h, header), GST_FLOW_OK);
  fail_unless (gst_harness_try_pull (h) == NULL);
  /* The largest configuration there is: 7.1 high quality, 1280 bytes. No number was spent before. */
  for (guint i = 0; i < 4; i++)
    fail_unless_equals_int (push_opus (h, large, 1280), GST_FLOW_OK);
  assert_pulls (h, 12 + 1296, "80610000");
  for (guint i = 1; i < 4; i++)
    g_byte_array_unref (pull (h));
  assert_pulls (h, 24 + 1296, "807f0004");
  g_free (large);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_moonlightaudiopay_bad_settings_do_not_start)
{
  static const gchar *names[] = { "session-page-fd", "key" };
  static const gchar *values[] = { "999999", "xyz" };

  for (guint i = 0; i < 2; i++) {
    GstElement *pay = gst_element_factory_make ("moonlightaudiopay", NULL);

    gst_util_set_object_arg (G_OBJECT (pay), names[i], values[i]);
    fail_unless_equals_int (gst_element_set_state (pay, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    gst_element_set_state (pay, GST_STATE_NULL);
    fail_if (g_object_class_find_property (G_OBJECT_GET_CLASS (pay), "key")->flags & G_PARAM_READABLE);
    gst_object_unref (pay);
  }
}

GST_END_TEST;

static Suite *
moonlightaudiopay_suite (void)
{
  Suite *s = suite_create ("moonlightaudiopay");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_moonlightaudiopay_worked_encrypted_block_matches);
  tcase_add_test (tc, test_moonlightaudiopay_worked_plain_block_matches);
  tcase_add_test (tc, test_moonlightaudiopay_accepted_datagrams_are_written_again);
  tcase_add_test (tc, test_moonlightaudiopay_parity_leaves_with_the_fourth_packet);
  tcase_add_test (tc, test_moonlightaudiopay_wraps_with_sixteen_bits_in_the_iv);
  tcase_add_test (tc, test_moonlightaudiopay_successor_begins_with_a_new_block);
  tcase_add_test (tc, test_moonlightaudiopay_size_changes_are_counted_and_sent);
  tcase_add_test (tc, test_moonlightaudiopay_bad_packets_are_refused);
  tcase_add_test (tc, test_moonlightaudiopay_bad_settings_do_not_start);
  return s;
}

GST_CHECK_MAIN (moonlightaudiopay);
