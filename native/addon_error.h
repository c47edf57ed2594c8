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

// The argument at `index` as an integer within [minimum, maximum]. Throws a TypeError that names it.
inline int64_t IntegerArgument(const Napi::CallbackInfo &info, size_t index, const char *name, int64_t minimum,
                               int64_t maximum) {
  if (info.Length() > index && info[index].IsNumber()) {
    double value = info[index].As<Napi::Number>().DoubleValue();
    if (value >= static_cast<double>(minimum) && value <= static_cast<double>(maximum) &&
        value == static_cast<double>(static_cast<int64_t>(value)))
      return static_cast<int64_t>(value);
  }
  std::string got = info.Length() > index ? info[index].ToString().Utf8Value() : "nothing";
  throw Napi::TypeError::New(info.Env(), std::string(name) + " must be an integer from " + std::to_string(minimum) +
                                             " to " + std::to_string(maximum) + ", got " + got);
}

// The argument at `index` as text. Throws a TypeError that names it.
inline std::string StringArgument(const Napi::CallbackInfo &info, size_t index, const char *name) {
  if (info.Length() > index && info[index].IsString())
    return info[index].As<Napi::String>().Utf8Value();
  throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a string");
}

}  // namespace lumen
