/*
 * gstpaysession.h: what the payloaders and the depayloader hold of a session: its page of numbers and its cipher, with
 * the properties that say which.
 */
#pragma once

#include <gst/gst.h>

#include "mediacrypt.h"
#include "sessionpage.h"

G_BEGIN_DECLS

#define GST_PAY_SESSION_PAGE_FD_NONE (-1)
#define GST_PAY_SESSION_PACKET_SIZE_DEFAULT 1024
#define GST_PAY_SESSION_PACKET_DURATION_DEFAULT 5

/* Ids of the properties that these elements share; an element installs those it has. Its own begin at _OWN. */
enum
{
  GST_PAY_SESSION_PROP_KEY = 1,
  GST_PAY_SESSION_PROP_KEY_ID,
  GST_PAY_SESSION_PROP_PAGE_FD,
  GST_PAY_SESSION_PROP_PACKET_SIZE,
  GST_PAY_SESSION_PROP_PACKET_DURATION,
  GST_PAY_SESSION_PROP_OWN,
};

typedef struct
{
  /* Properties, with the object lock. */
  gchar *key_text; /* NULL or empty = in the clear */
  guint key_id;
  gint page_fd;      /* -1 = numbers private to the element */
  guint packet_size; /* bytes */
  guint packet_duration_ms;

  /* Set up and torn down by state changes while no buffer flows. */
  SessionPage *page;
  gint opened_fd;    /* what `page` was opened from */
  MediaCrypt *crypt; /* NULL = in the clear */
} GstPaySession;

void gst_pay_session_init (GstPaySession *session);

/* Forgets the key and frees what the session holds, not the structure. */
void gst_pay_session_clear (GstPaySession *session);

/* Installs the properties whose ids `ids` lists, up to a 0. */
void gst_pay_session_install_properties (GObjectClass *klass, const guint *ids);

/* With the object lock. FALSE when the property is none of the above. */
gboolean gst_pay_session_set_property (GstPaySession *session, guint id, const GValue *value);
gboolean gst_pay_session_get_property (GstPaySession *session, guint id, GValue *value);

/*
 * Checks packet-size and makes the cipher that the key says. When either is wrong, posts an error on `element` and
 * returns FALSE: a wrong key must never mean a stream in the clear. To be called while no buffer flows, without the
 * object lock; so is the next one.
 */
gboolean gst_pay_session_prepare_wire (GstPaySession *session, GstElement *element);

/* The same, and opens the page. One that is already open from the same descriptor is kept, because going to READY and back
 * must not start the numbers afresh. */
gboolean gst_pay_session_prepare (GstPaySession *session, GstElement *element);

/* Ends the cipher; the numbers stay. */
void gst_pay_session_stop (GstPaySession *session);

G_END_DECLS
