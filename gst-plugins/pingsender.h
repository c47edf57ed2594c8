/*
 * pingsender.h: whom moonlightsrc pings, and the pings on their way out. When one is due and what it says is
 * pinger.c's. It knows a socket, which is lent for each call, not caps or states.
 *
 * Threads: restart belongs to the start, sending to the streaming thread after it. Both take the object lock of the
 * element: call them without it.
 */
#pragma once

#include <gst/gst.h>

#include "pinger.h"

G_BEGIN_DECLS

typedef struct
{
  GstElement *element; /* not owned; it is logged for */

  /* with the object lock of the element */
  gchar *remote_host; /* owned by the element, as is the payload; numeric */
  guint remote_port;  /* 0: nobody is pinged */
  gchar *payload;     /* NULL is the same as empty */
  guint interval_ms;  /* 1 to 3600000 */
  Pinger pinger;
  guint64 sent; /* pings since the start */

  gboolean has_warned; /* of a ping that cannot be sent */
} PingSender;

/* As at the start of a stream. */
void ping_sender_restart (PingSender *self);

/* Sends the ping that is due, if one is, from the socket `fd`. One that cannot be sent is warned of once. Returns the
 * milliseconds, 1 to 100, after which to ask again. */
int ping_sender_send_due (PingSender *self, int fd);

G_END_DECLS
