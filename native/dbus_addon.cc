// D-Bus on Node's event loop by sd-bus: one connection per object, serviced from a poll handle and a timer, without
// threads and without ever waiting. Values are read and written by their D-Bus signature; descriptors are passed on.
// The typed binding, with the shapes of all values, is src/support/dbus.ts.

#include <fcntl.h>
#include <poll.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "addon_error.h"
#include "uv_handles.h"

namespace lumen {
namespace {

// D-Bus itself allows no deeper nesting.
constexpr int kMaximumDepth = 64;
// Messages handled in one turn of the loop; the rest waits for the next one.
constexpr int kMessagesPerTurn = 64;

struct MessageUnref {
  void operator()(sd_bus_message *message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageUnref>;

// sd-bus returns negative error numbers.
int Check(Napi::Env env, int result, const char *call) {
  if (result < 0)
    throw SystemError(env, -result, call);
  return result;
}

[[noreturn]] void ThrowType(Napi::Env env, const std::string &type, const Napi::Value &value) {
  throw Napi::TypeError::New(env, "D-Bus type " + type + " cannot take " + value.ToString().Utf8Value());
}

// Length of the first complete type in `signature`: "a{sv}u" → 5. Zero when there is none.
size_t CompleteTypeLength(const std::string &signature, size_t start = 0) {
  if (start >= signature.size())
    return 0;
  char first = signature[start];
  if (first == 'a') {
    size_t element = CompleteTypeLength(signature, start + 1);
    return element == 0 ? 0 : element + 1;
  }
  if (first != '(' && first != '{')
    return first == ')' || first == '}' ? 0 : 1;
  int depth = 0;
  for (size_t i = start; i < signature.size(); i += 1) {
    depth += signature[i] == '(' || signature[i] == '{' ? 1 : 0;
    depth -= signature[i] == ')' || signature[i] == '}' ? 1 : 0;
    if (depth == 0)
      return i - start + 1;
  }
  return 0;
}

void Append(Napi::Env env, sd_bus_message *message, const std::string &type, const Napi::Value &value, int depth);

void AppendAll(Napi::Env env, sd_bus_message *message, const std::string &types, const Napi::Array &values, int depth) {
  uint32_t index = 0;
  for (size_t at = 0; at < types.size(); index += 1) {
    size_t length = CompleteTypeLength(types, at);
    if (length == 0)
      throw Napi::TypeError::New(env, "not a D-Bus signature: " + types);
    Append(env, message, types.substr(at, length), values.Get(index), depth);
    at += length;
  }
  if (index != values.Length())
    throw Napi::TypeError::New(env, "the signature " + types + " takes " + std::to_string(index) + " values, got " +
                                        std::to_string(values.Length()));
}

template <typename Integer>
void AppendInteger(Napi::Env env, sd_bus_message *message, const std::string &type, const Napi::Value &value) {
  if (!value.IsNumber())
    ThrowType(env, type, value);
  auto number = static_cast<Integer>(value.As<Napi::Number>().Int64Value());
  if (static_cast<double>(number) != value.As<Napi::Number>().DoubleValue())
    ThrowType(env, type, value);
  Check(env, sd_bus_message_append_basic(message, type[0], &number), "sd_bus_message_append_basic");
}

void AppendArray(Napi::Env env, sd_bus_message *message, const std::string &type, const Napi::Value &value, int depth) {
  std::string contents = type.substr(1);
  if (!value.IsObject())
    ThrowType(env, type, value);
  Check(env, sd_bus_message_open_container(message, 'a', contents.c_str()), "sd_bus_message_open_container");
  Napi::Object object = value.As<Napi::Object>();
  if (contents[0] == '{') {
    std::string entry = contents.substr(1, contents.size() - 2);
    Napi::Array keys = object.GetPropertyNames();
    for (uint32_t i = 0; i < keys.Length(); i += 1) {
      Check(env, sd_bus_message_open_container(message, 'e', entry.c_str()), "sd_bus_message_open_container");
      Append(env, message, entry.substr(0, 1), keys.Get(i), depth);
      Append(env, message, entry.substr(1), object.Get(keys.Get(i)), depth);
      Check(env, sd_bus_message_close_container(message), "sd_bus_message_close_container");
    }
  } else {
    if (!value.IsArray())
      ThrowType(env, type, value);
    Napi::Array items = value.As<Napi::Array>();
    for (uint32_t i = 0; i < items.Length(); i += 1) Append(env, message, contents, items.Get(i), depth);
  }
  Check(env, sd_bus_message_close_container(message), "sd_bus_message_close_container");
}

void AppendContainer(Napi::Env env, sd_bus_message *message, const std::string &type, const Napi::Value &value,
                     int depth) {
  if (type[0] == 'a')
    return AppendArray(env, message, type, value, depth);
  if (type[0] == '(') {
    if (!value.IsArray())
      ThrowType(env, type, value);
    std::string contents = type.substr(1, type.size() - 2);
    Check(env, sd_bus_message_open_container(message, 'r', contents.c_str()), "sd_bus_message_open_container");
    AppendAll(env, message, contents, value.As<Napi::Array>(), depth);
  } else {
    if (!value.IsArray() || value.As<Napi::Array>().Length() != 2)
      ThrowType(env, type, value);
    Napi::Array variant = value.As<Napi::Array>();
    std::string contents = variant.Get(0u).ToString().Utf8Value();
    Check(env, sd_bus_message_open_container(message, 'v', contents.c_str()), "sd_bus_message_open_container");
    Append(env, message, contents, variant.Get(1u), depth);
  }
  Check(env, sd_bus_message_close_container(message), "sd_bus_message_close_container");
}

void Append(Napi::Env env, sd_bus_message *message, const std::string &type, const Napi::Value &value, int depth) {
  if (depth > kMaximumDepth)
    throw Napi::TypeError::New(env, "a D-Bus value is nested too deeply");
  switch (type[0]) {
    case 'y':
      return AppendInteger<uint8_t>(env, message, type, value);
    case 'n':
      return AppendInteger<int16_t>(env, message, type, value);
    case 'q':
      return AppendInteger<uint16_t>(env, message, type, value);
    case 'i':
    case 'h':
      return AppendInteger<int32_t>(env, message, type, value);
    case 'u':
      return AppendInteger<uint32_t>(env, message, type, value);
    case 'x':
      return AppendInteger<int64_t>(env, message, type, value);
    case 't':
      return AppendInteger<uint64_t>(env, message, type, value);
    case 'b': {
      if (!value.IsBoolean())
        ThrowType(env, type, value);
      int truth = value.As<Napi::Boolean>().Value() ? 1 : 0;
      Check(env, sd_bus_message_append_basic(message, 'b', &truth), "sd_bus_message_append_basic");
      return;
    }
    case 'd': {
      if (!value.IsNumber())
        ThrowType(env, type, value);
      double number = value.As<Napi::Number>().DoubleValue();
      Check(env, sd_bus_message_append_basic(message, 'd', &number), "sd_bus_message_append_basic");
      return;
    }
    case 's':
    case 'o':
    case 'g': {
      if (!value.IsString())
        ThrowType(env, type, value);
      std::string text = value.As<Napi::String>().Utf8Value();
      Check(env, sd_bus_message_append_basic(message, type[0], text.c_str()), "sd_bus_message_append_basic");
      return;
    }
    case 'a':
    case '(':
    case 'v':
      return AppendContainer(env, message, type, value, depth + 1);
    default:
      throw Napi::TypeError::New(env, "not a D-Bus type: " + type);
  }
}

Napi::Value Read(Napi::Env env, sd_bus_message *message, char type, const char *contents);

// The values up to the end of the message or container.
Napi::Array ReadAll(Napi::Env env, sd_bus_message *message) {
  Napi::Array values = Napi::Array::New(env);
  char type = 0;
  const char *contents = nullptr;
  while (Check(env, sd_bus_message_peek_type(message, &type, &contents), "sd_bus_message_peek_type") > 0)
    values.Set(values.Length(), Read(env, message, type, contents));
  return values;
}

Napi::Value ReadDictionary(Napi::Env env, sd_bus_message *message, const char *contents) {
  std::string entry(contents + 1, strlen(contents) - 2);
  Napi::Object object = Napi::Object::New(env);
  while (Check(env, sd_bus_message_enter_container(message, 'e', entry.c_str()), "sd_bus_message_enter_container") >
         0) {
    Napi::Array pair = ReadAll(env, message);
    object.Set(pair.Get(0u).ToString(), pair.Get(1u));
    Check(env, sd_bus_message_exit_container(message), "sd_bus_message_exit_container");
  }
  return object;
}

Napi::Value ReadContainer(Napi::Env env, sd_bus_message *message, char type, const char *contents) {
  // The message's own text of the contents ends with the container's iteration.
  std::string inner(contents);
  Check(env, sd_bus_message_enter_container(message, type, inner.c_str()), "sd_bus_message_enter_container");
  Napi::Value value;
  if (type == 'a' && inner[0] == '{')
    value = ReadDictionary(env, message, inner.c_str());
  else
    value = ReadAll(env, message);
  Check(env, sd_bus_message_exit_container(message), "sd_bus_message_exit_container");
  return type == 'v' ? value.As<Napi::Array>().Get(0u) : value;
}

// A descriptor of the message ends with it; the caller gets one of its own.
Napi::Value ReadDescriptor(Napi::Env env, int fd) {
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0)
    throw SystemError(env, errno, "fcntl");
  return Napi::Number::New(env, own);
}

Napi::Value Read(Napi::Env env, sd_bus_message *message, char type, const char *contents) {
  if (type == 'a' || type == 'r' || type == 'v')
    return ReadContainer(env, message, type, contents);
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
  Check(env, sd_bus_message_read_basic(message, type, &basic), "sd_bus_message_read_basic");
  switch (type) {
    case 'y':
      return Napi::Number::New(env, basic.y);
    case 'n':
      return Napi::Number::New(env, basic.n);
    case 'q':
      return Napi::Number::New(env, basic.q);
    case 'i':
      return Napi::Number::New(env, basic.i);
    case 'u':
      return Napi::Number::New(env, basic.u);
    case 'x':
      return Napi::Number::New(env, static_cast<double>(basic.x));
    case 't':
      return Napi::Number::New(env, static_cast<double>(basic.t));
    case 'd':
      return Napi::Number::New(env, basic.d);
    case 'b':
      return Napi::Boolean::New(env, basic.i != 0);
    case 'h':
      return ReadDescriptor(env, basic.i);
    default:
      return Napi::String::New(env, basic.s);
  }
}

class Bus : public Napi::ObjectWrap<Bus> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Bus",
                       {
                           InstanceMethod<&Bus::Call>("call"),
                           InstanceMethod<&Bus::AddMatch>("addMatch"),
                           InstanceMethod<&Bus::Close>("close"),
                       });
  }

