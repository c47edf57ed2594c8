/*
 * batchreceive.h: many datagrams out of one call: recvmmsg, with UDP_GRO where the kernel has it. No thread, no
 * GObject. One thread uses a BatchReceive at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Messages read by one call. With UDP_GRO a message holds several datagrams of one size, the last may be shorter. */
#define BATCHRECEIVE_MESSAGES 16u
#define BATCHRECEIVE_MESSAGE_BYTES 65536u
/* Bound of a datagram: a jumbo Ethernet frame. A longer one is counted as truncated and thrown away. */
#define BATCHRECEIVE_DATAGRAM_BYTES_MAX 9216u

typedef struct _BatchReceive BatchReceive;

typedef struct
{
  uint64_t calls;
  uint64_t truncated; /* longer than the bound */
} BatchReceiveCounters;

/* Takes datagrams: `user_data` as given to batchreceive_read(). `data` is valid during the call only. */
typedef void (*BatchReceiveFunc) (const uint8_t *data, size_t bytes, void *user_data);

/* Turns UDP_GRO on for the socket (borrowed) where the kernel has it; batchreceive_free() turns it off again, since
 * a shared socket may go back to a reader that does not expect it. */
BatchReceive *batchreceive_new (int fd);
void batchreceive_free (BatchReceive *receive);

bool batchreceive_has_gro (const BatchReceive *receive);

/* Reads once without waiting, and hands over each datagram in order. Returns 0, also when there was nothing, or an
 * errno. ECONNREFUSED (the report of a ping nobody heard) and EINTR count as nothing. */
int batchreceive_read (BatchReceive *receive, BatchReceiveFunc func, void *user_data, BatchReceiveCounters *counters);
