/*
 * countercells.h: a frame number as black and white cells in a picture: two rows of 32, in fractions of the picture's size.
 */
#pragma once

#include <gst/video/video.h>

#include "counterword.h"

G_BEGIN_DECLS

void counter_cells_draw (GstVideoFrame *frame, guint64 number);

/* FALSE when the picture has no number that can be read. */
gboolean counter_cells_read (const GstVideoFrame *frame, guint64 *number);

G_END_DECLS
