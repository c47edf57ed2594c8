/*
 * burstsender.h: moonlightsink without the element: a bounded queue of bursts, and the thread that empties it on the
 * pacer's clock. It knows buffers and sockets, not pads, caps or states.
 *
 * Threads: any thread may call anything but start, stop and free, which belong to the owner and never overlap. No
 * call waits for the network; only burst_sender_drain() waits, and burst_sender_set_unlocked() ends that.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define BURST_SENDER_QUEUE_MAX 64

typedef enum
{
  BURST_PACING_AUTO,
  BURST_PACING_RATE,
  BURST_PACING_SPREAD,
  BURST_PACING_KERNEL,
  BURST_PACING_NONE,
} BurstPacing;

/* The element's properties of the same names, with their defaults and ranges in docs/architecture.md. */
typedef struct
{
  guint version; /* the sender's own: counts the changes */
  gchar *host;
  guint port;
  gchar *source_address;
  guint dscp;
  guint link_kbps;
  BurstPacing pacing;
  guint max_bursts;
  gdouble drop_percent;
  guint drop_seed;
} BurstSenderConfig;

typedef struct _BurstSender BurstSender;

/* `element` is borrowed: it is logged for and posts the messages, and must outlive the sender. */
BurstSender *burst_sender_new (GstElement *element);
void burst_sender_free (BurstSender *sender);

/* The configuration, locked. The second call unlocks it and applies what was changed: the endpoint from the next group
 * on, the rest from the next burst on. */
BurstSenderConfig *burst_sender_lock_config (BurstSender *sender);
void burst_sender_unlock_config (BurstSender *sender);

/* The same for reading: nothing is applied. */
BurstSenderConfig *burst_sender_peek_config (BurstSender *sender);
void burst_sender_release_config (BurstSender *sender);

/* Opens or duplicates (`fd` >= 0) the socket and starts the thread. FALSE with `error` set when there is no usable
 * socket. */
gboolean burst_sender_start (BurstSender *sender, gint fd, GError **error);

/* A stream begins: clears the figures. FALSE with `error` set when `host` or `source_address` is no numeric address.
 * From here to burst_sender_end() such an address leaves the endpoint as it is, with an element warning, once. */
gboolean burst_sender_begin (BurstSender *sender, GError **error);
void burst_sender_end (BurstSender *sender);

/* Ends the thread within some milliseconds, throws the queue away and closes the socket. */
void burst_sender_stop (BurstSender *sender);

/* Queues one burst: a GstBuffer or a GstBufferList (transfer full). `datagram_bytes` > 0: each buffer holds datagrams
 * of that size back to back; 0: each buffer is a datagram. A full queue drops the burst whole, counts it and owes the
 * message. Returns GST_FLOW_ERROR once the socket is gone (the element error has been posted), else GST_FLOW_OK. */
GstFlowReturn burst_sender_push (BurstSender *sender, GstMiniObject *data, guint datagram_bytes);

/* Throws away what is queued and the rest of the burst in hand. */
void burst_sender_flush (BurstSender *sender);

/* While unlocked, burst_sender_drain() returns at once. */
void burst_sender_set_unlocked (BurstSender *sender, gboolean unlocked);

/* Waits until everything queued has been sent. FALSE when ended by burst_sender_set_unlocked() before that. */
gboolean burst_sender_drain (BurstSender *sender);

/* The `stats` structure (transfer full). Datagrams are counted when their burst is done. */
GstStructure *burst_sender_get_stats (BurstSender *sender);

G_END_DECLS
