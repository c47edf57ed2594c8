/*
 * tsanglib.c: only in builds with TSan: tells it of GLib's locks. The distribution's GLib is not instrumented, and its mutexes
 * and conditions are futexes of its own, so that all that they guard would look like a race. The functions below stand in
 * front of GLib's in every library of the process, call them, and say what they order. The same for the references
 * whose last drop frees an object.
 */
#include <dlfcn.h>
#include <gst/gst.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

#define EXPORT __attribute__ ((visibility ("default")))
/* The function that would have been called but for ours. */
#define NEXT(name) \
  static __typeof__ (name) *next; \
  if (next == NULL) \
  next = (__typeof__ (name) *) dlsym (RTLD_NEXT, #name)

EXPORT void
g_mutex_lock (GMutex *mutex)
{
  NEXT (g_mutex_lock);
  next (mutex);
  __tsan_acquire (mutex);
}

EXPORT gboolean
g_mutex_trylock (GMutex *mutex)
{
  NEXT (g_mutex_trylock);
  if (!next (mutex))
    return FALSE;
  __tsan_acquire (mutex);
  return TRUE;
}

EXPORT void
g_mutex_unlock (GMutex *mutex)
{
  NEXT (g_mutex_unlock);
  __tsan_release (mutex);
  next (mutex);
}

EXPORT void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  NEXT (g_cond_wait);
  __tsan_release (mutex);
  next (cond, mutex);
  __tsan_acquire (mutex);
}

EXPORT gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean signalled;

  NEXT (g_cond_wait_until);
  __tsan_release (mutex);
  signalled = next (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return signalled;
}

EXPORT
gboolean (g_once_init_enter) (volatile void *location)
{
  static gboolean (*next) (volatile void *);
  gboolean is_first;

  if (next == NULL)
    next = (gboolean (*) (volatile void *)) dlsym (RTLD_NEXT, "g_once_init_enter");
  is_first = next (location);
  __tsan_acquire ((void *) location);
  return is_first;
}

EXPORT void (g_once_init_leave) (volatile void *location, gsize result)
{
  static void (*next) (volatile void *, gsize);

  if (next == NULL)
    next = (void (*) (volatile void *, gsize)) dlsym (RTLD_NEXT, "g_once_init_leave");
  __tsan_release ((void *) location);
  next (location, result);
}

EXPORT void
g_object_unref (gpointer object)
{
  NEXT (g_object_unref);
  __tsan_release (object);
  __tsan_acquire (object);
  next (object);
}

EXPORT void
gst_object_unref (gpointer object)
{
  NEXT (gst_object_unref);
  __tsan_release (object);
  __tsan_acquire (object);
  next (object);
}

EXPORT void
gst_mini_object_unref (GstMiniObject *object)
{
  NEXT (gst_mini_object_unref);
  __tsan_release (object);
  __tsan_acquire (object);
  next (object);
}

EXPORT void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  NEXT (g_async_queue_push);
  __tsan_release (queue);
  next (queue, data);
}

EXPORT gpointer
g_async_queue_pop (GAsyncQueue *queue)
{
  gpointer data;

  NEXT (g_async_queue_pop);
  data = next (queue);
  __tsan_acquire (queue);
  return data;
}

EXPORT gpointer
g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout)
{
  gpointer data;

  NEXT (g_async_queue_timeout_pop);
  data = next (queue, timeout);
  __tsan_acquire (queue);
  return data;
}

EXPORT gpointer
g_async_queue_try_pop (GAsyncQueue *queue)
{
  gpointer data;

  NEXT (g_async_queue_try_pop);
  data = next (queue);
  __tsan_acquire (queue);
  return data;
}
