/*
 * drain.c: `bench-drain [ADDRESS]`: takes datagrams in and throws them away, in a process of its own so that none of
 * it is charged to a sender. It wakes by the clock and not by the datagrams: a sender does not pay for waking it.
 * Prints `{"port":N}` once it listens, and when its standard input ends `{"datagrams":N,"bytes":N,"overflowed":N}`:
 * what came, and what the kernel dropped because the drain was too slow.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define BATCH 256
#define DATAGRAM_BYTES 2048
#define RECEIVE_BUFFER_BYTES (64 * 1024 * 1024)
#define WAKE_INTERVAL_NS 5000000u

typedef struct
{
  struct mmsghdr messages[BATCH];
  struct iovec iovs[BATCH];
  char control[BATCH][CMSG_SPACE (sizeof (uint32_t))];
  char bytes[BATCH][DATAGRAM_BYTES];
} Batch;

typedef struct
{
  uint64_t datagrams, bytes;
  uint32_t overflowed;
} Figures;

static int
open_socket (const char *address, uint16_t *port)
{
  struct sockaddr_in local = { .sin_family = AF_INET };
  socklen_t length = sizeof (local);
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), bytes = RECEIVE_BUFFER_BYTES, on = 1;

  if (inet_pton (AF_INET, address, &local.sin_addr) != 1 || bind (fd, (struct sockaddr *) &local, sizeof (local)) < 0)
    g_error ("bench-drain: cannot listen at %s", address);
  if (setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof (bytes)) < 0)
    setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof (bytes));
  setsockopt (fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof (on));
  getsockname (fd, (struct sockaddr *) &local, &length);
  *port = ntohs (local.sin_port);
  return fd;
}

static void
read_overflow (Figures *figures, struct msghdr *message)
{
  struct cmsghdr *header = CMSG_FIRSTHDR (message);

  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL)
    memcpy (&figures->overflowed, CMSG_DATA (header), sizeof (figures->overflowed));
}

static void
prepare (Batch *batch)
{
  for (int i = 0; i < BATCH; i++) {
    batch->iovs[i] = (struct iovec) { batch->bytes[i], DATAGRAM_BYTES };
    batch->messages[i].msg_hdr = (struct msghdr) {
      .msg_iov = &batch->iovs[i],
      .msg_iovlen = 1,
      .msg_control = batch->control[i],
      .msg_controllen = sizeof (batch->control[i]),
    };
  }
}

static void
take_all (int fd, Batch *batch, Figures *figures)
{
  int got;

  do {
    prepare (batch);
    got = recvmmsg (fd, batch->messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++)
      figures->bytes += batch->messages[i].msg_len;
    if (got > 0) {
      figures->datagrams += (uint64_t) got;
      read_overflow (figures, &batch->messages[got - 1].msg_hdr);
    }
  } while (got == BATCH);
}

int
main (int argc, char **argv)
{
  Batch *batch = g_new0 (Batch, 1);
  Figures figures = { 0 };
  uint16_t port;
  int fd = open_socket (argc > 1 ? argv[1] : "127.0.0.1", &port);
  uint64_t wake_ns = measure_now_ns ();
  char ignored;

  prctl (PR_SET_PDEATHSIG, 9);
  printf ("{\"port\":%u}\n", port);
  fflush (stdout);
  fcntl (STDIN_FILENO, F_SETFL, fcntl (STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  while (read (STDIN_FILENO, &ignored, 1) != 0) {
    take_all (fd, batch, &figures);
    wake_ns += WAKE_INTERVAL_NS;
    measure_sleep_until_ns (wake_ns);
  }
  take_all (fd, batch, &figures);
  printf ("{\"datagrams\":%" G_GUINT64_FORMAT ",\"bytes\":%" G_GUINT64_FORMAT ",\"overflowed\":%u}\n",
      figures.datagrams, figures.bytes, figures.overflowed);
  g_free (batch);
  return 0;
}
