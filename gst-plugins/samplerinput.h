/*
 * samplerinput.h: the sink pad of framesampler: keeps the newest frame, never blocks. Private to the element.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The pad's chain and event functions. */
GstFlowReturn sampler_input_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean sampler_input_event (GstPad *pad, GstObject *parent, GstEvent *event);

G_END_DECLS
