/*
 * screencopyformat.c: see screencopyformat.h.
 */
#include "screencopyformat.h"

#include <wayland-client-protocol.h>

guint
screencopy_format_pixel_bytes (guint32 format)
{
  switch (format) {
    case WL_SHM_FORMAT_XRGB8888:
    case WL_SHM_FORMAT_ARGB8888:
    case WL_SHM_FORMAT_XBGR8888:
    case WL_SHM_FORMAT_ABGR8888:
      return 4;
    case WL_SHM_FORMAT_BGR888:
    case WL_SHM_FORMAT_RGB888:
      return 3;
    default:
      return 0;
  }
}

const gchar *
screencopy_format_fault (const ScreencopyFormat *format)
{
  guint pixel_bytes = screencopy_format_pixel_bytes (format->format);

  if (pixel_bytes == 0)
    return "this format is not known here";
  if (format->width == 0 || format->height == 0)
    return "it has no pixels";
  if (format->width > SCREENCOPY_MAX_SIDE || format->height > SCREENCOPY_MAX_SIDE)
    return "no side may have more than 16384 pixels";
  if (format->stride < format->width * pixel_bytes)
    return "a row does not fit its bytes";
  if ((guint64) format->stride * format->height > SCREENCOPY_MAX_BYTES)
    return "it takes more than 512 MiB";
  return NULL;
}
