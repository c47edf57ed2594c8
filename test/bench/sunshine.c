/*
 * sunshine.c: a stand-in for how Sunshine sends, written from a description of it: a sending thread that concatenates
 * and encodes (packetise.h), then hands the shards to the kernel in batches of at most 64 datagrams and 64 KiB with
 * segmentation offload. Its pacer is a fixed 800 Mbit/s, asked before a batch: once a millisecond's worth has gone it
 * sleeps until the frame's start plus the time of what was sent. Two messages a batch (at most 45 000 bytes each) are
 * what its measured calls a second say.
 */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "packetise.h"
#include "sender.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define BATCH_DATAGRAMS 64u
#define BATCH_BYTES 65536u
#define MESSAGE_BYTES 45000u
/* 800 Mbit/s */
#define BYTES_PER_MS 100000u
/* The queue in front of the sending thread is long; it never filled in any run. */
#define QUEUE_FRAMES 64u

typedef struct
{
  SenderOptions options;
  int fd;
  struct sockaddr_in address;
  FrameBox *box;
  GThread *thread;
  uint64_t packets, errors;
  Datagrams made; /* of the frame in hand; with is_send_only of all frames */
} Sunshine;

static void
send_message (Sunshine *self, uint8_t *bytes, uint32_t count, uint32_t datagram_bytes)
{
  _Alignas (struct cmsghdr) char control[CMSG_SPACE (sizeof (uint16_t))] = { 0 };
  struct iovec iov = { bytes, (size_t) count * datagram_bytes };
  uint16_t segment = (uint16_t) datagram_bytes;
  struct msghdr message = {
    .msg_name = &self->address,
    .msg_namelen = sizeof (self->address),
    .msg_iov = &iov,
    .msg_iovlen = 1,
    .msg_control = control,
    .msg_controllen = sizeof (control),
  };
  struct cmsghdr *header = CMSG_FIRSTHDR (&message);

  header->cmsg_level = IPPROTO_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN (sizeof (segment));
  memcpy (CMSG_DATA (header), &segment, sizeof (segment));
  if (sendmsg (self->fd, &message, 0) < 0)
    self->errors++;
}

static void
send_batch (Sunshine *self, uint8_t *bytes, uint32_t count, uint32_t datagram_bytes)
{
  uint32_t at_once = MESSAGE_BYTES / datagram_bytes;

  for (uint32_t sent = 0; sent < count; sent += at_once)
    send_message (self, bytes + (size_t) sent * datagram_bytes, MIN (at_once, count - sent), datagram_bytes);
}

static void
send_paced (Sunshine *self, const Datagrams *datagrams, uint64_t begin_ns)
{
  uint32_t bytes = datagrams->datagram_bytes, batch = MIN (BATCH_DATAGRAMS, BATCH_BYTES / bytes);
  uint32_t per_ms = BYTES_PER_MS / bytes, since_pause = 0;

  for (uint32_t sent = 0; sent < datagrams->count;) {
    uint32_t count = MIN (batch, datagrams->count - sent);

    if (since_pause >= per_ms) {
      uint64_t due_ns = begin_ns + (uint64_t) sent * bytes * 1000000u / BYTES_PER_MS;

      if (due_ns > measure_now_ns ())
        sender_sleep_until_ns (due_ns);
      since_pause = 0;
    }
    send_batch (self, datagrams->bytes + (size_t) sent * bytes, count, bytes);
    sent += count;
    since_pause += count;
  }
}

static gpointer
run (gpointer data)
{
  Sunshine *self = data;
  BoxedFrame frame;

  while (frame_box_take (self->box, &frame)) {
    if (self->options.is_send_only) {
      datagrams_renumber (&self->made, frame.number);
    } else {
      packetise_concat (&self->made, self->options.workload, &frame.unit, frame.number, self->packets);
      self->packets += self->made.count;
    }
    send_paced (self, &self->made, frame.taken_ns);
  }
  return NULL;
}

static void *
start (const SenderOptions *options)
{
  Sunshine *self = g_new0 (Sunshine, 1);

  self->options = *options;
  self->fd = sender_open_socket (options, &self->address);
  if (options->is_send_only) {
    AccessUnit unit = unit_ring_at (options->ring, 1);
    packetise_concat (&self->made, options->workload, &unit, 0, 0);
  }
  self->box = frame_box_new (QUEUE_FRAMES);
  self->thread = g_thread_new ("sunshine", run, self);
  return self;
}

static void
frame (void *sender, const AccessUnit *unit, uint64_t number)
{
  frame_box_put (((Sunshine *) sender)->box, unit, number);
}

static void
stop (void *sender, JsonLine *line)
{
  Sunshine *self = sender;

  frame_box_close (self->box);
  g_thread_join (self->thread);
  json_number (line, "frames_dropped", (double) frame_box_dropped (self->box));
  json_number (line, "send_errors", (double) self->errors);
  frame_box_free (self->box);
  datagrams_clear (&self->made);
  g_free (self);
}

const SenderKind sender_sunshine = { "sunshine", start, frame, stop };
