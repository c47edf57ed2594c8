/*
 * screencopyconnection.h: the connection of screencopy.c to a compositor: what the compositor offers, and waiting for it.
 * Private to screencopy.c, which owns it and asks for pictures over it. Knows Wayland; no GStreamer. One thread at a time.
 */
#ifndef LUMEN_SCREENCOPY_CONNECTION_H
#define LUMEN_SCREENCOPY_CONNECTION_H

#include <glib.h>
#include <wayland-client.h>

#include "screencopy.h"
#include "waylandoutputs.h"

/* Does not move while it is open: the registry's events find it by its address. */
typedef struct
{
  struct wl_display *display;
  struct wl_registry *registry;
  GPtrArray *outputs; /* WaylandOutput */

  /* to be asked for pictures */
  struct wl_shm *shm;
  struct wl_proxy *manager; /* zwlr_screencopy_manager_v1 */
  WaylandOutput *output;    /* one of `outputs`; NULL once it is gone */
} ScreencopyConnection;

/* Fills `self`, which is all zero. `display`, `output`, the deadline and the errors are those of screencopy_open(). After
 * FALSE nothing is left to close. */
gboolean
screencopy_connection_open (ScreencopyConnection *self, const gchar *display, const gchar *output, GError **error);

/* After everything that was made from what it offers is destroyed. */
void screencopy_connection_close (ScreencopyConnection *self);

/*
 * Sends what was asked for, waits until something comes from the compositor or `timeout_ms` milliseconds are over (-1 =
 * without end), and has the listeners called; OK in either case. SCREENCOPY_CANCELLED when `wake_fd` (-1 = none) is
 * readable, SCREENCOPY_ERROR when the connection broke.
 */
ScreencopyResult
screencopy_connection_dispatch (ScreencopyConnection *self, int wake_fd, int timeout_ms, GError **error);

/* Makes each error of these two files, so that all are of one domain. */
void screencopy_set_error (GError **error, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

#endif
