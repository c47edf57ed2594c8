/*
 * ownframe.h: turns a captured buffer into one that may be held: no memory whose life another process controls. Knows
 * buffers and caps; no pads and no threads.
 */
#ifndef LUMEN_OWN_FRAME_H
#define LUMEN_OWN_FRAME_H

#include <gst/gst.h>

typedef struct _OwnFrame OwnFrame;

OwnFrame *own_frame_new (void);
void own_frame_free (OwnFrame *own);

/* Gives the copies' pool back; buffers that are still out stay valid. */
void own_frame_reset (OwnFrame *own);

/*
 * Takes `buffer` (transfer full), whose raw video caps are `caps`, and returns (transfer full) the buffer itself where
 * this process owns its memory, else a copy: system and descriptor memory byte for byte, DMABuf with duplicated
 * descriptors. NULL when the buffer does not hold what the caps say. One thread at a time.
 */
GstBuffer *own_frame_take (OwnFrame *own, GstBuffer *buffer, GstCaps *caps);

#endif
