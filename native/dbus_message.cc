// Writing and reading of D-Bus values: see dbus_message.h.

#include "dbus_message.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <vector>

#include "addon_error.h"

namespace lumen {
namespace {

// D-Bus itself allows no deeper nesting.
constexpr int kMaximumDepth = 64;
// Beyond it a number stands for several integers.
constexpr double kMaximumSafeInteger = 9007199254740991;

// Length of the first complete type in `signature`: "a{sv}u" → 5. Zero when there is none.
size_t CompleteTypeLength(const std::string &signature, size_t start) {
  size_t arrays = 0;
  while (start + arrays < signature.size() && signature[start + arrays] == 'a') arrays += 1;
  int depth = 0;
  for (size_t i = start + arrays; i < signature.size(); i += 1) {
    depth += signature[i] == '(' || signature[i] == '{' ? 1 : 0;
    depth -= signature[i] == ')' || signature[i] == '}' ? 1 : 0;
    if (depth <= 0)
      return depth < 0 ? 0 : i - start + 1;
  }
  return 0;
}

class Writer {
 public:
  Writer(Napi::Env env, sd_bus_message *message) : env_(env), message_(message) {}

  void AppendAll(const std::string &types, const Napi::Array &values, int depth) {
    uint32_t index = 0;
    for (size_t at = 0; at < types.size(); index += 1) {
      size_t length = CompleteTypeLength(types, at);
      if (length == 0)
        throw Napi::TypeError::New(env_, "not a D-Bus signature: " + types);
      Append(types.substr(at, length), values.Get(index), depth);
      at += length;
    }
    if (index != values.Length())
      throw Napi::TypeError::New(env_, "the signature " + types + " takes " + std::to_string(index) + " values, got " +
                                           std::to_string(values.Length()));
  }

 private:
  [[noreturn]] void Refuse(const std::string &type, const Napi::Value &value) {
    throw Napi::TypeError::New(env_, "D-Bus type " + type + " cannot take " + Describe(value));
  }

  // sd-bus returns negative error numbers. EINVAL: the value is none of its type, as a path without a slash.
  void Check(int result, const std::string &type, const Napi::Value &value) {
    if (result == -EINVAL)
      Refuse(type, value);
    if (result < 0)
      throw SystemError(env_, -result, "sd_bus_message_append");
  }

  void Append(const std::string &type, const Napi::Value &value, int depth) {
    if (depth > kMaximumDepth)
      throw Napi::TypeError::New(env_, "a D-Bus value is nested too deeply");
    switch (type[0]) {
      case 'y':
        return AppendInteger<uint8_t>(type, value);
      case 'n':
        return AppendInteger<int16_t>(type, value);
      case 'q':
        return AppendInteger<uint16_t>(type, value);
      case 'i':
      case 'h':
        return AppendInteger<int32_t>(type, value);
      case 'u':
        return AppendInteger<uint32_t>(type, value);
      case 'x':
        return AppendInteger<int64_t>(type, value);
      case 't':
        return AppendInteger<uint64_t>(type, value);
      case 'b':
        return AppendBoolean(type, value);
      case 'd':
        return AppendDouble(type, value);
      case 's':
      case 'o':
      case 'g':
        return AppendText(type, value);
      case 'a':
        return AppendArray(type, value, depth + 1);
      case '(':
        return AppendStructure(type, value, depth + 1);
      case 'v':
        return AppendVariant(type, value, depth + 1);
      default:
        throw Napi::TypeError::New(env_, "not a D-Bus type: " + type);
    }
  }

  template <typename Integer>
  void AppendInteger(const std::string &type, const Napi::Value &value) {
    if (!value.IsNumber())
      Refuse(type, value);
    double wanted = value.As<Napi::Number>().DoubleValue();
    // Only numbers that every integer type can be compared with.
    if (!(std::abs(wanted) <= kMaximumSafeInteger))
      Refuse(type, value);
    auto number = static_cast<Integer>(static_cast<int64_t>(wanted));
    if (static_cast<double>(number) != wanted)
      Refuse(type, value);
    Check(sd_bus_message_append_basic(message_, type[0], &number), type, value);
  }

