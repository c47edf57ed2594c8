/*
 * pingsender.c: see pingsender.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "pingsender.h"

#include "batchsend.h"

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_src_debug);
#define GST_CAT_DEFAULT gst_moonlight_src_debug

/* A remote endpoint that is set while playing is pinged after at most this. */
#define WAIT_MAX_MS 100

void
ping_sender_restart (PingSender *self)
{
  self->has_warned = FALSE;
  GST_OBJECT_LOCK (self->element);
  pinger_restart (&self->pinger);
  self->sent = 0;
  GST_OBJECT_UNLOCK (self->element);
}

/* Sends one ping. Returns 0 or an errno. */
static int
send_ping (PingSender *self, int fd)
{
  guint8 ping[PINGER_MAX_BYTES];
  struct iovec iov = { .iov_base = ping };
  BatchCounters counters = { 0 };
  BatchEndpoint endpoint;
  BatchSend send;
  int err;

  GST_OBJECT_LOCK (self->element);
  iov.iov_len = pinger_write (&self->pinger, self->payload ? self->payload : "", ping);
  err = batchsend_init (&send, fd);
  if (err == 0)
    err = batch_endpoint_set (&endpoint, send.family, self->remote_host, (guint16) self->remote_port, NULL, 0);
  GST_OBJECT_UNLOCK (self->element);
  if (err == 0)
    err = batchsend_send (&send, &endpoint, &iov, 1, NULL, &counters);
  return err == 0 && counters.datagrams == 0 ? counters.last_errno : err;
}

/* The host may be set anew meanwhile, so the text is a copy. */
static void
warn_once (PingSender *self, int err)
{
  gchar *host;
  guint port;

  if (self->has_warned)
    return;
  self->has_warned = TRUE;
  GST_OBJECT_LOCK (self->element);
  host = g_strdup (self->remote_host);
  port = self->remote_port;
  GST_OBJECT_UNLOCK (self->element);
  GST_WARNING_OBJECT (self->element, "cannot ping \"%s\" port %u: %s; remote-host must be a numeric address",
      GST_STR_NULL (host), port, g_strerror (err));
  g_free (host);
}

/* Notes how a ping went. One that cannot be sent is like one that is lost: the next one follows. */
static void
note_ping (PingSender *self, int err)
{
  if (err != 0) {
    warn_once (self, err);
    return;
  }
  GST_OBJECT_LOCK (self->element);
  pinger_sent (&self->pinger);
  self->sent++;
  GST_OBJECT_UNLOCK (self->element);
}

int
ping_sender_send_due (PingSender *self, int fd)
{
  guint64 now = gst_util_get_timestamp ();
  guint64 wait_ns, interval_ns;
  gboolean is_due;

  GST_OBJECT_LOCK (self->element);
  interval_ns = self->interval_ms * GST_MSECOND;
  is_due = self->remote_port != 0 && pinger_take (&self->pinger, now, interval_ns);
  wait_ns = self->remote_port != 0 ? pinger_wait_ns (&self->pinger, now) : interval_ns;
  GST_OBJECT_UNLOCK (self->element);
  if (is_due)
    note_ping (self, send_ping (self, fd));
  return (int) MIN (wait_ns / GST_MSECOND + 1, WAIT_MAX_MS);
}
