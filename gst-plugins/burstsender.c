/*
 * burstsender.c: the burst sender's life, its configuration and its thread. See burstsender.h; what is sent when is decided
 * in burstsending.c and pacer.c.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "burstsenderprivate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "udpsocket.h"

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_sink_debug);
#define GST_CAT_DEFAULT gst_moonlight_sink_debug

#define SEND_BUFFER_BYTES (8 * 1024 * 1024)
#define SEND_THREAD_PRIORITY 10

BurstSender *
burst_sender_new (GstElement *element)
{
  BurstSender *self = g_new0 (BurstSender, 1);

  self->element = element;
  self->socket.fd = -1;
  self->last_pts = GST_CLOCK_TIME_NONE;
  g_mutex_init (&self->lock);
  g_cond_init (&self->work);
  g_cond_init (&self->idle);
  return self;
}

void
burst_sender_free (BurstSender *self)
{
  burst_sender_stop (self);
  g_free (self->config.host);
  g_free (self->config.source_address);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->work);
  g_cond_clear (&self->idle);
  g_free (self);
}

/* --- configuration --- */

/* What is wrong with the text of the addresses; NULL when nothing is. With lock. */
static gchar *
address_fault (const BurstSenderConfig *config)
{
  const gchar *source = config->source_address;

  if (!batch_endpoint_is_address (config->host))
    return g_strdup_printf ("host is \"%s\", which is no numeric address.", GST_STR_NULL (config->host));
  if (source != NULL && *source != '\0' && !batch_endpoint_is_address (source))
    return g_strdup_printf ("source-address is \"%s\", which is no numeric address.", source);
  return NULL;
}

/* with lock */
static void
update_endpoint (BurstSender *self)
{
  const BurstSenderConfig *config = &self->config;
  int err;

  self->endpoint.valid = false;
  g_atomic_int_inc (&self->endpoint_seq);
  if (!self->running || config->port == 0)
    return;
  err = batch_endpoint_set (
      &self->endpoint, self->socket.family, config->host, (guint16) config->port, config->source_address, config->dscp);
  if (err == 0)
    return;
  GST_WARNING_OBJECT (self->element,
      "cannot send to host \"%s\" from source-address \"%s\": %s; "
      "both must be numeric addresses of one family that the socket supports",
      GST_STR_NULL (config->host), GST_STR_NULL (config->source_address), g_strerror (err));
}

BurstSenderConfig *
burst_sender_lock_config (BurstSender *self)
{
  g_mutex_lock (&self->lock);
  return &self->config;
}

void
burst_sender_unlock_config (BurstSender *self)
{
  gchar *fault = address_fault (&self->config);
  gboolean must_warn = FALSE;

  self->config.version++;
  /* Port 0 stops the sending, whatever the host says. */
  if (fault == NULL || self->config.port == 0)
    update_endpoint (self);
  if (fault != NULL && self->streaming) {
    must_warn = !self->warned_address;
    self->warned_address = TRUE;
  }
  g_mutex_unlock (&self->lock);
  /* without lock: a bus handler may do anything */
  if (must_warn)
    GST_ELEMENT_WARNING (
        self->element, RESOURCE, SETTINGS, ("%s", fault), ("sending goes on to the endpoint before; said once"));
  g_free (fault);
}

BurstSenderConfig *
burst_sender_peek_config (BurstSender *self)
{
  g_mutex_lock (&self->lock);
  return &self->config;
}

void
burst_sender_release_config (BurstSender *self)
{
  g_mutex_unlock (&self->lock);
}

/* --- the thread --- */

/* Late wake-ups are the pacer's only enemy: ask for exact timers and, where permitted, for real-time priority. */
static void
prepare_thread (BurstSender *self)
{
  Realtime *realtime = realtime_request (SEND_THREAD_PRIORITY);

  if (prctl (PR_SET_TIMERSLACK, 1UL) < 0)
    GST_INFO_OBJECT (self->element, "timer slack stays as it is: %s", g_strerror (errno));
  if (!realtime_is_granted (realtime))
    GST_INFO_OBJECT (self->element, "no real-time priority for the send thread by the kernel: asking rtkit");
  g_mutex_lock (&self->lock);
  self->thread_id = gettid ();
  self->realtime = realtime;
  g_mutex_unlock (&self->lock);
}

/* with lock. Waits for a burst, or until a drop message that is owed may be posted. */
static void
wait_for_work (BurstSender *self)
{
  self->waiting = TRUE;
  if (self->pending_drops > 0)
    g_cond_wait_until (&self->work, &self->lock, (gint64) (burst_queue_message_due_ns (self) / 1000) + 1);
  else
    g_cond_wait (&self->work, &self->lock);
  self->waiting = FALSE;
}

