/*
 * samplestep.c: see samplestep.h.
 */
#include "samplestep.h"

SampleStep
sample_step (const Cadence *cadence, const SampleState *state, uint64_t now_ns, uint64_t *due_ns)
{
  *due_ns = CADENCE_NEVER;
  if (state->is_eos && !state->is_fresh)
    return SAMPLE_STEP_EOS;
  if (state->is_fresh)
    *due_ns = cadence_fresh_due_ns (cadence, state->arrived_ns);
  else if (state->has_frame)
    *due_ns = cadence_repeat_due_ns (cadence);
  return *due_ns <= now_ns ? SAMPLE_STEP_SEND : SAMPLE_STEP_WAIT;
}
