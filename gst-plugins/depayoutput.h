/*
 * depayoutput.h: the way out of moonlightdepay: buffers behind their segment, gaps, messages. The streaming thread's own.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (moonlight_depay_debug);

typedef struct
{
  GstElement *element; /* not owned; its object lock guards the figures */
  GstPad *pad;         /* not owned */
  gboolean need_segment;
  gboolean is_discont; /* the next buffer does not follow the one before */
  gboolean has_warned; /* of undecipherable datagrams */
  GstFlowReturn flow;  /* first failure of the pushes since it was set to OK */
} DepayOutput;

/* When the datagram in hand came. */
typedef struct
{
  GstClockTime pts; /* running time, or NONE */
  guint64 ns;       /* CLOCK_MONOTONIC */
} DepayArrival;

/* Takes `buffer` over. */
void depay_output_push (DepayOutput *output, GstBuffer *buffer);

/* Nothing comes for `duration` before `end`: lets a decoder conceal. Nothing before the first buffer. */
void depay_output_gap (DepayOutput *output, GstClockTime end, GstClockTime duration);

/* Posts an element message; takes `structure` over. */
void depay_output_post (DepayOutput *output, GstStructure *structure);

/* Warns, once, of a datagram that the key does not open. */
void depay_output_warn_undecipherable (DepayOutput *output);

G_END_DECLS
