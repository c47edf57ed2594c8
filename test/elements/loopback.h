/*
 * loopback.h: receiving sockets for tests, on free ports of 127.0.0.1 or ::1. Header only.
 */
#pragma once

#include <gst/check/gstcheck.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Longest a test waits for a datagram it expects. */
#define LOOPBACK_PATIENCE_S 10

static inline guint16
loopback_port (int fd)
{
  struct sockaddr_in6 local = { 0 };
  socklen_t len = sizeof (local);

  fail_unless (getsockname (fd, (struct sockaddr *) &local, &len) == 0);
  /* The port lies at the same place in both families. */
  return ntohs (local.sin6_port);
}

/* A socket bound to a free port of 127.0.0.1 (AF_INET) or ::1 (AF_INET6), with a large receive buffer. */
static inline int
loopback_open (int family, guint16 *port)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  struct timeval patience = { .tv_sec = LOOPBACK_PATIENCE_S };
  int size = 8 * 1024 * 1024;
  int fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  fail_unless (fd >= 0);
  if (family == AF_INET)
    fail_unless (bind (fd, (struct sockaddr *) &in, sizeof (in)) == 0);
  else
    fail_unless (bind (fd, (struct sockaddr *) &in6, sizeof (in6)) == 0);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof (patience));
  if (setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof (size)) < 0)
    setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof (size));
  *port = loopback_port (fd);
  return fd;
}

/* Waits for the next datagram and returns its length; fails the test after LOOPBACK_PATIENCE_S. */
static inline gsize
loopback_receive (int fd, guint8 *data, gsize size)
{
  ssize_t got = recv (fd, data, size, 0);

  fail_unless (got >= 0, "no datagram came: %s", g_strerror (errno));
  return (gsize) got;
}

/* Whether the socket has nothing to read now. */
static inline gboolean
loopback_is_empty (int fd)
{
  guint8 byte;

  return recv (fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* A port of 127.0.0.1 that nobody listens on (until somebody takes it: good enough to provoke ICMP). */
static inline guint16
loopback_closed_port (void)
{
  guint16 port;
  int fd = loopback_open (AF_INET, &port);

  close (fd);
  return port;
}

/* The datagram `index` of a stream: recognisable content in every byte. */
static inline void
loopback_fill (guint8 *data, gsize size, guint index)
{
  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (index * 31 + i * 7);
  if (size >= 4)
    GST_WRITE_UINT32_BE (data, index);
}

/* Fails the test unless the next datagram is number `index`, `size` bytes long. */
static inline void
loopback_expect (int fd, gsize size, guint index)
{
  guint8 *expected = g_malloc (MAX (size, 1));
  guint8 got[65536];
  gsize n = loopback_receive (fd, got, sizeof (got));

  loopback_fill (expected, size, index);
  fail_unless (n == size, "datagram %u: %" G_GSIZE_FORMAT " bytes instead of %" G_GSIZE_FORMAT, index, n, size);
  fail_unless (memcmp (got, expected, size) == 0, "datagram %u differs; its number is %u", index,
      size >= 4 ? GST_READ_UINT32_BE (got) : 0);
  g_free (expected);
}
