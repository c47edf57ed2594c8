/*
 * waylandoutputs.c: see waylandoutputs.h.
 */
#include "waylandoutputs.h"

static void
output_free (gpointer data)
{
  WaylandOutput *output = data;
  wl_output_release (output->proxy);
  g_free (output->name);
  g_free (output);
}

static void
ignore_geometry (void *data, struct wl_output *proxy, int32_t x, int32_t y, int32_t width, int32_t height,
    int32_t subpixel, const char *make, const char *model, int32_t transform)
{
}

static void
ignore_mode (void *data, struct wl_output *proxy, uint32_t flags, int32_t width, int32_t height, int32_t refresh)
{
}

static void
ignore_scale (void *data, struct wl_output *proxy, int32_t factor)
{
}

static void
ignore_output_done (void *data, struct wl_output *proxy)
{
}

static void
on_output_name (void *data, struct wl_output *proxy, const char *name)
{
  WaylandOutput *output = data;
  g_free (output->name);
  output->name = g_strdup (name);
}

static void
ignore_output_description (void *data, struct wl_output *proxy, const char *description)
{
}

static const struct wl_output_listener output_listener = {
  .geometry = ignore_geometry,
  .mode = ignore_mode,
  .done = ignore_output_done,
  .scale = ignore_scale,
  .name = on_output_name,
  .description = ignore_output_description,
};

GPtrArray *
wayland_outputs_new (void)
{
  return g_ptr_array_new_with_free_func (output_free);
}

void
wayland_outputs_add (GPtrArray *outputs, struct wl_registry *registry, guint32 global)
{
  WaylandOutput *output = g_new0 (WaylandOutput, 1);

  output->global = global;
  output->proxy = wl_registry_bind (registry, global, &wl_output_interface, WAYLAND_OUTPUT_VERSION);
  wl_output_add_listener (output->proxy, &output_listener, output);
  g_ptr_array_add (outputs, output);
}

WaylandOutput *
wayland_outputs_find (const GPtrArray *outputs, const gchar *name)
{
  for (guint i = 0; i < outputs->len; i++) {
    WaylandOutput *output = g_ptr_array_index (outputs, i);
    if (name == NULL || g_strcmp0 (output->name, name) == 0)
      return output;
  }
  return NULL;
}

gchar *
wayland_outputs_describe (const GPtrArray *outputs)
{
  GString *text = g_string_new (outputs->len == 0 ? "none" : NULL);

  for (guint i = 0; i < outputs->len; i++) {
    const WaylandOutput *output = g_ptr_array_index (outputs, i);
    g_string_append_printf (text, "%s%s", i == 0 ? "" : ", ", output->name != NULL ? output->name : "(no name)");
  }
  return g_string_free (text, FALSE);
}
