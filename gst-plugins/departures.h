/*
 * departures.h: cuts datagrams into messages that each get a departure time, and keeps count of the messages that the
 * kernel still holds, because it holds only so many. Arithmetic only: times are CLOCK_MONOTONIC nanoseconds that the
 * caller passes in. One thread uses a Departures at a time.
 */
#pragma once

#include <stdint.h>
#include <sys/uio.h>
#include "batchsend.h"

/* From its 101st waiting packet on, fq throws a flow's packets away and tells nobody (flow_limit in tc-fq(8)); a
 * message with segmentation offload is one packet. A few are left for those that leave late. */
#define DEPARTURES_HELD_MAX 96u

typedef struct
{
  uint64_t at_ns;
  uint64_t cost;
} Departure;

typedef struct
{
  Departure held[DEPARTURES_HELD_MAX]; /* a ring, by time */
  unsigned head, length;
  uint64_t cost;     /* of all that is held, in bytes of the socket buffer */
  uint64_t cost_max; /* the socket buffer */
} Departures;

/* What fits one send call: the first `datagrams` datagrams, as `messages` messages. */
typedef struct
{
  unsigned datagrams;
  unsigned messages;
  uint16_t lengths[BATCHSEND_MESSAGES_PER_CALL]; /* datagrams of each message */
  uint64_t cost;
} DeparturePlan;

/* Nothing held. `send_buffer_bytes` is what SO_SNDBUF says: whatever waits with the kernel counts against it. */
void departures_init (Departures *departures, uint64_t send_buffer_bytes);

/* Plans the next call: messages of at most `message_bytes` (at least one datagram each), and no more of them than a
 * call, the kernel and half the socket buffer hold. `count` > 0; the plan has at least one message. */
void departures_plan (const Departures *departures, const BatchSend *send, const struct iovec *datagrams, size_t count,
    uint32_t message_bytes, DeparturePlan *plan);

/* When enough of what is held has left for the plan to fit: 0 means now. */
uint64_t departures_wake_ns (Departures *departures, uint64_t now_ns, const DeparturePlan *plan);

/* Accounts for a message of `bytes` that the kernel holds until `at_ns` (no earlier than the one before). Call
 * departures_wake_ns() first. */
void departures_add (Departures *departures, uint64_t at_ns, uint64_t bytes);
