/*
 * opuslayout.h: how the channels of an Opus stream are coded, as the host advertises it in `surround-params` without the
 * prefix: one digit a number (protocol/rtsp.md §5.2). Pure.
 *
 *   "642012345": 6 channels in 4 streams, 2 of them coupled; channel 0 of the output is coded channel 0, and so on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OPUS_LAYOUT_MAX_CHANNELS 8

typedef struct
{
  uint8_t channels; /* 1 to 8 */
  uint8_t streams;  /* at least 1; streams + coupled is at most channels */
  uint8_t coupled;
  uint8_t map[OPUS_LAYOUT_MAX_CHANNELS]; /* for each channel in the client's order, the coded channel that it is */
} OpusLayout;

/* One coupled stream. */
extern const OpusLayout opus_layout_stereo;

/* False, and `layout` as it was, when `digits` is no layout. */
bool opus_layout_parse (OpusLayout *layout, const char *digits);

/* Digits of the longest layout, and the end of the text. */
#define OPUS_LAYOUT_TEXT_BYTES (3 + OPUS_LAYOUT_MAX_CHANNELS + 1)

/* Writes a layout as opus_layout_parse() reads it. False, and an empty text, when it is none. */
bool opus_layout_format (const OpusLayout *layout, char text[OPUS_LAYOUT_TEXT_BYTES]);

/* Mono or stereo in one stream: channel mapping family 0, which needs no map (RFC 7845 §5.1.1.1). */
bool opus_layout_is_plain (const OpusLayout *layout);
