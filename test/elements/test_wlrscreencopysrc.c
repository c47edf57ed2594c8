/*
 * test_wlrscreencopysrc.c: the element against a compositor of our own, which offers one output and describes its
 * pictures as a test says. Source of what is right: wlr-screencopy-unstable-v1, version 3.
 */
#include <gst/check/gstcheck.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <wayland-server.h>

#include "screencopyformat.h"
#include "screencopyprotocol.h"

#define OUTPUT_NAME "TEST-1"
#define DEADLINE (30 * GST_SECOND)

/* Places of the events in frame_events. */
enum
{
  EVENT_BUFFER,
  EVENT_FLAGS,
  EVENT_READY,
  EVENT_BUFFER_DONE = 6,
};

typedef struct
{
  /* what the test says */
  ScreencopyFormat format;
  gboolean is_hasty; /* says that a picture is ready before it was asked to copy one */

  struct wl_display *display;
  GThread *thread;
  gint stop; /* atomic */
  gchar *folder, *path;

  /* the compositor's thread, until it has ended */
  guint8 *memory; /* of the pool */
  gsize bytes;
  int shrink_errno; /* of the attempt to shrink the pool; 0 when that worked */
  gboolean has_pool;
} Compositor;

static void
destroy_resource (struct wl_client *client, struct wl_resource *resource)
{
  wl_resource_destroy (resource);
}

/* --- wl_shm: a pool whose memory a test may look at --- */

static const struct wl_buffer_interface buffer_implementation = { .destroy = destroy_resource };

static void
create_buffer (struct wl_client *client, struct wl_resource *pool, uint32_t id, int32_t offset, int32_t width,
    int32_t height, int32_t stride, uint32_t format)
{
  struct wl_resource *buffer = wl_resource_create (client, &wl_buffer_interface, 1, id);

  wl_resource_set_implementation (buffer, &buffer_implementation, NULL, NULL);
}

static void
resize_pool (struct wl_client *client, struct wl_resource *pool, int32_t size)
{
}

static const struct wl_shm_pool_interface pool_implementation = {
  .create_buffer = create_buffer,
  .destroy = destroy_resource,
  .resize = resize_pool,
};

