// The sockets of an ENet host for both families. libenet knows IPv4 alone, so it stays on a loopback port of its own,
// and each connection has a link: a second loopback socket that stands for the other side. What comes in from outside
// is passed on by the link of its sender, what libenet sends to a link leaves for whom the link stands for. No threads;
// every socket is non-blocking.
//
// A link's socket is connected to libenet's, so the kernel takes nothing else in; libenet's own socket can be reached
// by other users of the machine, whose datagrams come from no link (FindLink) and must be thrown away.

#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace lumen {

// An address without port; IPv4 ones as ::ffff:0:0/96, so that both families compare.
using HostKey = std::array<uint8_t, sizeof(in6_addr)>;

// An address with port, of either family.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;

  int family() const { return address.ss_family; }
  uint16_t port() const;
  HostKey key() const;
  // Numeric, with its zone where it has one (`fe80::1%eth0`).
  std::string text() const;
  bool operator==(const Endpoint &other) const;
};

// Numeric text. False when it is none; a name is never looked up.
bool ParseEndpoint(const std::string &text, uint16_t port, Endpoint *out);

// Whom a loopback port of libenet's stands for.
struct Link {
  int fd = -1;
  Endpoint remote;
  // The address of this machine that the other side reached, from which answers leave; all zeros before it sent
  // something.
  HostKey local{};
  uint64_t made_ms = 0;
};

// A datagram from outside.
struct Received {
  const uint8_t *data = nullptr;
  size_t length = 0;
  Endpoint from;
  HostKey local{};
};

class EnetRelay {
 public:
  // Binds the outer socket to `address` (`::` takes IPv4 too); without one both families are for the asking, or IPv4
  // where the machine has no IPv6. `libenet_fd` is the socket of the library, bound to a loopback port. *error: 0 or an
  // errno.
  EnetRelay(const Endpoint *address, int libenet_fd, int *error);
  ~EnetRelay();
  EnetRelay(const EnetRelay &) = delete;
  EnetRelay &operator=(const EnetRelay &) = delete;

  // Readable when any of the sockets, the library's included, is.
  int poll_fd() const { return poll_fd_; }
  // Of the outer socket; 0 while it is bound to none.
  uint16_t port() const;

  // The next datagram from outside, valid until the next call. False when there is none.
  bool Receive(Received *received);
  // Shows a datagram to the library as coming from the link, which learns where answers are to leave from.
  void PassOn(Link *link, const Received &received);
  // What the library has sent goes out.
  void Flush();

  // The link behind a loopback port (host order); nullptr where there is none.
  Link *FindLink(uint16_t port) const;
  Link *FindLink(const Endpoint &remote) const;
  // A new link; *port is what the library is to know it by. nullptr with errno set: EAFNOSUPPORT for IPv6 on a machine
  // without it.
  Link *Open(const Endpoint &remote, uint64_t now_ms, uint16_t *port);
  size_t link_count() const { return links_.size(); }
  // Closes those of which `is_used(port, link)` says no.
  template <typename IsUsed>
  void CloseUnused(IsUsed is_used) {
    for (auto link = links_.begin(); link != links_.end();)
      link = is_used(link->first, *link->second) ? std::next(link) : Close(link);
  }

 private:
  using Links = std::unordered_map<uint16_t, std::unique_ptr<Link>>;

  int OpenOuter(const Endpoint *address);
  int OpenPoll(int libenet_fd);
  Links::iterator Close(Links::iterator link);
  void SendOut(const Link &link, const uint8_t *data, size_t length);

  int outer_fd_ = -1;
  int poll_fd_ = -1;
  int family_ = AF_INET6;
  sockaddr_in libenet_{};
  Links links_;
  std::array<uint8_t, 65536> buffer_;
};

}  // namespace lumen
