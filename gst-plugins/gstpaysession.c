/*
 * gstpaysession.c: see gstpaysession.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstpaysession.h"

#include <string.h>

#include "nvpacket.h"
#include "propertyfields.h"

/* ---- properties ---- */

static void
forget_key (GstPaySession *session)
{
  if (session->key_text != NULL)
    explicit_bzero (session->key_text, strlen (session->key_text));
  g_clear_pointer (&session->key_text, g_free);
}

void
gst_pay_session_init (GstPaySession *session)
{
  session->page_fd = session->opened_fd = GST_PAY_SESSION_PAGE_FD_NONE;
  session->packet_size = GST_PAY_SESSION_PACKET_SIZE_DEFAULT;
  session->packet_duration_ms = GST_PAY_SESSION_PACKET_DURATION_DEFAULT;
}

void
gst_pay_session_clear (GstPaySession *session)
{
  gst_pay_session_stop (session);
  g_clear_pointer (&session->page, session_page_free);
  forget_key (session);
}

static GParamSpec *
new_spec (guint id)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  switch (id) {
    case GST_PAY_SESSION_PROP_KEY:
      /* Never readable, and the host never puts it into a launch string, so that it shows in no process list or dump. */
      return g_param_spec_string ("key", "Key",
          "32 hex digits turn AES-128 on (video GCM, audio CBC), empty turns it off; used from the next start", NULL,
          G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    case GST_PAY_SESSION_PROP_KEY_ID:
      return g_param_spec_uint ("key-id", "Key id",
          "rikeyid of the launch as unsigned 32 bit, added to the sequence number to make each audio packet's IV", 0,
          G_MAXUINT32, 0, ready);
    case GST_PAY_SESSION_PROP_PAGE_FD:
      /* At least 4096 bytes with the layout of sessionpage.h; the caller keeps owning the descriptor. */
      return g_param_spec_int ("session-page-fd", "Session page",
          "Descriptor of the file that holds the session's numbers; mapped on the way to PAUSED. -1 counts from zero",
          -1, G_MAXINT, GST_PAY_SESSION_PAGE_FD_NONE, ready);
    case GST_PAY_SESSION_PROP_PACKET_SIZE:
      return g_param_spec_uint ("packet-size", "Packet size",
          "Bytes of a packet less its RTP header, a multiple of 16, as client and host agreed; a shard is 16 bytes "
          "longer. Not changed after caps",
          NV_PACKET_SIZE_MIN, NV_PACKET_SIZE_MAX, GST_PAY_SESSION_PACKET_SIZE_DEFAULT, ready);
    default:
      return g_param_spec_uint ("packet-duration", "Packet duration", "Milliseconds of sound in an Opus packet (1-60)",
          1, 60, GST_PAY_SESSION_PACKET_DURATION_DEFAULT, ready);
  }
}

void
gst_pay_session_install_properties (GObjectClass *klass, const guint *ids)
{
  for (; *ids != 0; ids++)
    g_object_class_install_property (klass, *ids, new_spec (*ids));
}

/* All but the key, which can only be written. */
static const gsize fields[] = {
  [GST_PAY_SESSION_PROP_KEY_ID] = G_STRUCT_OFFSET (GstPaySession, key_id),
  [GST_PAY_SESSION_PROP_PAGE_FD] = G_STRUCT_OFFSET (GstPaySession, page_fd),
  [GST_PAY_SESSION_PROP_PACKET_SIZE] = G_STRUCT_OFFSET (GstPaySession, packet_size),
  [GST_PAY_SESSION_PROP_PACKET_DURATION] = G_STRUCT_OFFSET (GstPaySession, packet_duration_ms),
};

gboolean
gst_pay_session_set_property (GstPaySession *session, guint id, const GValue *value)
{
  if (id != GST_PAY_SESSION_PROP_KEY)
    return property_fields_set (session, fields, G_N_ELEMENTS (fields), id, value);
  forget_key (session);
  session->key_text = g_value_dup_string (value);
  return TRUE;
}

gboolean
gst_pay_session_get_property (GstPaySession *session, guint id, GValue *value)
{
  return property_fields_get (session, fields, G_N_ELEMENTS (fields), id, value);
}

/* ---- states ---- */

static gboolean
check_packet_size (GstPaySession *session, GstElement *element)
{
  guint packet_size;

  GST_OBJECT_LOCK (element);
  packet_size = session->packet_size;
  GST_OBJECT_UNLOCK (element);
  if (packet_size % 16 != 0)
    GST_ELEMENT_ERROR (
        element, RESOURCE, SETTINGS, ("packet-size is %u, which is not a multiple of 16.", packet_size), (NULL));
  return packet_size % 16 == 0;
}

static gboolean
prepare_cipher (GstPaySession *session, GstElement *element)
{
  guint8 key[MEDIA_KEY_BYTES];
  gboolean has_key, is_key;

  g_clear_pointer (&session->crypt, media_crypt_free);
  GST_OBJECT_LOCK (element);
  has_key = session->key_text != NULL && *session->key_text != '\0';
  is_key = has_key && media_key_parse (session->key_text, key);
  GST_OBJECT_UNLOCK (element);
  if (!has_key)
    return TRUE;
  if (!is_key) {
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS, ("The key is not 32 hex digits."), (NULL));
    return FALSE;
  }
  session->crypt = media_crypt_new (key);
  explicit_bzero (key, sizeof key);
  if (session->crypt == NULL)
    GST_ELEMENT_ERROR (element, LIBRARY, INIT, ("OpenSSL does not provide AES-128 in GCM and CBC mode."), (NULL));
  return session->crypt != NULL;
}

static gboolean
prepare_page (GstPaySession *session, GstElement *element)
{
  SessionPageResult result = SESSION_PAGE_OK;
  gint page_fd;

  GST_OBJECT_LOCK (element);
  page_fd = session->page_fd;
  GST_OBJECT_UNLOCK (element);
  if (session->page != NULL && session->opened_fd == page_fd)
    return TRUE;
  g_clear_pointer (&session->page, session_page_free);
  session->opened_fd = page_fd;
  session->page = page_fd < 0 ? session_page_new_private () : session_page_open (page_fd, &result);
  if (session->page == NULL)
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("The session page behind descriptor %d cannot be used: %s.", page_fd, session_page_result_text (result)),
        (NULL));
  return session->page != NULL;
}

gboolean
gst_pay_session_prepare_wire (GstPaySession *session, GstElement *element)
{
  return check_packet_size (session, element) && prepare_cipher (session, element);
}

gboolean
gst_pay_session_prepare (GstPaySession *session, GstElement *element)
{
  return gst_pay_session_prepare_wire (session, element) && prepare_page (session, element);
}

void
gst_pay_session_stop (GstPaySession *session)
{
  g_clear_pointer (&session->crypt, media_crypt_free);
}
