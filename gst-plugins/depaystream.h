/*
 * depaystream.h: the stream that moonlightdepay has in hand, of either medium: opened by the caps of its datagrams and fed
 * with them, with what is counted of it. Knows pads and buffers; what becomes of a datagram is depayvideo.c's and
 * depayaudio.c's affair.
 *
 * Threads: the streaming thread's own, but for depay_stream_get_stats(), which any thread may call; new, free, reset and
 * close are for the owner while no buffer flows. The object lock of the element guards the figures and which medium they
 * are of; every call takes it by itself, so none is made with it.
 */
#pragma once

#include <gst/gst.h>

#include "depayaudio.h"
#include "depayvideo.h"

G_BEGIN_DECLS

typedef struct _DepayStream DepayStream;

/* What the caps do not say, for whichever medium they choose. */
typedef struct
{
  DepayVideoSetup video;
  DepayAudioSetup audio;
  const gchar *layout; /* digits, for opus_layout_parse(); NULL or empty = what the caps say */
} DepayStreamSetup;

/* Nothing is open yet. `element`, which posts the messages, and `pad`, where all comes out, are borrowed; free and close
 * touch neither. */
DepayStream *depay_stream_new (GstElement *element, GstPad *pad);
void depay_stream_free (DepayStream *self);

/* As at READY to PAUSED: clears the figures and forgets the segment. */
void depay_stream_reset (DepayStream *self);

/*
 * Begins the stream that `caps` (fixed, as the element's sink pad takes them) name, in place of one of the other medium,
 * and pushes the caps of what comes out. A stream of the same medium goes on as it was set up. What `setup` points to
 * outlives the stream; `layout` need only outlive the call. FALSE when nobody downstream takes the caps.
 */
gboolean depay_stream_open (DepayStream *self, const DepayStreamSetup *setup, const GstCaps *caps);

/* Throws away what is incomplete; the figures stay. */
void depay_stream_close (DepayStream *self);

/* Of the input, for the timestamps of what is pushed from here on (copied). */
void depay_stream_set_segment (DepayStream *self, const GstSegment *segment);

/* After a flush: nothing of what came before counts, nor does the segment. */
void depay_stream_restart (DepayStream *self);

/* The input ends: what can still be made of it is pushed, and what is lost is reported at once. */
void depay_stream_drain (DepayStream *self);

/* Takes a datagram, or a list of them, over. Returns the first failure downstream, after which the rest of a list is thrown
 * away, or GST_FLOW_NOT_NEGOTIATED when nothing is open. */
GstFlowReturn depay_stream_push (DepayStream *self, GstBuffer *datagram);
GstFlowReturn depay_stream_push_list (DepayStream *self, GstBufferList *datagrams);

/* The element's `stats` (transfer full), of the medium that was opened last; of video when none was. */
GstStructure *depay_stream_get_stats (DepayStream *self);

G_END_DECLS
