// Descriptors that Node cannot make: UDP sockets with an exclusive port and known buffer sizes, and memory files.
// Also the tie of a child process to its parent. The typed binding is src/support/sockets.ts.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "addon_error.h"

namespace lumen {
namespace {

constexpr int64_t kMaximumBufferBytes = 256LL * 1024 * 1024;

// Closes the descriptor unless it was released: every early return below is an error.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0)
      close(fd_);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;

  int get() const { return fd_; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

socklen_t ParseAddress(Napi::Env env, const std::string &text, uint16_t port, sockaddr_storage *storage) {
  memset(storage, 0, sizeof(*storage));
  auto *v4 = reinterpret_cast<sockaddr_in *>(storage);
  auto *v6 = reinterpret_cast<sockaddr_in6 *>(storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof(*v4);
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof(*v6);
  }
  throw Napi::TypeError::New(env, "address must be a numeric IPv4 or IPv6 address, got " + text);
}

// Asks for a buffer size, past net.core.*mem_max when the process may, and says what the kernel made of it.
int SetBufferBytes(int fd, int forced_option, int option, int bytes) {
  if (bytes > 0 && setsockopt(fd, SOL_SOCKET, forced_option, &bytes, sizeof(bytes)) != 0)
    setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes));
  int actual = 0;
  socklen_t length = sizeof(actual);
  getsockopt(fd, SOL_SOCKET, option, &actual, &length);
  // Linux reports twice what was asked: the other half is its own book-keeping.
  return actual / 2;
}

// bindUdp(address, port, sendBufferBytes, receiveBufferBytes) → { fd, port, sendBufferBytes, receiveBufferBytes }
Napi::Value BindUdp(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  std::string address = StringArgument(info, 0, "address");
  auto port = static_cast<uint16_t>(IntegerArgument(info, 1, "port", 0, 65535));
  int send_bytes = static_cast<int>(IntegerArgument(info, 2, "sendBufferBytes", 0, kMaximumBufferBytes));
  int receive_bytes = static_cast<int>(IntegerArgument(info, 3, "receiveBufferBytes", 0, kMaximumBufferBytes));

  sockaddr_storage storage;
  socklen_t length = ParseAddress(env, address, port, &storage);
  Descriptor socket_fd(socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket_fd.get() < 0)
    throw SystemError(env, errno, "socket");

  int off = 0;
  // "::" takes IPv4 too, whatever net.ipv6.bindv6only says.
  if (storage.ss_family == AF_INET6 && setsockopt(socket_fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
    throw SystemError(env, errno, "setsockopt");
  if (bind(socket_fd.get(), reinterpret_cast<sockaddr *>(&storage), length) != 0)
    throw SystemError(env, errno, "bind");
  length = sizeof(storage);
  if (getsockname(socket_fd.get(), reinterpret_cast<sockaddr *>(&storage), &length) != 0)
    throw SystemError(env, errno, "getsockname");

  uint16_t bound = storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 *>(&storage)->sin6_port
                                                 : reinterpret_cast<sockaddr_in *>(&storage)->sin_port;
  Napi::Object result = Napi::Object::New(env);
  result.Set("port", static_cast<double>(ntohs(bound)));
  result.Set("sendBufferBytes", SetBufferBytes(socket_fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, send_bytes));
  result.Set("receiveBufferBytes", SetBufferBytes(socket_fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes));
  result.Set("fd", socket_fd.release());
  return result;
}

// createMemoryFile(name, bytes) → fd
Napi::Value CreateMemoryFile(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  std::string name = StringArgument(info, 0, "name");
  off_t bytes = static_cast<off_t>(IntegerArgument(info, 1, "bytes", 1, 1LL << 30));
  Descriptor file(memfd_create(name.c_str(), MFD_CLOEXEC));
  if (file.get() < 0)
    throw SystemError(env, errno, "memfd_create");
  if (ftruncate(file.get(), bytes) != 0)
    throw SystemError(env, errno, "ftruncate");
  return Napi::Number::New(env, file.release());
}

// dieWithParent(parentPid): the kernel kills this process when its parent ends.
Napi::Value DieWithParent(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  auto parent = static_cast<pid_t>(IntegerArgument(info, 0, "parentPid", 1, INT32_MAX));
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    throw SystemError(env, errno, "prctl");
  // The parent may have ended before the call above; then nothing would ever arrive.
  if (getppid() != parent)
    throw SystemError(env, ESRCH, "getppid");
  return env.Undefined();
}

// denyAddressReuse(fd): takes SO_REUSEADDR off a bound socket, which libuv puts on every descriptor it opens
Napi::Value DenyAddressReuse(const Napi::CallbackInfo &info) {
  int fd = static_cast<int>(IntegerArgument(info, 0, "fd", 0, INT32_MAX));
  int off = 0;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off)) != 0)
    throw SystemError(info.Env(), errno, "setsockopt");
  return info.Env().Undefined();
}

