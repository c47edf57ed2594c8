/*
 * gstframecounter.c: draws a machine-readable frame number into a picture, and reads it back.
 */
/**
 * SECTION:element-framecounter
 * @title: framecounter
 * @short_description: a frame number in the picture that survives scaling and lossy coding
 *
 * With `mode=draw` it writes a number that goes up by one with each frame, as black and white cells along the top of
 * the picture. With `mode=read`, at the other end of whatever is measured, it reads the number back, passes the frame
 * on untouched, and counts in `stats` what was lost, repeated or unreadable. `wrong` is what must be 0 in a healthy
 * stream: frames that cannot be read or that go back in time.
 *
 * ## What is drawn
 *
 * Two rows of 32 cells. All places are fractions of the picture's size, so that the number can be read after scaling: a
 * cell is 1/34 of the width (one cell of margin on each side) and 1/20 of the height (half a cell of margin above).
 * That is 18.8 × 18 pixels at 640 × 360. White is 1; the cells from left to right, first row first, are
 *
 * |[
 *   0       8                                              48             64
 *   +-------+----------------------------------------------+--------------+
 *   |10110010| number, 40 bits, most significant first     | CRC-16/CCITT |
 *   +-------+----------------------------------------------+--------------+
 * ]|
 *
 * Below them stands a row of eight colour patches, each 4/34 of the width and 1/10 of the height (colorpatches.c). The
 * reader compares them with what they must be in the picture's colorimetry, or in another (#GstFrameCounter:colorimetry).
 *
 * The reader takes its threshold between black and white from the fixed first eight cells, so that neither the colour
 * range nor a change of brightness matters. The CRC is over the first 48 cells.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 ! video/x-raw,format=I420,width=640,height=360 ! framecounter start=100 ! videoconvert ! pngenc snapshot=true ! filesink location=counter.png
 * ]| Look at the cells.
 * |[
 * gst-launch-1.0 -v videotestsrc num-buffers=300 ! framecounter ! videoconvert ! x264enc bitrate=500 tune=zerolatency ! avdec_h264 ! framecounter name=reader mode=read ! fakesink
 * ]| Through an encoder and back; with GST_DEBUG=framecounter:4 the reader logs its figures when it stops, and the
 * `stats` property of `reader` has them at any time.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframecounter.h"

#include "colorpatches.h"
#include "countercells.h"
#include "numbertally.h"

GST_DEBUG_CATEGORY_STATIC (frame_counter_debug);
#define GST_CAT_DEFAULT frame_counter_debug

typedef enum
{
  MODE_DRAW,
  MODE_READ,
} FrameCounterMode;

enum
{
  PROP_0,
  PROP_MODE,
  PROP_START,
  PROP_COLORIMETRY,
  PROP_STATS,
};

struct _GstFrameCounter
{
  GstVideoFilter parent;

  /* all with the object lock */
  FrameCounterMode mode;
  guint64 start;
  guint64 next; /* draw: number of the next frame */
  guint64 frames, unreadable;
  NumberTally tally;
  guint64 first_frame_ns;             /* CLOCK_MONOTONIC */
  gchar *colorimetry;                 /* property; NULL takes that of the caps */
  GstVideoColorimetry as_colorimetry; /* the same, read */
  GstVideoColorimetry of_caps;
  const gchar *format; /* of the newest frame; NULL = none */
  gdouble color_error; /* of the newest frame */
};

#define FORMATS \
  "{ I420, YV12, NV12, NV21, Y42B, Y444, I420_10LE, P010_10LE, Y444_10LE, YUY2, UYVY, AYUV, GRAY8, " \
  "RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR }"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE (FORMATS)));

G_DEFINE_TYPE (GstFrameCounter, gst_frame_counter, GST_TYPE_VIDEO_FILTER);
GST_ELEMENT_REGISTER_DEFINE (framecounter, "framecounter", GST_RANK_NONE, GST_TYPE_FRAME_COUNTER);

#define TYPE_FRAME_COUNTER_MODE (frame_counter_mode_get_type ())
static GType
frame_counter_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { MODE_DRAW, "Draw a number into each frame", "draw" },
    { MODE_READ, "Read the number back and pass the frame on", "read" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstFrameCounterMode", values));
  return (GType) type;
}

