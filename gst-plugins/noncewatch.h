/*
 * noncewatch.h: notices an AES-GCM nonce that was used for two different datagrams: the fault that gives a key away
 * (protocol/video.md §8). Bounded memory; the network's own duplicates (same nonce, same tag) do not count.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nvpacket.h"

/* Nonces remembered one by one; what is further behind the highest counter is a repeat by its position alone. */
#define NONCE_WATCH_WINDOW 65536

typedef struct _NonceWatch NonceWatch;

NonceWatch *nonce_watch_new (void);
void nonce_watch_free (NonceWatch *watch);

/* Notes an authentic datagram of at least NV_ENCRYPTED_PREFIX_BYTES; true when its nonce was used before. */
bool nonce_watch_note (NonceWatch *watch, const uint8_t *datagram);
