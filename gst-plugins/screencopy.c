/*
 * screencopy.c: see screencopy.h.
 *
 * The course of one picture, in the words of the protocol:
 *
 *   capture_output -> buffer (a format), buffer_done -> copy or copy_with_damage -> flags, ready
 *                                                                               \-> failed
 */
#include "screencopy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wayland-client.h>

#include "screencopyprotocol.h"
#include "waylandoutputs.h"

/* How long a compositor may take for what it answers by itself. */
#define ANSWER_DEADLINE_MS 3000
/* An output that changes its mode fails a few pictures; one that is off fails all. */
#define MAX_FAILURES 20
#define FAILURE_DELAY_MS 50
typedef enum
{
  STATE_IDLE,      /* nothing is asked for */
  STATE_ASKED,     /* capture_output is sent */
  STATE_DESCRIBED, /* buffer_done came */
  STATE_COPYING,   /* copy is sent */
  STATE_READY,
  STATE_FAILED,
} State;

struct _Screencopy
{
  struct wl_display *display;
  struct wl_registry *registry;
  struct wl_shm *shm;
  struct wl_proxy *manager;
  GPtrArray *outputs;    /* WaylandOutput */
  WaylandOutput *output; /* one of them; NULL once it is gone */
  gboolean draw_cursor;

  State state;
  struct wl_proxy *frame;
  ScreencopyFormat format;
  gboolean y_invert;
  gboolean has_picture; /* one was copied: the next waits for a change */
  guint failures;       /* in a row */

  struct wl_buffer *buffer;
  ScreencopyFormat buffer_format;
  guint8 *data;
  gsize bytes;
};

static void
on_global (void *data, struct wl_registry *registry, uint32_t name, const char *interface, uint32_t version)
{
  Screencopy *self = data;

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
  Screencopy *self = data;

  if (self->output != NULL && self->output->global == name)
    self->output = NULL;
}

static const struct wl_registry_listener registry_listener = {
  .global = on_global,
  .global_remove = on_global_remove,
};

static void
on_buffer (void *data, struct wl_proxy *frame, uint32_t format, uint32_t width, uint32_t height, uint32_t stride)
{
  Screencopy *self = data;
  self->format = (ScreencopyFormat) { format, width, height, stride };
}

static void
on_flags (void *data, struct wl_proxy *frame, uint32_t flags)
{
  Screencopy *self = data;
  self->y_invert = (flags & SCREENCOPY_FLAG_Y_INVERT) != 0;
}

static void
on_ready (void *data, struct wl_proxy *frame, uint32_t seconds_high, uint32_t seconds_low, uint32_t nanoseconds)
{
  Screencopy *self = data;
  /* nothing was copied unless it was asked for */
  self->state = self->state == STATE_COPYING ? STATE_READY : STATE_FAILED;
}

static void
on_failed (void *data, struct wl_proxy *frame)
{
  Screencopy *self = data;
  self->state = STATE_FAILED;
}

static void
ignore_damage (void *data, struct wl_proxy *frame, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
}

static void
ignore_dmabuf (void *data, struct wl_proxy *frame, uint32_t format, uint32_t width, uint32_t height)
{
}

static void
on_buffer_done (void *data, struct wl_proxy *frame)
{
  Screencopy *self = data;
  /* said again, it changes nothing: the buffer has its format */
  if (self->state == STATE_ASKED)
    self->state = STATE_DESCRIBED;
}

static const struct frame_listener frame_listener = {
  .buffer = on_buffer,
  .flags = on_flags,
  .ready = on_ready,
  .failed = on_failed,
  .damage = ignore_damage,
  .linux_dmabuf = ignore_dmabuf,
  .buffer_done = on_buffer_done,
};

/* --- waiting --- */

static void set_error (GError **error, const gchar *format, ...) G_GNUC_PRINTF (2, 3);

static void
set_error (GError **error, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (g_quark_from_static_string ("screencopy"), 0, format, args));
  va_end (args);
}

static ScreencopyResult
fail_connection (Screencopy *self, GError **error)
{
  int err = wl_display_get_error (self->display);
  set_error (error, "the connection to the compositor broke: %s", g_strerror (err != 0 ? err : errno));
  return SCREENCOPY_ERROR;
}

