/*
 * batchsend.c: see batchsend.h. Kernel interface: udp(7), ip(7), ipv6(7), sendmmsg(2), linux/net_tstamp.h.
 */
#include "batchsend.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/net_tstamp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SO_TXTIME
#define SO_TXTIME 61
#define SCM_TXTIME SO_TXTIME
#endif

#define MESSAGES_PER_CALL BATCHSEND_MESSAGES_PER_CALL
/* Segment size, departure time, type of service and source address, each with its header. */
#define CONTROL_BYTES \
  (CMSG_SPACE (sizeof (uint16_t)) + CMSG_SPACE (sizeof (uint64_t)) + CMSG_SPACE (sizeof (int)) \
      + CMSG_SPACE (sizeof (struct in6_pktinfo)))

typedef struct
{
  struct mmsghdr headers[MESSAGES_PER_CALL];
  size_t lengths[MESSAGES_PER_CALL]; /* datagrams per message */
  struct iovec merged[MESSAGES_PER_CALL];
  _Alignas (struct cmsghdr) char control[MESSAGES_PER_CALL][CONTROL_BYTES];
} Messages;

int
batchsend_init (BatchSend *send, int fd)
{
  struct sockaddr_storage local;
  socklen_t len = sizeof (local);
  int segment = 0;

  *send = (BatchSend) {
    .fd = fd,
  };
  if (getsockname (fd, (struct sockaddr *) &local, &len) < 0)
    return errno;
  if (local.ss_family != AF_INET && local.ss_family != AF_INET6)
    return EAFNOSUPPORT;
  send->family = local.ss_family;

  len = sizeof (segment);
  send->segmentation = getsockopt (fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &len) == 0;
  return 0;
}

int
batchsend_enable_departures (BatchSend *send)
{
  struct sock_txtime txtime = { .clockid = CLOCK_MONOTONIC };

  return setsockopt (send->fd, SOL_SOCKET, SO_TXTIME, &txtime, sizeof (txtime)) < 0 ? errno : 0;
}

/* --- messages --- */

size_t
batchsend_message_length (const BatchSend *send, const struct iovec *datagrams, size_t count)
{
  size_t size = datagrams[0].iov_len;
  size_t total = size;
  size_t n = 1;

  if (size == 0 || !send->segmentation)
    return 1;
  while (n < count && n < BATCHSEND_SEGMENTS_MAX) {
    size_t next = datagrams[n].iov_len;
    if (next > size || next == 0 || total + next > BATCHSEND_MESSAGE_BYTES_MAX)
      break;
    total += next;
    n++;
    if (next < size)
      break;
  }
  return n;
}

/* How many datagrams from the first on leave at the same time. */
static size_t
same_departure (const uint64_t *departures_ns, size_t count)
{
  size_t n = 1;

  while (n < count && departures_ns[n] == departures_ns[0])
    n++;
  return n;
}

static void
append_control (struct msghdr *message, int level, int type, const void *value, size_t size)
{
  struct cmsghdr *header = (struct cmsghdr *) ((char *) message->msg_control + message->msg_controllen);

  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN (size);
  memcpy (CMSG_DATA (header), value, size);
  message->msg_controllen += CMSG_SPACE (size);
}

/* A mapped destination goes through the kernel's IPv4 path, which reads IPv4 control messages only. */
static void
append_endpoint_control (struct msghdr *message, const BatchEndpoint *endpoint)
{
  int tos = endpoint->tos;

  if (tos != 0) {
    if (endpoint->is_ipv4)
      append_control (message, IPPROTO_IP, IP_TOS, &tos, sizeof (tos));
    else
      append_control (message, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof (tos));
  }
  if (!endpoint->has_source)
    return;
  if (endpoint->is_ipv4) {
    struct in_pktinfo info = { 0 };
    memcpy (&info.ipi_spec_dst, &endpoint->source, sizeof (info.ipi_spec_dst));
    append_control (message, IPPROTO_IP, IP_PKTINFO, &info, sizeof (info));
  } else {
    struct in6_pktinfo info = { .ipi6_addr = endpoint->source };
    append_control (message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof (info));
  }
}

/* Neighbours in memory become one iovec: the kernel then copies a frame's arena in one go. */
static void
set_payload (struct msghdr *message, struct iovec *merged, const struct iovec *datagrams, size_t n)
{
  *merged = datagrams[0];
  for (size_t i = 1; i < n; i++) {
    if ((const char *) datagrams[i].iov_base != (const char *) merged->iov_base + merged->iov_len) {
      /* sendmsg reads the array only; the field is not const. */
      message->msg_iov = (struct iovec *) (uintptr_t) datagrams;
      message->msg_iovlen = n;
      return;
    }
    merged->iov_len += datagrams[i].iov_len;
  }
  message->msg_iov = merged;
  message->msg_iovlen = 1;
}

