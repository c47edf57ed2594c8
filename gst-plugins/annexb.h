/*
 * annexb.h: what a payloader must know of an H.264 or HEVC access unit in Annex B form: where its first slice begins,
 * what in front of it is dead weight, and whether it is a key frame; and what a client takes for one. No parsing beyond NAL headers.
 * Source: protocol/video.md §6.1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pieces of an access unit that are kept: with more NALs in front of the first slice, the surplus is kept as it is. */
#define ANNEXB_MAX_SPANS 16

typedef enum
{
  ANNEXB_H264,
  ANNEXB_H265,
} AnnexbCodec;

/* A run of bytes of the access unit. */
typedef struct
{
  size_t offset;
  size_t size;
} AnnexbSpan;

typedef struct
{
  AnnexbSpan spans[ANNEXB_MAX_SPANS]; /* what to send, in order; the first begins with a start code */
  uint32_t span_count;
  size_t kept_bytes;       /* sum of the spans */
  size_t slice_header_end; /* end of the first slice's NAL header, counted in kept bytes; 0 = no slice */
  bool is_key;             /* SPS (HEVC: VPS and SPS) and then an IDR (HEVC: IRAP) slice */
} AnnexbUnit;

/*
 * Looks at one access unit. Drops AUDs and SEI in front of the first slice: for H.264 all SEI, because timing and
 * recovery SEI mean nothing to a stream without reordering that is decoded as it arrives; for HEVC only user data,
 * because HDR metadata travels in SEI too. Clients skip both themselves, but only inside packet 0, and a long one
 * (x265's settings) would push the slice header out of it. For the same reason drops zero bytes behind a NAL and a NAL
 * that says the same as one before it.
 * False when the bytes do not begin with a start code (zero bytes in front of it are dropped).
 */
bool annexb_inspect (AnnexbUnit *unit, AnnexbCodec codec, const uint8_t *bytes, size_t size);

/*
 * Whether an access unit begins with parameter sets (H.264: SPS, HEVC: VPS), delimiter and SEI in front not counted: what
 * clients take for a key frame (protocol/video.md §6). Looks at the first 1024 bytes only.
 */
bool annexb_begins_with_parameter_sets (AnnexbCodec codec, const uint8_t *bytes, size_t size);
