/*
 * gstwlrscreencopysrc.c: see the section below.
 */

/**
 * SECTION:element-wlrscreencopysrc
 * @title: wlrscreencopysrc
 * @short_description: pictures of an output of a wlroots compositor
 *
 * Begins a graph: one buffer for each picture in which something has changed, the first one at once. Differences from
 * pipewiresrc: no portal and no daemon between, and it works with compositors that draw in memory (the pixman renderer).
 * The pointer is drawn into the picture by the compositor.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 wlrscreencopysrc output=HEADLESS-1 ! videoconvert ! autovideosink
 * ]|
 *
 * Since: 0.1
 */

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstwlrscreencopysrc.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <gst/video/video.h>
#include <wayland-client-protocol.h>
#include "propertyfields.h"
#include "screencopy.h"

GST_DEBUG_CATEGORY_STATIC (gst_wlr_screencopy_src_debug);
#define GST_CAT_DEFAULT gst_wlr_screencopy_src_debug

#define DEFAULT_CURSOR TRUE

enum
{
  PROP_0,
  PROP_DISPLAY,
  PROP_OUTPUT,
  PROP_CURSOR,
  PROP_STATS,
};

struct _GstWlrScreencopySrc
{
  GstPushSrc parent;

  /* properties and figures, with the object lock */
  gchar *display;
  gchar *output;
  gboolean cursor;
  guint64 pictures;

  /* from start to stop, then the streaming thread's own */
  Screencopy *screencopy;
  int wake_fd; /* eventfd: readable while unlocked */
  ScreencopyFormat format;
  GstVideoInfo info;
};

/* wl_shm_format is little-endian and named from the highest byte, GstVideoFormat by the order in memory. Alpha is of no use. */
static const struct
{
  guint32 wayland;
  GstVideoFormat video;
} formats[] = {
  { WL_SHM_FORMAT_XRGB8888, GST_VIDEO_FORMAT_BGRx },
  { WL_SHM_FORMAT_ARGB8888, GST_VIDEO_FORMAT_BGRx },
  { WL_SHM_FORMAT_XBGR8888, GST_VIDEO_FORMAT_RGBx },
  { WL_SHM_FORMAT_ABGR8888, GST_VIDEO_FORMAT_RGBx },
  { WL_SHM_FORMAT_BGR888, GST_VIDEO_FORMAT_RGB },
  { WL_SHM_FORMAT_RGB888, GST_VIDEO_FORMAT_BGR },
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE (
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE ("{ BGRx, RGBx, RGB, BGR }")));

G_DEFINE_TYPE_WITH_CODE (GstWlrScreencopySrc, gst_wlr_screencopy_src, GST_TYPE_PUSH_SRC,
    GST_DEBUG_CATEGORY_INIT (gst_wlr_screencopy_src_debug, "wlrscreencopysrc", 0, "wlroots screen capture"));
GST_ELEMENT_REGISTER_DEFINE (wlrscreencopysrc, "wlrscreencopysrc", GST_RANK_NONE, GST_TYPE_WLR_SCREENCOPY_SRC);

/* Posts what went wrong (transfer full). */
static void
post_error (GstWlrScreencopySrc *self, GError *error)
{
  GST_ELEMENT_ERROR (
      self, RESOURCE, READ, ("Cannot capture output \"%s\": %s", GST_STR_NULL (self->output), error->message), (NULL));
  g_error_free (error);
}

/* False when GStreamer has no such picture. */
static gboolean
to_info (const ScreencopyFormat *format, GstVideoInfo *info)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    if (formats[i].wayland != format->format)
      continue;
    if (!gst_video_info_set_format (info, formats[i].video, format->width, format->height))
      return FALSE;
    info->fps_n = 0;
    info->fps_d = 1;
    return TRUE;
  }
  return FALSE;
}

static gboolean
is_same_format (const ScreencopyFormat *a, const ScreencopyFormat *b)
{
  return a->format == b->format && a->width == b->width && a->height == b->height;
}

