"""A back end for the real desktop portal that shows one PipeWire node, as a desktop's own would after its dialog, and
that takes note of who keeps the machine awake.

usage: portal_backend.py NODE_ID allow|refuse|forge LOG

Writes a line to LOG for each start: "asked" where a person would have seen the dialog, "restored" where a token that was
handed out before made it needless ("forge" allows too, but first sends refusals that are not the portal's); and "inhibited FLAGS REASON" and "let go" for each inhibition.
Interfaces: org.freedesktop.impl.portal.ScreenCast, version 4; org.freedesktop.impl.portal.Inhibit, version 3.
"""

import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.freedesktop.impl.portal.desktop.lumentest"
OBJECT = "/org/freedesktop/portal/desktop"
INTERFACES = """
<node>
  <interface name="org.freedesktop.impl.portal.ScreenCast">
    <method name="CreateSession">
      <arg type="o" direction="in"/><arg type="o" direction="in"/><arg type="s" direction="in"/>
      <arg type="a{sv}" direction="in"/><arg type="u" direction="out"/><arg type="a{sv}" direction="out"/>
    </method>
    <method name="SelectSources">
      <arg type="o" direction="in"/><arg type="o" direction="in"/><arg type="s" direction="in"/>
      <arg type="a{sv}" direction="in"/><arg type="u" direction="out"/><arg type="a{sv}" direction="out"/>
    </method>
    <method name="Start">
      <arg type="o" direction="in"/><arg type="o" direction="in"/><arg type="s" direction="in"/>
      <arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
      <arg type="u" direction="out"/><arg type="a{sv}" direction="out"/>
    </method>
    <property name="AvailableSourceTypes" type="u" access="read"/>
    <property name="AvailableCursorModes" type="u" access="read"/>
    <property name="version" type="u" access="read"/>
  </interface>
  <interface name="org.freedesktop.impl.portal.Session">
    <method name="Close"/>
    <signal name="Closed"/>
    <property name="version" type="u" access="read"/>
  </interface>
  <interface name="org.freedesktop.impl.portal.Inhibit">
    <method name="Inhibit">
      <arg type="o" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
      <arg type="u" direction="in"/><arg type="a{sv}" direction="in"/>
    </method>
    <property name="version" type="u" access="read"/>
  </interface>
  <interface name="org.freedesktop.impl.portal.Request">
    <method name="Close"/>
  </interface>
</node>
"""
PROPERTIES = {"AvailableSourceTypes": 7, "AvailableCursorModes": 7, "version": 4}
SUCCESS, CANCELLED = 0, 1

node_id, answer, log_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
screen_cast, session, inhibit, request = Gio.DBusNodeInfo.new_for_xml(INTERFACES).interfaces
restored = set()
registrations = {}


def note(line):
    with open(log_file, "a", encoding="utf-8") as log:
        log.write(line + "\n")


def reply(invocation, code, results):
    invocation.return_value(GLib.Variant("(ua{sv})", (code, results)))


def create_session(connection, path, invocation):
    registrations[path] = connection.register_object(path, session, on_session_call, get_property, None)
    reply(invocation, SUCCESS, {})


def forge_refusal(connection, handle):
    client = ":" + handle.split("/")[-2].replace("_", ".")
    for destination in (client, None):
        refusal = GLib.Variant("(ua{sv})", (CANCELLED, {}))
        connection.emit_signal(destination, handle, "org.freedesktop.portal.Request", "Response", refusal)


def start(path, invocation):
    if path not in restored:
        note("asked")
        if answer == "refuse":
            reply(invocation, CANCELLED, {})
            return
    else:
        note("restored")
    stream = (node_id, {"source_type": GLib.Variant("u", 1)})
    results = {
        "streams": GLib.Variant("a(ua{sv})", [stream]),
        "persist_mode": GLib.Variant("u", 2),
        "restore_data": GLib.Variant("(suv)", ("lumentest", 1, GLib.Variant("s", "screen"))),
    }
    reply(invocation, SUCCESS, results)


def on_call(connection, _sender, _path, _interface, method, parameters, invocation):
    handle, path, _app, *rest = parameters.unpack()
    if answer == "forge":
        forge_refusal(connection, handle)
    if method == "CreateSession":
        create_session(connection, path, invocation)
    elif method == "SelectSources":
        if "restore_data" in rest[0]:
            restored.add(path)
        reply(invocation, SUCCESS, {})
    else:
        start(path, invocation)


def on_session_call(connection, _sender, path, _interface, _method, _parameters, invocation):
    note("closed")
    connection.unregister_object(registrations.pop(path))
    invocation.return_value(None)


def on_inhibit(connection, _sender, _path, _interface, _method, parameters, invocation):
    handle, _app, _window, flags, options = parameters.unpack()
    registrations[handle] = connection.register_object(handle, request, on_request_call, None, None)
    note(f"inhibited {flags} {options['reason']}")
    invocation.return_value(None)


def on_request_call(connection, _sender, path, _interface, _method, _parameters, invocation):
    note("let go")
    connection.unregister_object(registrations.pop(path))
    invocation.return_value(None)


def get_property(_connection, _sender, _path, _interface, name):
    return GLib.Variant("u", PROPERTIES[name])


def on_bus(connection, _name):
    connection.register_object(OBJECT, screen_cast, on_call, get_property, None)
    connection.register_object(OBJECT, inhibit, on_inhibit, get_property, None)


Gio.bus_own_name(Gio.BusType.SESSION, NAME, Gio.BusNameOwnerFlags.NONE, on_bus, None, None)
GLib.MainLoop().run()
