/*
 * batchreceive.c: see batchreceive.h. Kernel interface: recvmmsg(2), udp(7).
 */
#include "batchreceive.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/udp.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

struct _BatchReceive
{
  int fd;
  bool gro;
  struct mmsghdr headers[BATCHRECEIVE_MESSAGES];
  struct iovec payloads[BATCHRECEIVE_MESSAGES];
  _Alignas (struct cmsghdr) char control[BATCHRECEIVE_MESSAGES][CMSG_SPACE (sizeof (int))];
  uint8_t bytes[BATCHRECEIVE_MESSAGES][BATCHRECEIVE_MESSAGE_BYTES];
};

static bool
set_gro (int fd, int on)
{
  return setsockopt (fd, IPPROTO_UDP, UDP_GRO, &on, sizeof (on)) == 0;
}

BatchReceive *
batchreceive_new (int fd)
{
  BatchReceive *receive = calloc (1, sizeof (*receive));

  /* Out of memory for a megabyte: GLib, which everything around this uses, ends the process as well. */
  if (receive == NULL)
    abort ();
  receive->fd = fd;
  receive->gro = set_gro (fd, 1);
  return receive;
}

void
batchreceive_free (BatchReceive *receive)
{
  if (receive == NULL)
    return;
  if (receive->gro)
    set_gro (receive->fd, 0);
  free (receive);
}

bool
batchreceive_has_gro (const BatchReceive *receive)
{
  return receive->gro;
}

static void
prepare_messages (BatchReceive *receive)
{
  for (size_t i = 0; i < BATCHRECEIVE_MESSAGES; i++) {
    receive->payloads[i] = (struct iovec) {
      .iov_base = receive->bytes[i],
      .iov_len = BATCHRECEIVE_MESSAGE_BYTES,
    };
    receive->headers[i].msg_hdr = (struct msghdr) {
      .msg_iov = &receive->payloads[i],
      .msg_iovlen = 1,
      .msg_control = receive->control[i],
      .msg_controllen = sizeof (receive->control[i]),
    };
  }
}

/* The size of the datagrams that a message holds; `total` when it is one. */
static size_t
segment_of (struct msghdr *message, size_t total)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (message); c != NULL; c = CMSG_NXTHDR (message, c)) {
    int segment;
    if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO || c->cmsg_len < CMSG_LEN (sizeof (segment)))
      continue;
    memcpy (&segment, CMSG_DATA (c), sizeof (segment));
    return segment > 0 ? (size_t) segment : total;
  }
  return total;
}

static void
split_message (struct mmsghdr *header, BatchReceiveFunc func, void *user_data, BatchReceiveCounters *counters)
{
  const uint8_t *data = header->msg_hdr.msg_iov->iov_base;
  size_t total = header->msg_len;
  size_t segment = segment_of (&header->msg_hdr, total);

  if ((header->msg_hdr.msg_flags & MSG_TRUNC) != 0 || segment > BATCHRECEIVE_DATAGRAM_BYTES_MAX) {
    counters->truncated++;
    return;
  }
  for (size_t offset = 0; offset < total; offset += segment) {
    size_t left = total - offset;
    func (data + offset, left < segment ? left : segment, user_data);
  }
}

int
batchreceive_read (BatchReceive *receive, BatchReceiveFunc func, void *user_data, BatchReceiveCounters *counters)
{
  int got;

  prepare_messages (receive);
  got = recvmmsg (receive->fd, receive->headers, BATCHRECEIVE_MESSAGES, MSG_DONTWAIT, NULL);
  counters->calls++;
  if (got < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNREFUSED)
      return 0;
    return errno;
  }
  for (int i = 0; i < got; i++)
    split_message (&receive->headers[i], func, user_data, counters);
  return 0;
}
