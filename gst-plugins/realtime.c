/*
 * realtime.c: see realtime.h.
 */
#include "realtime.h"

#include <gio/gio.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RTKIT_NAME "org.freedesktop.RealtimeKit1"
#define RTKIT_PATH "/org/freedesktop/RealtimeKit1"
#define ANSWER_MS 2000

struct _Realtime
{
  gint is_granted; /* atomic */
  gint priority;
  guint64 thread_id;
  GThread *asker; /* NULL where the kernel granted at once */
  GCancellable *cancellable;
};

/* A property of rtkit; 0 when there is none. */
static gint64
read_limit (Realtime *self, GDBusConnection *bus, const gchar *name)
{
  GVariant *reply, *boxed;
  gint64 value = 0;

  reply = g_dbus_connection_call_sync (bus, RTKIT_NAME, RTKIT_PATH, "org.freedesktop.DBus.Properties", "Get",
      g_variant_new ("(ss)", RTKIT_NAME, name), G_VARIANT_TYPE ("(v)"), G_DBUS_CALL_FLAGS_NONE, ANSWER_MS,
      self->cancellable, NULL);
  if (!reply)
    return 0;
  g_variant_get (reply, "(v)", &boxed);
  if (g_variant_is_of_type (boxed, G_VARIANT_TYPE_INT32))
    value = g_variant_get_int32 (boxed);
  else if (g_variant_is_of_type (boxed, G_VARIANT_TYPE_INT64))
    value = g_variant_get_int64 (boxed);
  g_variant_unref (boxed);
  g_variant_unref (reply);
  return value;
}

/* rtkit serves only processes whose real-time threads the kernel ends when they run for long without a pause; ours
 * sleeps after each group. */
static bool
limit_cpu_time (gint64 max_us)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_RTTIME, &limit) != 0)
    return false;
  limit.rlim_max = MIN (limit.rlim_max, (rlim_t) max_us);
  limit.rlim_cur = MIN (limit.rlim_cur, limit.rlim_max);
  return setrlimit (RLIMIT_RTTIME, &limit) == 0;
}

static bool
ask_rtkit (Realtime *self, GDBusConnection *bus)
{
  gint64 max_us = read_limit (self, bus, "RTTimeUSecMax"), highest = read_limit (self, bus, "MaxRealtimePriority");
  GVariant *reply;

  if (max_us <= 0 || highest <= 0 || !limit_cpu_time (max_us))
    return false;
  reply = g_dbus_connection_call_sync (bus, RTKIT_NAME, RTKIT_PATH, RTKIT_NAME, "MakeThreadRealtime",
      g_variant_new ("(tu)", self->thread_id, (guint32) MIN (highest, self->priority)), NULL, G_DBUS_CALL_FLAGS_NONE,
      ANSWER_MS, self->cancellable, NULL);
  if (!reply)
    return false;
  g_variant_unref (reply);
  return true;
}

static gpointer
asker_thread (gpointer data)
{
  Realtime *self = data;
  GDBusConnection *bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, self->cancellable, NULL);

  if (!bus)
    return NULL;
  g_dbus_connection_set_exit_on_close (bus, FALSE);
  if (ask_rtkit (self, bus))
    g_atomic_int_set (&self->is_granted, 1);
  g_object_unref (bus);
  return NULL;
}

Realtime *
realtime_request (int priority)
{
  const struct sched_param param = { .sched_priority = priority };
  Realtime *self = g_new0 (Realtime, 1);

  if (pthread_setschedparam (pthread_self (), SCHED_FIFO, &param) == 0) {
    self->is_granted = 1;
    return self;
  }
  self->priority = priority;
  self->thread_id = (guint64) syscall (SYS_gettid);
  self->cancellable = g_cancellable_new ();
  self->asker = g_thread_try_new ("ask-rtkit", asker_thread, self, NULL);
  return self;
}

bool
realtime_is_granted (Realtime *self)
{
  return g_atomic_int_get (&self->is_granted) != 0;
}

void
realtime_free (Realtime *self)
{
  if (self->cancellable)
    g_cancellable_cancel (self->cancellable);
  if (self->asker)
    g_thread_join (self->asker);
  g_clear_object (&self->cancellable);
  g_free (self);
}
