/*
 * burstqueue.c: the incoming end of the burst sender: a bounded queue, what it drops and who is told. See burstsender.h
 * and burstsenderprivate.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "burstsenderprivate.h"

#include <errno.h>
#include <sched.h>

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_sink_debug);
#define GST_CAT_DEFAULT gst_moonlight_sink_debug

#define DROP_MESSAGE_INTERVAL_NS (100 * GST_MSECOND)

Burst
burst_queue_pop (BurstSender *self)
{
  Burst burst = self->queue[self->head];

  self->head = (self->head + 1) % BURST_SENDER_QUEUE_MAX;
  self->length--;
  return burst;
}

void
burst_queue_clear (BurstSender *self)
{
  while (self->length > 0) {
    Burst burst = burst_queue_pop (self);
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

gboolean
burst_queue_owes_message (const BurstSender *self)
{
  return self->pending_drops > 0
      && (self->message_ns == 0 || burst_sender_now_ns () - self->message_ns >= DROP_MESSAGE_INTERVAL_NS);
}

guint64
burst_queue_message_due_ns (const BurstSender *self)
{
  return self->message_ns + DROP_MESSAGE_INTERVAL_NS;
}

void
burst_queue_post_drops (BurstSender *self)
{
  guint64 drops = self->pending_drops;

  self->pending_drops = 0;
  self->message_ns = burst_sender_now_ns ();
  g_mutex_unlock (&self->lock);
  GST_WARNING_OBJECT (self->element, "queue full: dropped %" G_GUINT64_FORMAT " burst(s) whole", drops);
  gst_element_post_message (self->element,
      gst_message_new_element (GST_OBJECT_CAST (self->element),
          gst_structure_new ("moonlight-frame-dropped", "bursts", G_TYPE_UINT64, drops, NULL)));
  g_mutex_lock (&self->lock);
}

/* with lock. Binds the send thread to the processor of the thread that calls, where its priority lets it have that at
 * once: the wake-up then needs no interrupt to another processor, and the frame is still in this one's cache. */
static void
follow_pusher (BurstSender *self)
{
  int cpu = sched_getcpu ();
  cpu_set_t only;

  if (cpu < 0 || cpu == self->thread_cpu || self->realtime == NULL || !realtime_is_granted (self->realtime))
    return;
  CPU_ZERO (&only);
  CPU_SET (cpu, &only);
  /* Refused, it stays where it is. */
  if (sched_setaffinity (self->thread_id, sizeof (only), &only) < 0)
    GST_DEBUG_OBJECT (self->element, "send thread not moved to processor %d: %s", cpu, g_strerror (errno));
  self->thread_cpu = cpu;
}

GstFlowReturn
burst_sender_push (BurstSender *self, GstMiniObject *data, guint datagram_bytes)
{
  guint64 now = burst_sender_now_ns ();
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
    if (must_wake)
      follow_pusher (self);
  }
  if (full && burst_queue_owes_message (self))
    burst_queue_post_drops (self);
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
  burst_queue_clear (self);
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
