/*
 * departures.c: see departures.h.
 */
#include "departures.h"

/* What a message takes of the socket buffer: the kernel may round its memory up to the next power of two, and counts
 * its own bookkeeping. */
static uint64_t
cost_of (uint64_t bytes)
{
  return 2 * bytes + 1024;
}

void
departures_init (Departures *departures, uint64_t send_buffer_bytes)
{
  *departures = (Departures) {
    .cost_max = send_buffer_bytes,
  };
}

/* Datagrams of the first message, and their bytes. */
static size_t
message_length (
    const BatchSend *send, const struct iovec *datagrams, size_t count, uint32_t message_bytes, uint64_t *bytes)
{
  size_t most = batchsend_message_length (send, datagrams, count);
  size_t n = 1;

  *bytes = datagrams[0].iov_len;
  while (n < most && *bytes + datagrams[n].iov_len <= message_bytes)
    *bytes += datagrams[n++].iov_len;
  return n;
}

void
departures_plan (const Departures *departures, const BatchSend *send, const struct iovec *datagrams, size_t count,
    uint32_t message_bytes, DeparturePlan *plan)
{
  plan->datagrams = plan->messages = 0;
  plan->cost = 0;
  while (plan->datagrams < count && plan->messages < BATCHSEND_MESSAGES_PER_CALL) {
    uint64_t bytes;
    size_t n = message_length (send, datagrams + plan->datagrams, count - plan->datagrams, message_bytes, &bytes);

    if (plan->messages > 0 && plan->cost + cost_of (bytes) > departures->cost_max / 2)
      return;
    plan->lengths[plan->messages++] = (uint16_t) n;
    plan->datagrams += (unsigned) n;
    plan->cost += cost_of (bytes);
  }
}

static void
forget_first (Departures *departures)
{
  departures->cost -= departures->held[departures->head].cost;
  departures->head = (departures->head + 1) % DEPARTURES_HELD_MAX;
  departures->length--;
}

uint64_t
departures_wake_ns (Departures *departures, uint64_t now_ns, const DeparturePlan *plan)
{
  uint64_t cost;
  unsigned length, index;

  while (departures->length > 0 && departures->held[departures->head].at_ns <= now_ns)
    forget_first (departures);
  cost = departures->cost;
  length = departures->length;
  index = departures->head;
  while (length > 0 && (length + plan->messages > DEPARTURES_HELD_MAX || cost + plan->cost > departures->cost_max)) {
    cost -= departures->held[index].cost;
    index = (index + 1) % DEPARTURES_HELD_MAX;
    length--;
  }
  if (length == departures->length)
    return 0;
  return departures->held[(index + DEPARTURES_HELD_MAX - 1) % DEPARTURES_HELD_MAX].at_ns;
}

void
departures_add (Departures *departures, uint64_t at_ns, uint64_t bytes)
{
  if (departures->length == DEPARTURES_HELD_MAX)
    forget_first (departures);
  departures->held[(departures->head + departures->length) % DEPARTURES_HELD_MAX] = (Departure) {
    .at_ns = at_ns,
    .cost = cost_of (bytes),
  };
  departures->length++;
  departures->cost += cost_of (bytes);
}
