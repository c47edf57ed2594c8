/*
 * fuzz_annexb.c: access units of any bytes. What is kept lies inside of the unit, in order, and begins with a start code;
 * what a client takes for a key frame is what a search byte by byte finds.
 * Input: codec (1), access unit.
 */
#include "fuzz.h"

#include "annexb.h"

/* Type of the first NAL unit that is neither delimiter nor SEI; -1 when there is none in the first 1024 bytes. */
static int
first_type (AnnexbCodec codec, const uint8_t *bytes, size_t size)
{
  bool is_h264 = codec == ANNEXB_H264;

  for (size_t i = 0; i + 3 < size && i + 3 < 1024; i++) {
    int type;

    if (bytes[i] != 0 || bytes[i + 1] != 0 || bytes[i + 2] != 1)
      continue;
    type = is_h264 ? bytes[i + 3] & 0x1f : (bytes[i + 3] >> 1) & 0x3f;
    if (is_h264 ? type != 9 && type != 6 : type != 35 && type != 39)
      return type;
  }
  return -1;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FuzzInput input = { data, size };
  AnnexbCodec codec = fuzz_byte (&input) & 1 ? ANNEXB_H265 : ANNEXB_H264;
  AnnexbUnit unit;
  size_t bytes, kept = 0, end = 0;
  uint8_t *copy = fuzz_take (&input, input.left, &bytes);

  if (annexb_inspect (&unit, codec, copy, bytes)) {
    FUZZ_CHECK (unit.span_count <= ANNEXB_MAX_SPANS);
    for (uint32_t i = 0; i < unit.span_count; i++) {
      const AnnexbSpan *span = &unit.spans[i];

      FUZZ_CHECK (span->size > 0 && span->offset >= end && span->offset <= bytes && span->size <= bytes - span->offset);
      end = span->offset + span->size;
      kept += span->size;
      FUZZ_CHECK (span->size > 3 && copy[span->offset] == 0 && copy[span->offset + 1] == 0);
    }
    FUZZ_CHECK (kept == unit.kept_bytes && kept <= bytes);
    FUZZ_CHECK (!unit.is_key || unit.slice_header_end != 0);
    FUZZ_CHECK (unit.slice_header_end <= kept + 1);
  }
  FUZZ_CHECK (annexb_begins_with_parameter_sets (codec, copy, bytes)
      == (first_type (codec, copy, bytes) == (codec == ANNEXB_H264 ? 7 : 32)));
  free (copy);
  return 0;
}
