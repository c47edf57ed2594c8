/*
 * pacer.h: the rate clock that decides when the next group of a burst may leave.
 *
 * Plain arithmetic: no thread, no socket, no clock of its own. Times are CLOCK_MONOTONIC nanoseconds that the caller
 * passes in. One thread uses a Pacer at a time.
 *
 *   R       = 0.9 * link          bytes of UDP payload per second; headers below UDP live in the other tenth
 *   cap     = 0.5 ms * R          at most 45 KB (64 KB above 1 Gbit/s)
 *   group   : what is left of the burst is cut into the fewest equal parts of at most 1.25 caps, so that no short rest
 *             costs a sleep; a group fits one segmentation-offload message and has at least one datagram
 *   due     : the instant at which everything sent so far has drained at R
 *   a group leaves when now >= due - 60 us; then due = max (due, now - group time) + bytes / R
 *   groups less than 60 us apart are one burst on the wire, and together no larger than one group: a group that follows
 *   a short one at once has only what that left of a cap, and one that makes up for lateness leaves 60 us after the one
 *   before it
 *
 * Example: link 800 Mbit/s gives R = 90 MB/s, a cap of 45 000 B, one group each 500 us. A frame of 53 000 B leaves as one
 * group, one of 321 000 B as six of 53 500 B. One of 5000 B lets the next frame begin at once, with at most 40 000 B.
 * Why: docs/decisions/0017-groups-of-equal-size.md.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A wait shorter than this is not slept but carried as debt: sleeping costs about as much. */
#define PACER_DEBT_NS 60000u
#define PACER_GROUP_NS 500000u
#define PACER_CAP_BYTES 45000u
#define PACER_CAP_BYTES_FAST 65507u
/* The largest UDP payload over IPv4, so that a group fits one segmentation-offload message. */
#define PACER_GROUP_BYTES_MAX 65507u
#define PACER_FAST_LINK_KBPS 1000000u
#define PACER_INTERVAL_DEFAULT_NS 16666667u

typedef enum
{
  PACER_RATE,   /* the link's rate, carried across bursts */
  PACER_SPREAD, /* a burst over three quarters of its interval */
  PACER_KERNEL, /* PACER_RATE as departure times for the kernel instead of sleeps */
  PACER_NONE,   /* everything at once */
} PacerShape;

typedef struct
{
  PacerShape shape;
  uint64_t link_rate;  /* R, bytes per second */
  uint64_t burst_rate; /* bytes per second of the burst in hand: R, or more where its deadline needs it */
  uint32_t cap_bytes_max;
  uint64_t burst_bytes; /* of the burst in hand */
  uint64_t left_bytes;  /* of it, not yet sent */
  uint64_t due_ns;      /* when the link is free again */
  uint64_t gone_ns;     /* when the newest group was on its way, all of it */
  uint64_t run_bytes;   /* of it and those before it without a pause of PACER_DEBT_NS */
  uint64_t interval_ns; /* learnt time between bursts */
  bool interval_known;
  uint64_t mean_burst_bytes; /* smoothed, for pacer_needed_link_kbps() */
  uint32_t bursts;           /* seen so far, saturating */
} Pacer;

/* Starts afresh: link free, interval unknown (1/60 s assumed). */
void pacer_init (Pacer *pacer, PacerShape shape, uint32_t link_kbps);

/* Changes shape and link (kbit/s, 0 counts as 1) and keeps the clock, so that a change repays nothing. */
void pacer_configure (Pacer *pacer, PacerShape shape, uint32_t link_kbps);

/* Tells how long after its predecessor a burst came (ns). Values outside 1–100 ms are pauses or pairs and teach
 * nothing. */
void pacer_learn_interval (Pacer *pacer, uint64_t delta_ns);

/* Begins a burst of `bytes` that came to the queue at `arrival_ns` (<= now_ns). Idle time gives no credit. The
 * burst's rate is raised above R only as far as needed to end two intervals after its arrival. */
void pacer_begin (Pacer *pacer, uint64_t now_ns, uint64_t arrival_ns, uint64_t bytes);

/* Most bytes of the next group, which leaves at pacer_wake_ns() of the same time; with PACER_KERNEL of the next message.
 * A single datagram larger than this is a group of its own. */
uint32_t pacer_group_bytes (const Pacer *pacer, uint64_t now_ns);

/* When to wake for the next group: 0 means send now, else an absolute time at least PACER_DEBT_NS away. Always 0 with
 * PACER_KERNEL. */
uint64_t pacer_wake_ns (const Pacer *pacer, uint64_t now_ns);

/* When to wake for the group after one of `bytes` that leaves at its own time; 0 where that is the last of its burst. */
uint64_t pacer_wake_after_ns (const Pacer *pacer, uint64_t bytes);

/* Accounts for a group of `bytes` that leaves at `now_ns` and returns its departure time: `now_ns`, or with
 * PACER_KERNEL the instant the kernel shall hold it until (>= now_ns). */
uint64_t pacer_sent (Pacer *pacer, uint64_t now_ns, uint32_t bytes);

/* Tells that the newest group is on its way, all of it, by `now_ns` (>= the time it left). The pause after it counts from
 * here: a send call that was held up may have sent its last datagram just now. Not needed with PACER_KERNEL. */
void pacer_gone (Pacer *pacer, uint64_t now_ns);

/* The link (kbit/s) that the stream as a whole, not one frame of it, would need for R to suffice; 0 while the
 * configured link is enough or too little has been seen to say (some thirty bursts). */
uint32_t pacer_needed_link_kbps (const Pacer *pacer);
