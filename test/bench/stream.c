/*
 * stream.c: `bench-stream`: one sender, one workload, some seconds on the wire. A source thread wakes for each frame
 * and hands the sender a ready access unit; what that costs alone is what the sender called `idle` shows.
 * Prints one line of JSON: frames, seconds (of the stream), cpu_ms_per_s (of the whole process, a second of stream), the
 * recorder's figures (record.h), the sender's.
 */
#include <gst/gst.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "record.h"
#include "sender.h"

/* Not measured: pools fill, tables and caches settle. */
#define WARM_UP_S 0.3

static gchar *sender_name = NULL, *workload_name = NULL, *host = NULL, *pacing = NULL;
static gint port = 0, link_kbps = 800000, key_every = 0, datagrams = 0;
static gdouble seconds = 2, key_factor = 1;
static gboolean is_send_only = FALSE;

static const GOptionEntry entries[] = {
  { "sender", 0, 0, G_OPTION_ARG_STRING, &sender_name, "lumen, bare, seed, sunshine, wolf or idle", "NAME" },
  { "workload", 0, 0, G_OPTION_ARG_STRING, &workload_name, "A, B or C", "NAME" },
  { "host", 0, 0, G_OPTION_ARG_STRING, &host, "where to (127.0.0.1)", "ADDRESS" },
  { "port", 0, 0, G_OPTION_ARG_INT, &port, "where to", "PORT" },
  { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds, "how long to measure (2)", "S" },
  { "link-kbps", 0, 0, G_OPTION_ARG_INT, &link_kbps, "lumen, bare: the client's link (800000)", "KBPS" },
  { "pacing", 0, 0, G_OPTION_ARG_STRING, &pacing, "lumen: shape of a burst (rate)", "SHAPE" },
  { "send-only", 0, 0, G_OPTION_ARG_NONE, &is_send_only, "sunshine: send datagrams made beforehand", NULL },
  { "key-every", 0, 0, G_OPTION_ARG_INT, &key_every, "each that many frames is a key frame (0: only the first)", "N" },
  { "key-factor", 0, 0, G_OPTION_ARG_DOUBLE, &key_factor, "how much larger a key frame is (1)", "X" },
  { "datagrams", 0, 0, G_OPTION_ARG_INT, &datagrams, "frames of exactly that many datagrams, no parity", "N" },
  { NULL },
};

static const SenderKind *
find_sender (const char *name)
{
  const SenderKind *kinds[] = { &sender_lumen, &sender_bare, &sender_seed, &sender_sunshine, &sender_wolf,
    &sender_idle };

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (g_strcmp0 (kinds[i]->name, name) == 0)
      return kinds[i];
  }
  return NULL;
}

typedef struct
{
  const SenderKind *kind;
  void *sender;
  const Workload *workload;
  const UnitRing *ring;
  uint64_t begin_ns;
  uint64_t slips;
} Source;

/* Frames `from` to `to`, each at its time. A source that wakes more than an interval late goes on from there, as a screen
 * does: it must not make up for it with a burst of frames that no sender would get in life. */
static void
run_source (Source *source, uint64_t from, uint64_t to)
{
  uint64_t interval_ns = 1000000000u / source->workload->fps;

  for (uint64_t i = from; i < to; i++) {
    AccessUnit unit = unit_ring_at (source->ring, i);
    uint64_t due_ns = source->begin_ns + i * 1000000000u / source->workload->fps, now_ns;

    measure_sleep_until_ns (due_ns);
    now_ns = measure_now_ns ();
    if (now_ns > due_ns + interval_ns) {
      source->begin_ns += now_ns - due_ns;
      source->slips++;
    }
    source->kind->frame (source->sender, &unit, i);
  }
}

static void
measure (const SenderKind *kind, const Workload *workload)
{
  UnitRing *ring = unit_ring_new (workload, (uint32_t) key_every, key_factor);
  uint64_t warm_up = (uint64_t) (WARM_UP_S * workload->fps), frames = (uint64_t) (seconds * workload->fps);
  JsonLine line = { .out = stdout };
  SenderOptions options = {
    .workload = workload,
    .ring = ring,
    .host = host != NULL ? host : "127.0.0.1",
    .port = (uint16_t) port,
    .link_kbps = (uint32_t) link_kbps,
    .pacing = pacing != NULL ? pacing : "rate",
    .is_send_only = is_send_only,
  };
  Source source = {
    .kind = kind,
    .sender = kind->start (&options),
    .workload = workload,
    .ring = ring,
    .begin_ns = measure_now_ns () + 10000000,
  };
  /* Of the stream, not of the clock on the wall: what a slow machine stretches must not look cheap. */
  double stream_s = (double) frames / workload->fps;
  uint64_t cpu_ns, wall_ns;

  run_source (&source, 0, warm_up);
  record_start (seconds + 1);
  wall_ns = measure_now_ns ();
  cpu_ns = measure_process_cpu_ns ();
  run_source (&source, warm_up, warm_up + frames);
  /* The last frame has its interval too. */
  measure_sleep_until_ns (source.begin_ns + (warm_up + frames) * 1000000000u / workload->fps);
  cpu_ns = measure_process_cpu_ns () - cpu_ns;
  wall_ns = measure_now_ns () - wall_ns;
  record_stop ();

  putchar ('{');
  json_text (&line, "sender", kind->name);
  json_text (&line, "workload", workload->name);
  json_number (&line, "seconds", stream_s);
  json_number (&line, "wall_seconds", (double) wall_ns / 1e9);
  json_number (&line, "frames", (double) frames);
  json_number (&line, "cpu_ms_per_s", (double) cpu_ns / stream_s / 1e6);
  json_number (&line, "source_slips", (double) source.slips);
  kind->stop (source.sender, &line);
  record_print (&line);
  puts ("}");
  unit_ring_free (ring);
}

int
main (int argc, char **argv)
{
  GOptionContext *context = g_option_context_new (NULL);
  GError *error = NULL;
  const SenderKind *kind;
  const Workload *found;
  Workload workload;

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("bench-stream: %s\n", error->message);
    return 2;
  }
  g_option_context_free (context);
  kind = find_sender (sender_name);
  found = workload_find (workload_name != NULL ? workload_name : "");
  if (kind == NULL || found == NULL || port <= 0 || port > 65535 || seconds <= 0) {
    g_printerr ("bench-stream: needs --sender, --workload, --port and --seconds; see --help\n");
    return 2;
  }
  workload = *found;
  if (datagrams > 0)
    workload_set_datagrams (&workload, (uint32_t) datagrams);
  prctl (PR_SET_TIMERSLACK, 1UL);
  measure_steady_heap ();
  measure (kind, &workload);
  return 0;
}