static gboolean
set_format (GstWlrScreencopySrc *self, const ScreencopyFormat *format)
{
  GstVideoInfo info;
  GstCaps *caps;
  gboolean done;

  if (!to_info (format, &info)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT,
        ("Cannot capture output \"%s\": no picture of %ux%u in format 0x%08x can be passed on.",
            GST_STR_NULL (self->output), format->width, format->height, format->format),
        (NULL));
    return FALSE;
  }
  caps = gst_video_info_to_caps (&info);
  GST_INFO_OBJECT (self, "shared memory, %" GST_PTR_FORMAT, caps);
  done = gst_base_src_set_caps (GST_BASE_SRC (self), caps);
  gst_caps_unref (caps);
  if (!done)
    return FALSE;
  self->info = info;
  self->format = *format;
  return TRUE;
}

/* The compositor says what it draws before the first picture: nothing else can be negotiated. */
static gboolean
gst_wlr_screencopy_src_negotiate (GstBaseSrc *src)
{
  GstWlrScreencopySrc *self = GST_WLR_SCREENCOPY_SRC (src);
  ScreencopyFormat format;
  GError *error = NULL;

  switch (screencopy_prepare (self->screencopy, self->wake_fd, &format, &error)) {
    case SCREENCOPY_OK:
      return set_format (self, &format);
    case SCREENCOPY_ERROR:
      post_error (self, error);
      return FALSE;
    default:
      return FALSE;
  }
}

/* The rows of the compositor's memory into a buffer of ours: it may draw the next picture at once. */
static GstBuffer *
copy_picture (GstWlrScreencopySrc *self, const ScreencopyPicture *picture)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&self->info), NULL);
  gsize stride = (gsize) GST_VIDEO_INFO_PLANE_STRIDE (&self->info, 0);
  gsize row_bytes = MIN (stride, picture->format.stride);
  guint height = picture->format.height;
  GstMapInfo map;

  if (buffer == NULL || !gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    gst_clear_buffer (&buffer);
    return NULL;
  }
  if (!picture->y_invert && stride == picture->format.stride) {
    memcpy (map.data, picture->data, stride * height);
  } else {
    for (guint row = 0; row < height; row++) {
      guint from = picture->y_invert ? height - 1 - row : row;
      memcpy (map.data + row * stride, picture->data + (gsize) from * picture->format.stride, row_bytes);
    }
  }
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

static GstFlowReturn
gst_wlr_screencopy_src_create (GstPushSrc *src, GstBuffer **buffer)
{
  GstWlrScreencopySrc *self = GST_WLR_SCREENCOPY_SRC (src);
  ScreencopyPicture picture;
  GError *error = NULL;

  switch (screencopy_next (self->screencopy, self->wake_fd, &picture, &error)) {
    case SCREENCOPY_CANCELLED:
      return GST_FLOW_FLUSHING;
    case SCREENCOPY_ERROR:
      post_error (self, error);
      return GST_FLOW_ERROR;
    default:
      break;
  }
  if (!is_same_format (&self->format, &picture.format) && !set_format (self, &picture.format))
    return GST_FLOW_NOT_NEGOTIATED;
  *buffer = copy_picture (self, &picture);
  if (*buffer == NULL) {
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, ("No memory for a picture."), (NULL));
    return GST_FLOW_ERROR;
  }
  GST_OBJECT_LOCK (self);
  self->pictures++;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* --- states --- */

static gboolean
gst_wlr_screencopy_src_start (GstBaseSrc *src)
{
  GstWlrScreencopySrc *self = GST_WLR_SCREENCOPY_SRC (src);
  GError *error = NULL;

  GST_OBJECT_LOCK (self);
  self->pictures = 0;
  GST_OBJECT_UNLOCK (self);
  self->screencopy = screencopy_open (self->display, self->output, self->cursor, &error);
  if (self->screencopy != NULL)
    return TRUE;
  post_error (self, error);
  return FALSE;
}

