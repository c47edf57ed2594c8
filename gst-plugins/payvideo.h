/*
 * payvideo.h: the pictures of moonlightpay, one after another: each is numbered, timed, judged, cut into a filled arena,
 * counted and handed on. What is sent of a picture is payframe.c's, the way out payoutput.c's.
 *
 * Threads: the streaming thread's own, but for what is marked. Nothing here may be called with the element's object lock.
 */
#pragma once

#include <gst/gst.h>

#include "gstpaysession.h"
#include "payfigures.h"
#include "payframe.h"
#include "payoutput.h"
#include "rsfec.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (moonlight_pay_debug);

typedef struct
{
  GstElement *element;          /* not owned */
  const GstPaySession *session; /* not owned; its numbers and its cipher */

  /* With the element's object lock, at any time. */
  guint fec_percentage;  /* 0 to 255 % of the data shards */
  guint min_fec_packets; /* 0 to 255 parity shards of a block */
  PayFigures figures;

  /* As of the caps; the caller's to set before a picture is pushed. */
  PayCodec codec;
  guint packet_size; /* bytes */
  PayOutput output;  /* its layout chosen for this packet size */
  GstSegment segment;

  /* From one picture to the next. */
  RsFec *fec;
  GstCaps *capture_caps;
  guint32 last_timestamp; /* 90 kHz */
  gboolean warned_late_slice;
  gboolean warned_refused;
  gboolean warned_without_parity;
} PayVideo;

/* `self` is all zero. `src_pad` and `session` are the element's and outlive it. */
void pay_video_init (PayVideo *self, GstElement *element, GstPad *src_pad, const GstPaySession *session);

/* Frees what it holds, not the structure. This and the next while no buffer flows. */
void pay_video_clear (PayVideo *self);

/* As at READY to PAUSED: figures, warnings and times begin anew. */
void pay_video_reset (PayVideo *self);

/*
 * Sends one access unit, which stays the caller's. GST_FLOW_ERROR after an error was posted, else what the pad's peer says;
 * GST_FLOW_OK also for one that cannot be sent, which is counted and, the first time, warned of. It has spent its number,
 * so that the client sees the gap; only an empty one spends none.
 */
GstFlowReturn pay_video_push (PayVideo *self, GstBuffer *buffer);

G_END_DECLS
