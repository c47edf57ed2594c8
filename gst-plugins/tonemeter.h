/*
 * tonemeter.h: which of a few known tones one channel carries, and whether samples of it are missing. Pure arithmetic.
 *
 * The tone is the strongest of the known ones over half a second, however noisy the channel is. Whether samples are
 * missing shows in the periods, the times between two upward zero crossings, each placed between its samples; a
 * crossing counts only after the signal was below minus half its peak, so that coding noise makes none. A period that
 * differs from those before it is a jump.
 */
#pragma once

#include <stdint.h>

#define TONE_METER_TONES 8

/* What all channels of one sound have in common: the known tones, at the sample in hand. */
typedef struct
{
  /* private */
  double re[TONE_METER_TONES], im[TONE_METER_TONES];
  double step_re[TONE_METER_TONES], step_im[TONE_METER_TONES];
  uint64_t window; /* samples that a tone is looked for in */
  uint64_t at;     /* samples since the window began */
} ToneTable;

typedef struct
{
  /* read these */
  int tone;            /* index of the tone that the last whole window had, -1 where it had none */
  uint64_t jumps;      /* periods that differ, and times without any crossing */
  double worst_change; /* the greatest difference of a period from the mean that was no jump, in samples */

  /* private */
  double re[TONE_METER_TONES], im[TONE_METER_TONES], energy;
  double peak; /* envelope, 0 to 1; falls by a half in about 0.1 s at 48 kHz */
  double previous, period, crossing;
  uint64_t samples;
  uint32_t settled; /* undisturbed periods so far */
  int is_armed;
} ToneMeter;

/* @hz: TONE_METER_TONES frequencies; @rate: samples a second. */
void tone_table_init (ToneTable *table, const double *hz, double rate);

/* Goes on to the next sample, after every meter has taken this one. */
void tone_table_step (ToneTable *table);

/* Silent, counting from now. */
void tone_meter_reset (ToneMeter *meter);

/* Takes the sample in hand, -1 to 1. */
void tone_meter_push (ToneMeter *meter, const ToneTable *table, double sample);
