"""A peer on the session bus that passes descriptors, as org.example.Peer.

Readable answers with one, Unreadable with one and with another that its message does not carry, Signal sends one in a
signal, Late answers with one after a tenth of a second, and Quiet with nothing once Late has answered.
"""

import os

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.example.Peer"
METHODS = ("Readable", "Unreadable", "Signal", "Late", "Quiet")
INTERFACE = "".join(f'<method name="{name}"/>' for name in METHODS)


def with_descriptor(message, body):
    reading, writing = os.pipe()
    os.write(writing, b"passed on")
    os.close(writing)
    descriptors = Gio.UnixFDList.new()
    descriptors.append(reading)
    os.close(reading)
    message.set_body(body)
    message.set_unix_fd_list(descriptors)
    return message


def answer(connection, message, body):
    reply = with_descriptor(Gio.DBusMessage.new_method_reply(message), body)
    connection.send_message(reply, Gio.DBusSendMessageFlags.NONE)
    return GLib.SOURCE_REMOVE


def on_call(connection, _sender, _path, _interface, method, _parameters, invocation):
    message = invocation.get_message()
    if method == "Readable":
        answer(connection, message, GLib.Variant("(h)", (0,)))
    elif method == "Unreadable":
        answer(connection, message, GLib.Variant("(hh)", (0, 7)))
    elif method == "Late":
        GLib.timeout_add(100, answer, connection, message, GLib.Variant("(h)", (0,)))
    elif method == "Quiet":
        GLib.timeout_add(200, invocation.return_value, None)
    else:
        signal = Gio.DBusMessage.new_signal("/", NAME, "Passed")
        connection.send_message(with_descriptor(signal, GLib.Variant("(hs)", (0, "after it"))), 0)
        invocation.return_value(None)


def on_bus(connection, _name):
    node = Gio.DBusNodeInfo.new_for_xml(f'<node><interface name="{NAME}">{INTERFACE}</interface></node>')
    connection.register_object("/", node.interfaces[0], on_call, None, None)


Gio.bus_own_name(Gio.BusType.SESSION, NAME, Gio.BusNameOwnerFlags.NONE, on_bus, None, None)
GLib.MainLoop().run()
