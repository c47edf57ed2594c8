/*
 * payloader.c: `bench-payloader`: what it costs to make datagrams with parity from access units, without sending them.
 * The payloaders take turns in short rounds, so that what disturbs the machine disturbs all; the medians are printed as
 * one line of JSON: for each workload and payloader the megabytes of access units in a second of CPU time.
 */
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "measure.h"
#include "packetise.h"

#define ROUNDS_MAX 99
/* Any key does: nobody decrypts. */
#define KEY "000102030405060708090a0b0c0d0e0f"

typedef struct
{
  const Workload *workload;
  const UnitRing *ring;
  Graph graph;     /* ours, and where the stand-in's buffers come from */
  Graph encrypted; /* ours with a key */
  Datagrams datagrams;
  uint64_t packets;
} Bench;

typedef void (*PayFrame) (Bench *bench, const AccessUnit *unit, uint64_t number);

static void
pay_lumen (Bench *bench, const AccessUnit *unit, uint64_t number)
{
  gst_pad_push (bench->graph.src, graph_unit (&bench->graph, unit, bench->workload, number));
}

static void
pay_lumen_encrypted (Bench *bench, const AccessUnit *unit, uint64_t number)
{
  gst_pad_push (bench->encrypted.src, graph_unit (&bench->encrypted, unit, bench->workload, number));
}

static void
pay_sunshine (Bench *bench, const AccessUnit *unit, uint64_t number)
{
  packetise_concat (&bench->datagrams, bench->workload, unit, number, bench->packets);
  bench->packets += bench->datagrams.count;
}

static void
pay_wolf (Bench *bench, const AccessUnit *unit, uint64_t number)
{
  GstBuffer *buffer = graph_unit (&bench->graph, unit, bench->workload, number);
  GstBufferList *list = packetise_buffers (bench->workload, buffer, unit->is_key, number, bench->packets);

  bench->packets += gst_buffer_list_length (list);
  gst_buffer_list_unref (list);
  gst_buffer_unref (buffer);
}

static const struct
{
  const char *name;
  PayFrame pay;
} payloaders[] = {
  { "ours", pay_lumen },
  { "ours_encrypted", pay_lumen_encrypted },
  { "sunshine", pay_sunshine },
  { "wolf", pay_wolf },
};
#define PAYLOADERS G_N_ELEMENTS (payloaders)

/* Access-unit bytes a CPU-second, over frames until `seconds` of CPU time are spent. */
static double
run_round (Bench *bench, PayFrame pay, double seconds, uint64_t *number)
{
  uint64_t begin_ns = measure_thread_cpu_ns (), spent_ns = 0, bytes = 0;

  while ((double) spent_ns < seconds * 1e9) {
    for (int i = 0; i < 16; i++) {
      AccessUnit unit = unit_ring_at (bench->ring, ++*number);
      pay (bench, &unit, *number);
      bytes += unit.size;
    }
    spent_ns = measure_thread_cpu_ns () - begin_ns;
  }
  return (double) bytes / (double) spent_ns * 1e9;
}

/* `key`: 32 hex digits, or empty. */
static Graph
play_payloader (const Workload *workload, const char *key)
{
  gchar *elements = g_strdup_printf (
      "moonlightpay packet-size=%u fec-percentage=%u key=\"%s\" ! application/x-moonlight,media=video,layout=frame ! "
      "fakesink async=false sync=false enable-last-sample=false",
      workload->packet_size, workload->fec_percentage, key);
  Graph graph = graph_play (elements, workload);

  g_free (elements);
  return graph;
}

static void
measure_workload (const Workload *workload, int rounds, double seconds, JsonLine *all)
{
  Bench bench = {
    .workload = workload,
    .ring = unit_ring_new (workload, 0, 1),
    .graph = play_payloader (workload, ""),
    .encrypted = play_payloader (workload, KEY),
  };
  JsonLine line = { .out = all->out };
  uint64_t rates[PAYLOADERS][ROUNDS_MAX], number = 0;

  for (int round = -1; round < rounds; round++) {
    for (size_t p = 0; p < PAYLOADERS; p++) {
      /* The first round fills pools and caches. */
      double rate = run_round (&bench, payloaders[p].pay, seconds, &number);
      if (round >= 0)
        rates[p][round] = (uint64_t) rate;
    }
  }
  fprintf (all->out, "%s\"%s\":{", all->has_some ? "," : "", workload->name);
  all->has_some = true;
  for (size_t p = 0; p < PAYLOADERS; p++)
    json_number (&line, payloaders[p].name, (double) measure_quantile (rates[p], (size_t) rounds, 0.5) / 1e6);
  putchar ('}');
  graph_end (&bench.graph);
  graph_end (&bench.encrypted);
  datagrams_clear (&bench.datagrams);
  unit_ring_free ((UnitRing *) bench.ring);
}

int
main (int argc, char **argv)
{
  JsonLine line = { .out = stdout };
  int rounds = argc > 1 ? atoi (argv[1]) : 5;
  double seconds = argc > 2 ? atof (argv[2]) : 0.2;

  gst_init (NULL, NULL);
  measure_steady_heap ();
  if (rounds < 1 || rounds > ROUNDS_MAX || seconds <= 0) {
    fprintf (stderr, "usage: bench-payloader [ROUNDS 1-%d] [SECONDS-A-ROUND]\n", ROUNDS_MAX);
    return 2;
  }
  putchar ('{');
  measure_workload (workload_find ("A"), rounds, seconds, &line);
  measure_workload (workload_find ("B"), rounds, seconds, &line);
  measure_workload (workload_find ("C"), rounds, seconds, &line);
  puts ("}");
  return 0;
}
