/*
 * payoutput.h: how moonlightpay hands a frame on: the two layouts of its source caps, and the memory of each. Knows pads and
 * buffers; nothing of packets.
 *
 * Threads: the streaming thread's own.
 */
#pragma once

#include <gst/gst.h>

#include "arenapool.h"

G_BEGIN_DECLS

typedef struct
{
  GstPad *pad; /* not owned */
  gboolean is_frame_layout;
  guint datagram_bytes;
  ArenaPool *arenas; /* of layout=frame; NULL until the first frame */
} PayOutput;

/* Chooses the layout for datagrams of `datagram_bytes`: the first structure of the peer's caps that we can meet decides; a
 * peer that takes anything gets datagrams. NULL when there is none, else the caps that say so (transfer full). */
GstCaps *pay_output_choose (PayOutput *output, guint datagram_bytes);

/* A buffer of exactly `count` datagrams, to be written to `*data`; NULL when there is no memory. */
GstBuffer *pay_output_acquire (PayOutput *output, guint count, guint8 **data);

/* Pushes it, filled, in the layout that was chosen; takes `arena` over. */
GstFlowReturn pay_output_push (PayOutput *output, GstBuffer *arena, guint count);

/* Gives the arenas back. Those that are still out stay valid. */
void pay_output_drop_arenas (PayOutput *output);

G_END_DECLS
