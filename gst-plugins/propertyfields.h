/*
 * propertyfields.h: properties of an element that are nothing but a field of its instance, set and read in one place. What
 * a new value sets off is the element's own affair.
 *
 * An element lists the offsets by the ids of its properties; 0 stands for a property that is no mere field. The type of a
 * field is what its property's GValue holds: gchar * (owned), gboolean, gint, guint, gdouble, or an enum.
 *
 *   static const gsize fields[] = { [PROP_PORT] = G_STRUCT_OFFSET (GstMoonlightSrc, port) };
 */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* With the lock that guards the fields. FALSE when the property is none of them. */
gboolean property_fields_set (gpointer instance, const gsize *offsets, guint count, guint id, const GValue *value);
gboolean property_fields_get (gpointer instance, const gsize *offsets, guint count, guint id, GValue *value);

G_END_DECLS
