/*
 * waylandoutputs.h: the outputs that a Wayland compositor has announced, by their names. Knows Wayland; no GStreamer.
 */
#ifndef LUMEN_WAYLAND_OUTPUTS_H
#define LUMEN_WAYLAND_OUTPUTS_H

#include <glib.h>
#include <wayland-client.h>

/* The first version of wl_output with names. */
#define WAYLAND_OUTPUT_VERSION 4

typedef struct
{
  struct wl_output *proxy;
  guint32 global; /* as the registry names it */
  gchar *name;    /* NULL until the compositor has said it */
} WaylandOutput;

/* Of WaylandOutput, which it owns. */
GPtrArray *wayland_outputs_new (void);

/* Takes the global in; its name comes with the next round trip. */
void wayland_outputs_add (GPtrArray *outputs, struct wl_registry *registry, guint32 global);

/* By name, the first one where that is NULL; NULL when there is none. */
WaylandOutput *wayland_outputs_find (const GPtrArray *outputs, const gchar *name);

/* Their names, or "none" (transfer full). */
gchar *wayland_outputs_describe (const GPtrArray *outputs);

#endif
