/*
 * screencopyconnection.c: see screencopyconnection.h.
 */
#include "screencopyconnection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "screencopyprotocol.h"

/* How long a compositor may take for what it answers by itself. */
#define ANSWER_DEADLINE_MS 3000

/* --- errors --- */

void
screencopy_set_error (GError **error, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (g_quark_from_static_string ("screencopy"), 0, format, args));
  va_end (args);
}

static ScreencopyResult
fail_connection (ScreencopyConnection *self, GError **error)
{
  int err = wl_display_get_error (self->display);
  screencopy_set_error (error, "the connection to the compositor broke: %s", g_strerror (err != 0 ? err : errno));
  return SCREENCOPY_ERROR;
}

/* --- globals --- */

static void
on_global (void *data, struct wl_registry *registry, uint32_t name, const char *interface, uint32_t version)
{
  ScreencopyConnection *self = data;

  if (strcmp (interface, wl_shm_interface.name) == 0)
    self->shm = wl_registry_bind (registry, name, &wl_shm_interface, 1);
  else if (strcmp (interface, manager_interface.name) == 0 && version >= SCREENCOPY_VERSION)
    self->manager = wl_registry_bind (registry, name, &manager_interface, SCREENCOPY_VERSION);
  else if (strcmp (interface, wl_output_interface.name) == 0 && version >= WAYLAND_OUTPUT_VERSION)
    wayland_outputs_add (self->outputs, registry, name);
}

static void
on_global_remove (void *data, struct wl_registry *registry, uint32_t name)
{
  ScreencopyConnection *self = data;

  if (self->output != NULL && self->output->global == name)
    self->output = NULL;
}

static const struct wl_registry_listener registry_listener = {
  .global = on_global,
  .global_remove = on_global_remove,
};

/* --- waiting --- */

ScreencopyResult
screencopy_connection_dispatch (ScreencopyConnection *self, int wake_fd, int timeout_ms, GError **error)
{
  struct pollfd fds[2] = {
    { .fd = wl_display_get_fd (self->display), .events = POLLIN },
    { .fd = wake_fd, .events = POLLIN },
  };

  while (wl_display_prepare_read (self->display) != 0) {
    if (wl_display_dispatch_pending (self->display) < 0)
      return fail_connection (self, error);
  }
  /* A full socket: what is left leaves with the next flush; the compositor reads on meanwhile. */
  if (wl_display_flush (self->display) < 0 && errno != EAGAIN) {
    wl_display_cancel_read (self->display);
    return fail_connection (self, error);
  }
  if (poll (fds, 2, timeout_ms) < 0 && errno != EINTR) {
    wl_display_cancel_read (self->display);
    return fail_connection (self, error);
  }
  if (fds[0].revents == 0)
    wl_display_cancel_read (self->display);
  else if (wl_display_read_events (self->display) < 0 || wl_display_dispatch_pending (self->display) < 0)
    return fail_connection (self, error);
  return fds[1].revents != 0 ? SCREENCOPY_CANCELLED : SCREENCOPY_OK;
}

static void
on_sync_done (void *data, struct wl_callback *callback, uint32_t serial)
{
  *(gboolean *) data = TRUE;
}

static const struct wl_callback_listener sync_listener = { .done = on_sync_done };

/* wl_display_roundtrip with an end. */
static gboolean
roundtrip (ScreencopyConnection *self, GError **error)
{
  gint64 end = g_get_monotonic_time () + ANSWER_DEADLINE_MS * 1000;
  struct wl_callback *callback = wl_display_sync (self->display);
  ScreencopyResult result = SCREENCOPY_OK;
  gboolean done = FALSE;

  wl_callback_add_listener (callback, &sync_listener, &done);
  while (!done && result == SCREENCOPY_OK && g_get_monotonic_time () < end)
    result = screencopy_connection_dispatch (self, -1, 100, error);
  wl_callback_destroy (callback);
  if (!done && result == SCREENCOPY_OK)
    screencopy_set_error (error, "the compositor did not answer in %d ms", ANSWER_DEADLINE_MS);
  return done;
}

/* --- opening --- */

/* The first round brings the globals, the second the names of the outputs. */
static gboolean
bind_globals (ScreencopyConnection *self, const gchar *output, GError **error)
{
  wl_registry_add_listener (self->registry, &registry_listener, self);
  if (!roundtrip (self, error) || !roundtrip (self, error))
    return FALSE;
  if (self->manager == NULL || self->shm == NULL) {
    screencopy_set_error (
        error, "the compositor does not offer %s version %d", manager_interface.name, SCREENCOPY_VERSION);
    return FALSE;
  }
  self->output = wayland_outputs_find (self->outputs, output);
  if (self->output == NULL) {
    gchar *outputs = wayland_outputs_describe (self->outputs);
    screencopy_set_error (
        error, "the compositor has no output \"%s\"; there are: %s", output != NULL ? output : "", outputs);
    g_free (outputs);
    return FALSE;
  }
  return TRUE;
}

gboolean
screencopy_connection_open (ScreencopyConnection *self, const gchar *display, const gchar *output, GError **error)
{
  self->display = wl_display_connect (display);
  if (self->display == NULL) {
    screencopy_set_error (error, "no Wayland compositor answers at \"%s\": %s",
        display != NULL ? display : "WAYLAND_DISPLAY", g_strerror (errno));
    return FALSE;
  }
  self->registry = wl_display_get_registry (self->display);
  self->outputs = wayland_outputs_new ();
  if (bind_globals (self, output, error))
    return TRUE;
  screencopy_connection_close (self);
  return FALSE;
}

void
screencopy_connection_close (ScreencopyConnection *self)
{
  g_ptr_array_unref (self->outputs);
  g_clear_pointer (&self->manager, manager_destroy);
  g_clear_pointer (&self->shm, wl_shm_destroy);
  wl_registry_destroy (self->registry);
  wl_display_flush (self->display);
  wl_display_disconnect (self->display);
}
