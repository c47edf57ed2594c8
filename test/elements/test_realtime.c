/*
 * test_realtime.c: real-time priority from the kernel, from rtkit on a bus of the test's own, and from nobody.
 *
 * The program exports a pthread_setschedparam in front of the C library's, which refuses as it does for an ordinary user.
 */
#include <errno.h>
#include <gio/gio.h>
#include <gst/check/gstcheck.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "realtime.h"

static gint kernel_grants; /* atomic */

__attribute__ ((visibility ("default"))) int
pthread_setschedparam (pthread_t thread, int policy, const struct sched_param *param)
{
  return g_atomic_int_get (&kernel_grants) ? 0 : EPERM;
}

/* ---- an rtkit of the test's own ---- */

static const gchar introspection[] =
    "<node><interface name='org.freedesktop.RealtimeKit1'>"
    "<method name='MakeThreadRealtime'><arg type='t' direction='in'/><arg type='u' direction='in'/></method>"
    "<property name='RTTimeUSecMax' type='x' access='read'/>"
    "<property name='MaxRealtimePriority' type='i' access='read'/></interface></node>";

typedef struct
{
  GTestDBus *bus;
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  GMutex lock;
  GCond cond;
  gboolean is_ready;
  gboolean refuses;
  guint64 thread_id; /* asked for */
  guint32 priority;
} Rtkit;

static Rtkit rtkit;

static void
on_call (GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface, const gchar *method,
    GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user)
{
  g_mutex_lock (&rtkit.lock);
  g_variant_get (parameters, "(tu)", &rtkit.thread_id, &rtkit.priority);
  g_mutex_unlock (&rtkit.lock);
  if (rtkit.refuses)
    g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.DBus.Error.AccessDenied", "no");
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static GVariant *
on_get (GDBusConnection *bus, const gchar *sender, const gchar *path, const gchar *interface, const gchar *property,
    GError **error, gpointer user)
{
  return g_str_equal (property, "RTTimeUSecMax") ? g_variant_new_int64 (200000) : g_variant_new_int32 (7);
}

static const GDBusInterfaceVTable vtable = { on_call, on_get, NULL, { 0 } };

static void
on_name (GDBusConnection *bus, const gchar *name, gpointer user)
{
  g_mutex_lock (&rtkit.lock);
  rtkit.is_ready = TRUE;
  g_cond_signal (&rtkit.cond);
  g_mutex_unlock (&rtkit.lock);
}

static gpointer
serve (gpointer data)
{
  GDBusNodeInfo *node = g_dbus_node_info_new_for_xml (introspection, NULL);
  GDBusConnection *bus;
  guint owner;

  g_main_context_push_thread_default (rtkit.context);
  bus = g_dbus_connection_new_for_address_sync (g_test_dbus_get_bus_address (rtkit.bus),
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, NULL);
  g_assert (bus != NULL);
  g_assert (g_dbus_connection_register_object (
                bus, "/org/freedesktop/RealtimeKit1", node->interfaces[0], &vtable, NULL, NULL, NULL)
      > 0);
  owner = g_bus_own_name_on_connection (
      bus, "org.freedesktop.RealtimeKit1", G_BUS_NAME_OWNER_FLAGS_NONE, on_name, NULL, NULL, NULL);
  g_main_loop_run (rtkit.loop);
  g_bus_unown_name (owner);
  g_dbus_connection_close_sync (bus, NULL, NULL);
  g_object_unref (bus);
  g_dbus_node_info_unref (node);
  g_main_context_pop_thread_default (rtkit.context);
  return NULL;
}

static void
start_rtkit (gboolean refuses)
{
  memset (&rtkit, 0, sizeof rtkit);
  rtkit.refuses = refuses;
  rtkit.bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (rtkit.bus);
  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address (rtkit.bus), TRUE);
  rtkit.context = g_main_context_new ();
  rtkit.loop = g_main_loop_new (rtkit.context, FALSE);
  rtkit.thread = g_thread_new ("rtkit", serve, NULL);
  g_mutex_lock (&rtkit.lock);
  while (!rtkit.is_ready)
    g_cond_wait (&rtkit.cond, &rtkit.lock);
  g_mutex_unlock (&rtkit.lock);
}

static void
stop_rtkit (void)
{
  g_main_loop_quit (rtkit.loop);
  g_thread_join (rtkit.thread);
  g_main_loop_unref (rtkit.loop);
  g_main_context_unref (rtkit.context);
  g_test_dbus_stop (rtkit.bus);
  g_object_unref (rtkit.bus);
}

GST_START_TEST (test_kernel_that_grants_is_enough)
{
  Realtime *realtime;

  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", TRUE);
  g_atomic_int_set (&kernel_grants, 1);
  realtime = realtime_request (10);
  fail_unless (realtime_is_granted (realtime));
  realtime_free (realtime);
}

GST_END_TEST;

GST_START_TEST (test_rtkit_is_asked_for_this_thread_within_its_limits)
{
  Realtime *realtime;
  struct rlimit limit;
  guint waited;

  start_rtkit (FALSE);
  realtime = realtime_request (10);
  for (waited = 0; !realtime_is_granted (realtime); waited++) {
    fail_unless (waited < 10000, "rtkit granted and nobody noticed");
    g_usleep (1000);
  }
  fail_unless_equals_uint64 (rtkit.thread_id, (guint64) syscall (SYS_gettid));
  fail_unless_equals_int (rtkit.priority, 7);
  fail_unless (getrlimit (RLIMIT_RTTIME, &limit) == 0);
  fail_unless (limit.rlim_cur <= 200000 && limit.rlim_max <= 200000);
  realtime_free (realtime);
  stop_rtkit ();
}

GST_END_TEST;

GST_START_TEST (test_refusal_and_absence_leave_the_thread_as_it_is)
{
  Realtime *realtime;

  start_rtkit (TRUE);
  realtime = realtime_request (10);
  while (rtkit.thread_id == 0)
    g_usleep (1000);
  realtime_free (realtime);
  stop_rtkit ();
}

GST_END_TEST;

GST_START_TEST (test_without_a_bus_nothing_is_granted_and_nothing_waits)
{
  Realtime *realtime;

  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", TRUE);
  realtime = realtime_request (10);
  g_usleep (20000);
  fail_if (realtime_is_granted (realtime));
  realtime_free (realtime);
}

GST_END_TEST;

static Suite *
realtime_suite (void)
{
  Suite *s = suite_create ("realtime");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_kernel_that_grants_is_enough);
  tcase_add_test (tc, test_rtkit_is_asked_for_this_thread_within_its_limits);
  tcase_add_test (tc, test_refusal_and_absence_leave_the_thread_as_it_is);
  tcase_add_test (tc, test_without_a_bus_nothing_is_granted_and_nothing_waits);
  return s;
}

GST_CHECK_MAIN (realtime);
