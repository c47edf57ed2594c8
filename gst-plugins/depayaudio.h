/*
 * depayaudio.h: the audio side of moonlightdepay: datagrams of one stream to Opus packets on the pad. Order and recovery
 * are audioqueue.c's.
 *
 * Threads: the streaming thread's own, but for the figures.
 */
#pragma once

#include <gst/gst.h>

#include "audioqueue.h"
#include "clockdrift.h"
#include "depayoutput.h"
#include "mediacrypt.h"

G_BEGIN_DECLS

typedef struct _DepayAudio DepayAudio;

/* Outlive the stream; with the object lock of the element. */
typedef struct
{
  guint64 datagrams, decrypt_failures;
  guint64 packets; /* passed on */
  AudioQueueStats queue;
  ClockDrift drift;
} DepayAudioFigures;

typedef struct
{
  guint packet_duration_ms;
  MediaCrypt *crypt; /* not owned; NULL = in the clear */
  guint32 key_id;
} DepayAudioSetup;

/* `output` and `figures` are the caller's and outlive the result. */
DepayAudio *depay_audio_new (const DepayAudioSetup *setup, DepayOutput *output, DepayAudioFigures *figures);
void depay_audio_free (DepayAudio *self);

/* After a flush, as at the start: nothing of what came before counts. */
void depay_audio_restart (DepayAudio *self);

/* Takes one datagram (copied). */
void depay_audio_push (DepayAudio *self, const guint8 *data, gsize size, const DepayArrival *arrival);

/* After `datagrams` were pushed: brings the figures up to date. */
void depay_audio_finish (DepayAudio *self, guint datagrams);

/* The stream ends: what is there of an incomplete block is passed on. */
void depay_audio_drain (DepayAudio *self);

/* As at READY to PAUSED. Without the object lock. */
void depay_audio_figures_reset (DepayAudioFigures *figures, GstElement *element);

/* The element's `stats` (transfer full). With the object lock. */
GstStructure *depay_audio_figures_to_structure (const DepayAudioFigures *figures);

G_END_DECLS
