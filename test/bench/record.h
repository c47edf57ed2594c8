/*
 * record.h: watches every sender in the same way. The programs define sendmmsg(), sendmsg() and clock_nanosleep()
 * themselves, so that the calls of the elements, of GIO and of the stand-ins all pass through here on their way to the
 * kernel. Costs each of them two clock readings a call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "measure.h"

/* From now on calls are recorded; `seconds` is for how long there is room. */
void record_start (double seconds);
void record_stop (void);

/*
 * Prints what was seen: datagrams, bytes, send_calls, sleeps, spread_us_p50, spread_us_p99 (first call of a frame begun
 * to last call returned), late_us_p50, late_us_p99 (a send after a sleep: begun, less what the sleep had asked for),
 * burst_p50, burst_p99, max_burst (datagrams sent without a pause of RECORD_PAUSE_NS between two calls), port_lost
 * (datagrams that would not have fitted a 1 Gbit/s port with 125 KB of buffer).
 */
void record_print (JsonLine *line);

/* A pause that ends a burst. A 1 Gbit/s port sends two datagrams of a kilobyte and a half in it. */
#define RECORD_PAUSE_NS 30000u
