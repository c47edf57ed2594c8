/*
 * gstpaysession.h: what both payloaders hold of a session: its page of numbers and its cipher.
 */
#pragma once

#include <gst/gst.h>

#include "mediacrypt.h"
#include "sessionpage.h"

G_BEGIN_DECLS

typedef struct
{
  SessionPage *page;
  gint page_fd;      /* what `page` was opened from; -1 = private to the element */
  MediaCrypt *crypt; /* NULL = in the clear */
} GstPaySession;

/*
 * Opens what `page_fd` and `key_text` (NULL or empty: no cipher) say. On failure posts an error on `element` and
 * returns FALSE; a wrong key must never mean a stream in the clear. A page that is already open from the same
 * descriptor is kept, because going to READY and back must not start the numbers afresh.
 * To be called while no buffer flows, without the object lock.
 */
gboolean gst_pay_session_prepare (GstPaySession *session, GstElement *element, gint page_fd, const gchar *key_text);

/* Forgets the key; the numbers stay. */
void gst_pay_session_stop (GstPaySession *session);

/* Frees what the session holds, not the structure. */
void gst_pay_session_clear (GstPaySession *session);

G_END_DECLS
