/*
 * countercells.c: see countercells.h.
 */
#include "countercells.h"

#include "colorpatches.h"

#define ROWS 2
#define COLUMNS 32
#define CELLS (ROWS * COLUMNS)

G_STATIC_ASSERT (CELLS == COUNTER_WORD_BITS);

/* ---- places ---- */

/* Left edge of a column in samples of a plane that is `width` wide; column 32 is the right edge of the last cell. */
static gint
column_x (gint width, gint column)
{
  return (gint) ((gint64) width * (column + 1) / (COLUMNS + 2));
}

/* Upper edge of a row in samples of a plane that is `height` high: half a cell of margin, then 1/20 each. */
static gint
row_y (gint height, gint row)
{
  return (gint) ((gint64) height * (2 * row + 1) / 40);
}

/* ---- drawing ---- */

/* The 8-bit values of black and white, and the neutral one of a chroma component. */
static guint8
cell_value (GstVideoFrame *frame, guint component, gboolean is_white)
{
  gboolean is_limited = frame->info.colorimetry.range == GST_VIDEO_COLOR_RANGE_16_235;

  if (GST_VIDEO_FORMAT_INFO_IS_YUV (frame->info.finfo) && component > 0)
    return 128;
  return is_white ? (is_limited ? 235 : 255) : (is_limited ? 16 : 0);
}

static void
draw_component (GstVideoFrame *frame, guint component, guint64 word)
{
  gint width = GST_VIDEO_FRAME_COMP_WIDTH (frame, component);
  gint height = GST_VIDEO_FRAME_COMP_HEIGHT (frame, component);
  gint cell;

  for (cell = 0; cell < CELLS; cell++) {
    gint column = cell % COLUMNS, row = cell / COLUMNS;
    gboolean is_white = (word >> (CELLS - 1 - cell)) & 1;

    color_patches_fill (frame, component, column_x (width, column), column_x (width, column + 1), row_y (height, row),
        row_y (height, row + 1), cell_value (frame, component, is_white));
  }
}

void
counter_cells_draw (GstVideoFrame *frame, guint64 number)
{
  guint64 word = counter_word_encode (number);
  guint component, components = MIN (3, GST_VIDEO_FRAME_N_COMPONENTS (frame));

  for (component = 0; component < components; component++)
    draw_component (frame, component, word);
}

/* ---- reading ---- */

static guint
cell_mean (const GstVideoFrame *frame, guint component, guint cell)
{
  gint width = GST_VIDEO_FRAME_COMP_WIDTH (frame, component), column = (gint) cell % COLUMNS;
  gint height = GST_VIDEO_FRAME_COMP_HEIGHT (frame, component), row = (gint) cell / COLUMNS;

  return (guint) color_patches_mean (frame, component, column_x (width, column), column_x (width, column + 1),
      row_y (height, row), row_y (height, row + 1));
}

gboolean
counter_cells_read (const GstVideoFrame *frame, guint64 *number)
{
  /* green carries most of the brightness of an RGB picture */
  guint component = GST_VIDEO_FORMAT_INFO_IS_RGB (frame->info.finfo) ? 1 : 0;
  guint32 mean[CELLS];

  for (guint cell = 0; cell < CELLS; cell++)
    mean[cell] = cell_mean (frame, component, cell);
  return counter_word_read_cells (mean, number);
}
