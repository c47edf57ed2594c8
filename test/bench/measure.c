/*
 * measure.c: see measure.h.
 */
#include "measure.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t
read_clock (clockid_t id)
{
  struct timespec now;

  clock_gettime (id, &now);
  return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

uint64_t
measure_now_ns (void)
{
  return read_clock (CLOCK_MONOTONIC);
}

uint64_t
measure_process_cpu_ns (void)
{
  return read_clock (CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t
measure_thread_cpu_ns (void)
{
  return read_clock (CLOCK_THREAD_CPUTIME_ID);
}

void
measure_sleep_until_ns (uint64_t until_ns)
{
  struct timespec until = {
    .tv_sec = (time_t) (until_ns / 1000000000u),
    .tv_nsec = (long) (until_ns % 1000000000u),
  };

  while (syscall (SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
    ;
}

void
measure_steady_heap (void)
{
  mallopt (M_MMAP_THRESHOLD, 32 << 20);
  mallopt (M_TRIM_THRESHOLD, 256 << 20);
}

static int
compare (const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

  return x < y ? -1 : x > y;
}

uint64_t
measure_quantile (uint64_t *values, size_t count, double quantile)
{
  if (count == 0)
    return 0;
  qsort (values, count, sizeof (*values), compare);
  return values[(size_t) ((double) (count - 1) * quantile)];
}

static void
json_name (JsonLine *line, const char *name)
{
  fprintf (line->out, "%s\"%s\":", line->has_some ? "," : "", name);
  line->has_some = true;
}

void
json_number (JsonLine *line, const char *name, double value)
{
  json_name (line, name);
  fprintf (line->out, "%.10g", value);
}

void
json_text (JsonLine *line, const char *name, const char *value)
{
  json_name (line, name);
  fprintf (line->out, "\"%s\"", value);
}
