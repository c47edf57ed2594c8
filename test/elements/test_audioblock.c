/*
 * test_audioblock.c: four Opus packets and the parity over them. Source: protocol/audio.md §2, §3.
 */
#include <gst/check/gstcheck.h>

#include "audioblock.h"

#define BYTES 120

static AudioBlock block;
static guint8 opus[NV_AUDIO_DATA_SHARDS][BYTES];
static guint8 parity[NV_AUDIO_PARITY_SHARDS][AUDIO_BLOCK_MAX_PAYLOAD_BYTES];

static void
fill (MediaCrypt *crypt, guint32 key_id, gsize last_bytes)
{
  gsize bytes;

  audio_block_begin (&block, 65532);
  for (guint i = 0; i < NV_AUDIO_DATA_SHARDS; i++) {
    for (guint b = 0; b < BYTES; b++)
      opus[i][b] = (guint8) (i * 31 + b * 7);
    fail_if (audio_block_is_full (&block));
    fail_unless_equals_int (audio_block_next_packet (&block), 65532 + i);
    fail_unless (audio_block_add (&block, crypt, key_id, opus[i], i == 3 ? last_bytes : BYTES, &bytes) != NULL);
  }
  fail_unless (audio_block_is_full (&block));
}

/* Any two of the four packets come back from the other two and the parity. */
static void
assert_recoverable (RsFec *fec)
{
  for (guint a = 0; a < NV_AUDIO_DATA_SHARDS; a++) {
    for (guint b = a + 1; b < NV_AUDIO_DATA_SHARDS; b++) {
      guint8 copies[6][AUDIO_BLOCK_MAX_PAYLOAD_BYTES] = { { 0 } };
      guint8 *shards[6];
      bool present[6];

      for (guint i = 0; i < 6; i++) {
        shards[i] = copies[i];
        present[i] = i != a && i != b;
        if (present[i])
          memcpy (copies[i], i < 4 ? block.payloads[i] : parity[i - 4], block.payload_bytes);
      }
      fail_unless (rs_fec_decode (fec, RS_FEC_AUDIO, 4, 2, shards, present, block.payload_bytes));
      fail_unless (memcmp (copies[a], block.payloads[a], block.payload_bytes) == 0);
      fail_unless (memcmp (copies[b], block.payloads[b], block.payload_bytes) == 0);
    }
  }
}

GST_START_TEST (test_audioblock_two_lost_packets_come_back_from_parity)
{
  RsFec *fec = rs_fec_new ();

  fill (NULL, 0, BYTES);
  fail_unless_equals_uint64 (block.payload_bytes, BYTES);
  fail_unless (memcmp (block.payloads[2], opus[2], BYTES) == 0);
  fail_unless (audio_block_encode (&block, fec, parity));
  assert_recoverable (fec);
  rs_fec_free (fec);
}

GST_END_TEST;

GST_START_TEST (test_audioblock_parity_is_over_the_ciphertext)
{
  static const guint8 key[MEDIA_KEY_BYTES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
  MediaCrypt *crypt = media_crypt_new (key);
  RsFec *fec = rs_fec_new ();
  guint8 plain[AUDIO_BLOCK_MAX_PAYLOAD_BYTES];
  gsize bytes;

  fill (crypt, 99, BYTES);
  fail_unless_equals_uint64 (block.payload_bytes, media_crypt_audio_bytes (BYTES));
  fail_if (memcmp (block.payloads[0], opus[0], BYTES) == 0);
  fail_unless (audio_block_encode (&block, fec, parity));
  assert_recoverable (fec);
  /* the number of the packet goes into its IV, modulo 2^16 */
  fail_unless (media_crypt_open_audio (crypt, 99, 65535, block.payloads[3], block.payload_bytes, plain, &bytes));
  fail_unless_equals_uint64 (bytes, BYTES);
  fail_unless (memcmp (plain, opus[3], BYTES) == 0);
  rs_fec_free (fec);
  media_crypt_free (crypt);
}

GST_END_TEST;

GST_START_TEST (test_audioblock_of_several_sizes_goes_without_parity_and_the_next_does_not)
{
  RsFec *fec = rs_fec_new ();

  fill (NULL, 0, BYTES - 1);
  fail_unless (block.is_uneven);
  fail_if (audio_block_encode (&block, fec, parity));
  fill (NULL, 0, BYTES);
  fail_unless (audio_block_encode (&block, fec, parity));
  rs_fec_free (fec);
}

GST_END_TEST;

static Suite *
audioblock_suite (void)
{
  Suite *s = suite_create ("audioblock");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_audioblock_two_lost_packets_come_back_from_parity);
  tcase_add_test (tc, test_audioblock_parity_is_over_the_ciphertext);
  tcase_add_test (tc, test_audioblock_of_several_sizes_goes_without_parity_and_the_next_does_not);
  return s;
}

GST_CHECK_MAIN (audioblock);
