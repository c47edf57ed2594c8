/*
 * sleeper.h: sleeps until one absolute time after another, each with the interrupt of the next already programmed.
 *
 * A sleep programs the processor's timer, on a virtual machine an exit to the hypervisor that costs several
 * microseconds: about as much as all the rest of a wake-up. Where an earlier timer is pending, the kernel leaves the
 * hardware alone and programs it in the interrupt of that one, which it does anyway. So a thread that already knows when
 * it sleeps next arms that time before it falls asleep, and the next sleep programs nothing.
 * Why: docs/decisions/0019-sleeps-armed-ahead.md.
 *
 * Times are CLOCK_MONOTONIC nanoseconds. One thread uses a Sleeper at a time.
 */
#pragma once

#include <stdint.h>

typedef struct
{
  int fd; /* a timerfd that nobody reads; -1 where there is none */
  uint64_t due_ns;
} SleeperTimer;

typedef struct
{
  SleeperTimer timers[2];
} Sleeper;

/* Without descriptors to be had, sleeps are as exact and merely cost more. Ended by sleeper_close(). */
void sleeper_open (Sleeper *sleeper);
void sleeper_close (Sleeper *sleeper);

/* Sleeps until `until_ns`, or until a signal. `next_ns` is when the sleep after this one is expected to end; it may turn
 * out otherwise, 0 is unknown. */
void sleeper_sleep (Sleeper *sleeper, uint64_t until_ns, uint64_t next_ns);
