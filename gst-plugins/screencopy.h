/*
 * screencopy.h: pictures of one output of a Wayland compositor, by wlr-screencopy-unstable-v1 into shared memory. Knows
 * Wayland; no GStreamer. One thread at a time. What the protocol asks of a client: wlr-protocols of wlroots.
 */
#ifndef LUMEN_SCREENCOPY_H
#define LUMEN_SCREENCOPY_H

#include <glib.h>

#include "screencopyformat.h"

typedef struct _Screencopy Screencopy;

typedef enum
{
  SCREENCOPY_OK,
  SCREENCOPY_CANCELLED, /* the wake descriptor became readable; the same call goes on where it stopped */
  SCREENCOPY_ERROR,
} ScreencopyResult;

typedef struct
{
  ScreencopyFormat format;
  const guint8 *data; /* rows of `stride` bytes; valid until the next call */
  gboolean y_invert;  /* the lowest row comes first */
} ScreencopyPicture;

/*
 * Connects. `display` is the name or path of a socket, NULL the one of the environment; `output` the name of an output,
 * NULL the first one. Waits for the compositor's answers at most three seconds. NULL and `error` when there is no such
 * compositor, protocol or output.
 */
Screencopy *screencopy_open (const gchar *display, const gchar *output, gboolean draw_cursor, GError **error);
void screencopy_close (Screencopy *self);

/*
 * Waits for the compositor to say what its next picture looks like; at once when it has done so. A picture that cannot be
 * (screencopy_format_fault) is an error, here and in screencopy_next(). `wake_fd`: a descriptor
 * whose being readable cancels the wait, -1 for none.
 */
ScreencopyResult screencopy_prepare (Screencopy *self, int wake_fd, ScreencopyFormat *format, GError **error);

/*
 * Waits for the next picture: the first one comes at once, every other one when something has changed on the output. It
 * may have another format than the one before.
 */
ScreencopyResult screencopy_next (Screencopy *self, int wake_fd, ScreencopyPicture *picture, GError **error);

#endif
