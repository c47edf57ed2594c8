/*
 * packetise.h: the packetisers of the stand-ins. They share the wire format's arithmetic and header bytes with the
 * project; how they come by memory, how often they copy and when they make tables is what is under test.
 */
#pragma once

#include <gst/gst.h>

#include "workload.h"

/* The datagrams of a frame, back to back. All zero at first; the memory is kept from frame to frame. */
typedef struct
{
  uint8_t *frame; /* what they were cut from */
  size_t frame_room;
  uint8_t *bytes;
  size_t room;
  uint32_t count;
  uint32_t datagram_bytes;
} Datagrams;

/*
 * Concatenate and encode: frame header and access unit copied into one run of memory, that run cut into shards in a
 * second one, parity over the contiguous shards with tables made for this frame, then the remaining header fields.
 * `number` counts frames from 0, `first_packet` packets. Free with datagrams_clear().
 */
void packetise_concat (
    Datagrams *out, const Workload *workload, const AccessUnit *unit, uint64_t number, uint64_t first_packet);
/* Gives datagrams that were made beforehand the number of another frame, and nothing else of it. */
void datagrams_renumber (Datagrams *datagrams, uint64_t number);
void datagrams_clear (Datagrams *datagrams);

/*
 * A buffer for each datagram, twice: a header buffer with a slice of the access unit appended to it; then all slices
 * are gathered into one run, matrix and tables are made for this block, and each shard of data and parity is copied
 * into a buffer of its own that gets the remaining header fields. A frame of more than 90 packets has three blocks.
 */
GstBufferList *
packetise_buffers (const Workload *workload, GstBuffer *unit, bool is_key, uint64_t number, uint64_t first_packet);
