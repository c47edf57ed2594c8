/*
 * burstsender.c: see burstsender.h. One lock guards the queue, the configuration and the figures; it is never held
 * while sending or sleeping, so that neither the streaming thread nor a property change ever waits for the network.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "burstsender.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "batchsend.h"
#include "burstgroup.h"
#include "departures.h"
#include "egress.h"
#include "histogram.h"
#include "pacer.h"
#include "realtime.h"
#include "udpsocket.h"

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_sink_debug);
#define GST_CAT_DEFAULT gst_moonlight_sink_debug

#define SEND_BUFFER_BYTES (8 * 1024 * 1024)
#define DROP_MESSAGE_INTERVAL_NS (100 * GST_MSECOND)
#define ERROR_LOG_INTERVAL_NS (5 * GST_SECOND)
/* A sleep is cut into pieces of this, so that stop and flush never wait longer. */
#define SLEEP_SLICE_NS (5 * GST_MSECOND)
#define SEND_THREAD_PRIORITY 10

/* Counters of the send thread's work. */
typedef struct
{
  BatchCounters batch;
  guint64 drops_injected, no_endpoint;
} SendFigures;

struct _BurstSender
{
  GstElement *element;

  GMutex lock;
  GCond work; /* the queue, or `running`, has changed */
  GCond idle; /* a burst is done; signalled while somebody is `draining` */

  /* with lock */
  BurstSenderConfig config;
  guint config_seq;
  BatchEndpoint endpoint;
  gint endpoint_seq; /* atomic: the send thread looks without the lock */
  Burst queue[BURST_SENDER_QUEUE_MAX];
  guint head, length;
  gboolean running, streaming, busy, unlocked, failed;
  gboolean waiting; /* the send thread, for work */
  guint draining;   /* callers of burst_sender_drain() */
  gboolean warned_address;
  guint64 last_arrival_ns;
  GstClockTime last_pts;
  guint64 pending_drops; /* not yet in a message */
  guint64 message_ns;    /* when the last one was posted */
  SendFigures sent;      /* up to the last burst that is done */
  guint64 bursts, bursts_dropped, queue_full;
  PacerShape shape;
  gboolean segmentation;
  Realtime *realtime; /* from the start of the thread to stop */
  gboolean was_realtime;

  /* atomic; counts flushes, so that the thread sees that the burst in hand is to be abandoned */
  gint flush_seq;

  Histogram queue_ns, late_ns, spread_ns;

  /* the send thread's own, from start to stop */
  GThread *thread;
  BatchSend socket;
  Pacer pacer;
  LossKnob loss;
  guint applied_seq;
  guint applied_seed;
  BatchEndpoint target; /* the endpoint as of `target_seq` */
  gint target_seq;
  gboolean departures_on;
  gboolean warned_over_rate;
  guint64 error_log_ns;
  guint64 errors_unlogged;
  SendFigures figures; /* of the burst in hand */
  BurstGroup group;
  Departures held; /* by the kernel, with pacing=kernel */
  guint64 departures_ns[GROUP_DATAGRAMS_MAX];
};

static guint64
now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (guint64) now.tv_sec * GST_SECOND + (guint64) now.tv_nsec;
}