static void
create_pool (struct wl_client *client, struct wl_resource *shm, uint32_t id, int32_t fd, int32_t size)
{
  Compositor *self = wl_resource_get_user_data (shm);
  struct wl_resource *pool = wl_resource_create (client, &wl_shm_pool_interface, 1, id);

  wl_resource_set_implementation (pool, &pool_implementation, NULL, NULL);
  self->shrink_errno = ftruncate (fd, 0) < 0 ? errno : 0;
  self->has_pool = TRUE;
  self->bytes = (gsize) size;
  self->memory = mmap (NULL, self->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
}

static const struct wl_shm_interface shm_implementation = { .create_pool = create_pool };

static void
bind_shm (struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
  struct wl_resource *shm = wl_resource_create (client, &wl_shm_interface, (int) version, id);

  wl_resource_set_implementation (shm, &shm_implementation, data, NULL);
}

/* --- wl_output --- */

static const struct wl_output_interface output_implementation = { .release = destroy_resource };

static void
bind_output (struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
  struct wl_resource *output = wl_resource_create (client, &wl_output_interface, (int) version, id);

  wl_resource_set_implementation (output, &output_implementation, NULL, NULL);
  wl_output_send_name (output, OUTPUT_NAME);
  wl_output_send_done (output);
}

/* --- zwlr_screencopy --- */

/* Every byte of a row is the row's number. */
static void
draw (Compositor *self)
{
  for (gsize row = 0; row < self->format.height; row++)
    memset (self->memory + row * self->format.stride, (int) row, self->format.stride);
}

static void
copy_frame (struct wl_client *client, struct wl_resource *frame, struct wl_resource *buffer)
{
  draw (wl_resource_get_user_data (frame));
  wl_resource_post_event (frame, EVENT_FLAGS, 0);
  wl_resource_post_event (frame, EVENT_READY, 0, 0, 0);
}

/* One function for each request, in their order. */
static const struct
{
  void (*copy) (struct wl_client *client, struct wl_resource *frame, struct wl_resource *buffer);
  void (*destroy) (struct wl_client *client, struct wl_resource *frame);
  void (*copy_with_damage) (struct wl_client *client, struct wl_resource *frame, struct wl_resource *buffer);
} frame_implementation = { copy_frame, destroy_resource, copy_frame };

static void
capture_output (
    struct wl_client *client, struct wl_resource *manager, uint32_t id, int32_t cursor, struct wl_resource *output)
{
  Compositor *self = wl_resource_get_user_data (manager);
  struct wl_resource *frame = wl_resource_create (client, &frame_interface, SCREENCOPY_VERSION, id);

  wl_resource_set_implementation (frame, &frame_implementation, self, NULL);
  if (self->is_hasty) {
    wl_resource_post_event (frame, EVENT_READY, 0, 0, 0);
    return;
  }
  wl_resource_post_event (
      frame, EVENT_BUFFER, self->format.format, self->format.width, self->format.height, self->format.stride);
  wl_resource_post_event (frame, EVENT_BUFFER_DONE);
}

static const struct
{
  void (*capture_output) (
      struct wl_client *client, struct wl_resource *manager, uint32_t id, int32_t cursor, struct wl_resource *output);
  void (*capture_output_region) (void);
  void (*destroy) (struct wl_client *client, struct wl_resource *manager);
} manager_implementation = { capture_output, NULL, destroy_resource };

static void
bind_manager (struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
  struct wl_resource *manager = wl_resource_create (client, &manager_interface, (int) version, id);

  wl_resource_set_implementation (manager, &manager_implementation, data, NULL);
}

/* --- the compositor --- */

static gpointer
run (gpointer data)
{
  Compositor *self = data;

  while (!g_atomic_int_get (&self->stop)) {
    wl_event_loop_dispatch (wl_display_get_event_loop (self->display), 20);
    wl_display_flush_clients (self->display);
  }
  return NULL;
}

static int
listen_at (const gchar *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  fail_unless (fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && listen (fd, 1) == 0);
  return fd;
}

static void
compositor_start (Compositor *self)
{
  self->folder = g_dir_make_tmp ("lumen-test-XXXXXX", NULL);
  self->path = g_build_filename (self->folder, "wayland", NULL);
  self->display = wl_display_create ();
  wl_global_create (self->display, &wl_shm_interface, 1, self, bind_shm);
  wl_global_create (self->display, &wl_output_interface, 4, self, bind_output);
  wl_global_create (self->display, &manager_interface, SCREENCOPY_VERSION, self, bind_manager);
  fail_unless_equals_int (wl_display_add_socket_fd (self->display, listen_at (self->path)), 0);
  self->thread = g_thread_new ("compositor", run, self);
}

static void
compositor_stop (Compositor *self)
{
  g_atomic_int_set (&self->stop, TRUE);
  g_thread_join (self->thread);
  wl_display_destroy_clients (self->display);
  wl_display_destroy (self->display);
  if (self->memory != NULL)
    munmap (self->memory, self->bytes);
  g_unlink (self->path);
  g_rmdir (self->folder);
  g_free (self->path);
  g_free (self->folder);
}

/* --- the element --- */

/* What the first picture was like. */
typedef struct
{
  GstCaps *caps;
  gsize bytes;
  guint8 first_of_last_row;
} Seen;

static void
on_picture (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer user_data)
{
  Seen *seen = user_data;
  GstMapInfo map;
  gint height = 1;

  if (seen->caps != NULL)
    return;
  seen->caps = gst_pad_get_current_caps (pad);
  gst_structure_get_int (gst_caps_get_structure (seen->caps, 0), "height", &height);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  seen->bytes = map.size;
  seen->first_of_last_row = map.data[map.size / (gsize) height * (gsize) (height - 1)];
  gst_buffer_unmap (buffer, &map);
}

/* Plays two pictures. NULL when they came, else the error's text. */
static gchar *
capture (Compositor *compositor, Seen *seen)
{
  GstElement *pipeline, *source, *sink;
  GstMessage *message;
  gchar *text = NULL;
  GstBus *bus;

  compositor_start (compositor);
  pipeline = gst_parse_launch ("wlrscreencopysrc name=source num-buffers=2 output=" OUTPUT_NAME
                               " ! fakesink name=sink sync=false signal-handoffs=true",
      NULL);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_object_set (source, "display", compositor->path, NULL);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_signal_connect (sink, "handoff", G_CALLBACK (on_picture), seen);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, DEADLINE, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  fail_unless (message != NULL, "neither pictures nor an error came");
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    GError *error;

    gst_message_parse_error (message, &error, NULL);
    text = g_strdup (error->message);
    g_error_free (error);
  }
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (source);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  compositor_stop (compositor);
  return text;
}

