/*
 * batchsend.h: many datagrams in one call, through an unconnected UDP socket that others may share.
 *
 * Runs of equal datagrams leave as one message with segmentation offload (UDP_SEGMENT) where the kernel has it, all
 * messages of a call inside one sendmmsg. Nothing here changes the socket's flags: a shared socket may be blocking,
 * and every call passes MSG_DONTWAIT. One thread uses a BatchSend at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "batchendpoint.h"

/* Limits of one segmentation-offload message: the kernel's segments, and the largest UDP payload over IPv4. */
#define BATCHSEND_SEGMENTS_MAX 64u
#define BATCHSEND_MESSAGE_BYTES_MAX 65507u
/* One sendmmsg takes at most this many messages, segmented or not. */
#define BATCHSEND_MESSAGES_PER_CALL 64u
/* How long a full socket buffer is waited for, in total per call. */
#define BATCHSEND_FULL_WAIT_MS 4

/* Added to, never cleared. All but `calls` and `refused` count datagrams. */
typedef struct
{
  uint64_t datagrams; /* given to the kernel */
  uint64_t bytes;     /* their UDP payload */
  uint64_t calls;     /* sendmmsg calls */
  uint64_t full;      /* given up: the socket buffer stayed full */
  uint64_t errors;    /* given up: any other error */
  uint64_t refused;   /* ICMP port unreachable reports; the datagram itself is sent again */
  int last_errno;     /* of the newest given-up datagram */
} BatchCounters;

typedef struct
{
  int fd;     /* not owned */
  int family; /* AF_INET or AF_INET6 */
  bool segmentation;
  bool segmentation_failed; /* turned off by a device that cannot; the caller logs and clears it */
  int segmentation_errno;
} BatchSend;

/* Binds to a socket and asks the kernel once whether it has UDP_SEGMENT. Returns 0 or an errno (EBADF, ENOTSOCK,
 * EAFNOSUPPORT for a socket that is neither IPv4 nor IPv6). */
int batchsend_init (BatchSend *send, int fd);

/* Turns SO_TXTIME departure times (CLOCK_MONOTONIC) on. Returns 0 or an errno. */
int batchsend_enable_departures (BatchSend *send);

/* How many datagrams from the first on may share a message: 1 without segmentation, else a run of equal sizes whose
 * last may be shorter. `count` > 0. */
size_t batchsend_message_length (const BatchSend *send, const struct iovec *datagrams, size_t count);

/* Sends `count` datagrams in order, one iovec each. `departures_ns` has one departure time for each (datagrams share a
 * message only when they share the time), or is NULL. Returns 0, or EBADF/ENOTSOCK when the socket itself is gone;
 * anything else is counted and survived. Waits at most BATCHSEND_FULL_WAIT_MS. */
int batchsend_send (BatchSend *send, const BatchEndpoint *endpoint, const struct iovec *datagrams, size_t count,
    const uint64_t *departures_ns, BatchCounters *counters);
