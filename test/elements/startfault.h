/*
 * startfault.h: an element that must not start, and has to say why.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <string.h>

/* The change to PAUSED fails with an error message about settings that contains `why`. Takes the element. */
static inline void
assert_does_not_start (GstElement *element, const gchar *why)
{
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;

  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
  fail_unless (strstr (error->message, why) != NULL, "%s", error->message);
  fail_unless (strstr (error->message, "0102030405") == NULL); /* no key in messages */
  g_error_free (error);
  gst_message_unref (message);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}
