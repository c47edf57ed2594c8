/*
 * workload.c: see workload.h.
 */
#include "workload.h"

#include <glib.h>
#include <string.h>

#include "nvpacket.h"

#define RING_UNITS 4u

static const Workload workloads[] = {
  /* 1080p60 at 20 Mbit/s, 4K120 at 150 Mbit/s, 5120x2880 at 240 fps and 500 Mbit/s */
  { "A", 41667, 60, 1024, WORKLOAD_FEC_PERCENTAGE },
  { "B", 156250, 120, 1392, WORKLOAD_FEC_PERCENTAGE },
  { "C", 260416, 240, 1392, WORKLOAD_FEC_PERCENTAGE },
};

/* Parameter sets and the beginnings of slices, as in protocol/video.md §5. */
static const uint8_t key_head[] = { 0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6e,
  0x02, 0x02, 0x02, 0x80, 0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0, 0, 0, 1, 0x65, 0x88, 0x84, 0x0b };
static const uint8_t delta_head[] = { 0, 0, 0, 1, 0x41, 0x9a, 0x00, 0x11 };

struct _UnitRing
{
  size_t unit_bytes;
  size_t key_bytes;
  uint32_t key_every;
  uint8_t *key;
  uint8_t *units[RING_UNITS];
};

const Workload *
workload_find (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (workloads); i++) {
    if (strcmp (workloads[i].name, name) == 0)
      return &workloads[i];
  }
  return NULL;
}

FramePlan
workload_plan (const Workload *workload, size_t frame_bytes)
{
  FramePlan plan = { 0 };

  if (frame_plan_compute (&plan, frame_bytes, workload->packet_size, workload->fec_percentage,
          workload->fec_percentage == 0 ? 0 : WORKLOAD_MIN_PARITY)
      != FRAME_PLAN_OK)
    g_error ("no plan for a frame of %" G_GSIZE_FORMAT " bytes", frame_bytes);
  return plan;
}

void
workload_set_datagrams (Workload *workload, uint32_t datagrams)
{
  workload->fec_percentage = 0;
  workload->frame_bytes = (size_t) datagrams * (workload->packet_size - 16) - NV_FRAME_HEADER_BYTES;
}

/* Noise without zero bytes: no start code comes about by chance. */
static uint8_t *
make_unit (size_t size, bool is_key, GRand *random)
{
  const uint8_t *head = is_key ? key_head : delta_head;
  size_t head_bytes = is_key ? sizeof (key_head) : sizeof (delta_head);
  uint8_t *unit = g_malloc (MAX (size, head_bytes));

  memcpy (unit, head, head_bytes);
  for (size_t i = head_bytes; i < size; i++)
    unit[i] = (uint8_t) (g_rand_int (random) | 1);
  return unit;
}

UnitRing *
unit_ring_new (const Workload *workload, uint32_t key_every, double key_factor)
{
  UnitRing *ring = g_new0 (UnitRing, 1);
  GRand *random = g_rand_new_with_seed (20);

  ring->unit_bytes = workload->frame_bytes;
  ring->key_every = key_every;
  ring->key_bytes = key_every > 0 ? (size_t) ((double) workload->frame_bytes * key_factor) : workload->frame_bytes;
  ring->key = make_unit (ring->key_bytes, true, random);
  for (uint32_t i = 0; i < RING_UNITS; i++)
    ring->units[i] = make_unit (ring->unit_bytes, false, random);
  g_rand_free (random);
  return ring;
}

void
unit_ring_free (UnitRing *ring)
{
  g_free (ring->key);
  for (uint32_t i = 0; i < RING_UNITS; i++)
    g_free (ring->units[i]);
  g_free (ring);
}

AccessUnit
unit_ring_at (const UnitRing *ring, uint64_t frame)
{
  if (frame == 0 || (ring->key_every > 0 && frame % ring->key_every == 0))
    return (AccessUnit) { ring->key, ring->key_bytes, true };
  return (AccessUnit) { ring->units[frame % RING_UNITS], ring->unit_bytes, false };
}
