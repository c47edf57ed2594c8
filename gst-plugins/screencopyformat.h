/*
 * screencopyformat.h: what a compositor's picture looks like in shared memory, and whether that can be. Pure.
 */
#ifndef LUMEN_SCREENCOPY_FORMAT_H
#define LUMEN_SCREENCOPY_FORMAT_H

#include <glib.h>

/* Pixels of a side, and bytes of a picture: twice what the largest client can show, so that only nonsense is beyond. */
#define SCREENCOPY_MAX_SIDE 16384u
#define SCREENCOPY_MAX_BYTES (512u << 20)

typedef struct
{
  guint32 format; /* enum wl_shm_format */
  guint width, height;
  guint stride; /* bytes from a row to the next */
} ScreencopyFormat;

/* Bytes of a pixel; 0 when the format is not known here. */
guint screencopy_format_pixel_bytes (guint32 format);

/* Why a picture cannot be like this, as the end of a sentence; NULL when it can. */
const gchar *screencopy_format_fault (const ScreencopyFormat *format);

#endif
