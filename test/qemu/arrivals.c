/*
 * arrivals.c: when datagrams arrive, by the kernel's own clock.
 *
 *   arrivals PORT FRAMES DATAGRAMS BYTES RATE
 *
 * Receives FRAMES * DATAGRAMS datagrams on PORT, stops earlier at SIGTERM, and prints one line:
 *   arrived       how many came
 *   gap-us-p50    time between two arrivals within a frame (those of one message arrive at the same instant)
 *   gap-plan-us   what it would be at RATE bytes per second: a message's bytes over RATE
 *   spread-us-p50 from a frame's first arrival to its last
 *   spread-plan-us
 *   late-us-p50, late-us-p99  an arrival after its place in the plan, counted from the frame's first arrival
 *   message       datagrams of one message, the most common
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define DATAGRAMS_MAX 100000
#define MESSAGE_MAX 64

static double arrival_us[DATAGRAMS_MAX], gaps[DATAGRAMS_MAX], spreads[DATAGRAMS_MAX], late[DATAGRAMS_MAX];

static volatile sig_atomic_t stopped;

static void
note_stop (int signal_number)
{
  (void) signal_number;
  stopped = 1;
}

static int
open_receiver (int port)
{
  const struct sockaddr_in6 local = { .sin6_family = AF_INET6, .sin6_port = htons ((unsigned short) port) };
  const int on = 1, off = 0, bytes = 16 * 1024 * 1024;
  int fd = socket (AF_INET6, SOCK_DGRAM, 0);

  if (fd < 0 || setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof (off)) < 0
      || setsockopt (fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof (on)) < 0
      || setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof (bytes)) < 0
      || bind (fd, (const struct sockaddr *) &local, sizeof (local)) < 0) {
    perror ("arrivals");
    exit (2);
  }
  return fd;
}

/* Receives one datagram. Returns its time in microseconds, or a negative number when none came. */
static double
receive (int fd)
{
  char data[2048], control[128];
  struct iovec iov = { data, sizeof (data) };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof (control)
  };

  if (recvmsg (fd, &message, 0) < 0)
    return -1;
  for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c != NULL; c = CMSG_NXTHDR (&message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      const struct timespec *at = (const struct timespec *) (const void *) CMSG_DATA (c);
      return (double) at->tv_sec * 1e6 + (double) at->tv_nsec / 1e3;
    }
  }
  return -1;
}

static int
by_value (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
quantile (double *values, int n, double q)
{
  if (n == 0)
    return 0;
  qsort (values, (size_t) n, sizeof (double), by_value);
  return values[(int) (q * (n - 1))];
}

int
main (int argc, char *argv[])
{
  int n = 0, n_gaps = 0, n_spreads = 0, lengths[MESSAGE_MAX + 1] = { 0 }, message = 1;

  if (argc != 6)
    return 2;
  const int per_frame = atoi (argv[3]), expected = atoi (argv[2]) * per_frame;
  const double us_per_datagram = atof (argv[4]) / atof (argv[5]) * 1e6;
  /* Without SA_RESTART: the signal ends the wait. */
  const struct sigaction stop = { .sa_handler = note_stop };
  sigaction (SIGTERM, &stop, NULL);
  int fd = open_receiver (atoi (argv[1]));

  while (!stopped && n < expected && n < DATAGRAMS_MAX && (arrival_us[n] = receive (fd)) >= 0) {
    n++;
  }
  for (int first = 0; first + per_frame <= n; first += per_frame) {
    const double *at = arrival_us + first;
    int begin = 0;
    for (int i = 1; i <= per_frame; i++) {
      if (i < per_frame && at[i] == at[i - 1])
        continue;
      lengths[i - begin <= MESSAGE_MAX ? i - begin : MESSAGE_MAX]++;
      if (i == per_frame)
        break;
      gaps[n_gaps] = at[i] - at[i - 1];
      late[n_gaps++] = at[i] - at[0] - i * us_per_datagram;
      begin = i;
    }
    spreads[n_spreads++] = at[per_frame - 1] - at[0];
  }
  for (int i = 2; i <= MESSAGE_MAX; i++)
    message = lengths[i] > lengths[message] ? i : message;
  int rest = per_frame % message == 0 ? message : per_frame % message;
  printf ("arrived=%d gap-us-p50=%.1f gap-plan-us=%.1f spread-us-p50=%.0f spread-plan-us=%.0f late-us-p50=%.0f "
          "late-us-p99=%.0f message=%d\n",
      n, quantile (gaps, n_gaps, 0.5), message * us_per_datagram, quantile (spreads, n_spreads, 0.5),
      (per_frame - rest) * us_per_datagram, quantile (late, n_gaps, 0.5), quantile (late, n_gaps, 0.99), message);
  return n == expected ? 0 : 1;
}
