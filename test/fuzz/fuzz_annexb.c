/*
 * fuzz_annexb.c: access units of any bytes. What is kept lies inside of the unit, in order, and begins with a start code.
 * Input: codec (1), access unit.
 */
#include "fuzz.h"

#include "annexb.h"

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
  free (copy);
  return 0;
}
