/*
 * burstgroup.h: cuts a burst into groups of whole datagrams that leave together. No lock, no thread, no clock.
 */
#pragma once

#include <gst/gst.h>

#include <sys/uio.h>
#include "lossknob.h"

G_BEGIN_DECLS

/* Most datagrams of one group; without pacing there is no other bound. */
#define GROUP_DATAGRAMS_MAX 512

/* One queue entry: a GstBuffer or a GstBufferList. `datagram_bytes` > 0: each buffer holds datagrams of that size back
 * to back; 0: each buffer is a datagram. */
typedef struct
{
  GstMiniObject *data;
  guint datagram_bytes;
  guint64 arrival_ns;
  guint64 delta_ns; /* since the burst before it, by PTS where both have one; 0 unknown */
} Burst;

/* Walks a burst datagram by datagram. */
typedef struct
{
  const Burst *burst;
  guint buffer_index;
  gsize offset; /* into the buffer in hand */
} BurstCursor;

typedef struct
{
  struct iovec datagrams[GROUP_DATAGRAMS_MAX];
  GstMapInfo maps[GROUP_DATAGRAMS_MAX];
  GstBuffer *mapped[GROUP_DATAGRAMS_MAX];
  guint n_datagrams;
  guint n_maps;
  guint lost;  /* taken out by the loss knob */
  gsize bytes; /* the lost ones included: they would have taken the link's time too */
} BurstGroup;

/* UDP payload of the whole burst. */
gsize burst_bytes (const Burst *burst);

/* Fills the group with the next datagrams: whole ones, at least one, together at most `limit` bytes. Those that the
 * loss knob takes are counted and left out. FALSE at the end of the burst. The group's memory stays mapped until
 * burst_group_release(). */
gboolean burst_group_fill (BurstGroup *group, BurstCursor *cursor, gsize limit, LossKnob *loss);
void burst_group_release (BurstGroup *group);

G_END_DECLS
