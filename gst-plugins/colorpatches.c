/*
 * colorpatches.c: see colorpatches.h.
 */
#include "colorpatches.h"

#include <math.h>
#include <string.h>

#define PATCHES 8
#define COMPONENTS 3
/* Samples of a rectangle that are averaged, in each direction. */
#define SAMPLES 8

/* R'G'B' in 8 bits: three quarters of full saturation, so that no component is clipped on the way. */
static const guint8 colors[PATCHES][COMPONENTS] = {
  { 191, 0, 0 },
  { 0, 191, 0 },
  { 0, 0, 191 },
  { 191, 191, 0 },
  { 0, 191, 191 },
  { 191, 0, 191 },
  { 128, 128, 128 },
  { 224, 172, 140 },
};

/* ---- samples ---- */

static guint8 *
sample_at (const GstVideoFrame *frame, guint component, gint x, gint y)
{
  guint8 *data = (guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, component);

  /* GStreamer counts the place of V in P010 in samples; samples of two bytes never begin at an odd one. */
  if (GST_VIDEO_FRAME_COMP_DEPTH (frame, component) > 8 && GST_VIDEO_FRAME_COMP_POFFSET (frame, component) == 1)
    data++;
  return data + y * GST_VIDEO_FRAME_COMP_STRIDE (frame, component)
      + x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
}

/* How many times an 8-bit step is a step of this component. */
static gdouble
steps_per_level (const GstVideoFrame *frame, guint component)
{
  return (gdouble) (1u << (GST_VIDEO_FRAME_COMP_DEPTH (frame, component) - 8));
}

void
color_patches_fill (GstVideoFrame *frame, guint component, gint x0, gint x1, gint y0, gint y1, gdouble value)
{
  guint depth = GST_VIDEO_FRAME_COMP_DEPTH (frame, component);
  gint step = GST_VIDEO_FRAME_COMP_PSTRIDE (frame, component);
  glong rounded = lrint (value * steps_per_level (frame, component));
  guint sample = (guint) CLAMP (rounded, 0, (1l << depth) - 1) << frame->info.finfo->shift[component];
  gint x, y;

  for (y = y0; y < y1; y++) {
    guint8 *at = sample_at (frame, component, x0, y);

    if (depth > 8)
      for (x = x0; x < x1; x++, at += step)
        GST_WRITE_UINT16_LE (at, (guint16) sample);
    else if (step == 1)
      memset (at, (gint) sample, (gsize) MAX (0, x1 - x0));
    else
      for (x = x0; x < x1; x++, at += step)
        *at = (guint8) sample;
  }
}

gdouble
color_patches_mean (const GstVideoFrame *frame, guint component, gint x0, gint x1, gint y0, gint y1)
{
  guint depth = GST_VIDEO_FRAME_COMP_DEPTH (frame, component), sum = 0;
  guint shift = frame->info.finfo->shift[component];
  gint i, j;

  for (j = 0; j < SAMPLES; j++)
    for (i = 0; i < SAMPLES; i++) {
      gint x = x0 + (x1 - x0) * (2 * SAMPLES + 4 * i + 2) / (8 * SAMPLES);
      gint y = y0 + (y1 - y0) * (2 * SAMPLES + 4 * j + 2) / (8 * SAMPLES);
      const guint8 *sample = sample_at (frame, component, x, y);

      sum += depth == 8 ? *sample : (guint) (GST_READ_UINT16_LE (sample) >> shift) & ((1u << depth) - 1);
    }
  return (gdouble) sum / (SAMPLES * SAMPLES) / steps_per_level (frame, component);
}

/* ---- patches ---- */

/* Below the number, which ends at a quarter of the 20ths: one 20th high, an eighth of what is between the margins wide. */
static void
patch_rectangle (const GstVideoFrame *frame, guint component, guint patch, gint *x0, gint *x1, gint *y0, gint *y1)
{
  gint64 width = GST_VIDEO_FRAME_COMP_WIDTH (frame, component);
  gint64 height = GST_VIDEO_FRAME_COMP_HEIGHT (frame, component);

  *x0 = (gint) (width * (1 + 4 * (gint) patch) / 34);
  *x1 = (gint) (width * (1 + 4 * (gint) (patch + 1)) / 34);
  *y0 = (gint) (height * 6 / 40);
  *y1 = (gint) (height * 10 / 40);
}

/* What a component of a colour is in 8-bit steps: Y'CbCr by matrix and range (ITU-T H.273), or the colour itself. */
static gdouble
expected_value (
    const GstVideoFrame *frame, const GstVideoColorimetry *colorimetry, const guint8 *color, guint component)
{
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
  gdouble kr = 0, kb = 0, red = color[0] / 255.0, green = color[1] / 255.0, blue = color[2] / 255.0, luma, value;

  if (GST_VIDEO_FORMAT_INFO_IS_RGB (frame->info.finfo)
      || !gst_video_color_matrix_get_Kr_Kb (colorimetry->matrix, &kr, &kb))
    return color[component];
  gst_video_color_range_offsets (colorimetry->range, frame->info.finfo, offset, scale);
  luma = kr * red + (1 - kr - kb) * green + kb * blue;
  value = component == 0 ? luma : component == 1 ? (blue - luma) / (2 * (1 - kb)) : (red - luma) / (2 * (1 - kr));
  return (offset[component] + scale[component] * value) / steps_per_level (frame, component);
}

void
color_patches_draw (GstVideoFrame *frame)
{
  guint patch, component;
  gint x0, x1, y0, y1;

  if (GST_VIDEO_FRAME_N_COMPONENTS (frame) < COMPONENTS)
    return;
  for (patch = 0; patch < PATCHES; patch++)
    for (component = 0; component < COMPONENTS; component++) {
      patch_rectangle (frame, component, patch, &x0, &x1, &y0, &y1);
      color_patches_fill (
          frame, component, x0, x1, y0, y1, expected_value (frame, &frame->info.colorimetry, colors[patch], component));
    }
}

gdouble
color_patches_measure (const GstVideoFrame *frame, const GstVideoColorimetry *colorimetry)
{
  gdouble worst = 0;
  guint patch, component;
  gint x0, x1, y0, y1;

  if (GST_VIDEO_FRAME_N_COMPONENTS (frame) < COMPONENTS)
    return -1;
  for (patch = 0; patch < PATCHES; patch++)
    for (component = 0; component < COMPONENTS; component++) {
      gdouble wanted = expected_value (frame, colorimetry, colors[patch], component);

      patch_rectangle (frame, component, patch, &x0, &x1, &y0, &y1);
      worst = MAX (worst, fabs (color_patches_mean (frame, component, x0, x1, y0, y1) - wanted));
    }
  return worst;
}
