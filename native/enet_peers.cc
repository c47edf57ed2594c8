// The connections of an ENet host: see enet_peers.h.

#include "enet_peers.h"

#include <cstddef>

namespace lumen {
namespace {

// A connection takes one round trip. ENet itself would wait 5 to 30 s for the other side of it, in one of few places.
constexpr uint64_t kHalfOpenMs = 2000;
// How long a link may be there before libenet has a peer for it.
constexpr uint64_t kLinkGraceMs = 1000;
// Commands that may wait for a peer, of one datagram or less each: a peer that does not answer is given up in seconds,
// and nobody has more to say to it until then.
constexpr size_t kMaximumQueued = 1024;

// What waits for the peer, on its way or not. libenet split one of its lists in two.
template <typename Visitor>
void VisitQueues(ENetPeer *peer, Visitor visit) {
  visit(&peer->outgoingCommands);
  visit(&peer->sentReliableCommands);
#if ENET_VERSION >= ENET_VERSION_CREATE(1, 3, 18)
  visit(&peer->outgoingSendReliableCommands);
#endif
}

}  // namespace

EnetPeers::EnetPeers(ENetHost *host) : host_(host), half_open_(host->peerCount) {}

uint32_t EnetPeers::IdOf(const ENetPeer *peer) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(peer->data));
}

uint32_t EnetPeers::Register(ENetPeer *peer) {
  if (peer->data != nullptr)
    return IdOf(peer);
  uint32_t id = ++last_id_;
  peer->data = reinterpret_cast<void *>(static_cast<uintptr_t>(id));
  peers_[id] = peer;
  return id;
}

void EnetPeers::Forget(ENetPeer *peer) {
  peers_.erase(IdOf(peer));
  peer->data = nullptr;
}

ENetPeer *EnetPeers::Find(uint32_t id) const {
  auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second;
}

bool EnetPeers::HasAny() const {
  for (size_t i = 0; i < host_->peerCount; i++)
    if (host_->peers[i].state != ENET_PEER_STATE_DISCONNECTED)
      return true;
  return false;
}

bool EnetPeers::HasPort(uint16_t port) const {
  for (size_t i = 0; i < host_->peerCount; i++)
    if (host_->peers[i].state != ENET_PEER_STATE_DISCONNECTED && host_->peers[i].address.port == port)
      return true;
  return false;
}

void EnetPeers::CloseUnusedLinks(EnetRelay *relay, uint64_t now_ms) const {
  relay->CloseUnused([this, now_ms](uint16_t port, const Link &link) {
    return now_ms - link.made_ms < kLinkGraceMs || HasPort(port);
  });
}

void EnetPeers::ReapHalfOpen(uint64_t now_ms) {
  for (size_t i = 0; i < host_->peerCount; i++) {
    ENetPeer *peer = &host_->peers[i];
    HalfOpen &begun = half_open_[i];
    if (peer->state != ENET_PEER_STATE_ACKNOWLEDGING_CONNECT) {
      begun.is_seen = false;
    } else if (!begun.is_seen || begun.connect_id != peer->connectID) {
      begun = {true, peer->connectID, now_ms};
    } else if (now_ms - begun.since_ms >= kHalfOpenMs) {
      begun.is_seen = false;
      half_open_count_++;
      enet_peer_reset(peer);
    }
  }
}

bool EnetPeers::HasUnacknowledged(ENetPeer *peer) {
  bool waiting = false;
  VisitQueues(peer, [&](ENetList *queue) { waiting = waiting || !enet_list_empty(queue); });
  return waiting;
}

bool EnetPeers::IsFull(ENetPeer *peer) {
  size_t queued = 0;
  VisitQueues(peer, [&](ENetList *queue) { queued += enet_list_size(queue); });
  return queued >= kMaximumQueued;
}

}  // namespace lumen
