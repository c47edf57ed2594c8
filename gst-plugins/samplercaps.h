/*
 * samplercaps.h: what framesampler answers when it is asked for formats and memory. Knows caps and queries; no element.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The same caps with every framerate open. (transfer full) */
GstCaps *sampler_caps_open_rate (const GstCaps *caps);

/* The same caps at n/d frames a second. (transfer full) */
GstCaps *sampler_caps_fix_rate (const GstCaps *caps, gint n, gint d);

/* What `filter` leaves of `caps` (transfer full), in the filter's order; all of them where it is NULL. (transfer full) */
GstCaps *sampler_caps_narrow (GstCaps *caps, GstCaps *filter);

/* Makes room for `extra` buffers more in each pool of an answered allocation query. */
void sampler_caps_grow_pools (GstQuery *query, guint extra);

G_END_DECLS
