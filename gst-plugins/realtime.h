/*
 * realtime.h: real-time priority for a thread: by the kernel where this process may, else by rtkit
 * (org.freedesktop.RealtimeKit1 on the system bus), which desktops run for sound servers. Never waits for the bus.
 *
 * Threads: request from the thread that wants it; the rest from any one thread.
 */
#pragma once

#include <stdbool.h>

typedef struct _Realtime Realtime;

/* Asks for SCHED_FIFO at `priority` (1 to 99; rtkit may grant less) for the calling thread. The answer of rtkit comes
 * later, if at all. Never NULL. */
Realtime *realtime_request (int priority);

/* The thread has real-time priority by now. */
bool realtime_is_granted (Realtime *realtime);

/* Gives up waiting for an answer. What was granted stays. */
void realtime_free (Realtime *realtime);
