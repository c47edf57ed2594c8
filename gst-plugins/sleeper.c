/*
 * sleeper.c: see sleeper.h.
 */
#include "sleeper.h"

#include <stddef.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

static struct timespec
timespec_of (uint64_t ns)
{
  return (struct timespec) {
    .tv_sec = (time_t) (ns / NS_PER_S),
    .tv_nsec = (long) (ns % NS_PER_S),
  };
}

void
sleeper_open (Sleeper *sleeper)
{
  for (size_t i = 0; i < 2; i++)
    sleeper->timers[i] = (SleeperTimer) { .fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC) };
}

void
sleeper_close (Sleeper *sleeper)
{
  for (size_t i = 0; i < 2; i++) {
    if (sleeper->timers[i].fd >= 0)
      close (sleeper->timers[i].fd);
    sleeper->timers[i].fd = -1;
  }
}

static void
arm (SleeperTimer *timer, uint64_t due_ns)
{
  const struct itimerspec at = { .it_value = timespec_of (due_ns) };

  if (timer->due_ns == due_ns)
    return;
  timerfd_settime (timer->fd, TFD_TIMER_ABSTIME, &at, NULL);
  timer->due_ns = due_ns;
}

void
sleeper_sleep (Sleeper *sleeper, uint64_t until_ns, uint64_t next_ns)
{
  const struct timespec until = timespec_of (until_ns);
  SleeperTimer *now = &sleeper->timers[0], *ahead = &sleeper->timers[1];

  if (ahead->due_ns == until_ns) {
    ahead = now;
    now = &sleeper->timers[1];
  }
  /* The nearer one first: the other then finds it pending. */
  if (next_ns > until_ns) {
    arm (now, until_ns);
    arm (ahead, next_ns);
  }
  clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
