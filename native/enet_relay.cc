#include "enet_relay.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

namespace lumen {
namespace {

// ENet's own figure for its socket.
constexpr int kSocketBufferBytes = 256 * 1024;
constexpr size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo));
constexpr HostKey kNoHost{};

const sockaddr_in *AsIpv4(const sockaddr_storage &address) { return reinterpret_cast<const sockaddr_in *>(&address); }
const sockaddr_in6 *AsIpv6(const sockaddr_storage &address) { return reinterpret_cast<const sockaddr_in6 *>(&address); }

HostKey MappedKey(const in_addr &ipv4) {
  HostKey key{};
  key[10] = key[11] = 0xff;
  memcpy(&key[12], &ipv4, sizeof(ipv4));
  return key;
}

bool IsMapped(const HostKey &key) { return IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr *>(key.data())); }

// The same address for a socket of IPv6, which has IPv4 ones as ::ffff:0:0/96.
Endpoint ToIpv6(const Endpoint &endpoint) {
  if (endpoint.family() == AF_INET6)
    return endpoint;
  Endpoint mapped;
  auto *address = reinterpret_cast<sockaddr_in6 *>(&mapped.address);
  address->sin6_family = AF_INET6;
  address->sin6_port = AsIpv4(endpoint.address)->sin_port;
  HostKey key = endpoint.key();
  memcpy(&address->sin6_addr, key.data(), key.size());
  mapped.length = sizeof(*address);
  return mapped;
}

int OpenSocket(int family) { return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

void SetOption(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof(value)); }

// The address that a datagram was sent to.
HostKey LocalOf(msghdr *message) {
  for (cmsghdr *header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, CMSG_DATA(header), sizeof(info));
      HostKey key;
      memcpy(key.data(), &info.ipi6_addr, key.size());
      return key;
    }
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, CMSG_DATA(header), sizeof(info));
      return MappedKey(info.ipi_spec_dst);
    }
  }
  return kNoHost;
}

template <typename Info>
void SetControl(msghdr *message, int level, int type, const Info &info) {
  message->msg_controllen = CMSG_SPACE(sizeof(info));
  cmsghdr *header = CMSG_FIRSTHDR(message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof(info));
  memcpy(CMSG_DATA(header), &info, sizeof(info));
}

