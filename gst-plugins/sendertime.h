/*
 * sendertime.h: ties the sender's clock, as counters on the wire show it, to the receiver's running time. The first
 * moment is when it arrived; later ones keep the sender's distances, free of the network's jitter; when the two clocks
 * part by more than a second (a suspended session, a sender that started afresh) the tie is made anew. Pure arithmetic.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SENDER_TIME_NONE UINT64_MAX
/* Sender and arrival time may part this far, in ns. */
#define SENDER_TIME_MAX_ERROR_NS UINT64_C (1000000000)

typedef struct
{
  bool has_epoch;
  uint64_t epoch_ns;    /* running time of ... */
  uint64_t epoch_ticks; /* ... this unwrapped counter value */
  uint64_t ticks;       /* newest unwrapped counter value */
  uint64_t last_ns;     /* newest result, or SENDER_TIME_NONE */
} SenderTime;

void sender_time_reset (SenderTime *time);

/*
 * The unwrapped value of a counter that is `bits` wide on the wire (16 or 32). A step back counts as no step: frames and
 * packets come in order here.
 */
uint64_t sender_time_unwrap (SenderTime *time, uint32_t value, uint32_t bits);

/*
 * Running time in ns of the sender's moment `ticks`, at `rate` ticks a second. `arrival_ns` is the running time of its
 * arrival, or SENDER_TIME_NONE where that is unknown. Results rise strictly.
 */
uint64_t sender_time_map (SenderTime *time, uint64_t ticks, uint32_t rate, uint64_t arrival_ns);
