/*
 * gstchanneltones.c: writes a tone of its own into each channel, and measures which tone came out of each.
 */
/**
 * SECTION:element-channeltones
 * @title: channeltones
 * @short_description: one tone per channel, to prove that every channel arrives whole and in its place
 *
 * With `mode=write` it replaces the samples by a steady sine, another one in each channel. In the order in which the
 * channels are interleaved these have 440, 1300, 660, 80, 900, 1800, 500 and 1500 Hz: with the speakers of 5.1 and 7.1 the
 * 80 Hz are the low-frequency channel's, whatever a coder takes that one for.
 *
 * With `mode=read`, at the other end of whatever is measured, it passes the sound on untouched and says in `stats` which
 * of these tones each channel carries (`hz-0` and so on; 0 where it is none of them). `jumps` counts where a tone does not go on as it should: samples that are missing,
 * doubled or damaged, from 8 on. The first 0.5 s after the start are not looked at: decoders need them to settle.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true ! audio/x-raw,format=S16LE,channels=2 ! channeltones ! autoaudiosink
 * ]| Listen to them.
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=300 ! audio/x-raw,format=S16LE,rate=48000,channels=6,channel-mask=\(bitmask\)0x3f ! channeltones ! opusenc ! opusdec ! channeltones name=reader mode=read ! fakesink
 * ]| Through an encoder and back; with GST_DEBUG=channeltones:4 the reader logs its figures when it stops.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstchanneltones.h"

#include <math.h>
#include <string.h>

#include "tonemeter.h"

GST_DEBUG_CATEGORY_STATIC (channel_tones_debug);
#define GST_CAT_DEFAULT channel_tones_debug

#define MAX_CHANNELS TONE_METER_TONES
#define VOLUME 0.1
#define SETTLING_SECONDS 0.5

static const gdouble tones_hz[MAX_CHANNELS] = { 440, 1300, 660, 80, 900, 1800, 500, 1500 };

typedef enum
{
  MODE_WRITE,
  MODE_READ,
} ChannelTonesMode;

enum
{
  PROP_0,
  PROP_MODE,
  PROP_STATS,
};

struct _GstChannelTones
{
  GstAudioFilter parent;

  /* all with the object lock */
  ChannelTonesMode mode;
  guint channels;
  gint rate;
  guint64 samples; /* of each channel, since the start */
  ToneTable table;
  ToneMeter meters[MAX_CHANNELS];
};

G_DEFINE_TYPE (GstChannelTones, gst_channel_tones, GST_TYPE_AUDIO_FILTER);
GST_ELEMENT_REGISTER_DEFINE (channeltones, "channeltones", GST_RANK_NONE, GST_TYPE_CHANNEL_TONES);

#define CAPS \
  "audio/x-raw, format = (string) " GST_AUDIO_NE (S16) ", layout = (string) interleaved, " \
                                                       "rate = (int) [ 8000, 192000 ], channels = (int) [ 1, 8 ]"

#define TYPE_CHANNEL_TONES_MODE (channel_tones_mode_get_type ())
static GType
channel_tones_mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { MODE_WRITE, "Write a tone into each channel", "write" },
    { MODE_READ, "Measure the tones and pass the sound on", "read" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstChannelTonesMode", values));
  return (GType) type;
}

/* with the object lock */
static void
reset (GstChannelTones *self)
{
  self->samples = 0;
  for (guint i = 0; i < MAX_CHANNELS; i++)
    tone_meter_reset (&self->meters[i]);
}

/* with the object lock */
static void
write_tones (GstChannelTones *self, gint16 *data, gsize count)
{
  for (gsize i = 0; i < count; i++, self->samples++) {
    for (guint channel = 0; channel < self->channels; channel++) {
      /* whole turns are left out, so that the phase stays exact however long it plays; every tone has whole hertz */
      gdouble turn = (gdouble) (self->samples % (guint64) self->rate) * tones_hz[channel] / self->rate;

      *data++ = (gint16) lrint (G_MAXINT16 * VOLUME * sin (2 * G_PI * turn));
    }
  }
}

/* with the object lock */
static void
read_tones (GstChannelTones *self, const gint16 *data, gsize count)
{
  for (gsize i = 0; i < count; i++, self->samples++, data += self->channels) {
    if ((gdouble) self->samples < SETTLING_SECONDS * self->rate)
      continue;
    for (guint channel = 0; channel < self->channels; channel++)
      tone_meter_push (&self->meters[channel], &self->table, (gdouble) data[channel] / (G_MAXINT16 + 1.0));
    tone_table_step (&self->table);
  }
}