/* with lock, which is let go of meanwhile */
static void
fail (BurstSender *self, int err)
{
  self->failed = TRUE;
  burst_queue_clear (self);
  g_mutex_unlock (&self->lock);
  GST_ELEMENT_ERROR (self->element, RESOURCE, WRITE, ("The socket to send from is gone."), ("%s", g_strerror (err)));
  g_mutex_lock (&self->lock);
}

/* with lock, which is let go of while sending */
static void
send_next (BurstSender *self)
{
  Burst burst = burst_queue_pop (self);
  gint flush_seq = g_atomic_int_get (&self->flush_seq);
  gboolean is_changed = self->applied_version != self->config.version;
  int err;

  self->busy = TRUE;
  self->bursts++;
  g_mutex_unlock (&self->lock);
  if (is_changed)
    burst_sending_apply_config (self);
  err = burst_sending_send (self, &burst, flush_seq);
  gst_mini_object_unref (burst.data);
  g_mutex_lock (&self->lock);
  burst_figures_publish (self);
  if (err != 0)
    fail (self, err);
  self->busy = FALSE;
  if (self->draining > 0)
    g_cond_broadcast (&self->idle);
}

static gpointer
send_thread (gpointer data)
{
  BurstSender *self = data;

  prepare_thread (self);
  g_mutex_lock (&self->lock);
  while (self->running) {
    if (burst_queue_owes_message (self))
      burst_queue_post_drops (self);
    else if (self->length > 0)
      send_next (self);
    else
      wait_for_work (self);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

/* --- start and stop --- */

static gboolean
open_socket (BurstSender *self, gint given_fd, GError **error)
{
  int fd = given_fd >= 0 ? fcntl (given_fd, F_DUPFD_CLOEXEC, 3) : udp_socket_open_any ();
  int err = fd < 0 ? errno : batchsend_init (&self->socket, fd);
  int granted;

  if (err != 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE, "no UDP socket to send from (fd=%d): %s",
        given_fd, g_strerror (err));
    if (fd >= 0)
      close (fd);
    self->socket.fd = -1;
    return FALSE;
  }
  granted = udp_socket_grow_send_buffer (fd, SEND_BUFFER_BYTES);
  departures_init (&self->held, (guint64) MAX (granted, 0));
  GST_INFO_OBJECT (self->element, "socket %d (%s), send buffer %d bytes granted, segmentation offload %s", fd,
      self->socket.family == AF_INET6 ? "IPv6" : "IPv4", granted, self->socket.segmentation ? "yes" : "no");
  return TRUE;
}

gboolean
burst_sender_start (BurstSender *self, gint fd, GError **error)
{
  if (!open_socket (self, fd, error))
    return FALSE;

  g_mutex_lock (&self->lock);
  self->running = TRUE;
  self->failed = self->busy = self->unlocked = self->waiting = FALSE;
  self->segmentation = self->socket.segmentation;
  update_endpoint (self);
  self->applied_version = self->config.version - 1;
  self->applied_seed = self->config.drop_seed;
  loss_knob_seed (&self->loss, self->config.drop_seed);
  pacer_init (&self->pacer, PACER_RATE, self->config.link_kbps);
  self->shape = PACER_RATE;
  self->thread_id = 0;
  self->thread_cpu = -1;
  self->departures_on = self->warned_over_rate = FALSE;
  self->error_log_ns = self->errors_unlogged = 0;
  g_mutex_unlock (&self->lock);

  sleeper_open (&self->sleeper);
  self->thread = g_thread_new ("moonlightsink", send_thread, self);
  return TRUE;
}

gboolean
burst_sender_begin (BurstSender *self, GError **error)
{
  gchar *fault;

  g_mutex_lock (&self->lock);
  burst_figures_reset (self);
  fault = address_fault (&self->config);
  if (fault == NULL) {
    update_endpoint (self);
    self->streaming = TRUE;
    self->warned_address = FALSE;
  }
  g_mutex_unlock (&self->lock);
  if (fault == NULL)
    return TRUE;
  g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, fault);
  g_free (fault);
  return FALSE;
}

void
burst_sender_end (BurstSender *self)
{
  g_mutex_lock (&self->lock);
  self->streaming = FALSE;
  g_mutex_unlock (&self->lock);
  burst_sender_flush (self);
}

void
burst_sender_stop (BurstSender *self)
{
  Realtime *realtime;

  if (self->thread == NULL)
    return;
  g_mutex_lock (&self->lock);
  self->running = FALSE;
  g_cond_broadcast (&self->work);
  g_mutex_unlock (&self->lock);
  burst_sender_flush (self);
  g_thread_join (self->thread);
  self->thread = NULL;
  sleeper_close (&self->sleeper);
  g_mutex_lock (&self->lock);
  self->was_realtime = realtime_is_granted (self->realtime);
  realtime = g_steal_pointer (&self->realtime);
  burst_queue_clear (self);
  self->endpoint.valid = false;
  close (self->socket.fd);
  self->socket.fd = -1;
  g_mutex_unlock (&self->lock);
  realtime_free (realtime);
}
