/*
 * gstmoonlight.c: the plugin's entry point and nothing else. The elements live in the files of their names.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/gst.h>

GST_ELEMENT_REGISTER_DECLARE (channeltones);
GST_ELEMENT_REGISTER_DECLARE (framecounter);
GST_ELEMENT_REGISTER_DECLARE (framesampler);
GST_ELEMENT_REGISTER_DECLARE (moonlightaudiopay);
GST_ELEMENT_REGISTER_DECLARE (moonlightdepay);
GST_ELEMENT_REGISTER_DECLARE (moonlightpay);
GST_ELEMENT_REGISTER_DECLARE (moonlightsink);
GST_ELEMENT_REGISTER_DECLARE (moonlightsrc);
GST_ELEMENT_REGISTER_DECLARE (wlrscreencopysrc);

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (channeltones, plugin) && GST_ELEMENT_REGISTER (framecounter, plugin)
      && GST_ELEMENT_REGISTER (framesampler, plugin) && GST_ELEMENT_REGISTER (moonlightaudiopay, plugin)
      && GST_ELEMENT_REGISTER (moonlightdepay, plugin) && GST_ELEMENT_REGISTER (moonlightpay, plugin)
      && GST_ELEMENT_REGISTER (moonlightsink, plugin) && GST_ELEMENT_REGISTER (moonlightsrc, plugin)
      && GST_ELEMENT_REGISTER (wlrscreencopysrc, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, moonlight,
    "GameStream payloading, paced sending and receiving", plugin_init, VERSION, "MIT/X11", PACKAGE, PACKAGE)