static gboolean
gst_wlr_screencopy_src_stop (GstBaseSrc *src)
{
  g_clear_pointer (&GST_WLR_SCREENCOPY_SRC (src)->screencopy, screencopy_close);
  return TRUE;
}

static gboolean
gst_wlr_screencopy_src_unlock (GstBaseSrc *src)
{
  eventfd_write (GST_WLR_SCREENCOPY_SRC (src)->wake_fd, 1);
  return TRUE;
}

static gboolean
gst_wlr_screencopy_src_unlock_stop (GstBaseSrc *src)
{
  eventfd_t count;
  eventfd_read (GST_WLR_SCREENCOPY_SRC (src)->wake_fd, &count);
  return TRUE;
}

/* --- properties --- */

static const gsize fields[] = {
  [PROP_DISPLAY] = G_STRUCT_OFFSET (GstWlrScreencopySrc, display),
  [PROP_OUTPUT] = G_STRUCT_OFFSET (GstWlrScreencopySrc, output),
  [PROP_CURSOR] = G_STRUCT_OFFSET (GstWlrScreencopySrc, cursor),
};

static void
gst_wlr_screencopy_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstWlrScreencopySrc *self = GST_WLR_SCREENCOPY_SRC (object);

  GST_OBJECT_LOCK (self);
  if (!property_fields_set (self, fields, G_N_ELEMENTS (fields), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_wlr_screencopy_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstWlrScreencopySrc *self = GST_WLR_SCREENCOPY_SRC (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value,
        gst_structure_new ("application/x-wlrscreencopysrc-stats", "pictures", G_TYPE_UINT64, self->pictures, NULL));
  else if (!property_fields_get (self, fields, G_N_ELEMENTS (fields), id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_wlr_screencopy_src_finalize (GObject *object)
{
  GstWlrScreencopySrc *self = GST_WLR_SCREENCOPY_SRC (object);

  g_free (self->display);
  g_free (self->output);
  close (self->wake_fd);
  G_OBJECT_CLASS (gst_wlr_screencopy_src_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  /* Name or path of the compositor's socket; NULL is WAYLAND_DISPLAY. */
  g_object_class_install_property (object_class, PROP_DISPLAY,
      g_param_spec_string (
          "display", "Display", "Wayland display: a name or path; none is WAYLAND_DISPLAY", NULL, flags));
  /* As the compositor names it; one that is not there fails the change to PAUSED. */
  g_object_class_install_property (object_class, PROP_OUTPUT,
      g_param_spec_string ("output", "Output", "Name of the output, as HEADLESS-1; none is the first", NULL, flags));
  g_object_class_install_property (object_class, PROP_CURSOR,
      g_param_spec_boolean ("cursor", "Cursor", "Draw the pointer into the picture", DEFAULT_CURSOR, flags));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "pictures (uint64): captured since the start", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_wlr_screencopy_src_class_init (GstWlrScreencopySrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  object_class->set_property = gst_wlr_screencopy_src_set_property;
  object_class->get_property = gst_wlr_screencopy_src_get_property;
  object_class->finalize = gst_wlr_screencopy_src_finalize;
  install_properties (object_class);
  gst_element_class_set_static_metadata (element_class, "wlroots screen source", "Source/Video",
      "Captures an output of a wlroots compositor by wlr-screencopy", "The Lumen authors");
  gst_element_class_add_static_pad_template (element_class, &src_template);
  base_class->negotiate = gst_wlr_screencopy_src_negotiate;
  base_class->start = gst_wlr_screencopy_src_start;
  base_class->stop = gst_wlr_screencopy_src_stop;
  base_class->unlock = gst_wlr_screencopy_src_unlock;
  base_class->unlock_stop = gst_wlr_screencopy_src_unlock_stop;
  GST_PUSH_SRC_CLASS (klass)->create = gst_wlr_screencopy_src_create;
}

static void
gst_wlr_screencopy_src_init (GstWlrScreencopySrc *self)
{
  self->cursor = DEFAULT_CURSOR;
  self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_base_src_set_do_timestamp (GST_BASE_SRC (self), TRUE);
}