/* --- life --- */

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

  if (!batchsend_is_address (config->host))
    return g_strdup_printf ("host is \"%s\", which is no numeric address.", GST_STR_NULL (config->host));
  if (source != NULL && *source != '\0' && !batchsend_is_address (source))
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
  err = batchsend_endpoint (
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

  self->config_seq++;
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

const BurstSenderConfig *
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

static gboolean
turn_departures_on (BurstSender *self)
{
  int err;

  if (self->departures_on)
    return TRUE;
  err = batchsend_enable_departures (&self->socket);
  if (err != 0) {
    GST_WARNING_OBJECT (self->element, "no kernel pacing, SO_TXTIME: %s; pacing=rate instead", g_strerror (err));
    return FALSE;
  }
  self->departures_on = TRUE;
  return TRUE;
}

static PacerShape
choose_shape (BurstSender *self, BurstPacing pacing)
{
  const BatchEndpoint *endpoint = &self->target;
  gboolean is_fq;

  switch (pacing) {
    case BURST_PACING_SPREAD:
      return PACER_SPREAD;
    case BURST_PACING_NONE:
      return PACER_NONE;
    case BURST_PACING_RATE:
      return PACER_RATE;
    default:
      break;
  }
  is_fq = endpoint->valid && egress_is_fq ((const struct sockaddr *) &endpoint->address);
  if (pacing == BURST_PACING_AUTO)
    return is_fq && turn_departures_on (self) ? PACER_KERNEL : PACER_RATE;
  if (!is_fq && endpoint->valid)
    GST_WARNING_OBJECT (self->element,
        "pacing=kernel, but the way out does not queue with fq: other disciplines "
        "ignore departure times and send everything at once. Use pacing=auto, or: tc qdisc replace dev DEV root fq");
  return turn_departures_on (self) ? PACER_KERNEL : PACER_RATE;
}

/* Send thread: takes the endpoint over if it was changed. */
static void
refresh_target (BurstSender *self)
{
  if (g_atomic_int_get (&self->endpoint_seq) == self->target_seq)
    return;
  g_mutex_lock (&self->lock);
  self->target = self->endpoint;
  self->target_seq = g_atomic_int_get (&self->endpoint_seq);
  g_mutex_unlock (&self->lock);
}

/* Send thread, between bursts: takes over what was changed since the last one. */
static void
apply_config (BurstSender *self)
{
  BurstPacing pacing;
  PacerShape shape;
  guint link_kbps, seed;

  refresh_target (self);
  g_mutex_lock (&self->lock);
  self->applied_seq = self->config_seq;
  pacing = self->config.pacing;
  link_kbps = self->config.link_kbps;
  seed = self->config.drop_seed;
  loss_knob_set_percent (&self->loss, self->config.drop_percent);
  g_mutex_unlock (&self->lock);

  if (seed != self->applied_seed) {
    loss_knob_seed (&self->loss, seed);
    self->applied_seed = seed;
  }
  shape = choose_shape (self, pacing);
  pacer_configure (&self->pacer, shape, link_kbps);

  g_mutex_lock (&self->lock);
  self->shape = shape;
  g_mutex_unlock (&self->lock);
}

/* --- queue --- */

/* with lock */
static Burst
pop_burst (BurstSender *self)
{
  Burst burst = self->queue[self->head];

  self->head = (self->head + 1) % BURST_SENDER_QUEUE_MAX;
  self->length--;
  return burst;
}

/* with lock */
static void
clear_queue (BurstSender *self)
{
  while (self->length > 0) {
    Burst burst = pop_burst (self);
    gst_mini_object_unref (burst.data);
    self->bursts_dropped++;
  }
}

static GstClockTime
pts_of (GstMiniObject *data)
{
  if (GST_IS_BUFFER (data))
    return GST_BUFFER_PTS (GST_BUFFER_CAST (data));
  if (gst_buffer_list_length (GST_BUFFER_LIST_CAST (data)) == 0)
    return GST_CLOCK_TIME_NONE;
  return GST_BUFFER_PTS (gst_buffer_list_get (GST_BUFFER_LIST_CAST (data), 0));
}

/* with lock. Learns from dropped bursts too: the stream's interval does not depend on our queue. */
static guint64
note_arrival (BurstSender *self, GstMiniObject *data, guint64 now)
{
  GstClockTime pts = pts_of (data);
  guint64 delta_ns = 0;

  if (GST_CLOCK_TIME_IS_VALID (pts) && GST_CLOCK_TIME_IS_VALID (self->last_pts))
    delta_ns = pts > self->last_pts ? pts - self->last_pts : 0;
  else if (self->last_arrival_ns != 0)
    delta_ns = now - self->last_arrival_ns;
  self->last_pts = pts;
  self->last_arrival_ns = now;
  return delta_ns;
}

/* with lock. Whether drops are to be told now: at most one message in 100 ms. */
static gboolean
owes_message (const BurstSender *self)
{
  return self->pending_drops > 0 && (self->message_ns == 0 || now_ns () - self->message_ns >= DROP_MESSAGE_INTERVAL_NS);
}

/* with lock, which is let go of meanwhile: a bus handler may do anything */
static void
post_drops (BurstSender *self)
{
  guint64 drops = self->pending_drops;

  self->pending_drops = 0;
  self->message_ns = now_ns ();
  g_mutex_unlock (&self->lock);
  GST_WARNING_OBJECT (self->element, "queue full: dropped %" G_GUINT64_FORMAT " burst(s) whole", drops);
  gst_element_post_message (self->element,
      gst_message_new_element (GST_OBJECT_CAST (self->element),
          gst_structure_new ("moonlight-frame-dropped", "bursts", G_TYPE_UINT64, drops, NULL)));
  g_mutex_lock (&self->lock);
}

GstFlowReturn
burst_sender_push (BurstSender *self, GstMiniObject *data, guint datagram_bytes)
{
  guint64 now = now_ns ();
  gboolean failed, full, must_wake = FALSE;
  Burst burst = {
    .data = data,
    .datagram_bytes = datagram_bytes,
    .arrival_ns = now,
  };

  g_mutex_lock (&self->lock);
  failed = self->failed;
  burst.delta_ns = note_arrival (self, data, now);
  full = self->length >= MIN (self->config.max_bursts, BURST_SENDER_QUEUE_MAX);
  if (full) {
    self->queue_full++;
    self->bursts_dropped++;
    self->pending_drops++;
  } else if (!failed) {
    self->queue[(self->head + self->length) % BURST_SENDER_QUEUE_MAX] = burst;
    self->length++;
    data = NULL;
    must_wake = self->waiting;
  }
  if (full && owes_message (self))
    post_drops (self);
  g_mutex_unlock (&self->lock);

  /* Without lock: a real-time thread wakes at once and would only wait for it. */
  if (must_wake)
    g_cond_signal (&self->work);
  if (data != NULL)
    gst_mini_object_unref (data);
  return failed ? GST_FLOW_ERROR : GST_FLOW_OK;
}

void
burst_sender_flush (BurstSender *self)
{
  g_mutex_lock (&self->lock);
  g_atomic_int_inc (&self->flush_seq);
  clear_queue (self);
  self->last_pts = GST_CLOCK_TIME_NONE;
  self->last_arrival_ns = 0;
  g_cond_broadcast (&self->idle);
  g_mutex_unlock (&self->lock);
}

void
burst_sender_set_unlocked (BurstSender *self, gboolean unlocked)
{
  g_mutex_lock (&self->lock);
  self->unlocked = unlocked;
  g_cond_broadcast (&self->idle);
  g_mutex_unlock (&self->lock);
}

gboolean
burst_sender_drain (BurstSender *self)
{
  gboolean drained;

  g_mutex_lock (&self->lock);
  self->draining++;
  while (self->running && !self->failed && !self->unlocked && (self->length > 0 || self->busy))
    g_cond_wait (&self->idle, &self->lock);
  self->draining--;
  drained = !self->unlocked || (self->length == 0 && !self->busy);
  g_mutex_unlock (&self->lock);
  return drained;
}

/* --- sending --- */

static gboolean
is_flushed (BurstSender *self, gint flush_seq)
{
  return g_atomic_int_get (&self->flush_seq) != flush_seq;
}

/* Sleeps to an absolute time, never spins. Returns the time, or 0 when the burst is to be abandoned. */
static guint64
sleep_until (BurstSender *self, guint64 wake_ns, gint flush_seq)
{
  guint64 now;

  while ((now = now_ns ()) < wake_ns) {
    guint64 until_ns = MIN (wake_ns, now + SLEEP_SLICE_NS);
    struct timespec until = {
      .tv_sec = (time_t) (until_ns / GST_SECOND),
      .tv_nsec = (long) (until_ns % GST_SECOND),
    };
    clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    if (is_flushed (self, flush_seq))
      return 0;
  }
  return now;
}

static void
log_send_errors (BurstSender *self)
{
  const BatchCounters *counters = &self->figures.batch;
  guint64 now;

  if (self->socket.segmentation_failed) {
    GST_WARNING_OBJECT (self->element, "the way out cannot segment datagrams (%s): sending them one by one",
        g_strerror (self->socket.segmentation_errno));
    self->socket.segmentation_failed = false;
  }
  if (counters->errors + counters->full == 0)
    return;
  self->errors_unlogged += counters->errors + counters->full;
  now = now_ns ();
  if (self->error_log_ns != 0 && now - self->error_log_ns < ERROR_LOG_INTERVAL_NS)
    return;
  GST_WARNING_OBJECT (self->element, "%" G_GUINT64_FORMAT " datagram(s) not sent, the last: %s", self->errors_unlogged,
      g_strerror (counters->last_errno));
  self->error_log_ns = now;
  self->errors_unlogged = 0;
}

/* Sends datagrams of the group in hand, at their departure times or (NULL) at once. Returns 0 or the errno of a socket
 * that is gone. */
static int
send_datagrams (BurstSender *self, const struct iovec *datagrams, guint n_datagrams, const guint64 *departures_ns)
{
  refresh_target (self);
  if (!self->target.valid) {
    self->figures.no_endpoint += n_datagrams;
    return 0;
  }
  GST_LOG_OBJECT (self->element, "sending %u datagrams", n_datagrams);
  return batchsend_send (&self->socket, &self->target, datagrams, n_datagrams, departures_ns, &self->figures.batch);
}

static void
warn_over_rate (BurstSender *self)
{
  guint32 needed_kbps;

  if (self->warned_over_rate || self->pacer.shape == PACER_NONE)
    return;
  needed_kbps = pacer_needed_link_kbps (&self->pacer);
  if (needed_kbps == 0)
    return;
  self->warned_over_rate = TRUE;
  GST_ELEMENT_WARNING (self->element, RESOURCE, SETTINGS,
      ("The stream needs more than the client's link is set to carry. Set link-kbps to at least %u, or lower the "
       "bitrate.",
          needed_kbps),
      (NULL));
}

/* Waits for a turn that comes at `wake_ns` (0: it is here). Returns the time, or 0 when the burst is to be abandoned. */
static guint64
wait_turn (BurstSender *self, guint64 wake_ns, gint flush_seq)
{
  guint64 now;

  if (is_flushed (self, flush_seq))
    return 0;
  if (wake_ns == 0)
    return now_ns ();
  now = sleep_until (self, wake_ns, flush_seq);
  if (now != 0)
    histogram_add (&self->late_ns, now - wake_ns);
  return now;
}

/* When the first and the last group of a burst left, or are to leave; 0 while none has. */
typedef struct
{
  guint64 first_ns, last_ns;
} BurstSpan;

static void
span_add (BurstSpan *span, guint64 departure_ns)
{
  if (span->first_ns == 0)
    span->first_ns = departure_ns;
  span->last_ns = departure_ns;
}

/* Waits for the group's turn and sends it. Returns 0 or the errno of a socket that is gone. */
static int
send_group_now (BurstSender *self, guint64 wake_ns, gint flush_seq, BurstSpan *span)
{
  const BurstGroup *group = &self->group;
  guint64 now = wait_turn (self, wake_ns, flush_seq);

  if (now == 0)
    return 0;
  span_add (span, pacer_sent (&self->pacer, now, (guint32) group->bytes));
  return send_datagrams (self, group->datagrams, group->n_datagrams, NULL);
}

/* Gives the messages of a plan their departure times. */
static void
schedule (BurstSender *self, guint64 now, const DeparturePlan *plan, const struct iovec *datagrams, BurstSpan *span)
{
  guint i = 0;

  for (guint m = 0; m < plan->messages; m++) {
    guint end = i + plan->lengths[m];
    gsize bytes = 0;
    guint64 departure_ns;

    for (guint k = i; k < end; k++)
      bytes += datagrams[k].iov_len;
    departure_ns = pacer_sent (&self->pacer, now, (guint32) bytes);
    while (i < end)
      self->departures_ns[i++] = departure_ns;
    departures_add (&self->held, departure_ns, bytes);
    span_add (span, departure_ns);
  }
}

/* Gives the group to the kernel with departure times: one call, or as many as the kernel has no room for. Returns 0 or
 * the errno of a socket that is gone. */
static int
send_group_ahead (BurstSender *self, gint flush_seq, BurstSpan *span)
{
  const struct iovec *datagrams = self->group.datagrams;
  guint left = self->group.n_datagrams;
  DeparturePlan plan;
  guint64 now;
  int err = 0;

  while (left > 0 && err == 0) {
    departures_plan (&self->held, &self->socket, datagrams, left, pacer_group_bytes (&self->pacer, now_ns ()), &plan);
    now = wait_turn (self, departures_wake_ns (&self->held, now_ns (), &plan), flush_seq);
    if (now == 0)
      return 0;
    schedule (self, now, &plan, datagrams, span);
    err = send_datagrams (self, datagrams, plan.datagrams, self->departures_ns);
    datagrams += plan.datagrams;
    left -= plan.datagrams;
  }
  return err;
}

/* Takes the next group in hand and tells its turn: both by one reading of the clock, so that they belong together. FALSE
 * at the end of the burst. */
static gboolean
fill_group (BurstSender *self, BurstCursor *cursor, guint64 *wake_ns)
{
  guint64 now = now_ns ();
  guint32 limit = self->pacer.shape == PACER_KERNEL ? G_MAXUINT32 : pacer_group_bytes (&self->pacer, now);

  *wake_ns = pacer_wake_ns (&self->pacer, now);
  return burst_group_fill (&self->group, cursor, limit, &self->loss);
}

/* Sends one burst on the pacer's clock. Returns 0 or the errno of a socket that is gone. */
static int
send_burst (BurstSender *self, const Burst *burst, gint flush_seq)
{
  const gboolean ahead = self->pacer.shape == PACER_KERNEL;
  BurstCursor cursor = { .burst = burst };
  BurstSpan span = { 0 };
  guint64 wake_ns;
  int err = 0;

  pacer_learn_interval (&self->pacer, burst->delta_ns);
  pacer_begin (&self->pacer, now_ns (), burst->arrival_ns, burst_bytes (burst));
  while (err == 0 && !is_flushed (self, flush_seq) && fill_group (self, &cursor, &wake_ns)) {
    err = ahead ? send_group_ahead (self, flush_seq, &span) : send_group_now (self, wake_ns, flush_seq, &span);
    self->figures.drops_injected += self->group.lost;
    burst_group_release (&self->group);
  }
  log_send_errors (self);
  if (is_flushed (self, flush_seq))
    return err;
  if (span.first_ns != 0) {
    histogram_add (&self->queue_ns, span.first_ns - burst->arrival_ns);
    histogram_add (&self->spread_ns, span.last_ns - span.first_ns);
  }
  warn_over_rate (self);
  GST_DEBUG_OBJECT (self->element, "burst sent in %" G_GUINT64_FORMAT " ns", span.last_ns - span.first_ns);
  return err;
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
  self->realtime = realtime;
  g_mutex_unlock (&self->lock);
}

/* with lock. Waits for a burst, or until a drop message that is owed may be posted. */
static void
wait_for_work (BurstSender *self)
{
  self->waiting = TRUE;
  if (self->pending_drops > 0)
    g_cond_wait_until (&self->work, &self->lock, (gint64) ((self->message_ns + DROP_MESSAGE_INTERVAL_NS) / 1000) + 1);
  else
    g_cond_wait (&self->work, &self->lock);
  self->waiting = FALSE;
}

/* with lock, which is let go of meanwhile */
static void
fail (BurstSender *self, int err)
{
  self->failed = TRUE;
  clear_queue (self);
  g_mutex_unlock (&self->lock);
  GST_ELEMENT_ERROR (self->element, RESOURCE, WRITE, ("The socket to send from is gone."), ("%s", g_strerror (err)));
  g_mutex_lock (&self->lock);
}

/* with lock */
static void
publish_figures (BurstSender *self)
{
  const SendFigures *from = &self->figures;
  SendFigures *to = &self->sent;

  to->batch.datagrams += from->batch.datagrams;
  to->batch.bytes += from->batch.bytes;
  to->batch.calls += from->batch.calls;
  to->batch.full += from->batch.full;
  to->batch.errors += from->batch.errors;
  to->batch.refused += from->batch.refused;
  to->drops_injected += from->drops_injected;
  to->no_endpoint += from->no_endpoint;
  self->figures = (SendFigures) { 0 };
  self->segmentation = self->socket.segmentation;
}

/* with lock, which is let go of while sending */
static void
send_next (BurstSender *self)
{
  Burst burst = pop_burst (self);
  gint flush_seq = g_atomic_int_get (&self->flush_seq);
  gboolean is_changed = self->applied_seq != self->config_seq;
  int err;

  self->busy = TRUE;
  self->bursts++;
  g_mutex_unlock (&self->lock);
  if (is_changed)
    apply_config (self);
  err = send_burst (self, &burst, flush_seq);
  gst_mini_object_unref (burst.data);
  g_mutex_lock (&self->lock);
  publish_figures (self);
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
    if (owes_message (self))
      post_drops (self);
    else if (self->length > 0)
      send_next (self);
    else
      wait_for_work (self);
  }
  g_mutex_unlock (&self->lock);
  return NULL;
}

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

