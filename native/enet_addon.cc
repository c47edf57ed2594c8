// ENet on Node's event loop: one host per object, serviced without threads. It moves packets and knows nothing of what
// they mean. The typed binding is src/control/enet.ts. Wire protocol: protocol/control.md §1. enet_relay.h carries
// libenet's IPv4 datagrams to and from either family, enet_gate.h says which, enet_peers.h keeps the connections.

#include <enet/enet.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "addon_error.h"
#include "enet_gate.h"
#include "enet_peers.h"
#include "enet_relay.h"
#include "loop_watch.h"

namespace lumen {
namespace {

// Resends, pings and timeouts are due on ENet's own clock: look at it this often while there are peers.
constexpr uint64_t kServiceIntervalMs = 10;
// Events handed to JavaScript in one turn of the loop; the rest waits for the next one.
constexpr int kEventsPerTurn = 128;
// No message of the protocol comes near this; ENet's own bound is 32 MiB per packet.
constexpr size_t kMaximumPacketBytes = 64 * 1024;
constexpr size_t kMaximumWaitingBytes = 1024 * 1024;
// Connections expected at a time, by connect data and by address each.
constexpr size_t kMaximumExpected = 256;
Endpoint RequireEndpoint(Napi::Env env, const std::string &text, uint16_t port) {
  Endpoint endpoint;
  if (!ParseEndpoint(text, port, &endpoint))
    throw Napi::TypeError::New(env, "address must be a numeric IPv4 or IPv6 address, got " + text);
  return endpoint;
}

class EnetHost : public Napi::ObjectWrap<EnetHost>, public LoopClient {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "EnetHost",
                       {
                           InstanceMethod<&EnetHost::Connect>("connect"),
                           InstanceMethod<&EnetHost::Send>("send"),
                           InstanceMethod<&EnetHost::Disconnect>("disconnect"),
                           InstanceMethod<&EnetHost::SetExpected>("setExpected"),
                           InstanceMethod<&EnetHost::SetPeerTimeout>("setPeerTimeout"),
                           InstanceMethod<&EnetHost::RoundTripTimeMs>("roundTripTimeMs"),
                           InstanceMethod<&EnetHost::HasUnacknowledged>("hasUnacknowledged"),
                           InstanceMethod<&EnetHost::Flush>("flush"),
                           InstanceMethod<&EnetHost::Close>("close"),
                           InstanceAccessor<&EnetHost::Port>("port"),
                           InstanceAccessor<&EnetHost::UnexpectedCount>("unexpectedCount"),
                           InstanceAccessor<&EnetHost::HalfOpenCount>("halfOpenCount"),
                           InstanceAccessor<&EnetHost::StrayCount>("strayCount"),
                       });
  }

  // new EnetHost(address | null, port, maxPeers, peersPerAddress, channelLimit, onEvent, mayMove)
  explicit EnetHost(const Napi::CallbackInfo &info) : Napi::ObjectWrap<EnetHost>(info), env_(info.Env()) {
    bool listens = info.Length() > 0 && info[0].IsString();
    auto port = static_cast<uint16_t>(IntegerArgument(info, 1, "port", 0, 65535));
    auto max_peers = static_cast<size_t>(IntegerArgument(info, 2, "maxPeers", 1, ENET_PROTOCOL_MAXIMUM_PEER_ID - 1));
    auto peers_per_address =
        static_cast<size_t>(IntegerArgument(info, 3, "peersPerAddress", 1, ENET_PROTOCOL_MAXIMUM_PEER_ID));
    auto channels = static_cast<size_t>(IntegerArgument(info, 4, "channelLimit", 1, 255));
    Napi::Function on_event = FunctionArgument(info, 5, "onEvent");
    Napi::Function may_move = FunctionArgument(info, 6, "mayMove");
    Endpoint address;
    if (listens)
      address = RequireEndpoint(env_, StringArgument(info, 0, "address"), port);
    OpenHost(max_peers, channels);
    int error = 0;
    relay_ = std::make_unique<EnetRelay>(listens ? &address : nullptr, host_->socket, &error);
    if (error != 0)
      throw SystemError(env_, error, "bind");
    peers_ = std::make_unique<EnetPeers>(host_.get());
    gate_ = std::make_unique<EnetGate>(host_.get(), relay_.get(), peers_per_address,
                                       [this](auto... question) { return MayMove(question...); });
    watch_ = std::make_unique<LoopWatch>(env_, "lumen.EnetHost", relay_->poll_fd(), this);
    on_event_ = Napi::Persistent(on_event);
    may_move_ = Napi::Persistent(may_move);
    watch_->WaitFor(UV_READABLE);
    // The loop's handles point here: JavaScript forgetting the object must not free it. close() lets go.
    Ref();
  }

