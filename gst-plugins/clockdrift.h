/*
 * clockdrift.h: how far a sender's clock has parted from the receiver's since the stream began. Each packet is early or
 * late by the network's jitter, so the packets of about a second are compared by the one that was least late. Pure
 * arithmetic.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Packets that are compared at a time. */
#define CLOCK_DRIFT_WINDOW 200

typedef struct
{
  /* private */
  int64_t least; /* lateness of the window so far, and of the first and the latest whole one, in ns */
  int64_t first;
  int64_t latest;
  uint32_t count; /* packets of the window */
  uint32_t windows;
} ClockDrift;

void clock_drift_reset (ClockDrift *drift);

/* A packet that the sender numbers `sender_ns` arrived at `arrival_ns`; each on a clock of its own. */
void clock_drift_push (ClockDrift *drift, uint64_t sender_ns, uint64_t arrival_ns);

/* Above 0 where the sender is slow; 0 until two windows are full. */
int64_t clock_drift_ns (const ClockDrift *drift);
