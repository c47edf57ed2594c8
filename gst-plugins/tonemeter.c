/*
 * tonemeter.c: see tonemeter.h.
 */
#include "tonemeter.h"

#include <math.h>

/* -60 dB: what is quieter is silence. */
#define MIN_PEAK 0.001
#define PEAK_DECAY 0.99985
/* A tone has at least this share of its channel's power, and this much more power than any other of the known ones.
 * Opus at 5 ms and a low rate spreads much of a lone tone's power over others, in the second channel of a pair most. */
#define MIN_SHARE 0.02
#define MIN_LEAD 4.0
/* Good coding moves a crossing by less than this many samples; the loss of fewer than these stays unseen. */
#define JUMP_SAMPLES 8.0
/* Periods that the mean is made of at first, and its weight on later ones. */
#define SETTLING_PERIODS 16
#define MEAN_WEIGHT (1.0 / 64)
/* No crossing for so many periods is silence in the middle of a tone. */
#define MISSING_PERIODS 3.0
#define TURN 6.283185307179586

/* Each window begins with the same phases, so that the rounding errors of the rotation never add up. */
static void
begin_window (ToneTable *table)
{
  table->at = 0;
  for (int i = 0; i < TONE_METER_TONES; i++) {
    table->re[i] = 1;
    table->im[i] = 0;
  }
}

void
tone_table_init (ToneTable *table, const double *hz, double rate)
{
  for (int i = 0; i < TONE_METER_TONES; i++) {
    table->step_re[i] = cos (TURN * hz[i] / rate);
    table->step_im[i] = sin (TURN * hz[i] / rate);
  }
  table->window = (uint64_t) (rate / 2);
  begin_window (table);
}

void
tone_table_step (ToneTable *table)
{
  if (++table->at == table->window) {
    begin_window (table);
    return;
  }
  for (int i = 0; i < TONE_METER_TONES; i++) {
    double re = table->re[i] * table->step_re[i] - table->im[i] * table->step_im[i];

    table->im[i] = table->re[i] * table->step_im[i] + table->im[i] * table->step_re[i];
    table->re[i] = re;
  }
}

void
tone_meter_reset (ToneMeter *meter)
{
  *meter = (ToneMeter) { .tone = -1, .crossing = -1 };
}

/* ---- which tone ---- */

/* A sine of amplitude a has the power a²/2 and correlates with a·n/2. */
static int
strongest_tone (const ToneMeter *meter, double count)
{
  double best = 0, second = 0;
  int tone = -1;

  for (int i = 0; i < TONE_METER_TONES; i++) {
    double power = 2 * (meter->re[i] * meter->re[i] + meter->im[i] * meter->im[i]) / (count * count);

    second = fmax (second, fmin (power, best));
    if (power > best) {
      best = power;
      tone = i;
    }
  }
  if (best < MIN_PEAK * MIN_PEAK / 2 || best < MIN_LEAD * second || best < MIN_SHARE * meter->energy / count)
    return -1;
  return tone;
}

static void
correlate (ToneMeter *meter, const ToneTable *table, double sample)
{
  for (int i = 0; i < TONE_METER_TONES; i++) {
    meter->re[i] += sample * table->re[i];
    meter->im[i] += sample * table->im[i];
  }
  meter->energy += sample * sample;
  if (table->at + 1 < table->window)
    return;
  meter->tone = strongest_tone (meter, (double) table->window);
  for (int i = 0; i < TONE_METER_TONES; i++)
    meter->re[i] = meter->im[i] = 0;
  meter->energy = 0;
}

/* ---- missing samples ---- */

static void
take_period (ToneMeter *meter, double period)
{
  double change = fabs (period - meter->period);

  if (meter->settled < SETTLING_PERIODS) {
    meter->period += (period - meter->period) / (meter->settled + 1);
    meter->settled++;
    return;
  }
  if (change > JUMP_SAMPLES) {
    meter->jumps++;
    return;
  }
  meter->worst_change = fmax (meter->worst_change, change);
  meter->period += (period - meter->period) * MEAN_WEIGHT;
}

/* A tone that has stopped is one jump, and may begin again as another tone. */
static void
notice_silence (ToneMeter *meter)
{
  if (meter->crossing < 0 || meter->settled < SETTLING_PERIODS)
    return;
  if ((double) meter->samples - meter->crossing < MISSING_PERIODS * meter->period)
    return;
  meter->jumps++;
  meter->settled = 0;
  meter->crossing = -1;
}

static void
watch_crossings (ToneMeter *meter, double sample)
{
  double at;

  meter->peak = fmax (fabs (sample), meter->peak * PEAK_DECAY);
  if (meter->peak < MIN_PEAK) {
    meter->is_armed = 0;
  } else if (sample < -meter->peak / 2) {
    meter->is_armed = 1;
  } else if (meter->is_armed && sample >= 0) {
    meter->is_armed = 0;
    at = (double) meter->samples - sample / (sample - meter->previous);
    if (meter->crossing >= 0)
      take_period (meter, at - meter->crossing);
    meter->crossing = at;
  }
  notice_silence (meter);
  meter->previous = sample;
}

void
tone_meter_push (ToneMeter *meter, const ToneTable *table, double sample)
{
  correlate (meter, table, sample);
  watch_crossings (meter, sample);
  meter->samples++;
}