/* Takes what comes from the compositor; -1 waits without end. A wait that ends by its time is OK too. */
static ScreencopyResult
dispatch (Screencopy *self, int wake_fd, int timeout_ms, GError **error)
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
roundtrip (Screencopy *self, GError **error)
{
  gint64 end = g_get_monotonic_time () + ANSWER_DEADLINE_MS * 1000;
  struct wl_callback *callback = wl_display_sync (self->display);
  ScreencopyResult result = SCREENCOPY_OK;
  gboolean done = FALSE;

  wl_callback_add_listener (callback, &sync_listener, &done);
  while (!done && result == SCREENCOPY_OK && g_get_monotonic_time () < end)
    result = dispatch (self, -1, 100, error);
  wl_callback_destroy (callback);
  if (!done && result == SCREENCOPY_OK)
    set_error (error, "the compositor did not answer in %d ms", ANSWER_DEADLINE_MS);
  return done;
}

/* --- opening --- */

/* The first round brings the globals, the second the names of the outputs. */
static gboolean
bind_globals (Screencopy *self, const gchar *output, GError **error)
{
  wl_registry_add_listener (self->registry, &registry_listener, self);
  if (!roundtrip (self, error) || !roundtrip (self, error))
    return FALSE;
  if (self->manager == NULL || self->shm == NULL) {
    set_error (error, "the compositor does not offer %s version %d", manager_interface.name, SCREENCOPY_VERSION);
    return FALSE;
  }
  self->output = wayland_outputs_find (self->outputs, output);
  if (self->output == NULL) {
    gchar *outputs = wayland_outputs_describe (self->outputs);
    set_error (error, "the compositor has no output \"%s\"; there are: %s", output != NULL ? output : "", outputs);
    g_free (outputs);
    return FALSE;
  }
  return TRUE;
}

Screencopy *
screencopy_open (const gchar *display, const gchar *output, gboolean draw_cursor, GError **error)
{
  struct wl_display *connection = wl_display_connect (display);
  Screencopy *self;

  if (connection == NULL) {
    set_error (error, "no Wayland compositor answers at \"%s\": %s", display != NULL ? display : "WAYLAND_DISPLAY",
        g_strerror (errno));
    return NULL;
  }
  self = g_new0 (Screencopy, 1);
  self->display = connection;
  self->registry = wl_display_get_registry (connection);
  self->outputs = wayland_outputs_new ();
  self->draw_cursor = draw_cursor;
  if (bind_globals (self, output, error))
    return self;
  screencopy_close (self);
  return NULL;
}

static void
drop_buffer (Screencopy *self)
{
  g_clear_pointer (&self->buffer, wl_buffer_destroy);
  if (self->data != NULL)
    munmap (self->data, self->bytes);
  self->data = NULL;
}

void
screencopy_close (Screencopy *self)
{
  g_clear_pointer (&self->frame, frame_destroy);
  drop_buffer (self);
  g_ptr_array_unref (self->outputs);
  g_clear_pointer (&self->manager, manager_destroy);
  g_clear_pointer (&self->shm, wl_shm_destroy);
  wl_registry_destroy (self->registry);
  wl_display_flush (self->display);
  wl_display_disconnect (self->display);
  g_free (self);
}

/* --- pictures --- */

static gboolean
is_same_format (const ScreencopyFormat *a, const ScreencopyFormat *b)
{
  return a->format == b->format && a->width == b->width && a->height == b->height && a->stride == b->stride;
}

