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
#include <sys/mman.h>
#include <unistd.h>

#include "screencopyconnection.h"
#include "screencopyprotocol.h"

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
  ScreencopyConnection connection;
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

/* --- opening --- */

Screencopy *
screencopy_open (const gchar *display, const gchar *output, gboolean draw_cursor, GError **error)
{
  Screencopy *self = g_new0 (Screencopy, 1);

  self->draw_cursor = draw_cursor;
  if (screencopy_connection_open (&self->connection, display, output, error))
    return self;
  g_free (self);
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
  screencopy_connection_close (&self->connection);
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
    screencopy_set_error (
        error, "no memory for a picture of %ux%u: %s", format->width, format->height, g_strerror (errno));
    self->data = NULL;
    if (fd >= 0)
      close (fd);
    return FALSE;
  }
  self->bytes = bytes;
  pool = wl_shm_create_pool (self->connection.shm, fd, (int32_t) bytes);
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
  self->frame = manager_capture_output (self->connection.manager, self->draw_cursor, self->connection.output->proxy);
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
    screencopy_set_error (
        error, "the compositor failed to copy the output %u times in a row (is it off?)", self->failures);
    return SCREENCOPY_ERROR;
  }
  return screencopy_connection_dispatch (&self->connection, wake_fd, FAILURE_DELAY_MS, error);
}

/* Goes on until the next picture is described, or copied. */
static ScreencopyResult
advance (Screencopy *self, int wake_fd, GError **error)
{
  ScreencopyResult result = SCREENCOPY_OK;

  while (result == SCREENCOPY_OK && self->state != STATE_DESCRIBED && self->state != STATE_READY) {
    if (self->connection.output == NULL) {
      screencopy_set_error (error, "the output is gone");
      return SCREENCOPY_ERROR;
    }
    if (self->state == STATE_IDLE)
      ask (self);
    if (self->state == STATE_FAILED)
      result = retry (self, wake_fd, error);
    else
      result = screencopy_connection_dispatch (&self->connection, wake_fd, -1, error);
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
  screencopy_set_error (error, "the compositor describes a picture of %ux%u with %u bytes a row in format 0x%08x: %s",
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
