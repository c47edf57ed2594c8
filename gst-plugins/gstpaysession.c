/*
 * gstpaysession.c: see gstpaysession.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstpaysession.h"

#include <string.h>

static gboolean
prepare_key (GstPaySession *session, GstElement *element, const gchar *key_text)
{
  guint8 key[MEDIA_KEY_BYTES];

  g_clear_pointer (&session->crypt, media_crypt_free);
  if (key_text == NULL || *key_text == '\0')
    return TRUE;
  if (!media_key_parse (key_text, key)) {
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
prepare_page (GstPaySession *session, GstElement *element, gint page_fd)
{
  SessionPageResult result = SESSION_PAGE_OK;

  if (session->page != NULL && session->page_fd == page_fd)
    return TRUE;
  g_clear_pointer (&session->page, session_page_free);
  session->page_fd = page_fd;
  session->page = page_fd < 0 ? session_page_new_private () : session_page_open (page_fd, &result);
  if (session->page == NULL)
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("The session page behind descriptor %d cannot be used: %s.", page_fd, session_page_result_text (result)),
        (NULL));
  return session->page != NULL;
}

gboolean
gst_pay_session_prepare (GstPaySession *session, GstElement *element, gint page_fd, const gchar *key_text)
{
  return prepare_key (session, element, key_text) && prepare_page (session, element, page_fd);
}

void
gst_pay_session_stop (GstPaySession *session)
{
  g_clear_pointer (&session->crypt, media_crypt_free);
}

void
gst_pay_session_clear (GstPaySession *session)
{
  gst_pay_session_stop (session);
  g_clear_pointer (&session->page, session_page_free);
}
