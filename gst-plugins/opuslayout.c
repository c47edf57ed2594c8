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

static bool
is_valid (const OpusLayout *layout)
{
  if (layout->channels < 1 || layout->channels > OPUS_LAYOUT_MAX_CHANNELS)
    return false;
  if (layout->streams < 1 || layout->coupled > layout->streams || layout->streams + layout->coupled > layout->channels)
    return false;
  for (size_t i = 0; i < layout->channels; i++)
    if (layout->map[i] >= layout->streams + layout->coupled)
      return false;
  return true;
}

bool
opus_layout_parse (OpusLayout *layout, const char *digits)
{
  size_t length = strspn (digits, "0123456789");
  OpusLayout read = { 0 };

  if (digits[length] != '\0' || length < PLACE_MAP || length > OPUS_LAYOUT_TEXT_BYTES - 1)
    return false;
  read.channels = digit (digits, PLACE_CHANNELS);
  read.streams = digit (digits, PLACE_STREAMS);
  read.coupled = digit (digits, PLACE_COUPLED);
  for (size_t i = 0; PLACE_MAP + i < length; i++)
    read.map[i] = digit (digits, PLACE_MAP + i);
  if (length != PLACE_MAP + (size_t) read.channels || !is_valid (&read))
    return false;
  *layout = read;
  return true;
}

bool
opus_layout_format (const OpusLayout *layout, char text[OPUS_LAYOUT_TEXT_BYTES])
{
  text[0] = '\0';
  if (!is_valid (layout))
    return false;
  text[PLACE_CHANNELS] = (char) ('0' + layout->channels);
  text[PLACE_STREAMS] = (char) ('0' + layout->streams);
  text[PLACE_COUPLED] = (char) ('0' + layout->coupled);
  for (size_t i = 0; i < layout->channels; i++)
    text[PLACE_MAP + i] = (char) ('0' + layout->map[i]);
  text[PLACE_MAP + layout->channels] = '\0';
  return true;
}

bool
opus_layout_is_plain (const OpusLayout *layout)
{
  return layout->channels <= 2 && layout->streams == 1;
}
