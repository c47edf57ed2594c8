/*
 * payframe.c: see payframe.h.
 */
#include "payframe.h"

#include "nvpacket.h"

#define HEADER_LATENCY_UNIT_NS 100000u

bool
pay_frame_inspect (PayFrame *frame, const uint8_t *bytes, size_t size, bool is_delta)
{
  AnnexbUnit *unit = &frame->unit;

  frame->bytes = bytes;
  if (frame->codec == PAY_CODEC_AV1) {
    /* Passed through as it is; the frame type is all that tells clients of a key frame (§6.2). */
    unit->spans[0] = (AnnexbSpan) { .offset = 0, .size = size };
    unit->span_count = 1;
    unit->kept_bytes = size;
    unit->is_key = !is_delta;
    return true;
  }
  if (!annexb_inspect (unit, frame->codec == PAY_CODEC_H264 ? ANNEXB_H264 : ANNEXB_H265, bytes, size))
    return false;
  unit->is_key = unit->is_key && !is_delta;
  return true;
}

size_t
pay_frame_first_packet_bytes (const PayFrame *frame)
{
  return frame->plan.payload_bytes - NV_FRAME_HEADER_BYTES;
}

bool
pay_frame_has_slice_in_first_packet (const PayFrame *frame)
{
  size_t end = frame->unit.slice_header_end;

  return frame->codec == PAY_CODEC_AV1 || (end != 0 && end <= pay_frame_first_packet_bytes (frame));
}

uint16_t
pay_frame_header_latency (uint64_t ns)
{
  uint64_t units = ns / HEADER_LATENCY_UNIT_NS + (ns % HEADER_LATENCY_UNIT_NS >= HEADER_LATENCY_UNIT_NS / 2);

  return (uint16_t) (units < UINT16_MAX ? units : UINT16_MAX);
}

bool
pay_frame_write (const PayFrame *frame, uint32_t packet_size, uint64_t first_gcm_counter, RsFec *fec, MediaCrypt *crypt,
    uint8_t *datagrams)
{
  const WriterFrame out = {
    .bytes = frame->bytes,
    .spans = frame->unit.spans,
    .span_count = frame->unit.span_count,
    .plan = &frame->plan,
    .packet_size = packet_size,
    .frame_index = frame->frame_index,
    .timestamp = frame->timestamp,
    .host_latency = pay_frame_header_latency (frame->host_latency_ns),
    .frame_type = frame->unit.is_key ? NV_FRAME_TYPE_IDR : NV_FRAME_TYPE_P,
    .first_packet = frame->first_packet,
    .first_gcm_counter = first_gcm_counter,
  };

  return frame_writer_write (fec, crypt, datagrams, &out);
}