static GstFlowReturn
gst_channel_tones_transform_ip (GstBaseTransform *transform, GstBuffer *buffer)
{
  GstChannelTones *self = (GstChannelTones *) transform;
  gboolean is_reading = gst_base_transform_is_passthrough (transform);
  GstMapInfo map;
  gsize count;

  if (!gst_buffer_map (buffer, &map, is_reading ? GST_MAP_READ : GST_MAP_READWRITE)) {
    GST_ELEMENT_ERROR (self, RESOURCE, READ, ("The samples cannot be mapped."), (NULL));
    return GST_FLOW_ERROR;
  }
  GST_OBJECT_LOCK (self);
  count = self->channels == 0 ? 0 : map.size / sizeof (gint16) / self->channels;
  if (is_reading)
    read_tones (self, (const gint16 *) (const void *) map.data, count);
  else
    write_tones (self, (gint16 *) (void *) map.data, count);
  GST_OBJECT_UNLOCK (self);
  gst_buffer_unmap (buffer, &map);
  /* a source of silence marks its buffers so, and sinks play silence for them */
  if (!is_reading)
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_GAP);
  return GST_FLOW_OK;
}

static gboolean
gst_channel_tones_setup (GstAudioFilter *filter, const GstAudioInfo *info)
{
  GstChannelTones *self = (GstChannelTones *) filter;

  GST_OBJECT_LOCK (self);
  self->channels = (guint) GST_AUDIO_INFO_CHANNELS (info);
  self->rate = GST_AUDIO_INFO_RATE (info);
  tone_table_init (&self->table, tones_hz, self->rate);
  reset (self);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_channel_tones_start (GstBaseTransform *transform)
{
  GstChannelTones *self = (GstChannelTones *) transform;

  GST_OBJECT_LOCK (self);
  self->channels = 0;
  self->rate = 0;
  reset (self);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static GstStructure *
make_stats (GstChannelTones *self)
{
  GstStructure *stats = gst_structure_new_empty ("stats");
  guint64 jumps = 0;
  gdouble worst = 0;
  gchar name[16];

  GST_OBJECT_LOCK (self);
  for (guint i = 0; i < MAX_CHANNELS; i++) {
    gint tone = self->meters[i].tone;

    g_snprintf (name, sizeof name, "hz-%u", i);
    gst_structure_set (stats, name, G_TYPE_DOUBLE, tone < 0 ? 0.0 : tones_hz[tone], NULL);
    jumps += self->meters[i].jumps;
    worst = MAX (worst, self->meters[i].worst_change);
  }
  gst_structure_set (stats, "channels", G_TYPE_UINT, self->channels, "samples", G_TYPE_UINT64, self->samples, "jumps",
      G_TYPE_UINT64, jumps, "worst-change", G_TYPE_DOUBLE, worst, NULL);
  GST_OBJECT_UNLOCK (self);
  return stats;
}

static gboolean
gst_channel_tones_stop (GstBaseTransform *transform)
{
  GstStructure *stats = make_stats ((GstChannelTones *) transform);

  GST_INFO_OBJECT (transform, "%" GST_PTR_FORMAT, stats);
  gst_structure_free (stats);
  return TRUE;
}

static void
gst_channel_tones_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstChannelTones *self = (GstChannelTones *) object;

  if (id != PROP_MODE) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK (self);
  self->mode = (ChannelTonesMode) g_value_get_enum (value);
  GST_OBJECT_UNLOCK (self);
  /* a reader writes nothing, so it needs no copy of the samples; the base class still shows it each buffer */
  gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), g_value_get_enum (value) == MODE_READ);
}

static void
gst_channel_tones_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstChannelTones *self = (GstChannelTones *) object;

  switch (id) {
    case PROP_MODE:
      GST_OBJECT_LOCK (self);
      g_value_set_enum (value, self->mode);
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
install_properties (GObjectClass *object_class)
{
  /**
   * GstChannelTones:mode:
   *
   * Write tones or measure them.
   */
  g_object_class_install_property (object_class, PROP_MODE,
      g_param_spec_enum ("mode", "Mode", "Write tones or measure them", TYPE_CHANNEL_TONES_MODE, MODE_WRITE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
  /**
   * GstChannelTones:stats:
   *
   * See the contract in docs/architecture.md for the fields.
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Tones (hertz) and counters since the format was known",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_channel_tones_class_init (GstChannelTonesClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (klass);
  GstCaps *caps = gst_caps_from_string (CAPS);

  GST_DEBUG_CATEGORY_INIT (channel_tones_debug, "channeltones", 0, "one tone per channel");
  object_class->set_property = gst_channel_tones_set_property;
  object_class->get_property = gst_channel_tones_get_property;
  install_properties (object_class);
  gst_audio_filter_class_add_pad_templates (GST_AUDIO_FILTER_CLASS (klass), caps);
  gst_caps_unref (caps);
  gst_element_class_set_static_metadata (element_class, "Channel tones", "Filter/Analyzer/Audio",
      "Writes a tone into each channel and measures the tones", "The Lumen authors");
  transform_class->start = gst_channel_tones_start;
  transform_class->stop = gst_channel_tones_stop;
  transform_class->transform_ip = gst_channel_tones_transform_ip;
  GST_AUDIO_FILTER_CLASS (klass)->setup = gst_channel_tones_setup;
  gst_type_mark_as_plugin_api (TYPE_CHANNEL_TONES_MODE, 0);
}

static void
gst_channel_tones_init (GstChannelTones *self)
{
}
