/*
 * egress.h: what the kernel would do with a datagram on its way out.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* Whether the interface towards `destination` (IPv4, IPv6 or mapped) queues with the fq discipline, which honours
 * SO_TXTIME departure times. False when in doubt. Asks the kernel over rtnetlink; nothing leaves the machine. */
bool egress_is_fq (const struct sockaddr *destination);
