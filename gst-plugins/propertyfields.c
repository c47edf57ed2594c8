/*
 * propertyfields.c: see propertyfields.h.
 */
#include "propertyfields.h"

static gpointer
find_field (gpointer instance, const gsize *offsets, guint count, guint id)
{
  return id < count && offsets[id] != 0 ? G_STRUCT_MEMBER_P (instance, offsets[id]) : NULL;
}

gboolean
property_fields_set (gpointer instance, const gsize *offsets, guint count, guint id, const GValue *value)
{
  gpointer field = find_field (instance, offsets, count, id);

  if (field == NULL)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_STRING:
      g_free (*(gchar **) field);
      *(gchar **) field = g_value_dup_string (value);
      return TRUE;
    case G_TYPE_BOOLEAN:
      *(gboolean *) field = g_value_get_boolean (value);
      return TRUE;
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      return TRUE;
    case G_TYPE_UINT:
      *(guint *) field = g_value_get_uint (value);
      return TRUE;
    case G_TYPE_DOUBLE:
      *(gdouble *) field = g_value_get_double (value);
      return TRUE;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
property_fields_get (gpointer instance, const gsize *offsets, guint count, guint id, GValue *value)
{
  gconstpointer field = find_field (instance, offsets, count, id);

  if (field == NULL)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_STRING:
      g_value_set_string (value, *(gchar *const *) field);
      return TRUE;
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (value, *(const gboolean *) field);
      return TRUE;
    case G_TYPE_INT:
      g_value_set_int (value, *(const gint *) field);
      return TRUE;
    case G_TYPE_UINT:
      g_value_set_uint (value, *(const guint *) field);
      return TRUE;
    case G_TYPE_DOUBLE:
      g_value_set_double (value, *(const gdouble *) field);
      return TRUE;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(const gint *) field);
      return TRUE;
    default:
      return FALSE;
  }
}
