// Which datagrams from outside an ENet host may see. libenet believes every datagram that names one of its peers, and
// takes a peer for every CONNECT; this stands before it. Source: protocol/control.md §1.

#pragma once

#include <enet/enet.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "enet_relay.h"

namespace lumen {

class EnetGate {
 public:
  // Whether a message proves that its peer is at `from` now: authentic under its key, and newer than all before.
  using MayMove = std::function<bool(const ENetPeer *peer, const uint8_t *data, size_t length, const Endpoint &from)>;

  // Both outlive the gate. `peers_per_address`: most connections from one address.
  EnetGate(ENetHost *host, EnetRelay *relay, size_t peers_per_address, MayMove may_move);

  // From now on only a CONNECT with one of the data, or from one of the hosts, comes in; any does before.
  void Expect(std::vector<enet_uint32> connect_data, std::vector<HostKey> hosts);

  // Shows libenet what came from outside and may come in.
  void TakeIn(uint64_t now_ms);

  // Each CONNECT that was not expected.
  uint64_t unexpected_count() const { return unexpected_count_; }
  // Each datagram of a peer from elsewhere that did not prove itself.
  uint64_t stray_count() const { return stray_count_; }

 private:
  // The link by which libenet is to see a datagram; nullptr when it is to be thrown away.
  Link *Admit(const Received &received, uint64_t now_ms);
  Link *AdmitConnect(const Received &received, size_t header, uint64_t now_ms);
  Link *AdmitPeer(const Received &received, enet_uint16 field, size_t header, uint64_t now_ms);
  size_t PeersAt(const HostKey &from) const;
  bool MayCheckMove(uint64_t now_ms);
  bool IsAuthentic(const ENetPeer *peer, const Received &received, size_t offset);

  ENetHost *host_;
  EnetRelay *relay_;
  size_t peers_per_address_;
  MayMove may_move_;
  bool knows_expected_ = false;
  std::vector<enet_uint32> expected_data_;
  std::vector<HostKey> expected_hosts_;
  uint64_t unexpected_count_ = 0;
  uint64_t stray_count_ = 0;
  uint64_t move_window_ms_ = 0;
  int move_checks_ = 0;
};

}  // namespace lumen
