/*
 * egress.c: see egress.h. Kernel interface: rtnetlink(7): RTM_GETROUTE names the interface, RTM_GETQDISC its queues.
 */
#include "egress.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

typedef struct
{
  int interface; /* 0: not known yet */
  bool done;
  unsigned fq;    /* queues of kind fq */
  unsigned other; /* queues of another kind, mq aside: it only holds the ones per hardware queue */
} Answer;

static void
read_route (const struct nlmsghdr *header, Answer *answer)
{
  const struct rtmsg *route = NLMSG_DATA (header);
  int left = (int) RTM_PAYLOAD (header);

  for (const struct rtattr *a = RTM_RTA (route); RTA_OK (a, left); a = RTA_NEXT (a, left)) {
    if (a->rta_type == RTA_OIF && RTA_PAYLOAD (a) >= sizeof (int))
      memcpy (&answer->interface, RTA_DATA (a), sizeof (int));
  }
  answer->done = true;
}

static void
read_qdisc (const struct nlmsghdr *header, Answer *answer)
{
  const struct tcmsg *qdisc = NLMSG_DATA (header);
  int left = (int) TCA_PAYLOAD (header);

  /* Clones per hardware queue hang below mq; what classifies incoming traffic is no concern of ours. */
  if (qdisc->tcm_ifindex != answer->interface || qdisc->tcm_parent == TC_H_INGRESS)
    return;
  for (const struct rtattr *a = TCA_RTA (qdisc); RTA_OK (a, left); a = RTA_NEXT (a, left)) {
    if (a->rta_type != TCA_KIND || RTA_PAYLOAD (a) < 3)
      continue;
    if (memcmp (RTA_DATA (a), "fq", 3) == 0)
      answer->fq++;
    else if (memcmp (RTA_DATA (a), "mq", 3) != 0)
      answer->other++;
  }
}

/* Sends one request and reads its replies until they end. The socket's receive timeout bounds the wait. */
static bool
ask (int fd, const struct nlmsghdr *request, Answer *answer)
{
  _Alignas (struct nlmsghdr) char reply[32768];

  answer->done = false;
  if (send (fd, request, request->nlmsg_len, 0) < 0)
    return false;
  while (!answer->done) {
    ssize_t got = recv (fd, reply, sizeof (reply), 0);
    if (got <= 0)
      return false;
    int left = (int) got;
    for (const struct nlmsghdr *h = (const struct nlmsghdr *) reply; NLMSG_OK (h, left); h = NLMSG_NEXT (h, left)) {
      if (h->nlmsg_type == NLMSG_ERROR)
        return false;
      if (h->nlmsg_type == NLMSG_DONE)
        answer->done = true;
      else if (h->nlmsg_type == RTM_NEWROUTE)
        read_route (h, answer);
      else if (h->nlmsg_type == RTM_NEWQDISC)
        read_qdisc (h, answer);
    }
  }
  return true;
}

static bool
ask_route (int fd, unsigned char family, const void *address, size_t size, Answer *answer)
{
  struct
  {
    struct nlmsghdr header;
    struct rtmsg route;
    struct rtattr attribute;
    unsigned char address[16];
  } request = {
    .header = { .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST },
    .route = { .rtm_family = family, .rtm_dst_len = (unsigned char) (size * 8) },
    .attribute = { .rta_type = RTA_DST, .rta_len = (unsigned short) RTA_LENGTH (size) },
  };

  memcpy (request.address, address, size);
  request.header.nlmsg_len = (uint32_t) (NLMSG_LENGTH (sizeof (struct rtmsg)) + RTA_SPACE (size));
  return ask (fd, &request.header, answer) && answer->interface != 0;
}

static bool
ask_route_to (int fd, const struct sockaddr *destination, Answer *answer)
{
  if (destination->sa_family == AF_INET)
    return ask_route (fd, AF_INET, &((const struct sockaddr_in *) destination)->sin_addr, 4, answer);
  if (destination->sa_family != AF_INET6)
    return false;
  const struct in6_addr *in6 = &((const struct sockaddr_in6 *) destination)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED (in6))
    return ask_route (fd, AF_INET, &in6->s6_addr[12], 4, answer);
  return ask_route (fd, AF_INET6, in6, 16, answer);
}

bool
egress_is_fq (const struct sockaddr *destination)
{
  struct
  {
    struct nlmsghdr header;
    struct tcmsg qdisc;
  } dump = {
    .header = {
      .nlmsg_len = NLMSG_LENGTH (sizeof (struct tcmsg)),
      .nlmsg_type = RTM_GETQDISC,
      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
    },
  };
  const struct timeval patience = { .tv_usec = 50000 };
  Answer answer = { 0 };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  bool is_fq;

  if (fd < 0)
    return false;
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof (patience));
  is_fq =
      ask_route_to (fd, destination, &answer) && ask (fd, &dump.header, &answer) && answer.fq > 0 && answer.other == 0;
  close (fd);
  return is_fq;
}