  ~EnetHost() override { Destroy(); }

 private:
  struct HostDestroy {
    void operator()(ENetHost *host) const { enet_host_destroy(host); }
  };

  void OpenHost(size_t max_peers, size_t channels) {
    ENetAddress loopback{htonl(INADDR_LOOPBACK), 0};
    errno = 0;
    host_.reset(enet_host_create(&loopback, max_peers, channels, 0, 0));
    if (host_ == nullptr)
      throw SystemError(env_, errno != 0 ? errno : ENOMEM, "bind");
    fcntl(host_->socket, F_SETFD, FD_CLOEXEC);
    host_->maximumPacketSize = kMaximumPacketBytes;
    host_->maximumWaitingData = kMaximumWaitingBytes;
    host_->intercept = [](ENetHost *host, ENetEvent *) { return IsFromLink(host->receivedAddress) ? 0 : 1; };
  }

  // Other users of the machine can reach libenet's own port.
  static bool IsFromLink(const ENetAddress &from) {
    return servicing_ != nullptr && from.host == htonl(INADDR_LOOPBACK) &&
           servicing_->relay_->FindLink(from.port) != nullptr;
  }

  bool MayMove(const ENetPeer *peer, const uint8_t *data, size_t length, const Endpoint &from) {
    if (close_wanted_)
      return false;
    Napi::HandleScope scope(env_);
    try {
      Napi::Value answer =
          may_move_.Call({Napi::Number::New(env_, EnetPeers::IdOf(peer)),
                          Napi::Buffer<uint8_t>::Copy(env_, data, length), Napi::String::New(env_, from.text())});
      return answer.ToBoolean().Value();
    } catch (const Napi::Error &error) {
      napi_fatal_exception(env_, error.Value());
      return false;
    }
  }

  // One turn: receives, acknowledges, resends, and hands over at most kEventsPerTurn events.
  void OnTurn() override {
    if (in_turn_)
      return;
    Napi::HandleScope scope(env_);
    in_turn_ = true;
    gate_->TakeIn(watch_->now_ms());
    int events = close_wanted_ ? 0 : Service();
    if (!close_wanted_)
      peers_->ReapHalfOpen(watch_->now_ms());
    if (!close_wanted_ && events > 0 && events < kEventsPerTurn)
      enet_host_flush(host_.get());
    relay_->Flush();
    peers_->CloseUnusedLinks(relay_.get(), watch_->now_ms());
    in_turn_ = false;
    if (close_wanted_)
      Release();
    else if (events >= kEventsPerTurn)
      watch_->WakeAfter(0);
    else if (peers_->HasAny() || relay_->link_count() > 0)
      watch_->WakeAfter(kServiceIntervalMs);
    else
      watch_->StopTimer();
  }

  // Returns how many events were handed over.
  int Service() {
    ENetEvent event;
    int events = 0;
    servicing_ = this;
    int result = enet_host_service(host_.get(), &event, 0);
    servicing_ = nullptr;
    while (result > 0) {
      Deliver(event);
      if (++events >= kEventsPerTurn || close_wanted_)
        break;
      result = enet_host_check_events(host_.get(), &event);
    }
    return events;
  }

  void Deliver(const ENetEvent &event) {
    Napi::HandleScope scope(env_);
    ENetPeer *peer = event.peer;
    switch (event.type) {
      case ENET_EVENT_TYPE_CONNECT: {
        uint32_t id = peers_->Register(peer);
        const Link *link = relay_->FindLink(peer->address.port);
        Endpoint from = link != nullptr ? link->remote : Endpoint{};
        Emit("connect", id, Napi::Number::New(env_, event.data), Napi::String::New(env_, from.text()),
             Napi::Number::New(env_, from.port()));
        break;
      }
      case ENET_EVENT_TYPE_DISCONNECT: {
        uint32_t id = EnetPeers::IdOf(peer);
        peers_->Forget(peer);
        if (id != 0)
          Emit("disconnect", id, Napi::Number::New(env_, event.data), env_.Undefined(), env_.Undefined());
        break;
      }
      case ENET_EVENT_TYPE_RECEIVE: {
        uint32_t id = EnetPeers::IdOf(peer);
        auto data = Napi::Buffer<uint8_t>::Copy(env_, event.packet->data, event.packet->dataLength);
        enet_packet_destroy(event.packet);
        if (id != 0)
          Emit("message", id, Napi::Number::New(env_, event.channelID), data, env_.Undefined());
        break;
      }
      default:
        break;
    }
  }

