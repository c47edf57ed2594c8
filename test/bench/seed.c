/*
 * seed.c: a stand-in for the sender this project descends from, written from a description of it: chunks of 16
 * datagrams, one sendmmsg each, spread over three quarters of the frame's interval. A wait under half a millisecond is
 * not slept. The last chunk takes a whole step as the others do, so a frame of a few datagrams more than a multiple of 16
 * keeps the sender busy past the next one, which is then dropped. Its datagrams come ready made.
 */
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "packetise.h"
#include "sender.h"

#define CHUNK 16u
#define SHORTEST_SLEEP_NS 500000u
#define QUEUE_FRAMES 2u

typedef struct
{
  const Workload *workload;
  const UnitRing *ring;
  int fd;
  struct sockaddr_in address;
  FrameBox *box;
  GThread *thread;
  Datagrams delta, key;
  uint64_t errors;
} Seed;

static void
send_chunk (Seed *self, uint8_t *bytes, uint32_t count, uint32_t datagram_bytes, uint64_t number)
{
  struct mmsghdr messages[CHUNK] = { 0 };
  struct iovec iovs[CHUNK];
  uint32_t index = (uint32_t) number + 1;

  memcpy (bytes + WORKLOAD_FRAME_INDEX_OFFSET, &index, sizeof (index));
  for (uint32_t i = 0; i < count; i++) {
    iovs[i] = (struct iovec) { bytes + (size_t) i * datagram_bytes, datagram_bytes };
    messages[i].msg_hdr = (struct msghdr) {
      .msg_name = &self->address,
      .msg_namelen = sizeof (self->address),
      .msg_iov = &iovs[i],
      .msg_iovlen = 1,
    };
  }
  if (sendmmsg (self->fd, messages, count, 0) < (int) count)
    self->errors++;
}

static void
wait_until (uint64_t due_ns)
{
  if (due_ns > measure_now_ns () + SHORTEST_SLEEP_NS)
    sender_sleep_until_ns (due_ns);
}

static void
send_spread (Seed *self, const Datagrams *datagrams, const BoxedFrame *frame)
{
  uint64_t step_ns = (uint64_t) CHUNK * 750000000u / self->workload->fps / datagrams->count;
  uint64_t due_ns = frame->taken_ns;

  for (uint32_t sent = 0; sent < datagrams->count; sent += CHUNK) {
    send_chunk (self, datagrams->bytes + (size_t) sent * datagrams->datagram_bytes,
        MIN (CHUNK, datagrams->count - sent), datagrams->datagram_bytes, frame->number);
    due_ns += step_ns;
    wait_until (due_ns);
  }
}

static gpointer
run (gpointer data)
{
  Seed *self = data;
  BoxedFrame frame;

  while (frame_box_take (self->box, &frame))
    send_spread (self, frame.unit.is_key ? &self->key : &self->delta, &frame);
  return NULL;
}

static void *
start (const SenderOptions *options)
{
  Seed *self = g_new0 (Seed, 1);
  AccessUnit key = unit_ring_at (options->ring, 0), delta = unit_ring_at (options->ring, 1);

  self->workload = options->workload;
  self->fd = sender_open_socket (options, &self->address);
  packetise_concat (&self->key, options->workload, &key, 0, 0);
  packetise_concat (&self->delta, options->workload, &delta, 1, self->key.count);
  self->box = frame_box_new (QUEUE_FRAMES);
  self->thread = g_thread_new ("seed", run, self);
  return self;
}

static void
frame (void *sender, const AccessUnit *unit, uint64_t number)
{
  frame_box_put (((Seed *) sender)->box, unit, number);
}

static void
stop (void *sender, JsonLine *line)
{
  Seed *self = sender;

  frame_box_close (self->box);
  g_thread_join (self->thread);
  json_number (line, "frames_dropped", (double) frame_box_dropped (self->box));
  json_number (line, "send_errors", (double) self->errors);
  frame_box_free (self->box);
  datagrams_clear (&self->key);
  datagrams_clear (&self->delta);
  g_free (self);
}

const SenderKind sender_seed = { "seed", start, frame, stop };