// A mapped destination goes through the kernel's IPv4 path, which wants an IPv4 source.
void SetSource(msghdr *message, const HostKey &local) {
  if (IsMapped(local)) {
    in_pktinfo info{};
    memcpy(&info.ipi_spec_dst, &local[12], sizeof(info.ipi_spec_dst));
    SetControl(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    memcpy(&info.ipi6_addr, local.data(), local.size());
    SetControl(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace

uint16_t Endpoint::port() const {
  return ntohs(family() == AF_INET6 ? AsIpv6(address)->sin6_port : AsIpv4(address)->sin_port);
}

HostKey Endpoint::key() const {
  if (family() != AF_INET6)
    return MappedKey(AsIpv4(address)->sin_addr);
  HostKey key;
  memcpy(key.data(), &AsIpv6(address)->sin6_addr, key.size());
  return key;
}

std::string Endpoint::text() const {
  char text[NI_MAXHOST] = "";
  getnameinfo(reinterpret_cast<const sockaddr *>(&address), length, text, sizeof(text), nullptr, 0, NI_NUMERICHOST);
  return text;
}

bool Endpoint::operator==(const Endpoint &other) const {
  if (port() != other.port() || key() != other.key())
    return false;
  // A link-local address means another machine on another link.
  return family() != AF_INET6 || other.family() != AF_INET6 ||
         AsIpv6(address)->sin6_scope_id == AsIpv6(other.address)->sin6_scope_id;
}

bool ParseEndpoint(const std::string &text, uint16_t port, Endpoint *out) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo *found = nullptr;
  if (getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return false;
  memcpy(&out->address, found->ai_addr, found->ai_addrlen);
  out->length = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

EnetRelay::EnetRelay(const Endpoint *address, int libenet_fd, int *error) {
  socklen_t length = sizeof(libenet_);

  getsockname(libenet_fd, reinterpret_cast<sockaddr *>(&libenet_), &length);
  *error = OpenOuter(address);
  if (*error == 0)
    *error = OpenPoll(libenet_fd);
}

EnetRelay::~EnetRelay() {
  while (!links_.empty()) Close(links_.begin());
  if (outer_fd_ >= 0)
    close(outer_fd_);
  if (poll_fd_ >= 0)
    close(poll_fd_);
}

int EnetRelay::OpenOuter(const Endpoint *address) {
  family_ = address != nullptr ? address->family() : AF_INET6;
  outer_fd_ = OpenSocket(family_);
  if (outer_fd_ < 0 && address == nullptr && errno == EAFNOSUPPORT) {
    family_ = AF_INET;
    outer_fd_ = OpenSocket(family_);
  }
  if (outer_fd_ < 0)
    return errno;
  SetOption(outer_fd_, SOL_SOCKET, SO_RCVBUF, kSocketBufferBytes);
  SetOption(outer_fd_, SOL_SOCKET, SO_SNDBUF, kSocketBufferBytes);
  if (family_ == AF_INET6) {
    SetOption(outer_fd_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    SetOption(outer_fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else {
    SetOption(outer_fd_, IPPROTO_IP, IP_PKTINFO, 1);
  }
  if (address == nullptr)
    return 0;
  return bind(outer_fd_, reinterpret_cast<const sockaddr *>(&address->address), address->length) < 0 ? errno : 0;
}

int EnetRelay::OpenPoll(int libenet_fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  poll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (poll_fd_ < 0 || epoll_ctl(poll_fd_, EPOLL_CTL_ADD, outer_fd_, &event) < 0 ||
      epoll_ctl(poll_fd_, EPOLL_CTL_ADD, libenet_fd, &event) < 0)
    return errno;
  return 0;
}

uint16_t EnetRelay::port() const {
  Endpoint bound;
  bound.length = sizeof(bound.address);
  if (getsockname(outer_fd_, reinterpret_cast<sockaddr *>(&bound.address), &bound.length) < 0)
    return 0;
  return bound.port();
}

bool EnetRelay::Receive(Received *received) {
  alignas(cmsghdr) char control[kControlBytes];
  iovec payload = {buffer_.data(), buffer_.size()};
  msghdr message{};

  received->from = Endpoint{};
  message.msg_name = &received->from.address;
  message.msg_namelen = sizeof(received->from.address);
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t length = recvmsg(outer_fd_, &message, MSG_DONTWAIT);
  if (length < 0)
    return false;
  received->data = buffer_.data();
  received->length = static_cast<size_t>(length);
  received->from.length = message.msg_namelen;
  received->local = LocalOf(&message);
  return true;
}

void EnetRelay::PassOn(Link *link, const Received &received) {
  link->local = received.local;
  // What finds no room is lost as on the network: ENet sends what matters again.
  (void)!send(link->fd, received.data, received.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void EnetRelay::Flush() {
  for (const auto &[port, link] : links_) {
    ssize_t length;
    while ((length = recv(link->fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT)) >= 0)
      SendOut(*link, buffer_.data(), static_cast<size_t>(length));
  }
}

void EnetRelay::SendOut(const Link &link, const uint8_t *data, size_t length) {
  alignas(cmsghdr) char control[kControlBytes] = {};
  iovec payload = {const_cast<uint8_t *>(data), length};
  msghdr message{};

  message.msg_name = const_cast<sockaddr_storage *>(&link.remote.address);
  message.msg_namelen = link.remote.length;
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  if (link.local != kNoHost) {
    message.msg_control = control;
    SetSource(&message, link.local);
  }
  (void)!sendmsg(outer_fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

Link *EnetRelay::FindLink(uint16_t port) const {
  auto found = links_.find(port);
  return found == links_.end() ? nullptr : found->second.get();
}

Link *EnetRelay::FindLink(const Endpoint &remote) const {
  for (const auto &[port, link] : links_)
    if (link->remote == remote)
      return link.get();
  return nullptr;
}

Link *EnetRelay::Open(const Endpoint &remote, uint64_t now_ms, uint16_t *port) {
  if (family_ == AF_INET && remote.family() != AF_INET) {
    errno = EAFNOSUPPORT;
    return nullptr;
  }
  auto link = std::make_unique<Link>();
  epoll_event event{};
  Endpoint bound;
  event.events = EPOLLIN;
  bound.length = sizeof(bound.address);
  link->remote = family_ == AF_INET6 ? ToIpv6(remote) : remote;
  link->made_ms = now_ms;
  link->fd = OpenSocket(AF_INET);
  if (link->fd < 0)
    return nullptr;
  // Connecting binds it to a free port of the loopback address.
  if (connect(link->fd, reinterpret_cast<const sockaddr *>(&libenet_), sizeof(libenet_)) < 0 ||
      getsockname(link->fd, reinterpret_cast<sockaddr *>(&bound.address), &bound.length) < 0 ||
      epoll_ctl(poll_fd_, EPOLL_CTL_ADD, link->fd, &event) < 0) {
    int error = errno;
    close(link->fd);
    errno = error;
    return nullptr;
  }
  *port = bound.port();
  Link *opened = link.get();
  links_[*port] = std::move(link);
  return opened;
}

EnetRelay::Links::iterator EnetRelay::Close(Links::iterator link) {
  // Leaves the poll set by itself: there is no copy of the descriptor.
  close(link->second->fd);
  return links_.erase(link);
}

}  // namespace lumen