GST_START_TEST (test_wlrscreencopysrc_pictures_come_row_by_row)
{
  static const struct
  {
    ScreencopyFormat format;
    const gchar *caps;
    gsize bytes;
  } cases[] = {
    { { WL_SHM_FORMAT_XRGB8888, 64, 48, 256 }, "video/x-raw, format=BGRx, width=64, height=48", 256 * 48 },
    /* more bytes a row than the pixels take */
    { { WL_SHM_FORMAT_ABGR8888, 33, 10, 512 }, "video/x-raw, format=RGBx, width=33, height=10", 33 * 4 * 10 },
    { { WL_SHM_FORMAT_BGR888, 5, 3, 15 }, "video/x-raw, format=RGB, width=5, height=3", 16 * 3 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Compositor compositor = { .format = cases[i].format };
    GstCaps *wanted = gst_caps_from_string (cases[i].caps);
    Seen seen = { 0 };
    gchar *error = capture (&compositor, &seen);

    fail_unless (error == NULL, "%s", error);
    fail_unless (gst_caps_can_intersect (seen.caps, wanted), "%s", gst_caps_to_string (seen.caps));
    fail_unless_equals_uint64 (seen.bytes, cases[i].bytes);
    fail_unless_equals_int (seen.first_of_last_row, cases[i].format.height - 1);
    gst_caps_unref (seen.caps);
    gst_caps_unref (wanted);
  }
}

GST_END_TEST;

GST_START_TEST (test_wlrscreencopysrc_picture_that_cannot_be_is_an_error_that_says_why)
{
  static const struct
  {
    ScreencopyFormat format;
    const gchar *why;
  } cases[] = {
    { { WL_SHM_FORMAT_XRGB8888, 0, 48, 256 }, "it has no pixels" },
    { { WL_SHM_FORMAT_XRGB8888, 64, 0, 256 }, "it has no pixels" },
    { { WL_SHM_FORMAT_XRGB8888, G_MAXUINT32, G_MAXUINT32, G_MAXUINT32 }, "no side may have more than 16384 pixels" },
    { { WL_SHM_FORMAT_XRGB8888, 16385, 1, 16385 * 4 }, "no side may have more than 16384 pixels" },
    { { WL_SHM_FORMAT_XRGB8888, 1, 0x80000000u, 4 }, "no side may have more than 16384 pixels" },
    /* width * 4 is 0 in 32 bits */
    { { WL_SHM_FORMAT_XRGB8888, 0x40000000u, 2, 4 }, "no side may have more than 16384 pixels" },
    { { WL_SHM_FORMAT_XRGB8888, 64, 48, 255 }, "a row does not fit its bytes" },
    { { WL_SHM_FORMAT_BGR888, 64, 48, 191 }, "a row does not fit its bytes" },
    { { WL_SHM_FORMAT_XRGB8888, 16384, 16384, 16384 * 4 }, "it takes more than 512 MiB" },
    { { WL_SHM_FORMAT_XRGB8888, 64, 48, G_MAXUINT32 }, "it takes more than 512 MiB" },
    { { WL_SHM_FORMAT_C8, 64, 48, 256 }, "this format is not known here" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Compositor compositor = { .format = cases[i].format };
    Seen seen = { 0 };
    gchar *error = capture (&compositor, &seen);

    fail_unless (error != NULL && strstr (error, cases[i].why) != NULL, "case %u: %s", i, error);
    fail_unless (strstr (error, "Cannot capture output \"" OUTPUT_NAME "\"") != NULL, "%s", error);
    fail_if (compositor.has_pool, "memory was made for a picture that cannot be");
    g_free (error);
  }
}

GST_END_TEST;

GST_START_TEST (test_wlrscreencopysrc_picture_that_was_not_asked_for_is_none)
{
  Compositor compositor = { .is_hasty = TRUE };
  Seen seen = { 0 };
  gchar *error = capture (&compositor, &seen);

  fail_unless (error != NULL && strstr (error, "failed to copy the output") != NULL, "%s", error);
  fail_unless (seen.caps == NULL);
  g_free (error);
}

GST_END_TEST;

/* Reading from memory that was cut off is a SIGBUS. */
GST_START_TEST (test_wlrscreencopysrc_compositor_cannot_cut_the_memory_off)
{
  Compositor compositor = { .format = { WL_SHM_FORMAT_XRGB8888, 64, 48, 256 } };
  Seen seen = { 0 };
  gchar *error = capture (&compositor, &seen);

  fail_unless (error == NULL, "%s", error);
  fail_unless (compositor.has_pool);
  fail_unless_equals_int (compositor.shrink_errno, EPERM);
  gst_clear_caps (&seen.caps);
}

GST_END_TEST;

static Suite *
wlrscreencopysrc_suite (void)
{
  Suite *s = suite_create ("wlrscreencopysrc");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_wlrscreencopysrc_pictures_come_row_by_row);
  tcase_add_test (tc, test_wlrscreencopysrc_picture_that_cannot_be_is_an_error_that_says_why);
  tcase_add_test (tc, test_wlrscreencopysrc_picture_that_was_not_asked_for_is_none);
  tcase_add_test (tc, test_wlrscreencopysrc_compositor_cannot_cut_the_memory_off);
  return s;
}

GST_CHECK_MAIN (wlrscreencopysrc);
