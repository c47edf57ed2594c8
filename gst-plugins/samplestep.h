/*
 * samplestep.h: what the sampler's task does at a moment, and until when it may sleep. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cadence.h"

typedef enum
{
  SAMPLE_STEP_WAIT,
  SAMPLE_STEP_SEND,  /* the frame that is kept, fresh or again */
  SAMPLE_STEP_EVENT, /* what stands in the queue: the caller's to see */
  SAMPLE_STEP_EOS,
} SampleStep;

typedef struct
{
  bool has_frame;
  bool is_fresh; /* it has not left yet; only with a frame */
  bool is_eos;   /* nothing comes after it */
  uint64_t arrived_ns;
} SampleState;

/* WAIT, SEND or EOS at `now_ns`. `*due_ns` becomes the time of the next frame, CADENCE_NEVER when there is none. The end
 * waits for a fresh frame, not for repeats. */
SampleStep sample_step (const Cadence *cadence, const SampleState *state, uint64_t now_ns, uint64_t *due_ns);
