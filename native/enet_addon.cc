// ENet on Node's event loop: one host per object, serviced from a poll handle and a timer, without threads.
// It moves packets and knows nothing of what they mean. The typed binding is src/control/enet.ts.
// Wire protocol: protocol/control.md §1. enet_relay.h carries libenet's IPv4 datagrams to and from either family.

#include <enet/enet.h>
#include <fcntl.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <unordered_map>
#include <vector>

#include "addon_error.h"
#include "enet_relay.h"
#include "uv_handles.h"

namespace lumen {
namespace {

// Resends, pings and timeouts are due on ENet's own clock: look at it this often while there are peers.
constexpr uint64_t kServiceIntervalMs = 10;
// Events handed to JavaScript in one turn of the loop; the rest waits for the next one.
constexpr int kEventsPerTurn = 128;
// No message of the protocol comes near this; ENet's own bound is 32 MiB per packet.
constexpr size_t kMaximumPacketBytes = 64 * 1024;
constexpr size_t kMaximumWaitingBytes = 1024 * 1024;
// A connection takes one round trip. ENet itself would wait 5 to 30 s for the other side of it, in one of few places.
constexpr uint64_t kHalfOpenMs = 2000;
// Connections expected at a time, by connect data and by address each.
constexpr size_t kMaximumExpected = 256;
// Datagrams of a peer from elsewhere that are handed to JavaScript to be authenticated, in one second.
constexpr int kMaximumMoveChecks = 200;
constexpr uint64_t kMoveCheckWindowMs = 1000;

// Datagrams taken in from outside in one turn of the loop.
constexpr int kDatagramsPerTurn = 256;
// How long a link may be there before libenet has a peer for it.
constexpr uint64_t kLinkGraceMs = 1000;

Endpoint RequireEndpoint(Napi::Env env, const std::string &text, uint16_t port) {
  Endpoint endpoint;
  if (!ParseEndpoint(text, port, &endpoint))
    throw Napi::TypeError::New(env, "address must be a numeric IPv4 or IPv6 address, got " + text);
  return endpoint;
}

// The id is what JavaScript knows a peer by. ENet reuses its peer slots; ids are never reused.
uint32_t PeerId(const ENetPeer *peer) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(peer->data)); }

class EnetHost : public Napi::ObjectWrap<EnetHost> {
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
    peers_per_address_ =
        static_cast<size_t>(IntegerArgument(info, 3, "peersPerAddress", 1, ENET_PROTOCOL_MAXIMUM_PEER_ID));
    auto channels = static_cast<size_t>(IntegerArgument(info, 4, "channelLimit", 1, 255));
    if (info.Length() < 7 || !info[5].IsFunction() || !info[6].IsFunction())
      throw Napi::TypeError::New(env_, "onEvent and mayMove must be functions");

