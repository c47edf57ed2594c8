/*
 * lumen-kwin-output: asks KWin for a PipeWire node that shows a virtual screen, or a screen that is there. A program of
 * its own because KWin gives this interface to programs by their path (packaging/lumen-kwin-output.desktop.in): what it
 * grants here it does not grant to everything that runs in Node.
 *
 * usage: lumen-kwin-output list                       the names of the screens, one a line
 *        lumen-kwin-output virtual NAME WIDTH HEIGHT  makes a screen
 *        lumen-kwin-output output NAME                shows one
 *
 * On standard output: `node ID` once the node is there. The screen lasts until standard input ends, KWin says that it
 * is over, or the program ends; then KWin takes it away. Standard error says why not, the exit status what kind of
 * reason: 2 usage, 3 no compositor, 4 the interface is not offered to us, 5 KWin said no or the screen is gone.
 *
 * The requests and events of zkde_screencast_unstable_v1, version 3, are written down below; generated code would
 * do the same.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

enum {
  EXIT_USAGE = 2,
  EXIT_NO_COMPOSITOR = 3,
  EXIT_NOT_OFFERED = 4,
  EXIT_REFUSED = 5,
};

/* How long KWin may take to answer. */
#define ANSWER_DEADLINE_MS 4000
#define MAX_OUTPUTS 32
/* wl_output.name */
#define OUTPUT_VERSION 4

/* --- zkde_screencast_unstable_v1 --- */

#define SCREENCAST_VERSION 3
#define SCREENCAST_STREAM_OUTPUT 0
#define SCREENCAST_STREAM_VIRTUAL_OUTPUT 3
/* The pointer is drawn into the picture. */
#define POINTER_EMBEDDED 2

static const struct wl_message stream_requests[] = {{"close", "", NULL}};
static const struct wl_interface *no_types[] = {NULL};
static const struct wl_message stream_events[] = {
    {"closed", "", NULL},
    {"created", "u", no_types},
    {"failed", "s", no_types},
};
static const struct wl_interface stream_interface = {
    "zkde_screencast_stream_unstable_v1", SCREENCAST_VERSION, 1, stream_requests, 3, stream_events};

static const struct wl_interface *stream_output_types[] = {&stream_interface, &wl_output_interface, NULL};
static const struct wl_interface *stream_types[] = {&stream_interface, NULL, NULL, NULL, NULL, NULL, NULL};
static const struct wl_message screencast_requests[] = {
    {"stream_output", "nou", stream_output_types},
    {"stream_window", "nsu", stream_types},
    {"destroy", "", NULL},
    {"stream_virtual_output", "2nsiifu", stream_types},
    {"stream_region", "3niiuufu", stream_types},
};
static const struct wl_interface screencast_interface = {
    "zkde_screencast_unstable_v1", SCREENCAST_VERSION, 5, screencast_requests, 0, NULL};

struct stream_listener {
  void (*closed)(void *data, struct wl_proxy *stream);
  void (*created)(void *data, struct wl_proxy *stream, uint32_t node);
  void (*failed)(void *data, struct wl_proxy *stream, const char *error);
};

/* --- what the compositor has --- */

typedef struct {
  struct wl_output *proxy;
  char name[128];
} Output;

typedef struct {
  struct wl_display *display;
  struct wl_registry *registry;
  struct wl_proxy *screencast;
  uint32_t screencast_version;
  Output outputs[MAX_OUTPUTS];
  int output_count;
  bool has_node;
  bool is_over;
} Client;

static _Noreturn void fail(int status, const char *format, ...) {
  va_list args;

  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(status);
}

static void ignore_geometry(void *data, struct wl_output *output, int32_t x, int32_t y, int32_t width, int32_t height,
                            int32_t subpixel, const char *make, const char *model, int32_t transform) {}

static void ignore_mode(void *data, struct wl_output *output, uint32_t flags, int32_t width, int32_t height,
                        int32_t refresh) {}

static void ignore_done(void *data, struct wl_output *output) {}

static void ignore_scale(void *data, struct wl_output *output, int32_t scale) {}

static void on_name(void *data, struct wl_output *output, const char *name) {
  Output *self = data;
  snprintf(self->name, sizeof self->name, "%s", name);
}

static void ignore_description(void *data, struct wl_output *output, const char *description) {}

static const struct wl_output_listener output_listener = {
    .geometry = ignore_geometry,
    .mode = ignore_mode,
    .done = ignore_done,
    .scale = ignore_scale,
    .name = on_name,
    .description = ignore_description,
};

static void on_global(void *data, struct wl_registry *registry, uint32_t name, const char *interface,
                      uint32_t version) {
  Client *self = data;

  if (strcmp(interface, screencast_interface.name) == 0) {
    self->screencast_version = version < SCREENCAST_VERSION ? version : SCREENCAST_VERSION;
    self->screencast = wl_registry_bind(registry, name, &screencast_interface, self->screencast_version);
  } else if (strcmp(interface, wl_output_interface.name) == 0 && version >= OUTPUT_VERSION &&
             self->output_count < MAX_OUTPUTS) {
    Output *output = &self->outputs[self->output_count++];
    output->proxy = wl_registry_bind(registry, name, &wl_output_interface, OUTPUT_VERSION);
    wl_output_add_listener(output->proxy, &output_listener, output);
  }
}

static void ignore_global_remove(void *data, struct wl_registry *registry, uint32_t name) {}

