/*
 * batchendpoint.c: see batchendpoint.h.
 */
#include "batchendpoint.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int
parse_address (const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *out_len)
{
  const struct addrinfo hints = {
    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
    .ai_socktype = SOCK_DGRAM,
  };
  struct addrinfo *found = NULL;
  char service[8];

  snprintf (service, sizeof (service), "%u", (unsigned) port);
  if (getaddrinfo (text, service, &hints, &found) != 0)
    return EINVAL;
  memcpy (out, found->ai_addr, found->ai_addrlen);
  *out_len = found->ai_addrlen;
  freeaddrinfo (found);
  return 0;
}

bool
batch_endpoint_is_address (const char *text)
{
  struct sockaddr_storage address;
  socklen_t len;

  return text != NULL && parse_address (text, 0, &address, &len) == 0;
}

/* The IPv4 address of `address`, plain or mapped; false for real IPv6. */
static bool
ipv4_of (const struct sockaddr_storage *address, struct in_addr *out)
{
  if (address->ss_family == AF_INET) {
    *out = ((const struct sockaddr_in *) address)->sin_addr;
    return true;
  }
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;
  if (!IN6_IS_ADDR_V4MAPPED (&in6->sin6_addr))
    return false;
  memcpy (out, &in6->sin6_addr.s6_addr[12], sizeof (*out));
  return true;
}

static void
store_ipv4 (BatchEndpoint *endpoint, int family, struct in_addr ipv4, uint16_t port)
{
  if (family == AF_INET) {
    struct sockaddr_in *out = (struct sockaddr_in *) &endpoint->address;
    *out = (struct sockaddr_in) {
      .sin_family = AF_INET,
      .sin_port = htons (port),
      .sin_addr = ipv4,
    };
    endpoint->address_len = sizeof (*out);
    return;
  }
  struct sockaddr_in6 *out = (struct sockaddr_in6 *) &endpoint->address;
  *out = (struct sockaddr_in6) {
    .sin6_family = AF_INET6,
    .sin6_port = htons (port),
  };
  out->sin6_addr.s6_addr[10] = 0xff;
  out->sin6_addr.s6_addr[11] = 0xff;
  memcpy (&out->sin6_addr.s6_addr[12], &ipv4, sizeof (ipv4));
  endpoint->address_len = sizeof (*out);
}

static int
store_source (BatchEndpoint *endpoint, const char *text)
{
  struct sockaddr_storage source;
  socklen_t len;
  struct in_addr ipv4;
  bool is_ipv4;

  if (parse_address (text, 0, &source, &len) != 0)
    return EINVAL;
  is_ipv4 = ipv4_of (&source, &ipv4);
  if (is_ipv4 != endpoint->is_ipv4)
    return EAFNOSUPPORT;
  if (is_ipv4)
    memcpy (&endpoint->source, &ipv4, sizeof (ipv4));
  else
    endpoint->source = ((struct sockaddr_in6 *) &source)->sin6_addr;
  endpoint->has_source = true;
  return 0;
}

int
batch_endpoint_set (
    BatchEndpoint *endpoint, int family, const char *host, uint16_t port, const char *source, unsigned dscp)
{
  struct sockaddr_storage address;
  socklen_t len;
  struct in_addr ipv4;
  int err;

  memset (endpoint, 0, sizeof (*endpoint));
  if (host == NULL || port == 0 || parse_address (host, port, &address, &len) != 0)
    return EINVAL;
  endpoint->tos = (uint8_t) ((dscp & 0x3f) << 2);
  endpoint->is_ipv4 = ipv4_of (&address, &ipv4);
  if (endpoint->is_ipv4) {
    store_ipv4 (endpoint, family, ipv4, port);
  } else if (family == AF_INET6) {
    memcpy (&endpoint->address, &address, len);
    endpoint->address_len = len;
  } else {
    return EAFNOSUPPORT;
  }
  if (source != NULL && source[0] != '\0' && (err = store_source (endpoint, source)) != 0)
    return err;
  endpoint->valid = true;
  return 0;
}
