/*
 * lossreport.c: see lossreport.h.
 */
#include "lossreport.h"

void
loss_report_note (LossReport *report, uint32_t first, uint32_t last)
{
  if (!report->has_lost)
    report->first = first;
  report->last = last;
  report->has_lost = true;
}

bool
loss_report_take (LossReport *report, uint64_t now_ns, bool is_forced)
{
  if (!report->has_lost)
    return false;
  if (!is_forced && report->reported_ns != 0 && now_ns - report->reported_ns < LOSS_REPORT_INTERVAL_NS)
    return false;
  report->reported_ns = now_ns;
  report->has_lost = false;
  return true;
}

bool
loss_report_admits_block (LossReport *report, uint64_t now_ns)
{
  if (now_ns - report->blocks_since_ns >= LOSS_REPORT_INTERVAL_NS) {
    report->blocks_since_ns = now_ns;
    report->blocks = 0;
  }
  if (report->blocks >= LOSS_REPORT_MAX_BLOCKS)
    return false;
  report->blocks++;
  return true;
}
