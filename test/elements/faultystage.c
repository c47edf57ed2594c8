/* An element for tests that hands frames on and, from the moment a file exists, does what a broken driver does and the file says: it
 * hangs or crashes when it is started, or keeps a frame for ever. */

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>
#include <signal.h>
#include <unistd.h>

#define FAULTY_TYPE_STAGE (faulty_stage_get_type ())
G_DECLARE_FINAL_TYPE (FaultyStage, faulty_stage, FAULTY, STAGE, GstBaseTransform)

struct _FaultyStage
{
  GstBaseTransform parent;
  gchar *trigger;
};

enum
{
  PROP_TRIGGER = 1,
  PROP_FAULT
};

G_DEFINE_TYPE (FaultyStage, faulty_stage, GST_TYPE_BASE_TRANSFORM)

static gboolean
faulty_stage_is_due (FaultyStage *self, const gchar *fault)
{
  g_autofree gchar *wanted = NULL;

  return self->trigger && g_file_get_contents (self->trigger, &wanted, NULL, NULL) && g_str_equal (wanted, fault);
}

static void
hang (void)
{
  for (;;)
    pause ();
}

static gboolean
faulty_stage_start (GstBaseTransform *transform)
{
  FaultyStage *self = FAULTY_STAGE (transform);

  if (faulty_stage_is_due (self, "hang"))
    hang ();
  if (faulty_stage_is_due (self, "crash"))
    raise (SIGSEGV);
  return TRUE;
}

static GstFlowReturn
faulty_stage_transform_ip (GstBaseTransform *transform, GstBuffer *buffer)
{
  (void) buffer;
  if (faulty_stage_is_due (FAULTY_STAGE (transform), "keep"))
    hang ();
  return GST_FLOW_OK;
}

static void
faulty_stage_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  FaultyStage *self = FAULTY_STAGE (object);

  (void) id;
  (void) pspec;
  g_free (self->trigger);
  self->trigger = g_value_dup_string (value);
}

static void
faulty_stage_finalize (GObject *object)
{
  g_free (FAULTY_STAGE (object)->trigger);
  G_OBJECT_CLASS (faulty_stage_parent_class)->finalize (object);
}

static void
faulty_stage_class_init (FaultyStageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->set_property = faulty_stage_set_property;
  object_class->finalize = faulty_stage_finalize;
  g_object_class_install_property (object_class, PROP_TRIGGER,
      g_param_spec_string ("trigger", "Trigger", "File that says hang, crash or keep (a frame)", NULL,
          G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS));
  gst_element_class_add_pad_template (
      element_class, gst_pad_template_new ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_CAPS_ANY));
  gst_element_class_add_pad_template (
      element_class, gst_pad_template_new ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_CAPS_ANY));
  gst_element_class_set_static_metadata (
      element_class, "Faulty stage", "Filter", "Fails on purpose, for tests", "the authors of Lumen");
  transform_class->start = faulty_stage_start;
  transform_class->transform_ip = faulty_stage_transform_ip;
}

static void
faulty_stage_init (FaultyStage *self)
{
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}

static gboolean
plugin_init (GstPlugin *plugin)
{
  return gst_element_register (plugin, "faultystage", GST_RANK_NONE, FAULTY_TYPE_STAGE);
}

#define PACKAGE "lumen"
GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, faulty, "An element that fails on purpose", plugin_init, "0",
    "MIT/X11", "lumen", "https://example.org")
