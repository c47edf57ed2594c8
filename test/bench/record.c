/*
 * record.c: see record.h.
 */
#include "record.h"

#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
/* No sender makes more calls a second than this. */
#define CALLS_PER_SECOND 60000
#define PORT_BYTES_PER_NS 0.125
#define PORT_BUFFER_BYTES 125000.0
/* UDP, IPv4, Ethernet with preamble, checksum and gap. */
#define WIRE_HEADER_BYTES (8 + 20 + 14 + 24)

typedef struct
{
  uint64_t begin_ns;
  uint64_t end_ns;
  uint64_t late_ns;
  uint32_t frame;
  uint32_t datagrams;
  uint32_t bytes;
  bool after_sleep;
} Call;

/* The one thread that sends writes; readers come after record_stop(). */
static Call *calls;
static size_t room, count;
static uint64_t sleeps;
static volatile gint recording;
/* What the thread's last sleep had asked for; 0 once a send has used it up. */
static __thread uint64_t due_ns;

static uint32_t
datagrams_of (const struct msghdr *message, uint32_t bytes)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (message); c != NULL; c = CMSG_NXTHDR ((struct msghdr *) message, c)) {
    if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT) {
      uint16_t segment;
      memcpy (&segment, CMSG_DATA (c), sizeof (segment));
      return (bytes + segment - 1) / segment;
    }
  }
  return 1;
}

static uint32_t
frame_of (const struct msghdr *message)
{
  uint32_t frame = 0;

  if (message->msg_iovlen > 0 && message->msg_iov[0].iov_len >= WORKLOAD_FRAME_INDEX_OFFSET + sizeof (frame))
    memcpy (&frame, (const uint8_t *) message->msg_iov[0].iov_base + WORKLOAD_FRAME_INDEX_OFFSET, sizeof (frame));
  return frame;
}

static void
add_message (Call *call, const struct msghdr *message)
{
  uint32_t bytes = 0;

  for (size_t i = 0; i < message->msg_iovlen; i++)
    bytes += (uint32_t) message->msg_iov[i].iov_len;
  call->bytes += bytes;
  call->datagrams += datagrams_of (message, bytes);
}

static Call
begin_call (void)
{
  Call call = { .begin_ns = measure_now_ns () };

  call.after_sleep = due_ns != 0;
  call.late_ns = call.after_sleep && call.begin_ns > due_ns ? call.begin_ns - due_ns : 0;
  due_ns = 0;
  return call;
}

static void
end_call (Call *call)
{
  call->end_ns = measure_now_ns ();
  if (g_atomic_int_get (&recording) && count < room)
    calls[count++] = *call;
}

/* Interposed: see record.h. */
int
sendmmsg (int fd, struct mmsghdr *messages, unsigned int length, int flags)
{
  Call call = begin_call ();
  int sent = (int) syscall (SYS_sendmmsg, fd, messages, length, flags), error = errno;

  if (length > 0)
    call.frame = frame_of (&messages[0].msg_hdr);
  for (int i = 0; i < sent; i++)
    add_message (&call, &messages[i].msg_hdr);
  end_call (&call);
  errno = error;
  return sent;
}

/* Interposed: see record.h. */
ssize_t
sendmsg (int fd, const struct msghdr *message, int flags)
{
  Call call = begin_call ();
  ssize_t sent = syscall (SYS_sendmsg, fd, message, flags);
  int error = errno;

  call.frame = frame_of (message);
  if (sent >= 0)
    add_message (&call, message);
  end_call (&call);
  errno = error;
  return sent;
}

/* Interposed: see record.h. Only absolute sleeps say when the sender meant to wake. */
int
clock_nanosleep (clockid_t clock, int flags, const struct timespec *request, struct timespec *remain)
{
  long failed = syscall (SYS_clock_nanosleep, clock, flags, request, remain);

  if (clock == CLOCK_MONOTONIC && (flags & TIMER_ABSTIME) != 0) {
    due_ns = (uint64_t) request->tv_sec * 1000000000u + (uint64_t) request->tv_nsec;
    if (g_atomic_int_get (&recording))
      sleeps++;
  }
  return failed == 0 ? 0 : errno;
}

void
record_start (double seconds)
{
  room = (size_t) (seconds * CALLS_PER_SECOND);
  calls = g_new (Call, room);
  /* Touched here, so that no page fault lands in what is measured. */
  memset (calls, 0, room * sizeof (*calls));
  count = 0;
  sleeps = 0;
  g_atomic_int_set (&recording, 1);
}

