/*
 * sender.c: what the stand-ins share; see sender.h.
 */
#include "sender.h"

#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#define BOX_ROOM 64u
#define SEND_BUFFER_BYTES (8 * 1024 * 1024)

int
sender_open_socket (const SenderOptions *options, void *address_16_bytes)
{
  struct sockaddr_in *address = address_16_bytes;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = SEND_BUFFER_BYTES;

  *address = (struct sockaddr_in) {
    .sin_family = AF_INET,
    .sin_port = htons (options->port),
  };
  if (fd < 0 || inet_pton (AF_INET, options->host, &address->sin_addr) != 1)
    g_error ("cannot send to %s", options->host);
  if (setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof (bytes)) < 0)
    setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof (bytes));
  return fd;
}

void
sender_sleep_until_ns (uint64_t until_ns)
{
  struct timespec until = {
    .tv_sec = (time_t) (until_ns / 1000000000u),
    .tv_nsec = (long) (until_ns % 1000000000u),
  };

  while (clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
    ;
}

struct _FrameBox
{
  GMutex lock;
  GCond changed;
  BoxedFrame frames[BOX_ROOM];
  uint32_t head, length, bound;
  bool is_closed;
  uint64_t dropped;
};

FrameBox *
frame_box_new (uint32_t bound)
{
  FrameBox *box = g_new0 (FrameBox, 1);

  g_mutex_init (&box->lock);
  g_cond_init (&box->changed);
  box->bound = MIN (bound, BOX_ROOM);
  return box;
}

void
frame_box_free (FrameBox *box)
{
  g_mutex_clear (&box->lock);
  g_cond_clear (&box->changed);
  g_free (box);
}

void
frame_box_put (FrameBox *box, const AccessUnit *unit, uint64_t number)
{
  g_mutex_lock (&box->lock);
  if (box->length < box->bound) {
    box->frames[(box->head + box->length++) % BOX_ROOM] = (BoxedFrame) {
      .unit = *unit,
      .number = number,
    };
    g_cond_signal (&box->changed);
  } else {
    box->dropped++;
  }
  g_mutex_unlock (&box->lock);
}

bool
frame_box_take (FrameBox *box, BoxedFrame *frame)
{
  bool has_one;

  g_mutex_lock (&box->lock);
  while (box->length == 0 && !box->is_closed)
    g_cond_wait (&box->changed, &box->lock);
  has_one = box->length > 0;
  if (has_one) {
    *frame = box->frames[box->head];
    box->head = (box->head + 1) % BOX_ROOM;
    box->length--;
  }
  g_mutex_unlock (&box->lock);
  frame->taken_ns = measure_now_ns ();
  return has_one;
}

void
frame_box_close (FrameBox *box)
{
  g_mutex_lock (&box->lock);
  box->is_closed = true;
  g_cond_signal (&box->changed);
  g_mutex_unlock (&box->lock);
}

uint64_t
frame_box_dropped (const FrameBox *box)
{
  return box->dropped;
}

static void *
idle_start (const SenderOptions *options)
{
  return g_new0 (char, 1);
}

static void
idle_frame (void *sender, const AccessUnit *unit, uint64_t number)
{
}

static void
idle_stop (void *sender, JsonLine *line)
{
  json_number (line, "frames_dropped", 0);
  g_free (sender);
}

const SenderKind sender_idle = { "idle", idle_start, idle_frame, idle_stop };
