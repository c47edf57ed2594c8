// Turns failed system calls and wrong arguments into JavaScript errors the way Node does it itself.

#pragma once

#include <napi.h>

#include <cstring>
#include <string>

namespace lumen {

// An Error with `code` ("EADDRINUSE"), `errno` and `syscall`, like those of Node's own modules.
inline Napi::Error SystemError(Napi::Env env, int error_number, const char *syscall) {
  const char *name = strerrorname_np(error_number);
  std::string code = name != nullptr ? name : "UNKNOWN";
  Napi::Error error = Napi::Error::New(env, std::string(syscall) + " " + code + ": " + strerror(error_number));
  error.Value().Set("code", code);
  error.Value().Set("errno", error_number);
  error.Value().Set("syscall", syscall);
  return error;
}

// A value as an error's text names it. Runs no JavaScript: no `toString` of an object.
inline std::string Describe(const Napi::Value &value) {
  switch (value.Type()) {
    case napi_undefined:
    case napi_null:
    case napi_boolean:
    case napi_number:
      return value.ToString().Utf8Value();
    case napi_string:
      return "\"" + value.As<Napi::String>().Utf8Value() + "\"";
    case napi_symbol:
      return "a symbol";
    case napi_bigint:
      return "a bigint";
    case napi_function:
      return "a function";
    default:
      return value.IsArray() ? "an array" : "an object";
  }
}

// The TypeError for the argument at `index`: "port must be an integer from 0 to 65535, got nothing".
inline Napi::TypeError ArgumentError(const Napi::CallbackInfo &info, size_t index, const char *name,
                                     const std::string &wanted) {
  std::string got = info.Length() > index ? Describe(info[index]) : "nothing";
  return Napi::TypeError::New(info.Env(), std::string(name) + " must be " + wanted + ", got " + got);
}

// The argument at `index` as an integer within [minimum, maximum]. Throws a TypeError that names it.
inline int64_t IntegerArgument(const Napi::CallbackInfo &info, size_t index, const char *name, int64_t minimum,
                               int64_t maximum) {
  if (info[index].IsNumber()) {
    double value = info[index].As<Napi::Number>().DoubleValue();
    if (value >= static_cast<double>(minimum) && value <= static_cast<double>(maximum) &&
        value == static_cast<double>(static_cast<int64_t>(value)))
      return static_cast<int64_t>(value);
  }
  throw ArgumentError(info, index, name,
                      "an integer from " + std::to_string(minimum) + " to " + std::to_string(maximum));
}

// The argument at `index` as text for C, which a NUL would cut short. Throws a TypeError that names it.
inline std::string StringArgument(const Napi::CallbackInfo &info, size_t index, const char *name) {
  if (!info[index].IsString())
    throw ArgumentError(info, index, name, "a string");
  std::string text = info[index].As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos)
    throw ArgumentError(info, index, name, "a string without NUL characters");
  return text;
}

// The argument at `index` as a function. Throws a TypeError that names it.
inline Napi::Function FunctionArgument(const Napi::CallbackInfo &info, size_t index, const char *name) {
  if (!info[index].IsFunction())
    throw ArgumentError(info, index, name, "a function");
  return info[index].As<Napi::Function>();
}

// The argument at `index` as an array. Throws a TypeError that names it.
inline Napi::Array ArrayArgument(const Napi::CallbackInfo &info, size_t index, const char *name) {
  if (!info[index].IsArray())
    throw ArgumentError(info, index, name, "an array");
  return info[index].As<Napi::Array>();
}

}  // namespace lumen
