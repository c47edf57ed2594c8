// Which datagrams from outside an ENet host may see: see enet_gate.h.

#include "enet_gate.h"

#include <algorithm>
#include <cstring>

namespace lumen {
namespace {

// Datagrams taken in from outside in one turn of the loop; the rest waits for the next one.
constexpr int kDatagramsPerTurn = 256;
// Datagrams of a peer from elsewhere that are looked at, in one second.
constexpr int kMaximumMoveChecks = 200;
constexpr uint64_t kMoveCheckWindowMs = 1000;

template <typename T>
bool Contains(const std::vector<T> &values, const T &value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

EnetGate::EnetGate(ENetHost *host, EnetRelay *relay, size_t peers_per_address, MayMove may_move)
    : host_(host), relay_(relay), peers_per_address_(peers_per_address), may_move_(std::move(may_move)) {}

void EnetGate::Expect(std::vector<enet_uint32> connect_data, std::vector<HostKey> hosts) {
  expected_data_ = std::move(connect_data);
  expected_hosts_ = std::move(hosts);
  knows_expected_ = true;
}

void EnetGate::TakeIn(uint64_t now_ms) {
  Received received;
  for (int i = 0; i < kDatagramsPerTurn && relay_->Receive(&received); i++) {
    Link *link = Admit(received, now_ms);
    if (link != nullptr)
      relay_->PassOn(link, received);
  }
}

Link *EnetGate::Admit(const Received &received, uint64_t now_ms) {
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
    return AdmitConnect(received, header, now_ms);
  return AdmitPeer(received, field, header, now_ms);
}

// Anybody can forge a CONNECT, and each takes a peer until the answer to it is given up. Therefore one must carry the
// connect data of a client that is expected, or come from the address of one that knows no connect data.
Link *EnetGate::AdmitConnect(const Received &received, size_t header, uint64_t now_ms) {
  ENetProtocolConnect connect;
  if (received.length < header + sizeof(connect))
    return nullptr;
  memcpy(&connect, received.data + header, sizeof(connect));
  if ((connect.header.command & ENET_PROTOCOL_COMMAND_MASK) != ENET_PROTOCOL_COMMAND_CONNECT)
    return nullptr;
  HostKey from = received.from.key();
  bool expected = !knows_expected_ || Contains(expected_data_, ENET_NET_TO_HOST_32(connect.data)) ||
                  Contains(expected_hosts_, from);
  if (!expected)
    unexpected_count_++;
  if (!expected || PeersAt(from) >= peers_per_address_)
    return nullptr;
  Link *link = relay_->FindLink(received.from);
  if (link != nullptr)
    return link;
  uint16_t port;
  return relay_->link_count() < 2 * host_->peerCount ? relay_->Open(received.from, now_ms, &port) : nullptr;
}

size_t EnetGate::PeersAt(const HostKey &from) const {
  size_t count = 0;
  for (size_t i = 0; i < host_->peerCount; i++) {
    const ENetPeer &peer = host_->peers[i];
    if (peer.state == ENET_PEER_STATE_DISCONNECTED || peer.state == ENET_PEER_STATE_CONNECTING)
      continue;
    const Link *link = relay_->FindLink(peer.address.port);
    count += link != nullptr && link->remote.key() == from;
  }
  return count;
}

// What names a peer is in clear and easily guessed. From a new address a peer is heard only with a message that
// proves authentic and new; its link then stands for that address.
Link *EnetGate::AdmitPeer(const Received &received, enet_uint16 field, size_t header, uint64_t now_ms) {
  size_t index = field & ENET_PROTOCOL_MAXIMUM_PEER_ID;
  if (index >= host_->peerCount)
    return nullptr;
  ENetPeer *peer = &host_->peers[index];
  if (peer->state == ENET_PEER_STATE_DISCONNECTED || peer->state == ENET_PEER_STATE_ZOMBIE)
    return nullptr;
  Link *link = relay_->FindLink(peer->address.port);
  if (link == nullptr || link->remote == received.from)
    return link;
  auto session = (field & ENET_PROTOCOL_HEADER_SESSION_MASK) >> ENET_PROTOCOL_HEADER_SESSION_SHIFT;
  bool moves = peer->state == ENET_PEER_STATE_CONNECTED && peer->data != nullptr &&
               session == peer->incomingSessionID && MayCheckMove(now_ms) && IsAuthentic(peer, received, header);
  if (!moves) {
    stray_count_++;
    return nullptr;
  }
  link->remote = received.from;
  return link;
}

bool EnetGate::MayCheckMove(uint64_t now_ms) {
  if (now_ms - move_window_ms_ >= kMoveCheckWindowMs) {
    move_window_ms_ = now_ms;
    move_checks_ = 0;
  }
  return move_checks_++ < kMaximumMoveChecks;
}

// Judged by the first reliable message of the datagram.
bool EnetGate::IsAuthentic(const ENetPeer *peer, const Received &received, size_t offset) {
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
      return offset + size + data <= length && may_move_(peer, bytes + offset + size, data, received.from);
    }
    offset += size;
  }
  return false;
}

}  // namespace lumen