  void AppendBoolean(const std::string &type, const Napi::Value &value) {
    if (!value.IsBoolean())
      Refuse(type, value);
    int truth = value.As<Napi::Boolean>().Value() ? 1 : 0;
    Check(sd_bus_message_append_basic(message_, 'b', &truth), type, value);
  }

  void AppendDouble(const std::string &type, const Napi::Value &value) {
    if (!value.IsNumber())
      Refuse(type, value);
    double number = value.As<Napi::Number>().DoubleValue();
    Check(sd_bus_message_append_basic(message_, 'd', &number), type, value);
  }

  void AppendText(const std::string &type, const Napi::Value &value) {
    if (!value.IsString())
      Refuse(type, value);
    std::string text = value.As<Napi::String>().Utf8Value();
    // D-Bus has no NUL in text: it would end there.
    if (text.find('\0') != std::string::npos)
      Refuse(type, value);
    Check(sd_bus_message_append_basic(message_, type[0], text.c_str()), type, value);
  }

  void AppendArray(const std::string &type, const Napi::Value &value, int depth) {
    std::string contents = type.substr(1);
    bool is_dictionary = contents[0] == '{';
    if (is_dictionary ? !value.IsObject() : !value.IsArray())
      Refuse(type, value);
    Check(sd_bus_message_open_container(message_, 'a', contents.c_str()), type, value);
    if (is_dictionary) {
      AppendEntries(contents.substr(1, contents.size() - 2), value.As<Napi::Object>(), depth);
    } else {
      Napi::Array items = value.As<Napi::Array>();
      for (uint32_t i = 0; i < items.Length(); i += 1) Append(contents, items.Get(i), depth);
    }
    Check(sd_bus_message_close_container(message_), type, value);
  }

  void AppendEntries(const std::string &types, const Napi::Object &object, int depth) {
    Napi::Array keys = object.GetPropertyNames();
    for (uint32_t i = 0; i < keys.Length(); i += 1) {
      Napi::Value key = keys.Get(i);
      Check(sd_bus_message_open_container(message_, 'e', types.c_str()), types, key);
      Append(types.substr(0, 1), key, depth);
      Append(types.substr(1), object.Get(key), depth);
      Check(sd_bus_message_close_container(message_), types, key);
    }
  }

  void AppendStructure(const std::string &type, const Napi::Value &value, int depth) {
    if (!value.IsArray())
      Refuse(type, value);
    std::string contents = type.substr(1, type.size() - 2);
    Check(sd_bus_message_open_container(message_, 'r', contents.c_str()), type, value);
    AppendAll(contents, value.As<Napi::Array>(), depth);
    Check(sd_bus_message_close_container(message_), type, value);
  }

  void AppendVariant(const std::string &type, const Napi::Value &value, int depth) {
    if (!value.IsArray() || value.As<Napi::Array>().Length() != 2)
      Refuse(type, value);
    Napi::Array variant = value.As<Napi::Array>();
    Napi::Value signature = variant.Get(0u);
    if (!signature.IsString())
      Refuse(type, value);
    std::string contents = signature.As<Napi::String>().Utf8Value();
    if (contents.empty() || CompleteTypeLength(contents, 0) != contents.size())
      throw Napi::TypeError::New(env_, "not one D-Bus type: " + Describe(signature));
    Check(sd_bus_message_open_container(message_, 'v', contents.c_str()), type, signature);
    Append(contents, variant.Get(1u), depth);
    Check(sd_bus_message_close_container(message_), type, value);
  }

  Napi::Env env_;
  sd_bus_message *message_;
};

class Reader {
 public:
  Reader(Napi::Env env, sd_bus_message *message, Descriptors descriptors)
      : env_(env), message_(message), descriptors_(descriptors) {}
  // Nobody was told of what is still here.
  ~Reader() {
    for (int fd : copies_) close(fd);
  }
  Reader(const Reader &) = delete;
  Reader &operator=(const Reader &) = delete;

