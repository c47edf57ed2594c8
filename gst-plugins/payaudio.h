/*
 * payaudio.h: the Opus packets of moonlightaudiopay, one after another: each is numbered, encrypted where there is a key,
 * counted and handed on as a datagram, the fourth of a block with the parity behind it. The payloads of a block are
 * audioblock.c's, the byte layouts nvpacket.c's (protocol/audio.md).
 *
 * Threads: the streaming thread's own, but for the figures. Nothing here may be called with the element's object lock.
 */
#pragma once

#include <gst/gst.h>

#include "audioblock.h"
#include "gstpaysession.h"
#include "rsfec.h"

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (moonlight_audio_pay_debug);

/* What the encoder's caps say of its packets, taken as it is: any number. */
typedef struct
{
  gint channels;
  gint streams;
  gint coupled;
} PayAudioLayout;

/* In the order of `stats`. With the element's object lock. */
typedef struct
{
  guint64 packets;
  guint64 parity_packets;
  guint64 bytes;
  guint64 size_changes;
  guint64 packets_refused;
  PayAudioLayout layout; /* the caller's to set; zeros before there are caps */
} PayAudioFigures;

typedef struct
{
  GstElement *element;          /* not owned */
  GstPad *pad;                  /* not owned; the way out */
  const GstPaySession *session; /* not owned; its numbers and its cipher */

  PayAudioFigures figures;

  /* As of the caps; the caller's to set before a packet is pushed. */
  guint32 key_id;
  guint32 packet_duration_ms;

  /* From one packet to the next. */
  RsFec *fec;
  AudioBlock block;         /* empty or full: the next packet reserves one */
  gsize last_payload_bytes; /* 0 = none yet */
  gboolean warned_size;
  gboolean warned_refused;
} PayAudio;

/* `self` is all zero. `src_pad` and `session` are the element's and outlive it. */
void pay_audio_init (PayAudio *self, GstElement *element, GstPad *src_pad, const GstPaySession *session);

/* Frees what it holds, not the structure. This and the next while no buffer flows. */
void pay_audio_clear (PayAudio *self);

/* As at READY to PAUSED: figures and warnings begin anew, and so does the block. */
void pay_audio_reset (PayAudio *self);

/*
 * Sends one Opus packet, which stays the caller's, at once. GST_FLOW_ERROR after an error was posted, else what the pad's
 * peer says; GST_FLOW_OK also for a stream header, which is left out, and for a packet that cannot be sent, which is
 * counted and, the first time, warned of. Neither spends a number.
 */
GstFlowReturn pay_audio_push (PayAudio *self, GstBuffer *buffer);

/* The element's `stats` (transfer full). */
GstStructure *pay_audio_create_stats (PayAudio *self);

G_END_DECLS