  void Emit(const char *kind, uint32_t id, Napi::Value a, Napi::Value b, Napi::Value c) {
    watch_->Tell(on_event_, Value(), {Napi::String::New(env_, kind), Napi::Number::New(env_, id), a, b, c});
  }

  // nullptr for one that is gone, as all are when the host is closed.
  ENetPeer *FindPeer(const Napi::CallbackInfo &info) {
    auto id = static_cast<uint32_t>(IntegerArgument(info, 0, "peerId", 0, UINT32_MAX));
    return IsOpen() ? peers_->Find(id) : nullptr;
  }

  // connect(address, port, channels, data) → peerId
  Napi::Value Connect(const Napi::CallbackInfo &info) {
    RequireOpen();
    auto port = static_cast<uint16_t>(IntegerArgument(info, 1, "port", 1, 65535));
    Endpoint remote = RequireEndpoint(env_, StringArgument(info, 0, "address"), port);
    auto channels = static_cast<size_t>(IntegerArgument(info, 2, "channels", 1, 255));
    auto data = static_cast<enet_uint32>(IntegerArgument(info, 3, "data", 0, UINT32_MAX));
    ENetAddress address{htonl(INADDR_LOOPBACK), 0};
    if (relay_->Open(remote, watch_->now_ms(), &address.port) == nullptr)
      throw SystemError(env_, errno, "connect");
    ENetPeer *peer = enet_host_connect(host_.get(), &address, channels, data);
    if (peer == nullptr)
      throw SystemError(env_, ENOBUFS, "connect");
    watch_->WakeAfter(0);
    return Napi::Number::New(env_, peers_->Register(peer));
  }

  // send(peerId, channel, data, flags) → whether it was queued
  Napi::Value Send(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    auto channel = static_cast<enet_uint8>(IntegerArgument(info, 1, "channel", 0, 254));
    if (!info[2].IsBuffer())
      throw ArgumentError(info, 2, "data", "a Buffer");
    auto data = info[2].As<Napi::Buffer<uint8_t>>();
    std::string delivery = StringArgument(info, 3, "delivery");
    enet_uint32 flags = 0;
    if (delivery == "reliable")
      flags = ENET_PACKET_FLAG_RELIABLE;
    else if (delivery == "unsequenced")
      flags = ENET_PACKET_FLAG_UNSEQUENCED;
    else if (delivery != "unreliable")
      throw ArgumentError(info, 3, "delivery", "reliable, unreliable or unsequenced");
    if (peer == nullptr || data.Length() > kMaximumPacketBytes || EnetPeers::IsFull(peer))
      return Napi::Boolean::New(env_, false);
    ENetPacket *packet = enet_packet_create(data.Data(), data.Length(), flags);
    if (packet == nullptr || enet_peer_send(peer, channel, packet) != 0) {
      enet_packet_destroy(packet);
      return Napi::Boolean::New(env_, false);
    }
    watch_->WakeAfter(0);
    return Napi::Boolean::New(env_, true);
  }

  // disconnect(peerId, data, how): 'now' and peers that never were connected give no disconnect event
  Napi::Value Disconnect(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    auto data = static_cast<enet_uint32>(IntegerArgument(info, 1, "data", 0, UINT32_MAX));
    std::string how = StringArgument(info, 2, "how");
    if (how != "now" && how != "later" && how != "gentle")
      throw ArgumentError(info, 2, "how", "now, later or gentle");
    if (peer == nullptr)
      return env_.Undefined();
    if (how == "now")
      enet_peer_disconnect_now(peer, data);
    else if (how == "later")
      enet_peer_disconnect_later(peer, data);
    else
      enet_peer_disconnect(peer, data);
    if (peer->state == ENET_PEER_STATE_DISCONNECTED)
      peers_->Forget(peer);
    watch_->WakeAfter(0);
    return env_.Undefined();
  }

