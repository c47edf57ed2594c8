/*
 * sampleroutput.h: the source pad's task of framesampler: waits for the time of the next frame and pushes it. Private to
 * the element.
 */
#pragma once

#include "gstframesampler.h"

G_BEGIN_DECLS

/* Starts the task, or lets a paused one go on. */
gboolean sampler_output_start (GstFrameSampler *self);

G_END_DECLS
