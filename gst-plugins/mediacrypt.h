/*
 * mediacrypt.h: the ciphers of the media streams, over OpenSSL: AES-128-GCM for video datagrams (protocol/video.md §8)
 * and AES-128-CBC for audio payloads (protocol/audio.md §5).
 *
 * Threads: a MediaCrypt belongs to one thread at a time; make one for each element.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_KEY_BYTES 16

typedef struct _MediaCrypt MediaCrypt;

/* Reads 32 hex digits (either case, nothing else). False, and key untouched, for any other text or NULL. */
bool media_key_parse (const char *text, uint8_t key[MEDIA_KEY_BYTES]);

/* NULL only when OpenSSL cannot provide the ciphers. Free with media_crypt_free (), which wipes the key. */
MediaCrypt *media_crypt_new (const uint8_t key[MEDIA_KEY_BYTES]);
void media_crypt_free (MediaCrypt *crypt);

/*
 * Turns a video datagram into its encrypted form in place: `datagram` has NV_ENCRYPTED_PREFIX_BYTES of room and then
 * `shard_bytes` of plaintext. Writes IV, frame index, tag and ciphertext. A counter must never come twice under a key.
 */
bool media_crypt_seal_video (
    MediaCrypt *crypt, uint8_t *datagram, size_t shard_bytes, uint64_t counter, uint32_t frame_index);

/*
 * Decrypts a received video datagram of `size` bytes into `shard`, which has room for size - NV_ENCRYPTED_PREFIX_BYTES
 * (`shard` may be datagram + NV_ENCRYPTED_PREFIX_BYTES: in place). False when it is too short or the tag is wrong; the
 * bytes in `shard` are then garbage.
 */
bool media_crypt_open_video (MediaCrypt *crypt, const uint8_t *datagram, size_t size, uint8_t *shard);

/* Bytes of an audio payload once encrypted: PKCS#7 rounds up to the next multiple of 16, always adding. */
static inline size_t
media_crypt_audio_bytes (size_t plain_bytes)
{
  return (plain_bytes / 16 + 1) * 16;
}

/* Encrypts an audio payload; `out` has room for media_crypt_audio_bytes (size) and does not overlap `plain`. */
bool media_crypt_seal_audio (
    MediaCrypt *crypt, uint32_t key_id, uint16_t sequence, const uint8_t *plain, size_t size, uint8_t *out);

/*
 * Decrypts an audio payload of `size` bytes into `out`, which has room for as many. *out_bytes is the Opus packet's
 * length. False when the size is not a positive multiple of 16 or the padding is wrong.
 */
bool media_crypt_open_audio (MediaCrypt *crypt, uint32_t key_id, uint16_t sequence, const uint8_t *sealed, size_t size,
    uint8_t *out, size_t *out_bytes);
