/*
 * bare.c: what sending alone costs at the times of our pacer: datagrams made beforehand leave from the source's own
 * thread, by the pacer, the sleeps and the batches of moonlightsink. What moonlightpay ! moonlightsink cost beyond it is
 * the making of frames and their way to the send thread.
 */
#include <glib.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <unistd.h>

#include "batchsend.h"
#include "pacer.h"
#include "packetise.h"
#include "sender.h"
#include "sleeper.h"

typedef struct
{
  Pacer pacer;
  Sleeper sleeper;
  BatchSend socket;
  BatchEndpoint endpoint;
  BatchCounters counters;
  Datagrams made;
  struct iovec *iovs; /* one for each of them */
} Bare;

static void *
start (const SenderOptions *options)
{
  Bare *self = g_new0 (Bare, 1);
  AccessUnit unit = unit_ring_at (options->ring, 1);
  struct sockaddr_in address;

  if (batchsend_init (&self->socket, sender_open_socket (options, &address)) != 0
      || batch_endpoint_set (&self->endpoint, AF_INET, options->host, options->port, NULL, 0) != 0)
    g_error ("cannot send to %s", options->host);
  packetise_concat (&self->made, options->workload, &unit, 0, 0);
  self->iovs = g_new (struct iovec, self->made.count);
  for (uint32_t i = 0; i < self->made.count; i++)
    self->iovs[i] =
        (struct iovec) { self->made.bytes + (size_t) i * self->made.datagram_bytes, self->made.datagram_bytes };
  pacer_init (&self->pacer, PACER_RATE, options->link_kbps);
  pacer_learn_interval (&self->pacer, 1000000000u / options->workload->fps);
  sleeper_open (&self->sleeper);
  return self;
}

/* Sends the next group from datagram `from` on, at its time. Returns how many datagrams that were. */
static uint32_t
send_group (Bare *self, uint32_t from)
{
  const uint32_t datagram_bytes = self->made.datagram_bytes;
  uint64_t now_ns = measure_now_ns (), wake_ns = pacer_wake_ns (&self->pacer, now_ns);
  uint32_t fit = pacer_group_bytes (&self->pacer, now_ns) / datagram_bytes;
  uint32_t count = CLAMP (fit, 1, self->made.count - from), bytes = count * datagram_bytes;

  if (wake_ns != 0) {
    sleeper_sleep (&self->sleeper, wake_ns, pacer_wake_after_ns (&self->pacer, bytes));
    now_ns = measure_now_ns ();
  }
  pacer_sent (&self->pacer, now_ns, bytes);
  batchsend_send (&self->socket, &self->endpoint, self->iovs + from, count, NULL, &self->counters);
  pacer_gone (&self->pacer, measure_now_ns ());
  return count;
}

static void
frame (void *sender, const AccessUnit *unit, uint64_t number)
{
  Bare *self = sender;
  uint64_t now_ns = measure_now_ns ();

  datagrams_renumber (&self->made, number);
  pacer_begin (&self->pacer, now_ns, now_ns, (uint64_t) self->made.count * self->made.datagram_bytes);
  for (uint32_t sent = 0; sent < self->made.count;)
    sent += send_group (self, sent);
}

static void
stop (void *sender, JsonLine *line)
{
  Bare *self = sender;

  json_number (line, "frames_dropped", 0);
  json_number (line, "send_errors", (double) (self->counters.errors + self->counters.full));
  close (self->socket.fd);
  sleeper_close (&self->sleeper);
  datagrams_clear (&self->made);
  g_free (self->iovs);
  g_free (self);
}

const SenderKind sender_bare = { "bare", start, frame, stop };
