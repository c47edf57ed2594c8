/*
 * burstsending.c: the outgoing end of the burst sender: the thread's work on one burst, group by group on the pacer's
 * clock. See burstsenderprivate.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "burstsenderprivate.h"

#include <errno.h>

#include "egress.h"

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_sink_debug);
#define GST_CAT_DEFAULT gst_moonlight_sink_debug

#define ERROR_LOG_INTERVAL_NS (5 * GST_SECOND)
/* A sleep is cut into pieces of this, so that stop and flush never wait longer. */
#define SLEEP_SLICE_NS (5 * GST_MSECOND)

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

/* Takes the endpoint over if it was changed. */
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

void
burst_sending_apply_config (BurstSender *self)
{
  BurstPacing pacing;
  PacerShape shape;
  guint link_kbps, seed;

  refresh_target (self);
  g_mutex_lock (&self->lock);
  self->applied_version = self->config.version;
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

static gboolean
is_flushed (BurstSender *self, gint flush_seq)
{
  return g_atomic_int_get (&self->flush_seq) != flush_seq;
}

/* Sleeps to an absolute time, never spins; `next_ns` as in sleeper_sleep(). Returns the time, or 0 when the burst is to be
 * abandoned. */
static guint64
sleep_until (BurstSender *self, guint64 wake_ns, guint64 next_ns, gint flush_seq)
{
  guint64 now;

  while ((now = burst_sender_now_ns ()) < wake_ns) {
    guint64 slice_ns = now + SLEEP_SLICE_NS;

    sleeper_sleep (&self->sleeper, MIN (wake_ns, slice_ns), wake_ns <= slice_ns ? next_ns : wake_ns);
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
  now = burst_sender_now_ns ();
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

/* Waits for a turn that comes at `wake_ns` (0: it is here), where the turn after it may come at `next_ns` (0: unknown).
 * Returns the time, or 0 when the burst is to be abandoned. */
static guint64
wait_turn (BurstSender *self, guint64 wake_ns, guint64 next_ns, gint flush_seq)
{
  guint64 now;

  if (is_flushed (self, flush_seq))
    return 0;
  if (wake_ns == 0)
    return burst_sender_now_ns ();
  now = sleep_until (self, wake_ns, next_ns, flush_seq);
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
  guint64 now = wait_turn (self, wake_ns, pacer_wake_after_ns (&self->pacer, group->bytes), flush_seq);
  int err;

  if (now == 0)
    return 0;
  span_add (span, pacer_sent (&self->pacer, now, (guint32) group->bytes));
  err = send_datagrams (self, group->datagrams, group->n_datagrams, NULL);
  pacer_gone (&self->pacer, burst_sender_now_ns ());
  return err;
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
    departures_plan (
        &self->held, &self->socket, datagrams, left, pacer_group_bytes (&self->pacer, burst_sender_now_ns ()), &plan);
    now = wait_turn (self, departures_wake_ns (&self->held, burst_sender_now_ns (), &plan), 0, flush_seq);
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
  guint64 now = burst_sender_now_ns ();
  guint32 limit = self->pacer.shape == PACER_KERNEL ? G_MAXUINT32 : pacer_group_bytes (&self->pacer, now);

  *wake_ns = pacer_wake_ns (&self->pacer, now);
  return burst_group_fill (&self->group, cursor, limit, &self->loss);
}

int
burst_sending_send (BurstSender *self, const Burst *burst, gint flush_seq)
{
  const gboolean ahead = self->pacer.shape == PACER_KERNEL;
  BurstCursor cursor = { .burst = burst };
  BurstSpan span = { 0 };
  guint64 wake_ns;
  int err = 0;

  pacer_learn_interval (&self->pacer, burst->delta_ns);
  pacer_begin (&self->pacer, burst_sender_now_ns (), burst->arrival_ns, burst_bytes (burst));
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
