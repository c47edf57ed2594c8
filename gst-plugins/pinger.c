/*
 * pinger.c: see pinger.h.
 */
#include "pinger.h"

#include <string.h>

static const char legacy[4] = { 'P', 'I', 'N', 'G' };

void
pinger_restart (Pinger *pinger)
{
  *pinger = (Pinger) { .counter = 1 };
}

void
pinger_hurry (Pinger *pinger)
{
  pinger->due_ns = 0;
}

bool
pinger_take (Pinger *pinger, uint64_t now_ns, uint64_t interval_ns)
{
  if (now_ns < pinger->due_ns)
    return false;
  pinger->due_ns = now_ns + interval_ns;
  return true;
}

uint64_t
pinger_wait_ns (const Pinger *pinger, uint64_t now_ns)
{
  return pinger->due_ns > now_ns ? pinger->due_ns - now_ns : 0;
}

size_t
pinger_write (const Pinger *pinger, const char *payload, uint8_t *out)
{
  if (strlen (payload) != PINGER_PAYLOAD_CHARACTERS) {
    memcpy (out, legacy, sizeof legacy);
    return sizeof legacy;
  }
  memcpy (out, payload, PINGER_PAYLOAD_CHARACTERS);
  for (uint32_t i = 0; i < 4; i++)
    out[PINGER_PAYLOAD_CHARACTERS + i] = (uint8_t) (pinger->counter >> (24 - 8 * i));
  return PINGER_MAX_BYTES;
}

void
pinger_sent (Pinger *pinger)
{
  pinger->counter++;
}
