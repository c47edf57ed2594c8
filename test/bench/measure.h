/*
 * measure.h: clocks, order statistics and the one-line JSON that the benchmark programs print.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* CLOCK_MONOTONIC */
uint64_t measure_now_ns (void);

/* CPU time of the whole process, kernel and user, precise. */
uint64_t measure_process_cpu_ns (void);

/* CPU time of the calling thread. */
uint64_t measure_thread_cpu_ns (void);

/* Sleeps to an absolute time on exact timers. Not seen by the recorder (record.h): it is the source's sleep. */
void measure_sleep_until_ns (uint64_t until_ns);

/* Keeps freed memory in the process. Whether a block of some hundred kilobytes comes with fresh pages each time depends on
 * the allocator's mood, and would otherwise be most of what is measured. The same for all. */
void measure_steady_heap (void);

/* The value below which `quantile` (0 to 1) of the values lie; 0 when there are none. Sorts them. */
uint64_t measure_quantile (uint64_t *values, size_t count, double quantile);

/* Writes `"name":value` with a comma in front of all but the first. */
typedef struct
{
  FILE *out;
  bool has_some;
} JsonLine;

void json_number (JsonLine *line, const char *name, double value);
void json_text (JsonLine *line, const char *name, const char *value);
