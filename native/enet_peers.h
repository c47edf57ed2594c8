// The connections of an ENet host: their ids, and what libenet would keep of them for too long.

#pragma once

#include <enet/enet.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "enet_relay.h"

namespace lumen {

class EnetPeers {
 public:
  // The host outlives this.
  explicit EnetPeers(ENetHost *host);

  // The id is what JavaScript knows a peer by. ENet reuses its peer slots; ids are never reused. 0 is nobody.
  static uint32_t IdOf(const ENetPeer *peer);
  // Gives a peer its id, or says which one it has.
  uint32_t Register(ENetPeer *peer);
  void Forget(ENetPeer *peer);
  // nullptr for a peer that is gone.
  ENetPeer *Find(uint32_t id) const;

  // Whether there is any peer, complete or not.
  bool HasAny() const;
  // Links last as long as their peers, and until libenet has seen the first datagram.
  void CloseUnusedLinks(EnetRelay *relay, uint64_t now_ms) const;

  // Takes back the peers of connections that were begun from outside and not completed in time.
  void ReapHalfOpen(uint64_t now_ms);
  // How many were taken back.
  uint64_t half_open_count() const { return half_open_count_; }

  // Whether reliable packets still wait for the peer's acknowledgement.
  static bool HasUnacknowledged(ENetPeer *peer);
  // Whether so much waits for the peer that nothing more should be queued.
  static bool IsFull(ENetPeer *peer);

 private:
  // Whether there is a peer behind this port of the loopback address.
  bool HasPort(uint16_t port) const;

  // A connection begun from outside, in the place of the peer of the same index.
  struct HalfOpen {
    bool is_seen = false;
    enet_uint32 connect_id = 0;
    uint64_t since_ms = 0;
  };

  ENetHost *host_;
  std::unordered_map<uint32_t, ENetPeer *> peers_;
  uint32_t last_id_ = 0;
  std::vector<HalfOpen> half_open_;
  uint64_t half_open_count_ = 0;
};

}  // namespace lumen