  // setExpected(connectData: Uint32Array, addresses: string[]): from now on every other CONNECT is thrown away
  Napi::Value SetExpected(const Napi::CallbackInfo &info) {
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
      throw ArgumentError(info, 0, "connectData", "a Uint32Array");
    auto data = info[0].As<Napi::Uint32Array>();
    Napi::Array addresses = ArrayArgument(info, 1, "addresses");
    if (data.ElementLength() > kMaximumExpected || addresses.Length() > kMaximumExpected)
      throw Napi::RangeError::New(env_, "too many connections are expected");
    std::vector<HostKey> hosts;
    for (uint32_t i = 0; i < addresses.Length(); i++) {
      Napi::Value address = addresses.Get(i);
      if (!address.IsString())
        throw ArgumentError(info, 1, "addresses", "an array of strings");
      hosts.push_back(RequireEndpoint(env_, address.As<Napi::String>().Utf8Value(), 0).key());
    }
    gate_->Expect({data.Data(), data.Data() + data.ElementLength()}, std::move(hosts));
    return env_.Undefined();
  }

  // setPeerTimeout(peerId, limit, minimumMs, maximumMs)
  Napi::Value SetPeerTimeout(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    auto limit = static_cast<enet_uint32>(IntegerArgument(info, 1, "limit", 1, 1024));
    auto minimum = static_cast<enet_uint32>(IntegerArgument(info, 2, "minimumMs", 1, 3600000));
    auto maximum = static_cast<enet_uint32>(IntegerArgument(info, 3, "maximumMs", 1, 3600000));
    if (peer != nullptr)
      enet_peer_timeout(peer, limit, minimum, maximum);
    return env_.Undefined();
  }

  // roundTripTimeMs(peerId) → number | undefined
  Napi::Value RoundTripTimeMs(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    return peer == nullptr ? env_.Undefined() : Napi::Value(Napi::Number::New(env_, peer->roundTripTime));
  }

  // hasUnacknowledged(peerId) → whether reliable packets still wait for the peer's acknowledgement
  Napi::Value HasUnacknowledged(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    return Napi::Boolean::New(env_, peer != nullptr && EnetPeers::HasUnacknowledged(peer));
  }

  Napi::Value Flush(const Napi::CallbackInfo &) {
    if (IsOpen()) {
      enet_host_flush(host_.get());
      relay_->Flush();
    }
    return env_.Undefined();
  }

  // close(): gives the port back. From within an event callback it happens when that returns.
  Napi::Value Close(const Napi::CallbackInfo &) {
    if (!IsOpen())
      return env_.Undefined();
    close_wanted_ = true;
    if (!in_turn_)
      Release();
    return env_.Undefined();
  }

  Napi::Value Port(const Napi::CallbackInfo &) { return Napi::Number::New(env_, IsOpen() ? relay_->port() : 0); }

  Napi::Value UnexpectedCount(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, static_cast<double>(gate_->unexpected_count()));
  }

  Napi::Value HalfOpenCount(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, static_cast<double>(peers_->half_open_count()));
  }

  Napi::Value StrayCount(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, static_cast<double>(gate_->stray_count()));
  }

  bool IsOpen() const { return watch_ != nullptr && !close_wanted_; }

  void RequireOpen() const {
    if (!IsOpen())
      throw Napi::Error::New(env_, "the ENet host is closed");
  }

  void OnEnvironmentEnd() override { Destroy(); }

  void Release() {
    Destroy();
    Unref();
  }

  // What counted goes on to say so; nothing else of them is used any more.
  void Destroy() {
    watch_.reset();
    // The last word to a peer may have been said just now.
    if (relay_ != nullptr)
      relay_->Flush();
    relay_.reset();
    host_.reset();
    on_event_.Reset();
    may_move_.Reset();
  }

  // Whose datagrams are being received on this thread: ENet's intercept callback has no place for it.
  static inline thread_local EnetHost *servicing_ = nullptr;

  Napi::Env env_;
  std::unique_ptr<ENetHost, HostDestroy> host_;
  std::unique_ptr<EnetRelay> relay_;
  std::unique_ptr<EnetPeers> peers_;
  std::unique_ptr<EnetGate> gate_;
  std::unique_ptr<LoopWatch> watch_;
  Napi::FunctionReference on_event_;
  Napi::FunctionReference may_move_;
  bool in_turn_ = false;
  bool close_wanted_ = false;
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  if (enet_initialize() != 0)
    throw Napi::Error::New(env, "ENet cannot be initialised");
  exports.Set("EnetHost", EnetHost::Define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(enet, Init)

}  // namespace lumen