// closeDescriptor(fd)
Napi::Value CloseDescriptor(const Napi::CallbackInfo &info) {
  int fd = static_cast<int>(IntegerArgument(info, 0, "fd", 0, INT32_MAX));
  // Linux has closed the descriptor even when it reports EINTR: trying again could close somebody else's.
  if (close(fd) != 0 && errno != EINTR)
    throw SystemError(info.Env(), errno, "close");
  return info.Env().Undefined();
}

// createDescriptorChannel() → [fd, fd]: two ends between which descriptors pass
Napi::Value CreateDescriptorChannel(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    throw SystemError(env, errno, "socketpair");
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, ends[0]);
  result.Set(1u, ends[1]);
  return result;
}

// A message of one byte with room for one descriptor.
struct DescriptorMessage {
  char byte = 0;
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header = {};

  DescriptorMessage() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    // Without the padding, in which a second descriptor would find room.
    header.msg_controllen = CMSG_LEN(sizeof(int));
  }
  DescriptorMessage(const DescriptorMessage &) = delete;
  DescriptorMessage &operator=(const DescriptorMessage &) = delete;
};

// sendDescriptor(channel, fd): the other end gets a copy
Napi::Value SendDescriptor(const Napi::CallbackInfo &info) {
  int channel = static_cast<int>(IntegerArgument(info, 0, "channel", 0, INT32_MAX));
  int fd = static_cast<int>(IntegerArgument(info, 1, "fd", 0, INT32_MAX));
  DescriptorMessage message;
  cmsghdr *control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(control), &fd, sizeof(fd));
  if (sendmsg(channel, &message.header, MSG_NOSIGNAL) < 0)
    throw SystemError(info.Env(), errno, "sendmsg");
  return info.Env().Undefined();
}

// receiveDescriptor(channel) → fd, the caller's from here. EAGAIN when none has come.
Napi::Value ReceiveDescriptor(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int channel = static_cast<int>(IntegerArgument(info, 0, "channel", 0, INT32_MAX));
  DescriptorMessage message;
  if (recvmsg(channel, &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
    throw SystemError(env, errno, "recvmsg");
  cmsghdr *control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
    throw SystemError(env, ENOMSG, "recvmsg");
  int fd;
  memcpy(&fd, CMSG_DATA(control), sizeof(fd));
  return Napi::Number::New(env, fd);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("bindUdp", Napi::Function::New<BindUdp>(env));
  exports.Set("createMemoryFile", Napi::Function::New<CreateMemoryFile>(env));
  exports.Set("dieWithParent", Napi::Function::New<DieWithParent>(env));
  exports.Set("denyAddressReuse", Napi::Function::New<DenyAddressReuse>(env));
  exports.Set("createDescriptorChannel", Napi::Function::New<CreateDescriptorChannel>(env));
  exports.Set("sendDescriptor", Napi::Function::New<SendDescriptor>(env));
  exports.Set("receiveDescriptor", Napi::Function::New<ReceiveDescriptor>(env));
  exports.Set("closeDescriptor", Napi::Function::New<CloseDescriptor>(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(sockets, Init)

}  // namespace lumen
