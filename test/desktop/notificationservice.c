/*
 * The notification service of a desktop, for tests (Desktop Notifications Specification 1.2): writes what it is asked to
 * show and to take back to standard output, one line each, fields separated by tabs.
 */
#include <gio/gio.h>
#include <stdio.h>

static const char introspection[] =
    "<node><interface name='org.freedesktop.Notifications'>"
    "<method name='GetCapabilities'><arg type='as' direction='out'/></method>"
    "<method name='Notify'>"
    "<arg type='s' direction='in'/><arg type='u' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='as' direction='in'/>"
    "<arg type='a{sv}' direction='in'/><arg type='i' direction='in'/><arg type='u' direction='out'/>"
    "</method>"
    "<method name='CloseNotification'><arg type='u' direction='in'/></method>"
    "</interface></node>";

static guint32 last_id;

static void
notify (GVariant *parameters, GDBusMethodInvocation *invocation)
{
  const char *app, *icon, *summary, *body;

  g_variant_get (parameters, "(&su&s&s&s@as@a{sv}i)", &app, NULL, &icon, &summary, &body, NULL, NULL, NULL);
  last_id++;
  printf ("notify\t%u\t%s\t%s\t%s\n", last_id, app, summary, body);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u)", last_id));
}

static void
handle_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
    const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer user_data)
{
  static const char *capabilities[] = { "body", "body-markup", NULL };
  guint32 id;

  (void) connection, (void) sender, (void) path, (void) interface, (void) user_data;
  if (g_str_equal (method, "Notify")) {
    notify (parameters, invocation);
  } else if (g_str_equal (method, "GetCapabilities")) {
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(^as)", capabilities));
  } else {
    g_variant_get (parameters, "(u)", &id);
    printf ("close\t%u\n", id);
    g_dbus_method_invocation_return_value (invocation, NULL);
  }
}

static const GDBusInterfaceVTable vtable = { .method_call = handle_call };

static void
on_bus (GDBusConnection *connection, const char *name, gpointer user_data)
{
  GDBusNodeInfo *info = user_data;
  GError *error = NULL;

  (void) name;
  if (g_dbus_connection_register_object (
          connection, "/org/freedesktop/Notifications", info->interfaces[0], &vtable, NULL, NULL, &error)
      == 0)
    g_error ("%s", error->message);
}

static void
on_name (GDBusConnection *connection, const char *name, gpointer user_data)
{
  (void) connection, (void) name, (void) user_data;
  printf ("ready\n");
}

int
main (void)
{
  GDBusNodeInfo *info = g_dbus_node_info_new_for_xml (introspection, NULL);
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);

  setvbuf (stdout, NULL, _IOLBF, 0);
  g_bus_own_name (G_BUS_TYPE_SESSION, "org.freedesktop.Notifications", G_BUS_NAME_OWNER_FLAGS_NONE, on_bus, on_name,
      NULL, info, NULL);
  g_main_loop_run (loop);
  return 0;
}
