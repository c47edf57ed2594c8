/*
 * sender.h: what every sender under test is to the benchmark: something that is given an access unit at each tick of
 * the source and brings it onto the wire. The stand-ins are written from a description of how others send, to have
 * their costs beside ours in one run; none of their code was used.
 */
#pragma once

#include "measure.h"
#include "workload.h"

typedef struct
{
  const Workload *workload;
  const UnitRing *ring;
  const char *host; /* numeric IPv4 */
  uint16_t port;
  uint32_t link_kbps; /* lumen and bare only */
  const char *pacing; /* lumen only */
  bool is_send_only;  /* sunshine only: the datagrams are made before the start */
} SenderOptions;

typedef struct
{
  const char *name;
  /* Never NULL: what cannot start ends the program with a message. */
  void *(*start) (const SenderOptions *options);
  /* Called by the source's thread at each tick; `number` counts from 0. */
  void (*frame) (void *sender, const AccessUnit *unit, uint64_t number);
  /* Called after the last frame: ends the threads, adds the sender's own figures, frees everything. */
  void (*stop) (void *sender, JsonLine *line);
} SenderKind;

/* moonlightpay and moonlightsink, as a session uses them. */
extern const SenderKind sender_lumen;
/* Chunks of 16 datagrams over three quarters of the frame's interval; datagrams made beforehand. */
extern const SenderKind sender_seed;
/* Concatenate, encode, and a fixed 800 Mbit/s asked before each batch. */
extern const SenderKind sender_sunshine;
/* A buffer for each datagram and one unpaced burst a frame through udpsink. */
extern const SenderKind sender_wolf;
/* Datagrams made beforehand, by our pacer, sleeps and batches, from the source's own thread: what sending alone costs. */
extern const SenderKind sender_bare;
/* Sends nothing: what the source costs. */
extern const SenderKind sender_idle;

/* --- for the stand-ins --- */

/* An unconnected UDP socket and its destination; ends the program when there is none. */
int sender_open_socket (const SenderOptions *options, void *address_16_bytes);

/* CLOCK_MONOTONIC, absolute; passes through the recorder. */
void sender_sleep_until_ns (uint64_t until_ns);

/* Hands access units from the source's thread to a sending thread. */
typedef struct _FrameBox FrameBox;

typedef struct
{
  AccessUnit unit;
  uint64_t number;
  uint64_t taken_ns;
} BoxedFrame;

/* `bound` frames wait at most, a further one is dropped and counted. */
FrameBox *frame_box_new (uint32_t bound);
void frame_box_put (FrameBox *box, const AccessUnit *unit, uint64_t number);
/* False when the box was closed. */
bool frame_box_take (FrameBox *box, BoxedFrame *frame);
void frame_box_close (FrameBox *box);
uint64_t frame_box_dropped (const FrameBox *box);
void frame_box_free (FrameBox *box);