/* with the object lock */
static void
count_frame (GstFrameCounter *self)
{
  if (self->frames++ == 0)
    self->first_frame_ns = gst_util_get_timestamp ();
}

/* ---- element ---- */

static GstFlowReturn
gst_frame_counter_transform_frame_ip (GstVideoFilter *filter, GstVideoFrame *frame)
{
  GstFrameCounter *self = (GstFrameCounter *) filter;
  gboolean is_readable, is_reading;
  guint64 number = 0;

  GST_OBJECT_LOCK (self);
  is_reading = self->mode == MODE_READ;
  if (!is_reading) {
    number = self->next++;
    count_frame (self);
    number_tally_add (&self->tally, number & COUNTER_NUMBER_MASK);
  }
  GST_OBJECT_UNLOCK (self);
  if (!is_reading) {
    counter_cells_draw (frame, number);
    color_patches_draw (frame);
    return GST_FLOW_OK;
  }

  is_readable = counter_cells_read (frame, &number);
  GST_OBJECT_LOCK (self);
  self->of_caps = frame->info.colorimetry;
  self->format = GST_VIDEO_FORMAT_INFO_NAME (frame->info.finfo);
  self->color_error = color_patches_measure (frame, self->colorimetry == NULL ? &self->of_caps : &self->as_colorimetry);
  count_frame (self);
  if (is_readable)
    number_tally_add (&self->tally, number);
  else
    self->unreadable++;
  GST_OBJECT_UNLOCK (self);
  GST_LOG_OBJECT (self, "%s %" G_GUINT64_FORMAT, is_readable ? "read" : "no number in frame", number);
  return GST_FLOW_OK;
}

