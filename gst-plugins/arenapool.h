/*
 * arenapool.h: buffers of one memory each that come back to be filled again, the newest first, because that one is still
 * in the cache: frames that leave one after the other take turns in one arena and not in all there ever were. It never
 * blocks and has no bound but its users'; what it keeps is bounded. A buffer that was changed, or whose memory somebody
 * still reads, is not used again.
 *
 * Threads: any thread may acquire and unref. A buffer may outlive the pool.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _ArenaPool ArenaPool;

ArenaPool *arena_pool_new (void);
void arena_pool_free (ArenaPool *pool);

/* A buffer of exactly `bytes` bytes (at least 1), uninitialised, without timestamps and flags (transfer full). `*data` is
 * its memory, writable as long as the buffer is in no other hands. NULL when there is no memory. */
GstBuffer *arena_pool_acquire (ArenaPool *pool, gsize bytes, guint8 **data);

G_END_DECLS