    Endpoint address;
    if (listens)
      address = RequireEndpoint(env_, info[0].As<Napi::String>().Utf8Value(), port);
    Open(listens ? &address : nullptr, max_peers, channels);
    host_->maximumPacketSize = kMaximumPacketBytes;
    host_->maximumWaitingData = kMaximumWaitingBytes;
    half_open_.resize(host_->peerCount);
    host_->intercept = [](ENetHost *host, ENetEvent *) { return IsFromLink(host->receivedAddress) ? 0 : 1; };
    on_event_ = Napi::Persistent(info[5].As<Napi::Function>());
    may_move_ = Napi::Persistent(info[6].As<Napi::Function>());
    StartWatching();
  }

  ~EnetHost() override { Destroy(); }

 private:
  void Open(const Endpoint *address, size_t max_peers, size_t channels) {
    ENetAddress loopback{htonl(INADDR_LOOPBACK), 0};
    int error = 0;
    errno = 0;
    host_ = enet_host_create(&loopback, max_peers, channels, 0, 0);
    if (host_ == nullptr)
      throw SystemError(env_, errno != 0 ? errno : ENOMEM, "bind");
    fcntl(host_->socket, F_SETFD, FD_CLOEXEC);
    relay_ = std::make_unique<EnetRelay>(address, host_->socket, &error);
    if (error != 0) {
      Destroy();
      throw SystemError(env_, error, "bind");
    }
  }

  void StartWatching() {
    uv_loop_t *loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    poll_ = new uv_poll_t;
    timer_ = new uv_timer_t;
    loop_ = loop;
    uv_timer_init(loop, timer_);
    int status = uv_poll_init(loop, poll_, relay_->poll_fd());
    if (status != 0) {
      delete poll_;
      poll_ = nullptr;
      Destroy();
      throw SystemError(env_, -status, "uv_poll_init");
    }
    poll_->data = this;
    timer_->data = this;
    uv_poll_start(poll_, UV_READABLE,
                  [](uv_poll_t *handle, int, int) { static_cast<EnetHost *>(handle->data)->Turn(); });
    async_context_ = std::make_unique<Napi::AsyncContext>(env_, "lumen.EnetHost");
    napi_add_env_cleanup_hook(env_, &EnetHost::OnEnvironmentEnd, this);
    hooked_ = true;
    // The loop's handles point here: JavaScript forgetting the object must not free it. close() lets go.
    Ref();
  }

  static void OnEnvironmentEnd(void *data) {
    auto *self = static_cast<EnetHost *>(data);
    self->hooked_ = false;
    self->Destroy();
  }

  void Arm(uint64_t delay_ms) {
    uv_timer_start(timer_, [](uv_timer_t *handle) { static_cast<EnetHost *>(handle->data)->Turn(); }, delay_ms, 0);
  }

  bool HasPeers() const {
    for (size_t i = 0; i < host_->peerCount; i++)
      if (host_->peers[i].state != ENET_PEER_STATE_DISCONNECTED)
        return true;
    return false;
  }

  // Other users of the machine can reach libenet's own port.
  static bool IsFromLink(const ENetAddress &from) {
    return servicing_ != nullptr && from.host == htonl(INADDR_LOOPBACK) &&
           servicing_->relay_->FindLink(from.port) != nullptr;
  }

  Link *LinkOf(const ENetPeer *peer) const { return relay_->FindLink(peer->address.port); }

  // Takes in what came from outside and may come in.
  void TakeIn() {
    Received received;
    for (int i = 0; i < kDatagramsPerTurn && relay_->Receive(&received); i++) {
      Link *link = Admit(received);
      if (link != nullptr)
        relay_->PassOn(link, received);
      if (close_wanted_)
        break;
    }
  }

  // The link by which libenet is to see a datagram; nullptr when it is to be thrown away.
  Link *Admit(const Received &received) {
    // Nothing can be sent to port 0.
    if (received.from.port() == 0)
      return nullptr;
    enet_uint16 field;
    if (received.length < sizeof(field))
      return nullptr;
    memcpy(&field, received.data, sizeof(field));
    field = ENET_NET_TO_HOST_16(field);
    // There is neither checksum nor compressor here.
    if ((field & ENET_PROTOCOL_HEADER_FLAG_COMPRESSED) != 0)
      return nullptr;
    size_t header = field & ENET_PROTOCOL_HEADER_FLAG_SENT_TIME ? sizeof(ENetProtocolHeader) : sizeof(field);
    // Packets of a peer name it. Without a peer ENet reads nothing but a CONNECT, which comes first.
    if ((field & ENET_PROTOCOL_MAXIMUM_PEER_ID) == ENET_PROTOCOL_MAXIMUM_PEER_ID)
      return AdmitConnect(received, header);
    return AdmitPeer(received, field, header);
  }

  // Anybody can forge a CONNECT, and each takes a peer until the answer to it is given up. Therefore one must carry the
  // connect data of a client that is expected, or come from the address of one that knows no connect data.
  Link *AdmitConnect(const Received &received, size_t header) {
    ENetProtocolConnect connect;
    if (received.length < header + sizeof(connect))
      return nullptr;
    memcpy(&connect, received.data + header, sizeof(connect));
    if ((connect.header.command & ENET_PROTOCOL_COMMAND_MASK) != ENET_PROTOCOL_COMMAND_CONNECT)
      return nullptr;
    auto contains = [](const auto &set, const auto &value) {
      return std::find(set.begin(), set.end(), value) != set.end();
    };
    HostKey from = received.from.key();
    bool expected = !knows_expected_ || contains(expected_data_, ENET_NET_TO_HOST_32(connect.data)) ||
                    contains(expected_hosts_, from);
    if (!expected)
      unexpected_count_++;
    if (!expected || PeersAt(from) >= peers_per_address_)
      return nullptr;
    Link *link = relay_->FindLink(received.from);
    if (link != nullptr)
      return link;
    uint16_t port;
    return relay_->link_count() < 2 * host_->peerCount ? relay_->Open(received.from, uv_now(loop_), &port) : nullptr;
  }

  size_t PeersAt(const HostKey &from) const {
    size_t count = 0;
    for (size_t i = 0; i < host_->peerCount; i++) {
      const ENetPeer &peer = host_->peers[i];
      if (peer.state == ENET_PEER_STATE_DISCONNECTED || peer.state == ENET_PEER_STATE_CONNECTING)
        continue;
      const Link *link = LinkOf(&peer);
      count += link != nullptr && link->remote.key() == from;
    }
    return count;
  }

  // What names a peer is in clear and easily guessed. From a new address a peer is heard only with a message that
  // JavaScript finds authentic and new; its link then stands for that address.
  Link *AdmitPeer(const Received &received, enet_uint16 field, size_t header) {
    size_t index = field & ENET_PROTOCOL_MAXIMUM_PEER_ID;
    if (index >= host_->peerCount)
      return nullptr;
    ENetPeer *peer = &host_->peers[index];
    if (peer->state == ENET_PEER_STATE_DISCONNECTED || peer->state == ENET_PEER_STATE_ZOMBIE)
      return nullptr;
    Link *link = LinkOf(peer);
    if (link == nullptr || link->remote == received.from)
      return link;
    auto session = (field & ENET_PROTOCOL_HEADER_SESSION_MASK) >> ENET_PROTOCOL_HEADER_SESSION_SHIFT;
    bool moves = peer->state == ENET_PEER_STATE_CONNECTED && PeerId(peer) != 0 && session == peer->incomingSessionID &&
                 MayCheckMove() && IsAuthentic(peer, received, header);
    if (!moves) {
      stray_count_++;
      return nullptr;
    }
    link->remote = received.from;
    return link;
  }

  bool MayCheckMove() {
    uint64_t now = uv_now(loop_);
    if (now - move_window_ms_ >= kMoveCheckWindowMs) {
      move_window_ms_ = now;
      move_checks_ = 0;
    }
    return move_checks_++ < kMaximumMoveChecks;
  }

  // Shows the first reliable message of the datagram to JavaScript.
  bool IsAuthentic(const ENetPeer *peer, const Received &received, size_t offset) {
    const uint8_t *bytes = received.data;
    size_t length = received.length;
    ENetProtocolCommandHeader command;
    while (offset + sizeof(command) <= length) {
      memcpy(&command, bytes + offset, sizeof(command));
      auto kind = command.command & ENET_PROTOCOL_COMMAND_MASK;
      bool is_message = kind == ENET_PROTOCOL_COMMAND_SEND_RELIABLE;
      // Only these come before a message in one datagram; others carry data of their own. libenet looks the size up
      // without asking whether there is such a command.
      if (!is_message && kind != ENET_PROTOCOL_COMMAND_ACKNOWLEDGE && kind != ENET_PROTOCOL_COMMAND_PING)
        return false;
      size_t size = enet_protocol_command_size(command.command);
      if (offset + size > length)
        return false;
      if (is_message) {
        ENetProtocolSendReliable message;
        memcpy(&message, bytes + offset, sizeof(message));
        size_t data = ENET_NET_TO_HOST_16(message.dataLength);
        return offset + size + data <= length && MayMove(peer, bytes + offset + size, data, received.from);
      }
      offset += size;
    }
    return false;
  }

  bool MayMove(const ENetPeer *peer, const uint8_t *data, size_t length, const Endpoint &from) {
    Napi::HandleScope scope(env_);
    try {
      Napi::Value answer =
          may_move_.Call({Napi::Number::New(env_, PeerId(peer)), Napi::Buffer<uint8_t>::Copy(env_, data, length),
                          Napi::String::New(env_, from.text())});
      return answer.ToBoolean().Value();
    } catch (const Napi::Error &error) {
      napi_fatal_exception(env_, error.Value());
      return false;
    }
  }

  // Takes back the peers of connections that were begun from outside and not completed in time.
  void ReapHalfOpen() {
    uint64_t now = uv_now(loop_);
    for (size_t i = 0; i < host_->peerCount; i++) {
      ENetPeer *peer = &host_->peers[i];
      HalfOpen &begun = half_open_[i];
      if (peer->state != ENET_PEER_STATE_ACKNOWLEDGING_CONNECT) {
        begun.is_seen = false;
      } else if (!begun.is_seen || begun.connect_id != peer->connectID) {
        begun = {true, peer->connectID, now};
      } else if (now - begun.since_ms >= kHalfOpenMs) {
        begun.is_seen = false;
        half_open_count_++;
        enet_peer_reset(peer);
      }
    }
  }

  // Links last as long as their peers, and until libenet has seen the first datagram.
  void CloseUnusedLinks() {
    uint64_t now = uv_now(loop_);
    relay_->CloseUnused([this, now](uint16_t port, const Link &link) {
      if (now - link.made_ms < kLinkGraceMs)
        return true;
      for (size_t i = 0; i < host_->peerCount; i++)
        if (host_->peers[i].state != ENET_PEER_STATE_DISCONNECTED && host_->peers[i].address.port == port)
          return true;
      return false;
    });
  }

  // One turn: receives, acknowledges, resends, and hands over at most kEventsPerTurn events.
  void Turn() {
    if (host_ == nullptr || in_turn_)
      return;
    Napi::HandleScope scope(env_);
    in_turn_ = true;
    ENetEvent event;
    int events = 0;
    TakeIn();
    servicing_ = this;
    int result = enet_host_service(host_, &event, 0);
    servicing_ = nullptr;
    while (result > 0 && !close_wanted_) {
      Deliver(event);
      if (++events >= kEventsPerTurn || close_wanted_)
        break;
      result = enet_host_check_events(host_, &event);
    }
    if (!close_wanted_)
      ReapHalfOpen();
    if (!close_wanted_ && events > 0 && events < kEventsPerTurn)
      enet_host_flush(host_);
    relay_->Flush();
    CloseUnusedLinks();
    in_turn_ = false;
    if (close_wanted_) {
      Release();
      return;
    }
    if (events >= kEventsPerTurn)
      Arm(0);
    else if (HasPeers() || relay_->link_count() > 0)
      Arm(kServiceIntervalMs);
    else
      uv_timer_stop(timer_);
  }

  void Deliver(const ENetEvent &event) {
    Napi::HandleScope scope(env_);
    ENetPeer *peer = event.peer;
    switch (event.type) {
      case ENET_EVENT_TYPE_CONNECT: {
        uint32_t id = PeerId(peer);
        if (id == 0)
          id = Register(peer);
        const Link *link = LinkOf(peer);
        Endpoint from = link != nullptr ? link->remote : Endpoint{};
        Emit("connect", id, Napi::Number::New(env_, event.data), Napi::String::New(env_, from.text()),
             Napi::Number::New(env_, from.port()));
        break;
      }
      case ENET_EVENT_TYPE_DISCONNECT: {
        uint32_t id = PeerId(peer);
        Forget(peer);
        if (id != 0)
          Emit("disconnect", id, Napi::Number::New(env_, event.data), env_.Undefined(), env_.Undefined());
        break;
      }
      case ENET_EVENT_TYPE_RECEIVE: {
        uint32_t id = PeerId(peer);
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
    try {
      on_event_.MakeCallback(Value(), {Napi::String::New(env_, kind), Napi::Number::New(env_, id), a, b, c},
                             *async_context_);
    } catch (const Napi::Error &error) {
      // As with any callback of Node: what it throws is an uncaught exception.
      napi_fatal_exception(env_, error.Value());
    }
  }

  uint32_t Register(ENetPeer *peer) {
    uint32_t id = ++last_id_;
    peer->data = reinterpret_cast<void *>(static_cast<uintptr_t>(id));
    peers_[id] = peer;
    return id;
  }

  void Forget(ENetPeer *peer) {
    peers_.erase(PeerId(peer));
    peer->data = nullptr;
  }

  ENetPeer *FindPeer(const Napi::CallbackInfo &info) {
    auto found = peers_.find(static_cast<uint32_t>(IntegerArgument(info, 0, "peerId", 0, UINT32_MAX)));
    return host_ == nullptr || close_wanted_ || found == peers_.end() ? nullptr : found->second;
  }

  // connect(address, port, channels, data) → peerId
  Napi::Value Connect(const Napi::CallbackInfo &info) {
    RequireOpen();
    auto port = static_cast<uint16_t>(IntegerArgument(info, 1, "port", 1, 65535));
    Endpoint remote = RequireEndpoint(env_, StringArgument(info, 0, "address"), port);
    auto channels = static_cast<size_t>(IntegerArgument(info, 2, "channels", 1, 255));
    auto data = static_cast<enet_uint32>(IntegerArgument(info, 3, "data", 0, UINT32_MAX));
    ENetAddress address{htonl(INADDR_LOOPBACK), 0};
    if (relay_->Open(remote, uv_now(loop_), &address.port) == nullptr)
      throw SystemError(env_, errno, "connect");
    ENetPeer *peer = enet_host_connect(host_, &address, channels, data);
    if (peer == nullptr)
      throw SystemError(env_, ENOBUFS, "connect");
    uint32_t id = Register(peer);
    Arm(0);
    return Napi::Number::New(env_, id);
  }

  // send(peerId, channel, data, flags) → whether it was queued
  Napi::Value Send(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    auto channel = static_cast<enet_uint8>(IntegerArgument(info, 1, "channel", 0, 254));
    if (info.Length() < 3 || !info[2].IsBuffer())
      throw Napi::TypeError::New(env_, "data must be a Buffer");
    auto data = info[2].As<Napi::Buffer<uint8_t>>();
    std::string delivery = StringArgument(info, 3, "delivery");
    if (peer == nullptr || data.Length() > kMaximumPacketBytes)
      return Napi::Boolean::New(env_, false);
    enet_uint32 flags = 0;
    if (delivery == "reliable")
      flags = ENET_PACKET_FLAG_RELIABLE;
    else if (delivery == "unsequenced")
      flags = ENET_PACKET_FLAG_UNSEQUENCED;
    else if (delivery != "unreliable")
      throw Napi::TypeError::New(env_, "delivery must be reliable, unreliable or unsequenced, got " + delivery);
    ENetPacket *packet = enet_packet_create(data.Data(), data.Length(), flags);
    if (packet == nullptr)
      return Napi::Boolean::New(env_, false);
    if (enet_peer_send(peer, channel, packet) != 0) {
      enet_packet_destroy(packet);
      return Napi::Boolean::New(env_, false);
    }
    Arm(0);
    return Napi::Boolean::New(env_, true);
  }

  // disconnect(peerId, data, how): 'now' and peers that never were connected give no disconnect event
  Napi::Value Disconnect(const Napi::CallbackInfo &info) {
    ENetPeer *peer = FindPeer(info);
    auto data = static_cast<enet_uint32>(IntegerArgument(info, 1, "data", 0, UINT32_MAX));
    std::string how = StringArgument(info, 2, "how");
    if (how != "now" && how != "later" && how != "gentle")
      throw Napi::TypeError::New(env_, "how must be now, later or gentle, got " + how);
    if (peer == nullptr)
      return env_.Undefined();
    if (how == "now") {
      Forget(peer);
      enet_peer_disconnect_now(peer, data);
    } else {
      uint32_t id = PeerId(peer);
      if (how == "later")
        enet_peer_disconnect_later(peer, data);
      else
        enet_peer_disconnect(peer, data);
      if (peer->state == ENET_PEER_STATE_DISCONNECTED) {
        peers_.erase(id);
        peer->data = nullptr;
      }
    }
    Arm(0);
    return env_.Undefined();
  }

  // setExpected(connectData: Uint32Array, addresses: string[]): from now on every other CONNECT is thrown away
  Napi::Value SetExpected(const Napi::CallbackInfo &info) {
    if (info.Length() < 2 || !info[0].IsTypedArray() ||
        info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array || !info[1].IsArray())
      throw Napi::TypeError::New(env_, "setExpected takes a Uint32Array and an array of addresses");
    auto data = info[0].As<Napi::Uint32Array>();
    auto addresses = info[1].As<Napi::Array>();
    if (data.ElementLength() > kMaximumExpected || addresses.Length() > kMaximumExpected)
      throw Napi::RangeError::New(env_, "too many connections are expected");
    std::vector<HostKey> hosts;
    for (uint32_t i = 0; i < addresses.Length(); i++)
      hosts.push_back(RequireEndpoint(env_, addresses.Get(i).ToString().Utf8Value(), 0).key());
    expected_data_.assign(data.Data(), data.Data() + data.ElementLength());
    expected_hosts_ = std::move(hosts);
    knows_expected_ = true;
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
    bool waiting =
        peer != nullptr && (!enet_list_empty(&peer->outgoingCommands) || !enet_list_empty(&peer->sentReliableCommands));
#if ENET_VERSION >= ENET_VERSION_CREATE(1, 3, 18)
    waiting = waiting || (peer != nullptr && !enet_list_empty(&peer->outgoingSendReliableCommands));
#endif
    return Napi::Boolean::New(env_, waiting);
  }

  Napi::Value Flush(const Napi::CallbackInfo &) {
    if (host_ != nullptr && !close_wanted_) {
      enet_host_flush(host_);
      relay_->Flush();
    }
    return env_.Undefined();
  }

  // close(): gives the port back. From within an event callback it happens when that returns.
  Napi::Value Close(const Napi::CallbackInfo &) {
    if (host_ == nullptr || close_wanted_)
      return env_.Undefined();
    close_wanted_ = true;
    if (!in_turn_)
      Release();
    return env_.Undefined();
  }

  Napi::Value Port(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, host_ == nullptr || close_wanted_ ? 0 : relay_->port());
  }

  Napi::Value UnexpectedCount(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, static_cast<double>(unexpected_count_));
  }

  Napi::Value HalfOpenCount(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, static_cast<double>(half_open_count_));
  }

  Napi::Value StrayCount(const Napi::CallbackInfo &) {
    return Napi::Number::New(env_, static_cast<double>(stray_count_));
  }

  void RequireOpen() {
    if (host_ == nullptr || close_wanted_)
      throw Napi::Error::New(env_, "the ENet host is closed");
  }

  void Release() {
    Destroy();
    Unref();
  }

  void Destroy() {
    if (hooked_) {
      hooked_ = false;
      napi_remove_env_cleanup_hook(env_, &EnetHost::OnEnvironmentEnd, this);
    }
    CloseHandle(poll_);
    CloseHandle(timer_);
    peers_.clear();
    // The last word to a peer may have been said just now.
    if (relay_ != nullptr)
      relay_->Flush();
    relay_.reset();
    if (host_ != nullptr) {
      enet_host_destroy(host_);
      host_ = nullptr;
    }
    async_context_.reset();
    on_event_.Reset();
    may_move_.Reset();
  }

  // A connection begun from outside, in the place of the peer of the same index.
  struct HalfOpen {
    bool is_seen = false;
    enet_uint32 connect_id = 0;
    uint64_t since_ms = 0;
  };

  // Whose datagrams are being received on this thread: ENet's intercept callback has no place for it.
  static inline thread_local EnetHost *servicing_ = nullptr;

  Napi::Env env_;
  ENetHost *host_ = nullptr;
  std::unique_ptr<EnetRelay> relay_;
  uv_poll_t *poll_ = nullptr;
  uv_timer_t *timer_ = nullptr;
  uv_loop_t *loop_ = nullptr;
  std::unique_ptr<Napi::AsyncContext> async_context_;
  Napi::FunctionReference on_event_;
  Napi::FunctionReference may_move_;
  std::unordered_map<uint32_t, ENetPeer *> peers_;
  uint32_t last_id_ = 0;
  bool knows_expected_ = false;
  std::vector<enet_uint32> expected_data_;
  std::vector<HostKey> expected_hosts_;
  size_t peers_per_address_ = 0;
  std::vector<HalfOpen> half_open_;
  uint64_t unexpected_count_ = 0;
  uint64_t half_open_count_ = 0;
  uint64_t stray_count_ = 0;
  uint64_t move_window_ms_ = 0;
  int move_checks_ = 0;
  bool in_turn_ = false;
  bool close_wanted_ = false;
  bool hooked_ = false;
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
