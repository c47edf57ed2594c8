/*
 * datagraminput.h: the way into moonlightsrc: its socket, the wait for datagrams, and the buffers that they become. It
 * knows sockets, buffers and the base class's clock, not pads, caps or states.
 *
 * Threads: wait and read are the streaming thread's own; start and stop never overlap with them. Any thread may call
 * datagram_input_nudge(), and datagram_input_set_unlocked() between start and stop. No function but
 * datagram_input_nudge() may be called with the object lock.
 */
#pragma once

#include <gst/base/gstbasesrc.h>

#include "receivedbatch.h"

G_BEGIN_DECLS

typedef struct
{
  GstBaseSrc *src; /* not owned; it is logged for and posts the errors */

  /* with the object lock of the element */
  gchar *address; /* owned by the element; numeric */
  guint port;     /* 0: a free one */
  gint fd;        /* borrowed, is duplicated on start; -1: a socket of address and port is opened */
  gdouble drop_percent;
  guint drop_seed;
  LossKnob loss;
  guint16 bound_port;      /* 0 unless started */
  ReceivedFigures figures; /* its histogram needs no lock */

  /* set by start and stop, the streaming thread's own between them */
  int socket_fd; /* -1 unless started, as is wake_fd */
  int wake_fd;   /* eventfd: readable while unlocked */
  ReceivedBatch *batch;

  /* live as long as the input */
  int nudge_fd; /* eventfd: readable when the wait is to end early; -1 when there was none to be had */
  GstCaps *arrival_caps;
} DatagramInput;

/* `self` is of zero bytes, as instance memory is. The properties are the element's own to fill in and to free. */
void datagram_input_init (DatagramInput *self, GstBaseSrc *src);
void datagram_input_clear (DatagramInput *self);

/* Opens the socket and begins the figures. FALSE when it cannot be had: the element error has been posted. */
gboolean datagram_input_start (DatagramInput *self);
void datagram_input_stop (DatagramInput *self);

/* While unlocked, a wait ends at once. */
void datagram_input_set_unlocked (DatagramInput *self, gboolean is_unlocked);

/* Ends the wait under way, or else the next one, as if its time were over. */
void datagram_input_nudge (DatagramInput *self);

/* Waits for datagrams, at most `timeout_ms` (0 and more). Returns GST_FLOW_OK, also when none came, GST_FLOW_FLUSHING
 * while unlocked, or GST_FLOW_ERROR: the element error has been posted. */
GstFlowReturn datagram_input_wait (DatagramInput *self, int timeout_ms);

/* Appends a GstBuffer (owned by the queue) to `ready` for each datagram that the socket has, without waiting. Returns
 * GST_FLOW_OK, also when there was none, or GST_FLOW_ERROR: the element error has been posted. */
GstFlowReturn datagram_input_read (DatagramInput *self, GQueue *ready);

G_END_DECLS
