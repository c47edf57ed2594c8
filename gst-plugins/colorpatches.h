/*
 * colorpatches.h: patches of known colours that a picture can be given, to see afterwards whether colour matrix and
 * range were kept by all that handled it; and access to samples of 8 to 16 bits.
 */
#pragma once

#include <gst/video/video.h>

/*
 * Draws eight patches in a row below the frame number: red, green, blue, yellow, cyan, magenta, grey and a skin tone. In
 * YUV formats their values follow the picture's colorimetry. All places are fractions of the picture's size; there are
 * none in a format with one component.
 */
void color_patches_draw (GstVideoFrame *frame);

/*
 * How far the worst patch is from its colour: the difference of one component's mean in 8-bit steps, whatever the depth;
 * -1 in a format with one component.
 * @colorimetry: matrix and range that the samples are taken to have. RGB formats have none.
 */
gdouble color_patches_measure (const GstVideoFrame *frame, const GstVideoColorimetry *colorimetry);

/* Sets a rectangle of one component, in samples of its plane, to an 8-bit value scaled to the depth of the format. */
void color_patches_fill (GstVideoFrame *frame, guint component, gint x0, gint x1, gint y0, gint y1, gdouble value);

/* Mean of the middle half of a rectangle of one component, in 8-bit steps: the edges are blurred by coding and scaling. */
gdouble color_patches_mean (const GstVideoFrame *frame, guint component, gint x0, gint x1, gint y0, gint y1);
