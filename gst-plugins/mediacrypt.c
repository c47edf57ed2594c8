/*
 * mediacrypt.c: see mediacrypt.h. The key schedule is set up once; each packet only sets its IV.
 */
#include "mediacrypt.h"

#include <glib.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "nvpacket.h"

struct _MediaCrypt
{
  EVP_CIPHER_CTX *gcm_seal;
  EVP_CIPHER_CTX *gcm_open;
  EVP_CIPHER_CTX *cbc_seal;
  EVP_CIPHER_CTX *cbc_open;
};

bool
media_key_parse (const char *text, uint8_t key[MEDIA_KEY_BYTES])
{
  uint8_t parsed[MEDIA_KEY_BYTES];
  bool ok = text != NULL && strlen (text) == 2 * MEDIA_KEY_BYTES;

  for (int i = 0; ok && i < MEDIA_KEY_BYTES; i++) {
    int high = g_ascii_xdigit_value (text[2 * i]), low = g_ascii_xdigit_value (text[2 * i + 1]);

    ok = high >= 0 && low >= 0;
    parsed[i] = (uint8_t) ((unsigned) high << 4 | (unsigned) low);
  }
  if (ok)
    memcpy (key, parsed, MEDIA_KEY_BYTES);
  OPENSSL_cleanse (parsed, sizeof parsed);
  return ok;
}

static EVP_CIPHER_CTX *
context_new (const EVP_CIPHER *cipher, const uint8_t *key, int encrypt)
{
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();

  if (context != NULL && EVP_CipherInit_ex (context, cipher, NULL, key, NULL, encrypt) != 1) {
    EVP_CIPHER_CTX_free (context);
    context = NULL;
  }
  return context;
}

MediaCrypt *
media_crypt_new (const uint8_t key[MEDIA_KEY_BYTES])
{
  MediaCrypt *crypt = g_new0 (MediaCrypt, 1);

  crypt->gcm_seal = context_new (EVP_aes_128_gcm (), key, 1);
  crypt->gcm_open = context_new (EVP_aes_128_gcm (), key, 0);
  crypt->cbc_seal = context_new (EVP_aes_128_cbc (), key, 1);
  crypt->cbc_open = context_new (EVP_aes_128_cbc (), key, 0);
  if (crypt->gcm_seal && crypt->gcm_open && crypt->cbc_seal && crypt->cbc_open)
    return crypt;
  media_crypt_free (crypt);
  return NULL;
}

void
media_crypt_free (MediaCrypt *crypt)
{
  if (crypt == NULL)
    return;
  /* Freeing a context wipes its key schedule. */
  EVP_CIPHER_CTX_free (crypt->gcm_seal);
  EVP_CIPHER_CTX_free (crypt->gcm_open);
  EVP_CIPHER_CTX_free (crypt->cbc_seal);
  EVP_CIPHER_CTX_free (crypt->cbc_open);
  g_free (crypt);
}

bool
media_crypt_seal_video (
    MediaCrypt *crypt, uint8_t *datagram, size_t shard_bytes, uint64_t counter, uint32_t frame_index)
{
  uint8_t *shard = datagram + NV_ENCRYPTED_PREFIX_BYTES;
  int written = 0, rest = 0;

  if (shard_bytes == 0 || shard_bytes > INT_MAX)
    return false;
  nv_encrypted_prefix_write (datagram, counter, frame_index);
  return EVP_EncryptInit_ex (crypt->gcm_seal, NULL, NULL, NULL, datagram) == 1
      && EVP_EncryptUpdate (crypt->gcm_seal, shard, &written, shard, (int) shard_bytes) == 1
      && EVP_EncryptFinal_ex (crypt->gcm_seal, shard + written, &rest) == 1
      && EVP_CIPHER_CTX_ctrl (
             crypt->gcm_seal, EVP_CTRL_GCM_GET_TAG, NV_GCM_TAG_BYTES, datagram + NV_ENCRYPTED_TAG_OFFSET)
      == 1;
}

bool
media_crypt_open_video (MediaCrypt *crypt, const uint8_t *datagram, size_t size, uint8_t *shard)
{
  uint8_t tag[NV_GCM_TAG_BYTES];
  int written = 0, rest = 0;

  if (size <= NV_ENCRYPTED_PREFIX_BYTES || size - NV_ENCRYPTED_PREFIX_BYTES > INT_MAX)
    return false;
  memcpy (tag, datagram + NV_ENCRYPTED_TAG_OFFSET, sizeof tag);
  return EVP_DecryptInit_ex (crypt->gcm_open, NULL, NULL, NULL, datagram) == 1
      && EVP_DecryptUpdate (crypt->gcm_open, shard, &written, datagram + NV_ENCRYPTED_PREFIX_BYTES,
             (int) (size - NV_ENCRYPTED_PREFIX_BYTES))
      == 1
      && EVP_CIPHER_CTX_ctrl (crypt->gcm_open, EVP_CTRL_GCM_SET_TAG, NV_GCM_TAG_BYTES, tag) == 1
      && EVP_DecryptFinal_ex (crypt->gcm_open, shard + written, &rest) == 1;
}

/* IV: key id + 16-bit sequence, modulo 2^32, big-endian, then zeros. */
static void
audio_iv (uint8_t iv[16], uint32_t key_id, uint16_t sequence)
{
  uint32_t head = GUINT32_TO_BE (key_id + sequence);

  memset (iv, 0, 16);
  memcpy (iv, &head, sizeof head);
}

bool
media_crypt_seal_audio (
    MediaCrypt *crypt, uint32_t key_id, uint16_t sequence, const uint8_t *plain, size_t size, uint8_t *out)
{
  uint8_t iv[16];
  int written = 0, rest = 0;

  if (size > INT_MAX - 16)
    return false;
  audio_iv (iv, key_id, sequence);
  return EVP_EncryptInit_ex (crypt->cbc_seal, NULL, NULL, NULL, iv) == 1
      && EVP_EncryptUpdate (crypt->cbc_seal, out, &written, plain, (int) size) == 1
      && EVP_EncryptFinal_ex (crypt->cbc_seal, out + written, &rest) == 1;
}

bool
media_crypt_open_audio (MediaCrypt *crypt, uint32_t key_id, uint16_t sequence, const uint8_t *sealed, size_t size,
    uint8_t *out, size_t *out_bytes)
{
  uint8_t iv[16], last[16 + 16];
  size_t head = size - 16;
  int written = 0, part = 0, rest = 0;

  if (size == 0 || size % 16 != 0 || size > INT_MAX - 16)
    return false;
  audio_iv (iv, key_id, sequence);
  /* OpenSSL holds the last block back until Final; taking that block apart keeps `out` at the caller's size. */
  if (EVP_DecryptInit_ex (crypt->cbc_open, NULL, NULL, NULL, iv) != 1
      || EVP_DecryptUpdate (crypt->cbc_open, out, &written, sealed, (int) head) != 1
      || EVP_DecryptUpdate (crypt->cbc_open, last, &part, sealed + head, 16) != 1
      || EVP_DecryptFinal_ex (crypt->cbc_open, last + part, &rest) != 1)
    return false;
  memcpy (out + written, last, (size_t) (part + rest));
  *out_bytes = (size_t) (written + part + rest);
  return true;
}
