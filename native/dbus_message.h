// The values of D-Bus messages as JavaScript values, by their signature. The shapes of all types are in
// src/support/dbus.ts.

#pragma once

#include <napi.h>
#include <systemd/sd-bus.h>

#include <string>

namespace lumen {

// Appends `values`, one for each complete type of `signature`. Throws a TypeError for values that do not fit.
void AppendValues(Napi::Env env, sd_bus_message *message, const std::string &signature, const Napi::Array &values);

// What becomes of the descriptors in a message.
enum class Descriptors {
  // The reader gets copies of its own, to close.
  kCopy,
  // It gets undefined in their place.
  kLeave,
};

// All values of the message. Throws an Error when it cannot be read; no descriptor stays open then.
Napi::Array ReadValues(Napi::Env env, sd_bus_message *message, Descriptors descriptors);

}  // namespace lumen