  // new Bus(address, onLost(problem)): begins to connect and returns at once
  explicit Bus(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Bus>(info), env_(info.Env()) {
    std::string address = StringArgument(info, 0, "address");
    if (info.Length() < 2 || !info[1].IsFunction())
      throw Napi::TypeError::New(env_, "onLost must be a function");
    Check(env_, sd_bus_new(&bus_), "sd_bus_new");
    try {
      Check(env_, sd_bus_set_address(bus_, address.c_str()), "sd_bus_set_address");
      Check(env_, sd_bus_set_bus_client(bus_, 1), "sd_bus_set_bus_client");
      Check(env_, sd_bus_negotiate_fds(bus_, 1), "sd_bus_negotiate_fds");
      Check(env_, sd_bus_start(bus_), "sd_bus_start");
      Watch();
    } catch (const Napi::Error &) {
      sd_bus_close_unref(bus_);
      bus_ = nullptr;
      throw;
    }
    on_lost_ = Napi::Persistent(info[1].As<Napi::Function>());
    async_context_ = std::make_unique<Napi::AsyncContext>(env_, "lumen-dbus");
    // The loop holds this object until it is closed.
    Ref();
    Arm();
  }

  ~Bus() override { Release(); }

 private:
  // What a call or a match is answered to; sd-bus frees it with its slot.
  struct Listener {
    Bus *bus;
    Napi::FunctionReference callback;
  };

  // call(destination, path, interface, member, signature, values, timeoutMs, onReply(errorName, errorText, values))
  Napi::Value Call(const Napi::CallbackInfo &info) {
    RequireOpen();
    std::string destination = StringArgument(info, 0, "destination");
    std::string path = StringArgument(info, 1, "path");
    std::string interface = StringArgument(info, 2, "interface");
    std::string member = StringArgument(info, 3, "member");
    std::string signature = StringArgument(info, 4, "signature");
    if (!info[5].IsArray() || !info[7].IsFunction())
      throw Napi::TypeError::New(env_, "call needs an array of values and a function");
    auto timeout_ms = static_cast<uint64_t>(IntegerArgument(info, 6, "timeoutMs", 1, 3'600'000));
    sd_bus_message *created = nullptr;
    Check(env_,
          sd_bus_message_new_method_call(bus_, &created, destination.c_str(), path.c_str(), interface.c_str(),
                                         member.c_str()),
          "sd_bus_message_new_method_call");
    Message message(created);
    AppendAll(env_, message.get(), signature, info[5].As<Napi::Array>(), 0);
    sd_bus_slot *slot = nullptr;
    auto *listener = new Listener{this, Napi::Persistent(info[7].As<Napi::Function>())};
    Keep(sd_bus_call_async(bus_, &slot, message.get(), OnReply, listener, timeout_ms * 1000), slot, listener,
         "sd_bus_call_async");
    return env_.Undefined();
  }

  // addMatch(rule, onSignal(path, interface, member, values, sender)): for the life of the connection
  Napi::Value AddMatch(const Napi::CallbackInfo &info) {
    RequireOpen();
    std::string rule = StringArgument(info, 0, "rule");
    if (!info[1].IsFunction())
      throw Napi::TypeError::New(env_, "onSignal must be a function");
    sd_bus_slot *slot = nullptr;
    auto *listener = new Listener{this, Napi::Persistent(info[1].As<Napi::Function>())};
    Keep(sd_bus_add_match_async(bus_, &slot, rule.c_str(), OnSignal, nullptr, listener), slot, listener,
         "sd_bus_add_match_async");
    return env_.Undefined();
  }

  void Keep(int result, sd_bus_slot *slot, Listener *listener, const char *call) {
    if (result < 0) {
      delete listener;
      throw SystemError(env_, -result, call);
    }
    sd_bus_slot_set_destroy_callback(slot, [](void *data) { delete static_cast<Listener *>(data); });
    // The connection owns the slot from here.
    sd_bus_slot_set_floating(slot, 1);
    sd_bus_slot_unref(slot);
    Arm();
  }

  // close(): pending calls are forgotten; nothing is told any more
  Napi::Value Close(const Napi::CallbackInfo &) {
    close_wanted_ = true;
    if (!in_turn_)
      Finish();
    return env_.Undefined();
  }

  void RequireOpen() const {
    if (bus_ == nullptr || close_wanted_)
      throw SystemError(env_, ENOTCONN, "dbus");
  }

  static int OnReply(sd_bus_message *reply, void *data, sd_bus_error *) {
    auto *listener = static_cast<Listener *>(data);
    Napi::Env env = listener->bus->env_;
    Napi::HandleScope scope(env);
    // Descriptors that nobody is told of would stay open.
    if (listener->bus->close_wanted_)
      return 0;
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    if (error != nullptr) {
      listener->bus->Tell(listener->callback, {Text(env, error->name), Text(env, error->message), env.Undefined()});
      return 0;
    }
    try {
      listener->bus->Tell(listener->callback, {env.Undefined(), env.Undefined(), ReadAll(env, reply)});
    } catch (const Napi::Error &unreadable) {
      listener->bus->Tell(listener->callback, {Text(env, "unreadable"), Text(env, unreadable.what()), env.Undefined()});
    }
    return 0;
  }

  static int OnSignal(sd_bus_message *signal, void *data, sd_bus_error *) {
    auto *listener = static_cast<Listener *>(data);
    Napi::Env env = listener->bus->env_;
    Napi::HandleScope scope(env);
    try {
      listener->bus->Tell(listener->callback,
                          {Text(env, sd_bus_message_get_path(signal)), Text(env, sd_bus_message_get_interface(signal)),
                           Text(env, sd_bus_message_get_member(signal)), ReadAll(env, signal),
                           Text(env, sd_bus_message_get_sender(signal))});
    } catch (const Napi::Error &) {
      // A signal that cannot be read says nothing.
    }
    return 0;
  }

  static Napi::Value Text(Napi::Env env, const char *text) {
    return Napi::String::New(env, text == nullptr ? "" : text);
  }

  void Tell(const Napi::FunctionReference &callback, const std::vector<napi_value> &values) {
    if (close_wanted_)
      return;
    try {
      callback.MakeCallback(Value(), values, *async_context_);
    } catch (const Napi::Error &error) {
      // As with any callback of Node: what it throws is an uncaught exception.
      napi_fatal_exception(env_, error.Value());
    }
  }

  void Watch() {
    uv_loop_t *loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    int fd = Check(env_, sd_bus_get_fd(bus_), "sd_bus_get_fd");
    poll_ = new uv_poll_t;
    int status = uv_poll_init(loop, poll_, fd);
    if (status != 0) {
      delete poll_;
      poll_ = nullptr;
      throw SystemError(env_, -status, "uv_poll_init");
    }
    poll_->data = this;
    timer_ = new uv_timer_t;
    uv_timer_init(loop, timer_);
    timer_->data = this;
  }

  // Asks the loop for what sd-bus waits for: its socket, and the next timeout of a call.
  void Arm() {
    if (bus_ == nullptr || in_turn_)
      return;
    int events = sd_bus_get_events(bus_);
    int wanted =
        events < 0 ? 0 : ((events & POLLIN) != 0 ? UV_READABLE : 0) | ((events & POLLOUT) != 0 ? UV_WRITABLE : 0);
    uv_poll_start(poll_, wanted, [](uv_poll_t *handle, int, int) { static_cast<Bus *>(handle->data)->Turn(); });
    uint64_t until_us = UINT64_MAX;
    if (sd_bus_get_timeout(bus_, &until_us) < 0 || until_us == UINT64_MAX) {
      uv_timer_stop(timer_);
      return;
    }
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_us = static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
    uint64_t delay_ms = until_us > now_us ? (until_us - now_us) / 1000 + 1 : 0;
    uv_timer_start(timer_, [](uv_timer_t *handle) { static_cast<Bus *>(handle->data)->Turn(); }, delay_ms, 0);
  }

  void Turn() {
    Napi::HandleScope scope(env_);
    in_turn_ = true;
    int result = 1;
    for (int i = 0; i < kMessagesPerTurn && result > 0 && !close_wanted_; i += 1)
      result = sd_bus_process(bus_, nullptr);
    in_turn_ = false;
    if (close_wanted_)
      return Finish();
    if (result < 0) {
      Tell(on_lost_, {Napi::String::New(env_, strerror(-result))});
      close_wanted_ = true;
      return Finish();
    }
    Arm();
  }

  void Finish() {
    if (bus_ == nullptr)
      return;
    Release();
    Unref();
  }

  void Release() {
    CloseHandle(poll_);
    CloseHandle(timer_);
    if (bus_ != nullptr)
      sd_bus_close_unref(bus_);
    bus_ = nullptr;
  }

  Napi::Env env_;
  sd_bus *bus_ = nullptr;
  uv_poll_t *poll_ = nullptr;
  uv_timer_t *timer_ = nullptr;
  Napi::FunctionReference on_lost_;
  std::unique_ptr<Napi::AsyncContext> async_context_;
  bool in_turn_ = false;
  bool close_wanted_ = false;
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Bus", Bus::Define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(dbus, Init)

}  // namespace lumen