/* with lock */
static void
reset_figures (BurstSender *self)
{
  self->sent = (SendFigures) { 0 };
  self->bursts = self->bursts_dropped = self->queue_full = 0;
  self->pending_drops = self->message_ns = 0;
  self->last_arrival_ns = 0;
  self->last_pts = GST_CLOCK_TIME_NONE;
  histogram_reset (&self->queue_ns);
  histogram_reset (&self->late_ns);
  histogram_reset (&self->spread_ns);
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
  self->applied_seq = self->config_seq - 1;
  self->applied_seed = self->config.drop_seed;
  loss_knob_seed (&self->loss, self->config.drop_seed);
  pacer_init (&self->pacer, PACER_RATE, self->config.link_kbps);
  self->shape = PACER_RATE;
  self->departures_on = self->warned_over_rate = FALSE;
  self->error_log_ns = self->errors_unlogged = 0;
  g_mutex_unlock (&self->lock);

  self->thread = g_thread_new ("moonlightsink", send_thread, self);
  return TRUE;
}

gboolean
burst_sender_begin (BurstSender *self, GError **error)
{
  gchar *fault;

  g_mutex_lock (&self->lock);
  reset_figures (self);
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
  g_mutex_lock (&self->lock);
  self->was_realtime = realtime_is_granted (self->realtime);
  realtime = g_steal_pointer (&self->realtime);
  clear_queue (self);
  self->endpoint.valid = false;
  close (self->socket.fd);
  self->socket.fd = -1;
  g_mutex_unlock (&self->lock);
  realtime_free (realtime);
}

