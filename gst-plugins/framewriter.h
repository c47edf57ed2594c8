/*
 * framewriter.h: all datagrams of one planned video frame, written into one run of memory: headers, payload, padding,
 * parity and, with a cipher, encryption. Plain C over nvpacket, rsfec and mediacrypt; decides nothing.
 * Source: protocol/video.md §2 to §4 and §8.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "annexb.h"
#include "frameplan.h"
#include "mediacrypt.h"
#include "rsfec.h"

typedef struct
{
  const uint8_t *bytes;    /* the access unit; not owned */
  const AnnexbSpan *spans; /* the parts of it that are sent, in order; their sum is what was planned for */
  uint32_t span_count;
  const FramePlan *plan;
  uint32_t packet_size;       /* as planned with */
  uint32_t frame_index;       /* 1 is the first of a session */
  uint32_t timestamp;         /* 90 kHz */
  uint16_t host_latency;      /* 1/10 ms, 0 = unknown */
  uint8_t frame_type;         /* NV_FRAME_TYPE_* */
  uint64_t first_packet;      /* number of the first packet; low 16 and 24 bits go into the headers */
  uint64_t first_gcm_counter; /* of the first packet; used with a cipher only */
} WriterFrame;

/* Bytes of one datagram: the shard, and with a cipher its prefix. */
uint32_t frame_writer_datagram_bytes (uint32_t packet_size, bool is_encrypted);

/*
 * Writes plan->total_packets datagrams back to back into `datagrams`, which has room for all of them. Every byte is
 * written. `crypt` NULL leaves them in the clear. False when the cipher fails or the plan is impossible.
 */
bool frame_writer_write (RsFec *fec, MediaCrypt *crypt, uint8_t *datagrams, const WriterFrame *frame);
