// D-Bus on Node's event loop by sd-bus: one connection per object, serviced without threads and without ever waiting.
// Values are written and read by dbus_message.h. The typed binding is src/support/dbus.ts.

#include <poll.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "addon_error.h"
#include "dbus_message.h"
#include "loop_watch.h"

namespace lumen {
namespace {

// Messages handled in one turn of the loop; the rest waits for the next one.
constexpr int kMessagesPerTurn = 64;

struct MessageUnref {
  void operator()(sd_bus_message *message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageUnref>;

struct BusClose {
  void operator()(sd_bus *bus) const { sd_bus_close_unref(bus); }
};
using Connection = std::unique_ptr<sd_bus, BusClose>;

// sd-bus returns negative error numbers.
int Check(Napi::Env env, int result, const char *call) {
  if (result < 0)
    throw SystemError(env, -result, call);
  return result;
}

Napi::Value Text(Napi::Env env, const char *text) { return Napi::String::New(env, text == nullptr ? "" : text); }

uint64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

class Bus : public Napi::ObjectWrap<Bus>, public LoopClient {
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
    Napi::Function on_lost = FunctionArgument(info, 1, "onLost");
    sd_bus *created = nullptr;
    Check(env_, sd_bus_new(&created), "sd_bus_new");
    bus_.reset(created);
    Check(env_, sd_bus_set_address(created, address.c_str()), "sd_bus_set_address");
    Check(env_, sd_bus_set_bus_client(created, 1), "sd_bus_set_bus_client");
    Check(env_, sd_bus_negotiate_fds(created, 1), "sd_bus_negotiate_fds");
    Check(env_, sd_bus_start(created), "sd_bus_start");
    watch_ = std::make_unique<LoopWatch>(env_, "lumen.Bus", Check(env_, sd_bus_get_fd(created), "sd_bus_get_fd"), this);
    on_lost_ = Napi::Persistent(on_lost);
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
    Napi::Array values = ArrayArgument(info, 5, "values");
    auto timeout_ms = static_cast<uint64_t>(IntegerArgument(info, 6, "timeoutMs", 1, 3'600'000));
    Napi::Function on_reply = FunctionArgument(info, 7, "onReply");
    sd_bus_message *created = nullptr;
    int result = sd_bus_message_new_method_call(bus_.get(), &created, destination.c_str(), path.c_str(),
                                                interface.c_str(), member.c_str());
    if (result == -EINVAL)
      throw Napi::TypeError::New(env_,
                                 "not a D-Bus method: " + destination + " " + path + " " + interface + "." + member);
    Check(env_, result, "sd_bus_message_new_method_call");
    Message message(created);
    AppendValues(env_, message.get(), signature, values);
    // A getter of the values may have closed the connection.
    RequireOpen();
    sd_bus_slot *slot = nullptr;
    auto listener = std::make_unique<Listener>(Listener{this, Napi::Persistent(on_reply)});
    Check(env_, sd_bus_call_async(bus_.get(), &slot, message.get(), OnReply, listener.get(), timeout_ms * 1000),
          "sd_bus_call_async");
    Keep(slot, std::move(listener));
    return env_.Undefined();
  }

  // addMatch(rule, onSignal(path, interface, member, values, sender)): for the life of the connection
  Napi::Value AddMatch(const Napi::CallbackInfo &info) {
    RequireOpen();
    std::string rule = StringArgument(info, 0, "rule");
    Napi::Function on_signal = FunctionArgument(info, 1, "onSignal");
    sd_bus_slot *slot = nullptr;
    auto listener = std::make_unique<Listener>(Listener{this, Napi::Persistent(on_signal)});
    Check(env_, sd_bus_add_match_async(bus_.get(), &slot, rule.c_str(), OnSignal, nullptr, listener.get()),
          "sd_bus_add_match_async");
    Keep(slot, std::move(listener));
    return env_.Undefined();
  }

  // The connection owns the slot from here, and the slot the listener.
  void Keep(sd_bus_slot *slot, std::unique_ptr<Listener> listener) {
    sd_bus_slot_set_destroy_callback(slot, [](void *data) { delete static_cast<Listener *>(data); });
    listener.release();
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
    const sd_bus_error *error = sd_bus_message_get_error(reply);
    // Descriptors that nobody is told of would stay open.
    if (listener->bus->close_wanted_)
      return 0;
    if (error != nullptr) {
      listener->bus->Tell(listener->callback, {Text(env, error->name), Text(env, error->message), env.Undefined()});
      return 0;
    }
    try {
      Napi::Array values = ReadValues(env, reply, Descriptors::kCopy);
      listener->bus->Tell(listener->callback, {env.Undefined(), env.Undefined(), values});
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
      // Anybody may send one; descriptors in it would stay open with those who expect none.
      Napi::Array values = ReadValues(env, signal, Descriptors::kLeave);
      listener->bus->Tell(
          listener->callback,
          {Text(env, sd_bus_message_get_path(signal)), Text(env, sd_bus_message_get_interface(signal)),
           Text(env, sd_bus_message_get_member(signal)), values, Text(env, sd_bus_message_get_sender(signal))});
    } catch (const Napi::Error &) {
      // A signal that cannot be read says nothing.
    }
    return 0;
  }

  void Tell(const Napi::FunctionReference &callback, const std::vector<napi_value> &values) {
    if (!close_wanted_)
      watch_->Tell(callback, Value(), values);
  }

  // Asks the loop for what sd-bus waits for: its socket, and the next timeout of a call.
  void Arm() {
    if (bus_ == nullptr || in_turn_)
      return;
    int events = sd_bus_get_events(bus_.get());
    watch_->WaitFor(
        events < 0 ? 0 : ((events & POLLIN) != 0 ? UV_READABLE : 0) | ((events & POLLOUT) != 0 ? UV_WRITABLE : 0));
    uint64_t until_us = UINT64_MAX;
    if (sd_bus_get_timeout(bus_.get(), &until_us) < 0 || until_us == UINT64_MAX) {
      watch_->StopTimer();
      return;
    }
    uint64_t now_us = NowUs();
    watch_->WakeAfter(until_us > now_us ? (until_us - now_us) / 1000 + 1 : 0);
  }

  void OnTurn() override {
    Napi::HandleScope scope(env_);
    in_turn_ = true;
    int result = 1;
    for (int i = 0; i < kMessagesPerTurn && result > 0 && !close_wanted_; i += 1)
      result = sd_bus_process(bus_.get(), nullptr);
    if (result < 0)
      Tell(on_lost_, {Text(env_, strerror(-result))});
    in_turn_ = false;
    if (result < 0 || close_wanted_)
      return Finish();
    Arm();
  }

  void OnEnvironmentEnd() override { Release(); }

  void Finish() {
    if (bus_ == nullptr)
      return;
    Release();
    Unref();
  }

  // What JavaScript was told of goes as well: its callbacks hold the object that holds this one.
  void Release() {
    close_wanted_ = true;
    watch_.reset();
    bus_.reset();
    on_lost_.Reset();
  }

  Napi::Env env_;
  Connection bus_;
  std::unique_ptr<LoopWatch> watch_;
  Napi::FunctionReference on_lost_;
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
