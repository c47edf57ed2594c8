/*
 * pinger.h: when a receiver pings its sender next, and with what bytes (protocol/video.md §1.1). No socket, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters of a session's payload, and bytes of a ping with its counter. */
#define PINGER_PAYLOAD_CHARACTERS 16u
#define PINGER_MAX_BYTES (PINGER_PAYLOAD_CHARACTERS + 4u)

typedef struct
{
  uint32_t counter; /* of the next session ping, from 1 */
  uint64_t due_ns;  /* 0: at once */
} Pinger;

/* As at the start of a stream. */
void pinger_restart (Pinger *pinger);

/* The next ping is due at once: where it goes, or what it says, has changed. */
void pinger_hurry (Pinger *pinger);

/* Whether a ping is due at `now_ns`, monotonic; the next one is then due `interval_ns` later, whether or not it can be
 * sent. */
bool pinger_take (Pinger *pinger, uint64_t now_ns, uint64_t interval_ns);

/* Nanoseconds until the next ping is due; 0 when one is. */
uint64_t pinger_wait_ns (const Pinger *pinger, uint64_t now_ns);

/* Writes the next ping and returns its length: `payload`, when it has 16 characters, and the big-endian counter; else the
 * legacy "PING". `out` has room for PINGER_MAX_BYTES. */
size_t pinger_write (const Pinger *pinger, const char *payload, uint8_t *out);

/* It was sent. */
void pinger_sent (Pinger *pinger);