  Napi::Array ReadMessage() {
    Napi::Array values = ReadAll();
    copies_.clear();
    return values;
  }

 private:
  int Check(int result, const char *call) {
    if (result < 0)
      throw SystemError(env_, -result, call);
    return result;
  }

  // The values up to the end of the message or container.
  Napi::Array ReadAll() {
    Napi::Array values = Napi::Array::New(env_);
    char type = 0;
    const char *contents = nullptr;
    while (Check(sd_bus_message_peek_type(message_, &type, &contents), "sd_bus_message_peek_type") > 0)
      values.Set(values.Length(), Read(type, contents));
    return values;
  }

  Napi::Value Read(char type, const char *contents) {
    // The message's own text of the contents ends with the container's iteration.
    if (type == 'a' || type == 'r' || type == 'v')
      return ReadContainer(type, std::string(contents));
    return ReadBasic(type);
  }

  Napi::Value ReadContainer(char type, const std::string &contents) {
    Check(sd_bus_message_enter_container(message_, type, contents.c_str()), "sd_bus_message_enter_container");
    Napi::Value value;
    if (type == 'a' && contents[0] == '{')
      value = ReadDictionary(contents);
    else
      value = ReadAll();
    Check(sd_bus_message_exit_container(message_), "sd_bus_message_exit_container");
    return type == 'v' ? value.As<Napi::Array>().Get(0u) : value;
  }

  Napi::Value ReadDictionary(const std::string &contents) {
    std::string entry = contents.substr(1, contents.size() - 2);
    Napi::Object object = Napi::Object::New(env_);
    while (Check(sd_bus_message_enter_container(message_, 'e', entry.c_str()), "sd_bus_message_enter_container") > 0) {
      Napi::Array pair = ReadAll();
      // Defined, not set: a key may be called `__proto__`.
      object.DefineProperty(
          Napi::PropertyDescriptor::Value(pair.Get(0u).ToString(), pair.Get(1u), napi_default_jsproperty));
      Check(sd_bus_message_exit_container(message_), "sd_bus_message_exit_container");
    }
    return object;
  }

  Napi::Value ReadBasic(char type) {
    union {
      uint8_t y;
      int16_t n;
      uint16_t q;
      int32_t i;
      uint32_t u;
      int64_t x;
      uint64_t t;
      double d;
      const char *s;
    } basic = {};
    Check(sd_bus_message_read_basic(message_, type, &basic), "sd_bus_message_read_basic");
    switch (type) {
      case 'y':
        return Napi::Number::New(env_, basic.y);
      case 'n':
        return Napi::Number::New(env_, basic.n);
      case 'q':
        return Napi::Number::New(env_, basic.q);
      case 'i':
        return Napi::Number::New(env_, basic.i);
      case 'u':
        return Napi::Number::New(env_, basic.u);
      case 'x':
        return Napi::Number::New(env_, static_cast<double>(basic.x));
      case 't':
        return Napi::Number::New(env_, static_cast<double>(basic.t));
      case 'd':
        return Napi::Number::New(env_, basic.d);
      case 'b':
        return Napi::Boolean::New(env_, basic.i != 0);
      case 'h':
        return ReadDescriptor(basic.i);
      default:
        return Napi::String::New(env_, basic.s);
    }
  }

  // A descriptor of the message ends with it.
  Napi::Value ReadDescriptor(int fd) {
    if (descriptors_ == Descriptors::kLeave)
      return env_.Undefined();
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
      throw SystemError(env_, errno, "fcntl");
    copies_.push_back(copy);
    return Napi::Number::New(env_, copy);
  }

  Napi::Env env_;
  sd_bus_message *message_;
  Descriptors descriptors_;
  std::vector<int> copies_;
};

}  // namespace

void AppendValues(Napi::Env env, sd_bus_message *message, const std::string &signature, const Napi::Array &values) {
  Writer(env, message).AppendAll(signature, values, 0);
}

Napi::Array ReadValues(Napi::Env env, sd_bus_message *message, Descriptors descriptors) {
  return Reader(env, message, descriptors).ReadMessage();
}

}  // namespace lumen