/* Fills messages until they or the datagrams run out. Returns the number of messages. */
static size_t
fill_messages (Messages *messages, const BatchSend *send, const BatchEndpoint *endpoint, const struct iovec *datagrams,
    size_t count, const uint64_t *departures_ns)
{
  size_t used = 0, m;

  for (m = 0; m < MESSAGES_PER_CALL && used < count; m++) {
    size_t together = departures_ns == NULL ? count - used : same_departure (departures_ns + used, count - used);
    size_t n = batchsend_message_length (send, datagrams + used, together);
    struct msghdr *message = &messages->headers[m].msg_hdr;

    *message = (struct msghdr) {
      .msg_name = (void *) (uintptr_t) &endpoint->address,
      .msg_namelen = endpoint->address_len,
      .msg_control = messages->control[m],
    };
    memset (messages->control[m], 0, CONTROL_BYTES);
    set_payload (message, &messages->merged[m], datagrams + used, n);
    append_endpoint_control (message, endpoint);
    if (n > 1) {
      uint16_t segment = (uint16_t) datagrams[used].iov_len;
      append_control (message, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof (segment));
    }
    if (departures_ns != NULL)
      append_control (message, SOL_SOCKET, SCM_TXTIME, departures_ns + used, sizeof (*departures_ns));
    if (message->msg_controllen == 0)
      message->msg_control = NULL;
    messages->lengths[m] = n;
    used += n;
  }
  return m;
}

/* --- sending --- */

static uint64_t
bytes_of (const struct iovec *datagrams, size_t count)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < count; i++)
    bytes += datagrams[i].iov_len;
  return bytes;
}

static int64_t
monotonic_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for room in the socket buffer; false once the call has waited long enough. `*until_ms` is 0 before the first
 * wait of a call. */
static bool
wait_for_room (int fd, int64_t *until_ms)
{
  struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
  int64_t now_ms = monotonic_ms ();

  if (*until_ms == 0)
    *until_ms = now_ms + BATCHSEND_FULL_WAIT_MS;
  if (now_ms >= *until_ms)
    return false;
  poll (&poll_fd, 1, (int) (*until_ms - now_ms));
  return true;
}

/* Whether the error may come from segmentation: a device without checksum offload (EIO), or a segment larger than
 * the path allows (EINVAL, newer kernels EMSGSIZE). */
static bool
blames_segmentation (int err)
{
  return err == EIO || err == EINVAL || err == EMSGSIZE;
}

typedef struct
{
  BatchSend *send;
  const BatchEndpoint *endpoint;
  const struct iovec *datagrams;
  size_t count;
  const uint64_t *departures_ns; /* of `datagrams`, or NULL */
  BatchCounters *counters;
  size_t done;           /* datagrams dealt with */
  int64_t full_until_ms; /* 0: the socket buffer has not been full yet */
  int refusals;          /* in a row */
} Job;

static const uint64_t *
departures_left (const Job *job)
{
  return job->departures_ns == NULL ? NULL : job->departures_ns + job->done;
}

/* After a message that segmentation may have spoilt: its first datagram alone decides. If that goes out, the device
 * cannot segment and the rest of the socket's life is plain; if not, segmentation is not to blame. */
static bool
retry_without_segmentation (Job *job, int err)
{
  Messages *one = &(Messages) { 0 };
  BatchSend plain = *job->send;

  plain.segmentation = false;
  fill_messages (one, &plain, job->endpoint, job->datagrams + job->done, 1, departures_left (job));
  job->counters->calls++;
  if (sendmsg (plain.fd, &one->headers[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return false;
  job->counters->datagrams++;
  job->counters->bytes += job->datagrams[job->done].iov_len;
  job->done++;
  job->send->segmentation = false;
  job->send->segmentation_failed = true;
  job->send->segmentation_errno = err;
  return true;
}

static void
give_up (Job *job, size_t n, uint64_t *counter, int err)
{
  *counter += n;
  job->counters->last_errno = err;
  job->done += n;
}

/* Deals with the error of the first unsent message, `n` datagrams long. Returns 0, or an errno when the socket is
 * gone. */
static int
handle_error (Job *job, int err, size_t n)
{
  if (err == EBADF || err == ENOTSOCK)
    return err;
  if (err == EINTR)
    return 0;
  if (err == EAGAIN || err == EWOULDBLOCK) {
    if (!wait_for_room (job->send->fd, &job->full_until_ms))
      give_up (job, job->count - job->done, &job->counters->full, err);
    return 0;
  }
  if (err == ECONNREFUSED) {
    /* The report of an earlier datagram; this one has not been tried yet. */
    job->counters->refused++;
    if (++job->refusals > 3)
      give_up (job, n, &job->counters->errors, err);
    return 0;
  }
  if (n > 1 && blames_segmentation (err) && retry_without_segmentation (job, err))
    return 0;
  give_up (job, n, &job->counters->errors, err);
  return 0;
}

static void
account_sent (Job *job, const Messages *messages, size_t sent)
{
  size_t n = 0;

  for (size_t m = 0; m < sent; m++)
    n += messages->lengths[m];
  job->counters->datagrams += n;
  job->counters->bytes += bytes_of (job->datagrams + job->done, n);
  job->done += n;
  job->refusals = 0;
}

int
batchsend_send (BatchSend *send, const BatchEndpoint *endpoint, const struct iovec *datagrams, size_t count,
    const uint64_t *departures_ns, BatchCounters *counters)
{
  Job job = {
    .send = send,
    .endpoint = endpoint,
    .datagrams = datagrams,
    .count = count,
    .departures_ns = departures_ns,
    .counters = counters,
  };
  Messages messages;

  while (job.done < count) {
    size_t filled =
        fill_messages (&messages, send, endpoint, datagrams + job.done, count - job.done, departures_left (&job));
    int sent = sendmmsg (send->fd, messages.headers, (unsigned) filled, MSG_DONTWAIT | MSG_NOSIGNAL);

    counters->calls++;
    if (sent > 0) {
      account_sent (&job, &messages, (size_t) sent);
      continue;
    }
    int err = handle_error (&job, sent < 0 ? errno : EAGAIN, messages.lengths[0]);
    if (err != 0)
      return err;
  }
  return 0;
}
