/*
 * workload.h: what the benchmarks send: three streams, and access units of the right sizes that look like H.264 to a
 * payloader (parameter sets and an IDR slice, or a P slice) and like noise to a cache.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frameplan.h"

/* Parity of every workload, in percent. */
#define WORKLOAD_FEC_PERCENTAGE 20
#define WORKLOAD_MIN_PARITY 2
/* Where a shard has its frame index (protocol/video.md §2.2). */
#define WORKLOAD_FRAME_INDEX_OFFSET 20u

typedef struct
{
  const char *name;
  size_t frame_bytes; /* the access unit */
  uint32_t fps;
  uint32_t packet_size; /* as a client announces it; the datagram has 16 bytes more */
  uint32_t fec_percentage;
} Workload;

typedef struct
{
  const uint8_t *bytes;
  size_t size;
  bool is_key;
} AccessUnit;

/* Access units to take turns, so that no sender finds its input in the first-level cache. */
typedef struct _UnitRing UnitRing;

/* NULL for a name other than A, B or C. */
const Workload *workload_find (const char *name);

/* Changes the workload to frames of exactly `datagrams` datagrams without parity. */
void workload_set_datagrams (Workload *workload, uint32_t datagrams);

/* `key_every` > 0: each that many frames is a key frame of `key_factor` times the size; 0: only the first is one, and
 * as large as the others. */
UnitRing *unit_ring_new (const Workload *workload, uint32_t key_every, double key_factor);
void unit_ring_free (UnitRing *ring);

/* The access unit of the frame with this number, the first being 0. */
AccessUnit unit_ring_at (const UnitRing *ring, uint64_t frame);

/* How a frame of this workload is cut; the benchmarks' frames all have a plan. */
FramePlan workload_plan (const Workload *workload, size_t frame_bytes);
