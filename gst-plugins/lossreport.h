/*
 * lossreport.h: how often a receiver speaks of loss: lost frames as one range at most every 100 ms, the state of parity
 * blocks at most 8 times in 100 ms (protocol/control.md §6.5). Pure arithmetic on CLOCK_MONOTONIC nanoseconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LOSS_REPORT_INTERVAL_NS UINT64_C (100000000)
#define LOSS_REPORT_MAX_BLOCKS 8

/* All zero at the start. */
typedef struct
{
  bool has_lost; /* frames first to last are not yet reported */
  uint32_t first, last;
  uint64_t reported_ns;     /* 0 = never */
  uint64_t blocks_since_ns; /* when the present interval of block reports began */
  uint32_t blocks;          /* reported in it */
} LossReport;

/* Frames `first` to `last` are lost: joined to those that wait for their report. */
void loss_report_note (LossReport *report, uint32_t first, uint32_t last);

/* True when the frames `report->first` to `report->last` are to be reported now; they are then taken as reported.
 * `is_forced` does not wait for the interval's end. */
bool loss_report_take (LossReport *report, uint64_t now_ns, bool is_forced);

/* Whether one more block may be reported; counts it. */
bool loss_report_admits_block (LossReport *report, uint64_t now_ns);