void
record_stop (void)
{
  g_atomic_int_set (&recording, 0);
}

typedef struct
{
  GArray *spreads, *lates, *bursts;
  uint64_t datagrams, bytes;
} Summary;

static void
add_late_and_totals (Summary *summary)
{
  for (size_t i = 0; i < count; i++) {
    summary->datagrams += calls[i].datagrams;
    summary->bytes += calls[i].bytes;
    if (calls[i].after_sleep)
      g_array_append_val (summary->lates, calls[i].late_ns);
  }
}

static void
add_bursts (Summary *summary)
{
  for (size_t i = 0; i < count;) {
    uint64_t burst = 0;
    size_t first = i;

    do
      burst += calls[i++].datagrams;
    while (i < count && calls[i].begin_ns - calls[i - 1].end_ns < RECORD_PAUSE_NS);
    if (first > 0 || i < count)
      g_array_append_val (summary->bursts, burst);
  }
}

/* The first and the last frame may have been cut by the start and the end. */
static void
add_spreads (Summary *summary)
{
  size_t first = 0;

  for (size_t i = 1; i < count; i++) {
    if (calls[i].frame == calls[i - 1].frame)
      continue;
    if (first > 0) {
      uint64_t spread = calls[i - 1].end_ns - calls[first].begin_ns;
      g_array_append_val (summary->spreads, spread);
    }
    first = i;
  }
}

/*
 * What a switch port of 1 Gbit/s with a buffer of 125 KB would have had no room for, had the datagrams of each call come
 * to it evenly between the call's begin and its end. Arithmetic, so no delay of a modelled network paces the sender.
 */
static uint64_t
port_losses (void)
{
  double queued = 0, at_ns = 0;
  uint64_t lost = 0;

  for (size_t i = 0; i < count; i++) {
    uint32_t n = calls[i].datagrams;
    double bytes = n == 0 ? 0 : (double) calls[i].bytes / n + WIRE_HEADER_BYTES;
    double gap_ns = n == 0 ? 0 : (double) (calls[i].end_ns - calls[i].begin_ns) / n;

    for (uint32_t d = 0; d < n; d++) {
      double now_ns = (double) (calls[i].begin_ns - calls[0].begin_ns) + d * gap_ns;

      queued = MAX (0, queued - (now_ns - at_ns) * PORT_BYTES_PER_NS);
      at_ns = now_ns;
      if (queued + bytes > PORT_BUFFER_BYTES)
        lost++;
      else
        queued += bytes;
    }
  }
  return lost;
}

static void
print_quantile (JsonLine *line, const char *name, GArray *values, double quantile, double unit)
{
  json_number (
      line, name, (double) measure_quantile ((uint64_t *) (void *) values->data, values->len, quantile) / unit);
}

void
record_print (JsonLine *line)
{
  Summary summary = {
    .spreads = g_array_new (FALSE, FALSE, sizeof (uint64_t)),
    .lates = g_array_new (FALSE, FALSE, sizeof (uint64_t)),
    .bursts = g_array_new (FALSE, FALSE, sizeof (uint64_t)),
  };

  add_late_and_totals (&summary);
  add_bursts (&summary);
  add_spreads (&summary);
  json_number (line, "datagrams", (double) summary.datagrams);
  json_number (line, "bytes", (double) summary.bytes);
  json_number (line, "send_calls", (double) count);
  json_number (line, "sleeps", (double) sleeps);
  print_quantile (line, "spread_us_p50", summary.spreads, 0.5, 1e3);
  print_quantile (line, "spread_us_p99", summary.spreads, 0.99, 1e3);
  print_quantile (line, "late_us_p50", summary.lates, 0.5, 1e3);
  print_quantile (line, "late_us_p99", summary.lates, 0.99, 1e3);
  print_quantile (line, "burst_p50", summary.bursts, 0.5, 1);
  print_quantile (line, "burst_p99", summary.bursts, 0.99, 1);
  print_quantile (line, "max_burst", summary.bursts, 1, 1);
  json_number (line, "port_lost", (double) port_losses ());
  g_array_free (summary.spreads, TRUE);
  g_array_free (summary.lates, TRUE);
  g_array_free (summary.bursts, TRUE);
  g_clear_pointer (&calls, g_free);
}
