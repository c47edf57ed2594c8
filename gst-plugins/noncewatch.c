/*
 * noncewatch.c: see noncewatch.h.
 */
#include "noncewatch.h"

#include <glib.h>
#include <string.h>

#define TAG_BYTES 8 /* enough of the tag to tell two datagrams apart */

typedef struct
{
  bool is_used;
  uint8_t iv[NV_GCM_IV_BYTES];
  uint8_t tag[TAG_BYTES];
} Entry;

struct _NonceWatch
{
  bool has_highest;
  uint64_t highest; /* counter: incarnation in the top 16 bits, so a later one is higher */
  Entry entries[NONCE_WATCH_WINDOW];
};

NonceWatch *
nonce_watch_new (void)
{
  return g_new0 (NonceWatch, 1);
}

void
nonce_watch_free (NonceWatch *watch)
{
  g_free (watch);
}

static uint64_t
read_counter (const uint8_t *iv)
{
  uint64_t counter;

  memcpy (&counter, iv, sizeof counter);
  return GUINT64_FROM_LE (counter);
}

bool
nonce_watch_note (NonceWatch *watch, const uint8_t *datagram)
{
  const uint8_t *tag = datagram + NV_ENCRYPTED_TAG_OFFSET;
  uint64_t counter = read_counter (datagram);
  Entry *entry = &watch->entries[counter % NONCE_WATCH_WINDOW];
  bool is_repeat;

  if (watch->has_highest && watch->highest >= NONCE_WATCH_WINDOW && counter <= watch->highest - NONCE_WATCH_WINDOW)
    return true;
  is_repeat =
      entry->is_used && memcmp (entry->iv, datagram, NV_GCM_IV_BYTES) == 0 && memcmp (entry->tag, tag, TAG_BYTES) != 0;
  entry->is_used = true;
  memcpy (entry->iv, datagram, NV_GCM_IV_BYTES);
  memcpy (entry->tag, tag, TAG_BYTES);
  if (!watch->has_highest || counter > watch->highest) {
    watch->has_highest = true;
    watch->highest = counter;
  }
  return is_repeat;
}
