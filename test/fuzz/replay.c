/*
 * replay.c: runs a fuzz target over files, without libFuzzer: seeds and regressions in every build, with any compiler.
 * usage: replay-TARGET FILE-OR-FOLDER...
 */
#include "fuzz.h"

#include <glib.h>

static bool
replay_file (const char *path)
{
  g_autofree char *contents = NULL;
  g_autofree uint8_t *exact = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  if (!g_file_get_contents (path, &contents, &size, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return false;
  }
  /* GLib adds a zero byte, which would hide an overrun by one */
  exact = g_memdup2 (contents, size);
  LLVMFuzzerTestOneInput (exact, size);
  return true;
}

/* Returns the number of files that ran, or -1. */
static int
replay_folder (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = g_dir_open (path, 0, &error);
  const char *name;
  int count = 0;

  if (folder == NULL) {
    fprintf (stderr, "%s\n", error->message);
    return -1;
  }
  while ((name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);

    if (!replay_file (file))
      return -1;
    count++;
  }
  return count;
}

int
main (int argc, char **argv)
{
  int count = 0;

  for (int i = 1; i < argc; i++) {
    int ran = 1;

    if (g_file_test (argv[i], G_FILE_TEST_IS_DIR))
      ran = replay_folder (argv[i]);
    else if (!replay_file (argv[i]))
      ran = -1;
    if (ran < 0)
      return 1;
    count += ran;
  }
  printf ("%d inputs\n", count);
  /* a test that ran nothing has shown nothing */
  return count > 0 ? 0 : 1;
}