static gboolean
gst_frame_counter_start (GstBaseTransform *transform)
{
  GstFrameCounter *self = (GstFrameCounter *) transform;

  GST_OBJECT_LOCK (self);
  self->next = self->start;
  self->frames = self->unreadable = self->first_frame_ns = 0;
  self->tally = (NumberTally) { 0 };
  self->of_caps = (GstVideoColorimetry) { 0 };
  self->format = NULL;
  self->color_error = -1;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_frame_counter_stop (GstBaseTransform *transform)
{
  GstFrameCounter *self = (GstFrameCounter *) transform;

  GST_OBJECT_LOCK (self);
  GST_INFO_OBJECT (self,
      "%" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " unreadable, %" G_GUINT64_FORMAT
      " backwards, %" G_GUINT64_FORMAT " repeated, %" G_GUINT64_FORMAT " skipped",
      self->frames, self->unreadable, self->tally.backwards, self->tally.repeated, self->tally.skipped);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* `range:matrix:transfer:primaries`, never one of GStreamer's names for the usual four; empty before the first frame. */
static gchar *
color_text (const GstVideoColorimetry *colorimetry)
{
  if (colorimetry->range == GST_VIDEO_COLOR_RANGE_UNKNOWN)
    return g_strdup ("");
  return g_strdup_printf (
      "%d:%d:%d:%d", colorimetry->range, colorimetry->matrix, colorimetry->transfer, colorimetry->primaries);
}

static GstStructure *
make_stats (GstFrameCounter *self)
{
  const NumberTally *tally = &self->tally;
  GstStructure *stats;
  gchar *colorimetry;

  GST_OBJECT_LOCK (self);
  colorimetry = color_text (&self->of_caps);
  stats = gst_structure_new ("stats", "frames", G_TYPE_UINT64, self->frames, "unreadable", G_TYPE_UINT64,
      self->unreadable, "backwards", G_TYPE_UINT64, tally->backwards, "repeated", G_TYPE_UINT64, tally->repeated,
      "skipped", G_TYPE_UINT64, tally->skipped, "wrong", G_TYPE_UINT64, self->unreadable + tally->backwards, "first",
      G_TYPE_UINT64, tally->first, "last", G_TYPE_UINT64, tally->last, "first-frame-ns", G_TYPE_UINT64,
      self->first_frame_ns, "format", G_TYPE_STRING, self->format == NULL ? "" : self->format, "colorimetry",
      G_TYPE_STRING, colorimetry, "color-error", G_TYPE_DOUBLE, self->color_error, NULL);
  GST_OBJECT_UNLOCK (self);
  g_free (colorimetry);
  return stats;
}

static void
set_colorimetry (GstFrameCounter *self, const gchar *text)
{
  GstVideoColorimetry colorimetry;

  if (text == NULL || *text == '\0')
    text = NULL;
  else if (!gst_video_colorimetry_from_string (&colorimetry, text)) {
    GST_WARNING_OBJECT (self, "\"%s\" is not a colorimetry", text);
    return;
  }
  GST_OBJECT_LOCK (self);
  g_free (self->colorimetry);
  self->colorimetry = g_strdup (text);
  if (text != NULL)
    self->as_colorimetry = colorimetry;
  GST_OBJECT_UNLOCK (self);
}

static void
gst_frame_counter_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstFrameCounter *self = (GstFrameCounter *) object;

  switch (id) {
    case PROP_MODE:
      GST_OBJECT_LOCK (self);
      self->mode = (FrameCounterMode) g_value_get_enum (value);
      GST_OBJECT_UNLOCK (self);
      /* a reader writes nothing, so it needs no copy of the frame; the base class still shows it each one */
      gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), g_value_get_enum (value) == MODE_READ);
      break;
    case PROP_START:
      GST_OBJECT_LOCK (self);
      self->start = self->next = g_value_get_uint64 (value);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_COLORIMETRY:
      set_colorimetry (self, g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
gst_frame_counter_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstFrameCounter *self = (GstFrameCounter *) object;

  switch (id) {
    case PROP_MODE:
      GST_OBJECT_LOCK (self);
      g_value_set_enum (value, self->mode);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_START:
      GST_OBJECT_LOCK (self);
      g_value_set_uint64 (value, self->start);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_COLORIMETRY:
      GST_OBJECT_LOCK (self);
      g_value_set_string (value, self->colorimetry);
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
}

static void
gst_frame_counter_finalize (GObject *object)
{
  g_free (((GstFrameCounter *) object)->colorimetry);
  G_OBJECT_CLASS (gst_frame_counter_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  /**
   * GstFrameCounter:mode:
   *
   * Draw numbers or read them back.
   */
  g_object_class_install_property (object_class, PROP_MODE,
      g_param_spec_enum ("mode", "Mode", "Draw numbers or read them back", TYPE_FRAME_COUNTER_MODE, MODE_DRAW,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstFrameCounter:start:
   *
   * Number of the first frame that is drawn. The picture holds its low 40 bits.
   */
  g_object_class_install_property (object_class, PROP_START,
      g_param_spec_uint64 ("start", "Start", "Number of the first frame drawn (frames)", 0, G_MAXUINT64, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstFrameCounter:colorimetry:
   *
   * What matrix and range a reader takes the colour patches to have, as GStreamer writes them in caps (`bt709`, or
   * `range:matrix:transfer:primaries`). Empty takes the caps' own. What is no colorimetry is ignored with a warning.
   */
  g_object_class_install_property (object_class, PROP_COLORIMETRY,
      g_param_spec_string ("colorimetry", "Colorimetry", "Colorimetry that patches are measured by; empty: the caps'",
          NULL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstFrameCounter:stats:
   *
   * `frames`; of these `unreadable`, `backwards`, `repeated`; `skipped` numbers that never came; `wrong` = unreadable
   * + backwards; `first` and `last` number; `first-frame-ns`, when the first frame came
   * (CLOCK_MONOTONIC, 0 = none); raw `format` and
   * `colorimetry` of the caps, the latter as four numbers; `color-error`, how far the worst patch of
   * the newest frame is from its colour, in 8-bit steps (-1 = nothing was measured).
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counters in frames since READY to PAUSED, times in nanoseconds",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_frame_counter_class_init (GstFrameCounterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (frame_counter_debug, "framecounter", 0, "frame numbers in pictures");
  object_class->set_property = gst_frame_counter_set_property;
  object_class->get_property = gst_frame_counter_get_property;
  object_class->finalize = gst_frame_counter_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Frame counter", "Filter/Analyzer/Video",
      "Draws a machine-readable frame number into a picture and reads it back", "The Lumen authors");
  transform_class->start = gst_frame_counter_start;
  transform_class->stop = gst_frame_counter_stop;
  GST_VIDEO_FILTER_CLASS (klass)->transform_frame_ip = gst_frame_counter_transform_frame_ip;
  gst_type_mark_as_plugin_api (TYPE_FRAME_COUNTER_MODE, 0);
}

static void
gst_frame_counter_init (GstFrameCounter *self)
{
  self->color_error = -1;
}