static const struct wl_registry_listener registry_listener = {
    .global = on_global,
    .global_remove = ignore_global_remove,
};

/* --- the stream --- */

static void on_closed(void *data, struct wl_proxy *stream) {
  Client *self = data;
  self->is_over = true;
}

static void on_created(void *data, struct wl_proxy *stream, uint32_t node) {
  Client *self = data;
  self->has_node = true;
  printf("node %u\n", node);
  fflush(stdout);
}

static void on_failed(void *data, struct wl_proxy *stream, const char *error) {
  fail(EXIT_REFUSED, "KWin says: %s", error);
}

static const struct stream_listener stream_listener = {on_closed, on_created, on_failed};

static struct wl_proxy *ask_for_output(Client *self, const char *name) {
  for (int i = 0; i < self->output_count; i++) {
    if (strcmp(self->outputs[i].name, name) == 0)
      return wl_proxy_marshal_constructor_versioned(self->screencast, SCREENCAST_STREAM_OUTPUT, &stream_interface,
                                                    self->screencast_version, NULL, self->outputs[i].proxy,
                                                    POINTER_EMBEDDED);
  }
  fail(EXIT_REFUSED, "KWin has no screen \"%s\"", name);
}

static struct wl_proxy *ask_for_virtual_output(Client *self, const char *name, int width, int height) {
  if (self->screencast_version < 2)
    fail(EXIT_NOT_OFFERED, "this KWin is too old to make screens: Plasma 5.25 is the first that can");
  return wl_proxy_marshal_constructor_versioned(self->screencast, SCREENCAST_STREAM_VIRTUAL_OUTPUT, &stream_interface,
                                                self->screencast_version, NULL, name, width, height,
                                                wl_fixed_from_int(1), POINTER_EMBEDDED);
}

/* --- running --- */

/* Takes what comes, from KWin or as the end of standard input. */
static void wait_for_events(Client *self, int timeout_ms) {
  struct pollfd fds[2] = {
      {.fd = wl_display_get_fd(self->display), .events = POLLIN},
      {.fd = STDIN_FILENO, .events = POLLIN},
  };
  char ignored[64];

  while (wl_display_prepare_read(self->display) != 0) wl_display_dispatch_pending(self->display);
  wl_display_flush(self->display);
  if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
    fail(EXIT_REFUSED, "poll: %s", strerror(errno));
  if (fds[0].revents == 0)
    wl_display_cancel_read(self->display);
  else if (wl_display_read_events(self->display) < 0)
    fail(EXIT_REFUSED, "KWin closed the connection: %s", strerror(errno));
  if (wl_display_dispatch_pending(self->display) < 0)
    fail(EXIT_REFUSED, "KWin broke off: %s", strerror(wl_display_get_error(self->display)));
  if (fds[1].revents != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
    self->is_over = true;
}

static void connect_to_compositor(Client *self) {
  self->display = wl_display_connect(NULL);
  if (self->display == NULL)
    fail(EXIT_NO_COMPOSITOR, "no Wayland compositor answers: %s", strerror(errno));
  self->registry = wl_display_get_registry(self->display);
  wl_registry_add_listener(self->registry, &registry_listener, self);
  /* The first round brings the globals, the second the names of the outputs. */
  if (wl_display_roundtrip(self->display) < 0 || wl_display_roundtrip(self->display) < 0)
    fail(EXIT_NO_COMPOSITOR, "the compositor broke off: %s", strerror(errno));
  if (self->screencast == NULL)
    fail(EXIT_NOT_OFFERED, "the compositor does not offer %s to this program", screencast_interface.name);
}

static void run(Client *self, struct wl_proxy *stream) {
  wl_proxy_add_listener(stream, (void (**)(void))&stream_listener, self);
  /* A wait is cut short by other events: the deadline is one of silence. */
  for (int waits = 0; !self->has_node && !self->is_over && waits < ANSWER_DEADLINE_MS / 100; waits++)
    wait_for_events(self, 100);
  if (!self->has_node && !self->is_over)
    fail(EXIT_REFUSED, "KWin made no PipeWire node in %d ms", ANSWER_DEADLINE_MS);
  while (!self->is_over) wait_for_events(self, -1);
  wl_display_disconnect(self->display);
}

static int parse_pixels(const char *text) {
  char *end;
  long pixels = strtol(text, &end, 10);

  if (*text == '\0' || *end != '\0' || pixels < 1 || pixels > 16384)
    fail(EXIT_USAGE, "\"%s\" is no number of pixels from 1 to 16384", text);
  return (int)pixels;
}

int main(int argc, char **argv) {
  static Client client;
  const char *command = argc > 1 ? argv[1] : "";

  if (strcmp(command, "list") == 0 && argc == 2) {
    connect_to_compositor(&client);
    for (int i = 0; i < client.output_count; i++) printf("%s\n", client.outputs[i].name);
  } else if (strcmp(command, "virtual") == 0 && argc == 5) {
    int width = parse_pixels(argv[3]);
    int height = parse_pixels(argv[4]);
    connect_to_compositor(&client);
    run(&client, ask_for_virtual_output(&client, argv[2], width, height));
  } else if (strcmp(command, "output") == 0 && argc == 3) {
    connect_to_compositor(&client);
    run(&client, ask_for_output(&client, argv[2]));
  } else {
    fail(EXIT_USAGE, "usage: lumen-kwin-output list | virtual NAME WIDTH HEIGHT | output NAME");
  }
  return 0;
}
