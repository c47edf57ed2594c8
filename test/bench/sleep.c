/*
 * sleep.c: `bench-sleep ROUNDS SECONDS`: what a sleep to an absolute time costs on this machine, microseconds of CPU time
 * of the thread that sleeps, with nothing done in between: by clock_nanosleep() alone, and armed ahead (sleeper.h), as the
 * send thread of moonlightsink sleeps between the groups of a frame. Both take turns, SECONDS each.
 * Prints one line of JSON: a list of one value a round for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "measure.h"
#include "sleeper.h"

/* Between two groups of a frame. */
#define PAUSE_NS 500000u
#define ROUNDS_MAX 100
#define SECONDS_MAX 60

static double
cost_us (Sleeper *sleeper, double seconds)
{
  uint32_t sleeps = (uint32_t) (seconds * 1e9 / PAUSE_NS) + 1;
  uint64_t until_ns = measure_now_ns (), begin_ns = measure_thread_cpu_ns ();

  for (uint32_t i = 0; i < sleeps; i++) {
    until_ns += PAUSE_NS;
    if (sleeper != NULL)
      sleeper_sleep (sleeper, until_ns, until_ns + PAUSE_NS);
    else
      measure_sleep_until_ns (until_ns);
  }
  return (double) (measure_thread_cpu_ns () - begin_ns) / sleeps / 1e3;
}

static void
print_list (const char *name, const double *values, int count)
{
  printf ("\"%s\":[", name);
  for (int i = 0; i < count; i++)
    printf ("%s%.3f", i > 0 ? "," : "", values[i]);
  printf ("]");
}

int
main (int argc, char **argv)
{
  int rounds = argc == 3 ? atoi (argv[1]) : 0;
  double seconds = argc == 3 ? atof (argv[2]) : 0;
  double armed[ROUNDS_MAX], plain[ROUNDS_MAX];
  Sleeper sleeper;

  if (rounds < 1 || rounds > ROUNDS_MAX || !(seconds > 0 && seconds <= SECONDS_MAX)) {
    fprintf (
        stderr, "usage: %s ROUNDS SECONDS      1 to %d rounds of up to %d seconds\n", argv[0], ROUNDS_MAX, SECONDS_MAX);
    return 2;
  }
  prctl (PR_SET_TIMERSLACK, 1UL);
  sleeper_open (&sleeper);
  for (int i = 0; i < rounds; i++) {
    armed[i] = cost_us (&sleeper, seconds);
    plain[i] = cost_us (NULL, seconds);
  }
  sleeper_close (&sleeper);
  printf ("{");
  print_list ("ours", armed, rounds);
  printf (",");
  print_list ("clock_nanosleep", plain, rounds);
  printf ("}\n");
  return 0;
}
