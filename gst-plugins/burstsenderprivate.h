/*
 * burstsenderprivate.h: what the files of the burst sender share, and nobody else. burstsender.c has its life, its
 * configuration and the thread; burstqueue.c what comes in, burstsending.c what goes out, burstfigures.c what is counted.
 *
 * One lock guards the queue, the configuration and the figures; it is never held while sending or sleeping, so that
 * neither the streaming thread nor a property change ever waits for the network.
 */
#pragma once

#include <time.h>

#include "batchsend.h"
#include "burstgroup.h"
#include "burstsender.h"
#include "departures.h"
#include "histogram.h"
#include "pacer.h"
#include "realtime.h"
#include "sleeper.h"

G_BEGIN_DECLS

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
  BatchEndpoint endpoint;
  gint endpoint_seq; /* atomic: the send thread looks without the lock */
  Burst queue[BURST_SENDER_QUEUE_MAX];
  guint head, length;
  gboolean running, streaming, busy, unlocked, failed;
  gboolean waiting; /* the send thread, for work */
  pid_t thread_id;  /* 0 before the thread has begun */
  int thread_cpu;   /* to which it was bound last; -1 never */
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
  Sleeper sleeper;
  LossKnob loss;
  guint applied_version;
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

static inline guint64
burst_sender_now_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (guint64) now.tv_sec * GST_SECOND + (guint64) now.tv_nsec;
}

/* --- burstqueue.c, all with lock --- */

/* The oldest burst; there is one. */
Burst burst_queue_pop (BurstSender *self);
/* Throws away and counts what is queued. */
void burst_queue_clear (BurstSender *self);
/* Whether drops are to be told now: at most one message in 100 ms. */
gboolean burst_queue_owes_message (const BurstSender *self);
/* When a message that is owed but may not be posted yet may be, CLOCK_MONOTONIC ns. */
guint64 burst_queue_message_due_ns (const BurstSender *self);
/* Tells them. Lets go of the lock meanwhile: a bus handler may do anything. */
void burst_queue_post_drops (BurstSender *self);

/* --- burstsending.c, the send thread's own, without lock --- */

/* Between bursts: takes over what was changed since the last one. */
void burst_sending_apply_config (BurstSender *self);
/* Sends one burst on the pacer's clock; a flush since `flush_seq` abandons it. Returns 0 or the errno of a socket that is
 * gone. */
int burst_sending_send (BurstSender *self, const Burst *burst, gint flush_seq);

/* --- burstfigures.c, with lock --- */

void burst_figures_reset (BurstSender *self);
/* Adds those of the burst that is done to the stream's. */
void burst_figures_publish (BurstSender *self);

G_END_DECLS
