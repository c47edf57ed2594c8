/*
 * annexb.c: see annexb.h.
 */
#include "annexb.h"

#include <string.h>

enum
{
  H264_SLICE = 1,
  H264_IDR = 5,
  H264_SEI = 6,
  H264_SPS = 7,
  H264_AUD = 9,
  H265_LAST_VCL = 31,
  H265_FIRST_IRAP = 16,
  H265_LAST_IRAP = 21,
  H265_VPS = 32,
  H265_SPS = 33,
  H265_AUD = 35,
  H265_PREFIX_SEI = 39,
  SEI_USER_DATA_REGISTERED = 4,
  SEI_USER_DATA_UNREGISTERED = 5,
};

/* Parameter sets stand in front: this much of a received access unit is searched for them. */
#define PARAMETER_SETS_WITHIN 1024

/* One NAL with its start code. */
typedef struct
{
  size_t start;  /* first byte of the start code */
  size_t header; /* first byte after it */
} Nal;

/* Finds the next start code at or after `from`; a zero byte in front of 00 00 01 belongs to it. */
static bool
next_start_code (const uint8_t *bytes, size_t size, size_t from, Nal *nal)
{
  size_t at = from;

  while (at + 3 < size) {
    const uint8_t *one = memchr (bytes + at + 2, 1, size - at - 3);

    if (one == NULL)
      return false;
    at = (size_t) (one - bytes) - 2;
    if (bytes[at] == 0 && bytes[at + 1] == 0) {
      nal->start = at > from && bytes[at - 1] == 0 ? at - 1 : at;
      nal->header = at + 3;
      return true;
    }
    at++;
  }
  return false;
}

static uint32_t
nal_type (AnnexbCodec codec, uint8_t header)
{
  return codec == ANNEXB_H264 ? header & 0x1f : (header >> 1) & 0x3f;
}

static bool
is_slice (AnnexbCodec codec, uint32_t type)
{
  return codec == ANNEXB_H264 ? type >= H264_SLICE && type <= H264_IDR : type <= H265_LAST_VCL;
}

/*
 * Whether the next start code follows at once. In neither codec can a NAL begin with two zero bytes; taken for a header,
 * they would be a slice in HEVC.
 */
static bool
is_empty (const uint8_t *bytes, size_t size, size_t header)
{
  return header + 1 < size && bytes[header] == 0 && bytes[header + 1] == 0;
}

/* The first message decides about an SEI NAL: encoders that write user data put it in a NAL of its own. */
static bool
is_droppable (AnnexbCodec codec, uint32_t type, const uint8_t *nal, size_t size)
{
  if (codec == ANNEXB_H264)
    return type == H264_AUD || type == H264_SEI;
  if (type == H265_PREFIX_SEI)
    return size > 2 && (nal[2] == SEI_USER_DATA_REGISTERED || nal[2] == SEI_USER_DATA_UNREGISTERED);
  return type == H265_AUD;
}

static void
keep (AnnexbUnit *unit, size_t offset, size_t size)
{
  AnnexbSpan *last = unit->span_count > 0 ? &unit->spans[unit->span_count - 1] : NULL;

  unit->kept_bytes += size;
  if (last != NULL && last->offset + last->size == offset) {
    last->size += size;
    return;
  }
  unit->spans[unit->span_count].offset = offset;
  unit->spans[unit->span_count].size = size;
  unit->span_count++;
}

/* What stands in front of the first slice. Parameter sets decide whether an intra slice makes a key frame. */
typedef struct
{
  bool has_vps;
  bool has_sps;
  AnnexbSpan kept[ANNEXB_MAX_SPANS]; /* NALs without their start codes; what is beyond is not remembered */
  uint32_t kept_count;
} Front;

static void
note_parameter_set (Front *sets, AnnexbCodec codec, uint32_t type)
{
  if (codec == ANNEXB_H264) {
    sets->has_vps = true;
    sets->has_sps |= type == H264_SPS;
  } else {
    sets->has_vps |= type == H265_VPS;
    sets->has_sps |= type == H265_SPS;
  }
}

/* The end of a NAL that another follows: zero bytes behind it belong to neither. */
static size_t
nal_end (const uint8_t *bytes, size_t header, size_t next_start)
{
  while (next_start > header + 1 && bytes[next_start - 1] == 0)
    next_start--;
  return next_start;
}

/* Whether the same bytes were kept before: x265enc has its parameter sets in front of the first picture twice. */
static bool
is_repetition (Front *front, const uint8_t *bytes, size_t header, size_t end)
{
  for (uint32_t i = 0; i < front->kept_count; i++)
    if (front->kept[i].size == end - header
        && memcmp (bytes + front->kept[i].offset, bytes + header, end - header) == 0)
      return true;
  if (front->kept_count < ANNEXB_MAX_SPANS) {
    front->kept[front->kept_count].offset = header;
    front->kept[front->kept_count].size = end - header;
    front->kept_count++;
  }
  return false;
}

static bool
is_intra (AnnexbCodec codec, uint32_t type)
{
  return codec == ANNEXB_H264 ? type == H264_IDR : type >= H265_FIRST_IRAP && type <= H265_LAST_IRAP;
}

bool
annexb_inspect (AnnexbUnit *unit, AnnexbCodec codec, const uint8_t *bytes, size_t size)
{
  Front front = { 0 };
  size_t zeros = 0, end, header_bytes = codec == ANNEXB_H264 ? 1 : 2;
  Nal nal, next;

  memset (unit, 0, sizeof *unit);
  while (zeros < size && bytes[zeros] == 0)
    zeros++;
  if (zeros < 2 || !next_start_code (bytes, size, zeros > 3 ? zeros - 3 : 0, &nal) || nal.header != zeros + 1)
    return false;
  for (;;) {
    uint32_t type = nal_type (codec, bytes[nal.header]);
    bool is_void = is_empty (bytes, size, nal.header), is_first_slice = !is_void && is_slice (codec, type);

    /* One span stays free for the rest. */
    if (is_first_slice || unit->span_count >= ANNEXB_MAX_SPANS - 1) {
      size_t lead = nal.header - nal.start;

      if (is_first_slice) {
        unit->slice_header_end = unit->kept_bytes + lead + header_bytes;
        unit->is_key = is_intra (codec, type) && front.has_sps && front.has_vps;
      }
      keep (unit, nal.start, size - nal.start);
      return true;
    }
    if (!is_void)
      note_parameter_set (&front, codec, type);
    if (!next_start_code (bytes, size, nal.header, &next))
      next.start = next.header = size;
    end = next.start == size ? size : nal_end (bytes, nal.header, next.start);
    if (!is_void && !is_droppable (codec, type, bytes + nal.header, end - nal.header)
        && !is_repetition (&front, bytes, nal.header, end))
      keep (unit, nal.start, end - nal.start);
    if (next.start == size)
      return true;
    nal = next;
  }
}

bool
annexb_begins_with_parameter_sets (AnnexbCodec codec, const uint8_t *bytes, size_t size)
{
  const bool is_h264 = codec == ANNEXB_H264;
  size_t end = size < PARAMETER_SETS_WITHIN ? size : PARAMETER_SETS_WITHIN, from = 0;
  Nal nal;

  while (next_start_code (bytes, end, from, &nal)) {
    uint32_t type = nal_type (codec, bytes[nal.header]);

    if (type != (is_h264 ? H264_AUD : H265_AUD) && type != (is_h264 ? H264_SEI : H265_PREFIX_SEI))
      return type == (is_h264 ? H264_SPS : H265_VPS);
    from = nal.header;
  }
  return false;
}
