/*
 * arenapool.c: see arenapool.h. A buffer finds its way back through the dispose function of its mini object, which may
 * revive it, as GstBufferPool does. GstBufferPool itself hands out the oldest buffer first.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "arenapool.h"

/* First size of the arenas: a frame of 20 Mbit/s at 60 fps is 53 kB with its parity. */
#define FIRST_ARENA_BYTES (256u << 10)
/* Free arenas that are kept: two wait in a queue, one is being sent, one being filled. */
#define KEPT_MAX 4u
/* A cache line, less one: datagrams of 1408 bytes then begin at one each, and neither parity nor the kernel reads two for
 * what lies in one. */
#define ARENA_ALIGN 63u

typedef struct
{
  ArenaPool *pool;
  GstBuffer *buffer; /* owned by whoever has the buffer, by `kept` when nobody has */
  GstMemory *memory; /* of the buffer */
  guint8 *data;
  gsize bytes;
} Arena;

struct _ArenaPool
{
  gint refs; /* atomic: the owner's, and one an arena */

  GMutex lock;
  /* with lock */
  Arena *kept[KEPT_MAX];
  guint n_kept;
  gsize arena_bytes;
  gboolean is_closed;
};

/* Under which a buffer carries its Arena; set before there is one. */
static GQuark arena_quark;

static void
pool_unref (ArenaPool *pool)
{
  if (!g_atomic_int_dec_and_test (&pool->refs))
    return;
  g_mutex_clear (&pool->lock);
  g_free (pool);
}

static void
arena_free (gpointer data)
{
  Arena *arena = data;

  pool_unref (arena->pool);
  g_free (arena);
}

/* Nobody has put anything into the buffer, or still has a part of it. */
static gboolean
is_untouched (const Arena *arena)
{
  gpointer state = NULL;

  return gst_buffer_n_memory (arena->buffer) == 1 && gst_buffer_peek_memory (arena->buffer, 0) == arena->memory
      && gst_buffer_is_all_memory_writable (arena->buffer) && gst_buffer_iterate_meta (arena->buffer, &state) == NULL;
}

static gboolean
keep (ArenaPool *pool, Arena *arena)
{
  gboolean is_kept = FALSE;

  g_mutex_lock (&pool->lock);
  if (!pool->is_closed && pool->n_kept < KEPT_MAX && arena->bytes == pool->arena_bytes) {
    pool->kept[pool->n_kept++] = arena;
    is_kept = TRUE;
  }
  g_mutex_unlock (&pool->lock);
  return is_kept;
}

/* The last reference is gone: the buffer is revived, as its memory is writable only with a writable buffer, and kept or
 * let go for good. FALSE: nothing is left to be done. */
static gboolean
arena_dispose (GstMiniObject *object)
{
  Arena *arena = gst_mini_object_get_qdata (object, arena_quark);

  gst_mini_object_ref (object);
  if (!is_untouched (arena) || !keep (arena->pool, arena)) {
    object->dispose = NULL;
    gst_mini_object_unref (object);
  }
  return FALSE;
}

static Arena *
arena_new (ArenaPool *pool, gsize bytes)
{
  GstAllocationParams params = { .align = ARENA_ALIGN };
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, bytes, &params);
  GstMapInfo map;
  Arena *arena;

  if (buffer == NULL || !gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    gst_clear_buffer (&buffer);
    return NULL;
  }
  arena = g_new (Arena, 1);
  /* System memory stays where it is. */
  *arena = (Arena) { pool, buffer, map.memory, map.data, bytes };
  gst_buffer_unmap (buffer, &map);
  g_atomic_int_inc (&pool->refs);
  gst_mini_object_set_qdata (GST_MINI_OBJECT_CAST (buffer), arena_quark, arena, arena_free);
  GST_MINI_OBJECT_CAST (buffer)->dispose = arena_dispose;
  return arena;
}

/* Takes the kept arenas out; they are to be freed without lock. */
static guint
take_kept (ArenaPool *pool, Arena **taken)
{
  guint n = pool->n_kept;

  for (guint i = 0; i < n; i++)
    taken[i] = pool->kept[i];
  pool->n_kept = 0;
  return n;
}

ArenaPool *
arena_pool_new (void)
{
  ArenaPool *pool = g_new0 (ArenaPool, 1);

  arena_quark = g_quark_from_static_string ("lumen-arena");
  pool->refs = 1;
  pool->arena_bytes = FIRST_ARENA_BYTES;
  g_mutex_init (&pool->lock);
  return pool;
}

void
arena_pool_free (ArenaPool *pool)
{
  Arena *taken[KEPT_MAX];
  guint n;

  g_mutex_lock (&pool->lock);
  pool->is_closed = TRUE;
  n = take_kept (pool, taken);
  g_mutex_unlock (&pool->lock);
  while (n > 0)
    gst_buffer_unref (taken[--n]->buffer);
  pool_unref (pool);
}

GstBuffer *
arena_pool_acquire (ArenaPool *pool, gsize bytes, guint8 **data)
{
  Arena *outgrown[KEPT_MAX], *arena = NULL;
  guint n_outgrown = 0;
  gsize arena_bytes;

  g_mutex_lock (&pool->lock);
  if (bytes > pool->arena_bytes)
    n_outgrown = take_kept (pool, outgrown);
  while (pool->arena_bytes < bytes)
    pool->arena_bytes *= 2;
  arena_bytes = pool->arena_bytes;
  if (pool->n_kept > 0)
    arena = pool->kept[--pool->n_kept];
  g_mutex_unlock (&pool->lock);

  while (n_outgrown > 0)
    gst_buffer_unref (outgrown[--n_outgrown]->buffer);
  if (arena == NULL && (arena = arena_new (pool, arena_bytes)) == NULL)
    return NULL;
  gst_buffer_set_size (arena->buffer, (gssize) bytes);
  GST_BUFFER_PTS (arena->buffer) = GST_BUFFER_DTS (arena->buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (arena->buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_FLAGS (arena->buffer) = 0;
  *data = arena->data;
  return arena->buffer;
}
