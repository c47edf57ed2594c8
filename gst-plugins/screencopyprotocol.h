/*
 * screencopyprotocol.h: the requests and events of wlr-screencopy-unstable-v1, version 3, as far as a client needs them
 * that copies whole outputs. For screencopy.c and screencopyconnection.c alone.
 *
 * libwayland finds a message by its place in a table and trusts its signature: the tables have every message, also those
 * that are not used, in the order of the protocol. A digit in a signature is the version that brought the message.
 */
#ifndef LUMEN_SCREENCOPY_PROTOCOL_H
#define LUMEN_SCREENCOPY_PROTOCOL_H

#include <wayland-client.h>

/* The first with buffer_done. */
#define SCREENCOPY_VERSION 3

/* Of the event flags: the lowest row comes first. */
#define SCREENCOPY_FLAG_Y_INVERT 1u

/* --- zwlr_screencopy_frame_v1 --- */

enum
{
  FRAME_COPY,
  FRAME_DESTROY,
  FRAME_COPY_WITH_DAMAGE,
};

static const struct wl_interface *no_objects[] = { NULL, NULL, NULL, NULL };
static const struct wl_interface *buffer_object[] = { &wl_buffer_interface };

static const struct wl_message frame_requests[] = {
  [FRAME_COPY] = { "copy", "o", buffer_object },
  [FRAME_DESTROY] = { "destroy", "", no_objects },
  [FRAME_COPY_WITH_DAMAGE] = { "copy_with_damage", "2o", buffer_object },
};

static const struct wl_message frame_events[] = {
  { "buffer", "uuuu", no_objects },
  { "flags", "u", no_objects },
  { "ready", "uuu", no_objects },
  { "failed", "", no_objects },
  { "damage", "2uuuu", no_objects },
  { "linux_dmabuf", "3uuu", no_objects },
  { "buffer_done", "3", no_objects },
};

static const struct wl_interface frame_interface = { "zwlr_screencopy_frame_v1", SCREENCOPY_VERSION,
  sizeof frame_requests / sizeof *frame_requests, frame_requests, sizeof frame_events / sizeof *frame_events,
  frame_events };

/* One function for each event, in their order. */
struct frame_listener
{
  void (*buffer) (
      void *data, struct wl_proxy *frame, uint32_t format, uint32_t width, uint32_t height, uint32_t stride);
  void (*flags) (void *data, struct wl_proxy *frame, uint32_t flags);
  void (*ready) (void *data, struct wl_proxy *frame, uint32_t seconds_high, uint32_t seconds_low, uint32_t nanoseconds);
  void (*failed) (void *data, struct wl_proxy *frame);
  void (*damage) (void *data, struct wl_proxy *frame, uint32_t x, uint32_t y, uint32_t width, uint32_t height);
  void (*linux_dmabuf) (void *data, struct wl_proxy *frame, uint32_t format, uint32_t width, uint32_t height);
  void (*buffer_done) (void *data, struct wl_proxy *frame);
};

static inline void
frame_add_listener (struct wl_proxy *frame, const struct frame_listener *listener, void *data)
{
  wl_proxy_add_listener (frame, (void (**) (void)) listener, data);
}

/* Answered by flags and ready, or failed. */
static inline void
frame_copy (struct wl_proxy *frame, struct wl_buffer *buffer)
{
  wl_proxy_marshal_flags (frame, FRAME_COPY, NULL, wl_proxy_get_version (frame), 0, buffer);
}

/* The same, once something of the output has changed since the picture before. */
static inline void
frame_copy_with_damage (struct wl_proxy *frame, struct wl_buffer *buffer)
{
  wl_proxy_marshal_flags (frame, FRAME_COPY_WITH_DAMAGE, NULL, wl_proxy_get_version (frame), 0, buffer);
}

static inline void
frame_destroy (struct wl_proxy *frame)
{
  wl_proxy_marshal_flags (frame, FRAME_DESTROY, NULL, wl_proxy_get_version (frame), WL_MARSHAL_FLAG_DESTROY);
}

/* --- zwlr_screencopy_manager_v1 --- */

enum
{
  MANAGER_CAPTURE_OUTPUT,
  MANAGER_CAPTURE_OUTPUT_REGION,
  MANAGER_DESTROY,
};

static const struct wl_interface *capture_objects[] = { &frame_interface, NULL, &wl_output_interface, NULL, NULL, NULL,
  NULL };

static const struct wl_message manager_requests[] = {
  [MANAGER_CAPTURE_OUTPUT] = { "capture_output", "nio", capture_objects },
  [MANAGER_CAPTURE_OUTPUT_REGION] = { "capture_output_region", "nioiiii", capture_objects },
  [MANAGER_DESTROY] = { "destroy", "", no_objects },
};

static const struct wl_interface manager_interface = { "zwlr_screencopy_manager_v1", SCREENCOPY_VERSION,
  sizeof manager_requests / sizeof *manager_requests, manager_requests, 0, NULL };

/* A new frame, which the compositor describes by the events up to buffer_done. */
static inline struct wl_proxy *
manager_capture_output (struct wl_proxy *manager, int32_t overlay_cursor, struct wl_output *output)
{
  return wl_proxy_marshal_flags (manager, MANAGER_CAPTURE_OUTPUT, &frame_interface, wl_proxy_get_version (manager), 0,
      NULL, overlay_cursor, output);
}

/* Frames of it stay. */
static inline void
manager_destroy (struct wl_proxy *manager)
{
  wl_proxy_marshal_flags (manager, MANAGER_DESTROY, NULL, wl_proxy_get_version (manager), WL_MARSHAL_FLAG_DESTROY);
}

#endif