/* --- figures --- */

static const gchar *
shape_name (PacerShape shape)
{
  switch (shape) {
    case PACER_SPREAD:
      return "spread";
    case PACER_KERNEL:
      return "kernel";
    case PACER_NONE:
      return "none";
    default:
      return "rate";
  }
}

GstStructure *
burst_sender_get_stats (BurstSender *self)
{
  GstStructure *stats;

  g_mutex_lock (&self->lock);
  stats = gst_structure_new ("moonlightsink-stats", "bursts", G_TYPE_UINT64, self->bursts, "bursts-dropped",
      G_TYPE_UINT64, self->bursts_dropped, "datagrams", G_TYPE_UINT64, self->sent.batch.datagrams, "bytes",
      G_TYPE_UINT64, self->sent.batch.bytes, "send-calls", G_TYPE_UINT64, self->sent.batch.calls, "drops-injected",
      G_TYPE_UINT64, self->sent.drops_injected, "eagain", G_TYPE_UINT64, self->sent.batch.full, "send-errors",
      G_TYPE_UINT64, self->sent.batch.errors, "refused", G_TYPE_UINT64, self->sent.batch.refused, "no-endpoint",
      G_TYPE_UINT64, self->sent.no_endpoint, "queue-full", G_TYPE_UINT64, self->queue_full, "queue-ns-p50",
      G_TYPE_UINT64, histogram_quantile (&self->queue_ns, 0.5), "queue-ns-p99", G_TYPE_UINT64,
      histogram_quantile (&self->queue_ns, 0.99), "late-ns-p50", G_TYPE_UINT64,
      histogram_quantile (&self->late_ns, 0.5), "late-ns-p99", G_TYPE_UINT64, histogram_quantile (&self->late_ns, 0.99),
      "spread-ns-p50", G_TYPE_UINT64, histogram_quantile (&self->spread_ns, 0.5), "spread-ns-p99", G_TYPE_UINT64,
      histogram_quantile (&self->spread_ns, 0.99), "segmentation", G_TYPE_BOOLEAN, self->segmentation, "realtime",
      G_TYPE_BOOLEAN, self->realtime ? realtime_is_granted (self->realtime) : self->was_realtime, "pacing",
      G_TYPE_STRING, shape_name (self->shape), NULL);
  g_mutex_unlock (&self->lock);
  return stats;
}
