/*
 * opuslayout.c: see opuslayout.h.
 */
#include "opuslayout.h"

#include <string.h>

/* Places in the text. */
enum
{
  PLACE_CHANNELS,
  PLACE_STREAMS,
  PLACE_COUPLED,
  PLACE_MAP,
};

const OpusLayout opus_layout_stereo = { .channels = 2, .streams = 1, .coupled = 1, .map = { 0, 1 } };

static uint8_t
digit (const char *digits, size_t place)
{
  return (uint8_t) (digits[place] - '0');
}

bool
opus_layout_parse (OpusLayout *layout, const char *digits)
{
  size_t length = strspn (digits, "0123456789");
  OpusLayout read = { 0 };

  if (digits[length] != '\0' || length < PLACE_MAP)
    return false;
  read.channels = digit (digits, PLACE_CHANNELS);
  read.streams = digit (digits, PLACE_STREAMS);
  read.coupled = digit (digits, PLACE_COUPLED);
  if (read.channels < 1 || read.channels > OPUS_LAYOUT_MAX_CHANNELS || length != PLACE_MAP + (size_t) read.channels)
    return false;
  if (read.streams < 1 || read.coupled > read.streams || read.streams + read.coupled > read.channels)
    return false;
  for (size_t i = 0; i < read.channels; i++) {
    read.map[i] = digit (digits, PLACE_MAP + i);
    if (read.map[i] >= read.streams + read.coupled)
      return false;
  }
  *layout = read;
  return true;
}

bool
opus_layout_is_plain (const OpusLayout *layout)
{
  return layout->channels <= 2 && layout->streams == 1;
}
