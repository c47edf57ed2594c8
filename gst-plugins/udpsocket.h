/*
 * udpsocket.h: opening and sizing UDP sockets, for the sink and the source. Numeric addresses only: never a lookup.
 */
#pragma once

#include <stdint.h>

/* An unbound UDP socket, dual-stack where the kernel has IPv6. Returns the descriptor or -1 with errno. */
int udp_socket_open_any (void);

/* A UDP socket bound to a numeric address ("::" is dual-stack) and port (0: a free one). Returns the descriptor or -1
 * with errno (EINVAL for text that is no address). */
int udp_socket_open_bound (const char *address, uint16_t port);

/* The port a socket is bound to, 0 for none. */
uint16_t udp_socket_port (int fd);

/* Ask for a buffer of `bytes`, past the system's limit where permitted. Return what the kernel granted, in bytes as
 * it counts them (its own overhead included), -1 on error. Never shrink. */
int udp_socket_grow_send_buffer (int fd, int bytes);
int udp_socket_grow_receive_buffer (int fd, int bytes);