/* Shared memory that the compositor cannot take away from under a reader: -1 and errno when there is none. */
static int
create_memory (gsize bytes)
{
  int fd = memfd_create ("lumen-screencopy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd >= 0 && ftruncate (fd, (off_t) bytes) == 0 && fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

/* A buffer of the format that was described; the one before when it fits. */
static gboolean
ensure_buffer (Screencopy *self, GError **error)
{
  const ScreencopyFormat *format = &self->format;
  gsize bytes = (gsize) format->stride * format->height;
  struct wl_shm_pool *pool;
  int fd;

  if (self->buffer != NULL && is_same_format (&self->buffer_format, format))
    return TRUE;
  drop_buffer (self);
  fd = create_memory (bytes);
  if (fd < 0 || (self->data = mmap (NULL, bytes, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED) {
    set_error (error, "no memory for a picture of %ux%u: %s", format->width, format->height, g_strerror (errno));
    self->data = NULL;
    if (fd >= 0)
      close (fd);
    return FALSE;
  }
  self->bytes = bytes;
  pool = wl_shm_create_pool (self->shm, fd, (int32_t) bytes);
  self->buffer = wl_shm_pool_create_buffer (
      pool, 0, (int32_t) format->width, (int32_t) format->height, (int32_t) format->stride, format->format);
  wl_shm_pool_destroy (pool);
  close (fd);
  self->buffer_format = *format;
  return TRUE;
}

static void
ask (Screencopy *self)
{
  self->frame = manager_capture_output (self->manager, self->draw_cursor, self->output->proxy);
  frame_add_listener (self->frame, &frame_listener, self);
  self->state = STATE_ASKED;
}

/* A picture that failed is asked for again after a while, unless too many failed in a row. */
static ScreencopyResult
retry (Screencopy *self, int wake_fd, GError **error)
{
  g_clear_pointer (&self->frame, frame_destroy);
  self->state = STATE_IDLE;
  if (++self->failures > MAX_FAILURES) {
    set_error (error, "the compositor failed to copy the output %u times in a row (is it off?)", self->failures);
    return SCREENCOPY_ERROR;
  }
  return dispatch (self, wake_fd, FAILURE_DELAY_MS, error);
}

/* Goes on until the next picture is described, or copied. */
static ScreencopyResult
advance (Screencopy *self, int wake_fd, GError **error)
{
  ScreencopyResult result = SCREENCOPY_OK;

  while (result == SCREENCOPY_OK && self->state != STATE_DESCRIBED && self->state != STATE_READY) {
    if (self->output == NULL) {
      set_error (error, "the output is gone");
      return SCREENCOPY_ERROR;
    }
    if (self->state == STATE_IDLE)
      ask (self);
    if (self->state == STATE_FAILED)
      result = retry (self, wake_fd, error);
    else
      result = dispatch (self, wake_fd, -1, error);
  }
  return result;
}

/* The same, and what a picture is described as can be one. */
static ScreencopyResult
advance_checked (Screencopy *self, int wake_fd, GError **error)
{
  ScreencopyResult result = advance (self, wake_fd, error);
  const gchar *fault = NULL;

  if (result == SCREENCOPY_OK && self->state == STATE_DESCRIBED)
    fault = screencopy_format_fault (&self->format);
  if (fault == NULL)
    return result;
  set_error (error, "the compositor describes a picture of %ux%u with %u bytes a row in format 0x%08x: %s",
      self->format.width, self->format.height, self->format.stride, self->format.format, fault);
  return SCREENCOPY_ERROR;
}

ScreencopyResult
screencopy_prepare (Screencopy *self, int wake_fd, ScreencopyFormat *format, GError **error)
{
  ScreencopyResult result = advance_checked (self, wake_fd, error);

  if (result == SCREENCOPY_OK)
    *format = self->format;
  return result;
}

static gboolean
copy (Screencopy *self, GError **error)
{
  if (!ensure_buffer (self, error))
    return FALSE;
  if (self->has_picture)
    frame_copy_with_damage (self->frame, self->buffer);
  else
    frame_copy (self->frame, self->buffer);
  self->state = STATE_COPYING;
  return TRUE;
}

ScreencopyResult
screencopy_next (Screencopy *self, int wake_fd, ScreencopyPicture *picture, GError **error)
{
  while (self->state != STATE_READY) {
    ScreencopyResult result = advance_checked (self, wake_fd, error);

    if (result != SCREENCOPY_OK)
      return result;
    if (self->state == STATE_DESCRIBED && !copy (self, error))
      return SCREENCOPY_ERROR;
  }
  *picture = (ScreencopyPicture) { self->buffer_format, self->data, self->y_invert };
  g_clear_pointer (&self->frame, frame_destroy);
  self->state = STATE_IDLE;
  self->has_picture = TRUE;
  self->failures = 0;
  return SCREENCOPY_OK;
}
