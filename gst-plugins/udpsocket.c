/*
 * udpsocket.c: see udpsocket.h.
 */
#include "udpsocket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int
open_family (int family)
{
  int fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int off = 0;

  /* A system may default to v6only. */
  if (fd >= 0 && family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof (off));
  return fd;
}

int
udp_socket_open_any (void)
{
  int fd = open_family (AF_INET6);

  return fd >= 0 ? fd : open_family (AF_INET);
}

int
udp_socket_open_bound (const char *address, uint16_t port)
{
  const struct addrinfo hints = {
    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    .ai_socktype = SOCK_DGRAM,
  };
  struct addrinfo *found = NULL;
  char service[8];
  int fd;

  snprintf (service, sizeof (service), "%u", (unsigned) port);
  if (address == NULL || getaddrinfo (address, service, &hints, &found) != 0) {
    errno = EINVAL;
    return -1;
  }
  fd = open_family (found->ai_family);
  if (fd >= 0 && bind (fd, found->ai_addr, found->ai_addrlen) < 0) {
    int err = errno;
    close (fd);
    fd = -1;
    errno = err;
  }
  freeaddrinfo (found);
  return fd;
}

uint16_t
udp_socket_port (int fd)
{
  struct sockaddr_storage local;
  socklen_t len = sizeof (local);

  if (getsockname (fd, (struct sockaddr *) &local, &len) < 0)
    return 0;
  if (local.ss_family == AF_INET6)
    return ntohs (((struct sockaddr_in6 *) &local)->sin6_port);
  return local.ss_family == AF_INET ? ntohs (((struct sockaddr_in *) &local)->sin_port) : 0;
}

static int
grow_buffer (int fd, int option, int option_force, int bytes)
{
  int granted = 0;
  socklen_t len = sizeof (granted);

  if (getsockopt (fd, SOL_SOCKET, option, &granted, &len) < 0)
    return -1;
  if (granted >= bytes)
    return granted;
  if (setsockopt (fd, SOL_SOCKET, option_force, &bytes, sizeof (bytes)) < 0)
    setsockopt (fd, SOL_SOCKET, option, &bytes, sizeof (bytes));
  len = sizeof (granted);
  return getsockopt (fd, SOL_SOCKET, option, &granted, &len) < 0 ? -1 : granted;
}

int
udp_socket_grow_send_buffer (int fd, int bytes)
{
  return grow_buffer (fd, SO_SNDBUF, SO_SNDBUFFORCE, bytes);
}

int
udp_socket_grow_receive_buffer (int fd, int bytes)
{
  return grow_buffer (fd, SO_RCVBUF, SO_RCVBUFFORCE, bytes);
}
