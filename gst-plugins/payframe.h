/*
 * payframe.h: one encoded picture on its way to its datagrams: what is sent of it, how it is cut, and whether clients will
 * find its slice. Pure, over annexb, frameplan and framewriter. Source: protocol/video.md §3, §4 and §6.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "annexb.h"
#include "frameplan.h"
#include "framewriter.h"

typedef enum
{
  PAY_CODEC_H264,
  PAY_CODEC_H265,
  PAY_CODEC_AV1,
} PayCodec;

/* Gathered before the first byte is written. */
typedef struct
{
  PayCodec codec;
  const uint8_t *bytes; /* the access unit; not owned */
  AnnexbUnit unit;
  uint32_t frame_index;
  uint32_t timestamp;       /* 90 kHz */
  uint64_t first_packet;    /* as reserved in the session page */
  uint64_t host_latency_ns; /* 0 = unknown */
  FramePlan plan;
} PayFrame;

/* Looks at `size` bytes of frame->codec. `is_delta` is what the encoder says: a picture that it calls a delta is no key
 * frame, whatever it begins with. False when they do not begin with a start code. */
bool pay_frame_inspect (PayFrame *frame, const uint8_t *bytes, size_t size, bool is_delta);

/* Bytes of the picture that the first packet of a planned frame holds. */
size_t pay_frame_first_packet_bytes (const PayFrame *frame);

/* Whether the first slice header of a planned frame is in the first packet, where clients look for it. Always of AV1. */
bool pay_frame_has_slice_in_first_packet (const PayFrame *frame);

/* Units of 0.1 ms, rounded, saturating (protocol/video.md §3.1). */
uint16_t pay_frame_header_latency (uint64_t ns);

/* Writes all datagrams of a planned frame, as frame_writer_write(). */
bool pay_frame_write (const PayFrame *frame, uint32_t packet_size, uint64_t first_gcm_counter, RsFec *fec,
    MediaCrypt *crypt, uint8_t *datagrams);
