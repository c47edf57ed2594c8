/*
 * batchendpoint.h: where datagrams go and come from, made of numeric addresses. No socket, no name lookup.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Where datagrams go and what each message says about itself. A value: copy it freely. */
typedef struct
{
  bool valid;   /* false: nothing is sent */
  bool is_ipv4; /* IPv4 on the wire, also when mapped into an IPv6 address */
  bool has_source;
  uint8_t tos; /* DSCP << 2 */
  socklen_t address_len;
  struct sockaddr_storage address; /* in the socket's own family */
  struct in6_addr source;          /* IPv4 in the first four bytes when is_ipv4 */
} BatchEndpoint;

/* Fills an endpoint from numeric addresses (never a name lookup). `family` is that of the socket; IPv4 destinations
 * are mapped for an IPv6 socket. `source` may be NULL or empty. Returns 0; EINVAL for text that is no address; or
 * EAFNOSUPPORT for IPv6 on an IPv4 socket or a source of the other family. The endpoint is invalid after an error. */
int batch_endpoint_set (
    BatchEndpoint *endpoint, int family, const char *host, uint16_t port, const char *source, unsigned dscp);

/* Whether the text, which may be NULL, is a numeric IPv4 or IPv6 address. */
bool batch_endpoint_is_address (const char *text);
