/*
 * datagraminput.c: see datagraminput.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "datagraminput.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "elementtime.h"
#include "udpsocket.h"

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_src_debug);
#define GST_CAT_DEFAULT gst_moonlight_src_debug

/* A frame at 240 fps and 500 Mbit/s is 320 KB: several of them, and what comes while the decoder holds us up. */
#define RECEIVE_BUFFER_BYTES (8 * 1024 * 1024)

void
datagram_input_init (DatagramInput *self, GstBaseSrc *src)
{
  self->src = src;
  self->socket_fd = self->wake_fd = -1;
  self->nudge_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  self->arrival_caps = gst_caps_new_empty_simple (LUMEN_ARRIVAL_CAPS);
}

void
datagram_input_clear (DatagramInput *self)
{
  if (self->nudge_fd >= 0)
    close (self->nudge_fd);
  gst_caps_unref (self->arrival_caps);
}

/* --- life --- */

/* Returns the descriptor or -1 with errno. */
static int
open_socket (DatagramInput *self)
{
  int fd;

  GST_OBJECT_LOCK (self->src);
  fd = self->fd >= 0 ? fcntl (self->fd, F_DUPFD_CLOEXEC, 3)
                     : udp_socket_open_bound (self->address, (guint16) self->port);
  GST_OBJECT_UNLOCK (self->src);
  return fd;
}

/* Takes `fd` over. */
static void
begin (DatagramInput *self, int fd)
{
  int granted;

  self->batch = received_batch_new (fd);
  histogram_reset (&self->figures.jitter_ns);
  GST_OBJECT_LOCK (self->src);
  self->socket_fd = fd;
  loss_knob_seed (&self->loss, self->drop_seed);
  self->bound_port = udp_socket_port (fd);
  memset (&self->figures, 0, G_STRUCT_OFFSET (ReceivedFigures, jitter_ns));
  GST_OBJECT_UNLOCK (self->src);
  granted = udp_socket_grow_receive_buffer (fd, RECEIVE_BUFFER_BYTES);
  GST_INFO_OBJECT (self->src, "socket %d, port %u, receive buffer %d bytes, UDP_GRO %s", fd, udp_socket_port (fd),
      granted, received_batch_has_gro (self->batch) ? "yes" : "no");
}

gboolean
datagram_input_start (DatagramInput *self)
{
  int fd = open_socket (self);

  if (fd < 0) {
    GST_ELEMENT_ERROR (self->src, RESOURCE, OPEN_READ,
        ("Cannot receive on address \"%s\" port %u: %s", GST_STR_NULL (self->address), self->port, g_strerror (errno)),
        ("fd=%d", self->fd));
    return FALSE;
  }
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->wake_fd < 0) {
    GST_ELEMENT_ERROR (self->src, RESOURCE, OPEN_READ, ("Cannot receive: %s", g_strerror (errno)), ("eventfd"));
    close (fd);
    return FALSE;
  }
  begin (self, fd);
  return TRUE;
}

void
datagram_input_stop (DatagramInput *self)
{
  GST_OBJECT_LOCK (self->src);
  self->bound_port = 0;
  GST_OBJECT_UNLOCK (self->src);
  g_clear_pointer (&self->batch, received_batch_free);
  if (self->socket_fd >= 0)
    close (self->socket_fd);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  self->socket_fd = self->wake_fd = -1;
}

/* --- waiting --- */

void
datagram_input_set_unlocked (DatagramInput *self, gboolean is_unlocked)
{
  eventfd_t count;

  if (self->wake_fd < 0)
    return;
  if (!is_unlocked)
    eventfd_read (self->wake_fd, &count); /* nothing to read when nothing was unlocked */
  else if (eventfd_write (self->wake_fd, 1) < 0)
    GST_WARNING_OBJECT (self->src, "cannot wake the receiver: %s", g_strerror (errno));
}

void
datagram_input_nudge (DatagramInput *self)
{
  if (self->nudge_fd >= 0)
    eventfd_write (self->nudge_fd, 1);
}

GstFlowReturn
datagram_input_wait (DatagramInput *self, int timeout_ms)
{
  struct pollfd fds[3] = {
    { .fd = self->wake_fd, .events = POLLIN },
    { .fd = self->socket_fd, .events = POLLIN },
    { .fd = self->nudge_fd, .events = POLLIN },
  };
  eventfd_t nudges;

  if (poll (fds, 3, timeout_ms) < 0 && errno != EINTR) {
    GST_ELEMENT_ERROR (self->src, RESOURCE, READ, ("Cannot wait for datagrams."), ("poll: %s", g_strerror (errno)));
    return GST_FLOW_ERROR;
  }
  if ((fds[2].revents & POLLIN) != 0)
    eventfd_read (self->nudge_fd, &nudges);
  return (fds[0].revents & POLLIN) != 0 ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

/* --- reading --- */

/* Reads what the socket has. Returns 0 or an errno. */
static int
read_batch (DatagramInput *self)
{
  int err;

  GST_OBJECT_LOCK (self->src);
  loss_knob_set_percent (&self->loss, self->drop_percent);
  err = received_batch_read (self->batch, &self->loss, &self->figures);
  GST_OBJECT_UNLOCK (self->src);
  return err;
}

static void
queue_buffers (DatagramInput *self, GQueue *ready)
{
  gboolean is_stamped = gst_base_src_get_do_timestamp (self->src);

  GST_LOG_OBJECT (self->src, "%u datagrams", received_batch_length (self->batch));
  received_batch_queue_buffers (self->batch, ready,
      is_stamped ? element_running_time (GST_ELEMENT (self->src)) : GST_CLOCK_TIME_NONE, self->arrival_caps);
}

GstFlowReturn
datagram_input_read (DatagramInput *self, GQueue *ready)
{
  int err = read_batch (self);

  if (err != 0) {
    GST_ELEMENT_ERROR (self->src, RESOURCE, READ, ("The socket to receive from is gone."), ("%s", g_strerror (err)));
    return GST_FLOW_ERROR;
  }
  if (received_batch_length (self->batch) > 0)
    queue_buffers (self, ready);
  return GST_FLOW_OK;
}
