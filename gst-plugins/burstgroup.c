/*
 * burstgroup.c: see burstgroup.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "burstgroup.h"

GST_DEBUG_CATEGORY_EXTERN (gst_moonlight_sink_debug);
#define GST_CAT_DEFAULT gst_moonlight_sink_debug

static guint
buffers_of (const Burst *burst)
{
  return GST_IS_BUFFER (burst->data) ? 1 : gst_buffer_list_length (GST_BUFFER_LIST_CAST (burst->data));
}

static GstBuffer *
buffer_at (const Burst *burst, guint index)
{
  return GST_IS_BUFFER (burst->data) ? GST_BUFFER_CAST (burst->data)
                                     : gst_buffer_list_get (GST_BUFFER_LIST_CAST (burst->data), index);
}

gsize
burst_bytes (const Burst *burst)
{
  return GST_IS_BUFFER (burst->data) ? gst_buffer_get_size (GST_BUFFER_CAST (burst->data))
                                     : gst_buffer_list_calculate_size (GST_BUFFER_LIST_CAST (burst->data));
}

static void
add_datagram (BurstGroup *group, LossKnob *loss, guint8 *data, gsize size)
{
  group->bytes += size;
  if (loss_knob_hits (loss)) {
    group->lost++;
    return;
  }
  group->datagrams[group->n_datagrams++] = (struct iovec) {
    .iov_base = data,
    .iov_len = size,
  };
}

/* Adds what fits of the buffer under the cursor. FALSE when the group is full. */
static gboolean
add_from_buffer (BurstGroup *group, BurstCursor *cursor, gsize limit, LossKnob *loss)
{
  GstBuffer *buffer = buffer_at (cursor->burst, cursor->buffer_index);
  gsize size = gst_buffer_get_size (buffer);
  gsize step = cursor->burst->datagram_bytes > 0 ? cursor->burst->datagram_bytes : size;
  GstMapInfo *map = &group->maps[group->n_maps];

  if (size == 0) {
    cursor->buffer_index++;
    return TRUE;
  }
  if (group->bytes > 0 && group->bytes + MIN (step, size - cursor->offset) > limit)
    return FALSE;
  if (!gst_buffer_map (buffer, map, GST_MAP_READ)) {
    GST_WARNING ("cannot map %" GST_PTR_FORMAT ": skipped", buffer);
    cursor->buffer_index++;
    return TRUE;
  }
  group->mapped[group->n_maps++] = buffer;
  do {
    gsize n = MIN (step, map->size - cursor->offset);
    if (group->n_datagrams == GROUP_DATAGRAMS_MAX || (group->bytes > 0 && group->bytes + n > limit))
      return FALSE;
    add_datagram (group, loss, map->data + cursor->offset, n);
    cursor->offset += n;
  } while (cursor->offset < map->size);
  cursor->offset = 0;
  cursor->buffer_index++;
  return TRUE;
}

gboolean
burst_group_fill (BurstGroup *group, BurstCursor *cursor, gsize limit, LossKnob *loss)
{
  group->n_datagrams = group->n_maps = group->lost = 0;
  group->bytes = 0;
  while (cursor->buffer_index < buffers_of (cursor->burst) && group->n_maps < GROUP_DATAGRAMS_MAX
      && group->n_datagrams < GROUP_DATAGRAMS_MAX) {
    if (!add_from_buffer (group, cursor, limit, loss))
      break;
  }
  return group->n_datagrams > 0 || group->lost > 0 || cursor->buffer_index < buffers_of (cursor->burst);
}

void
burst_group_release (BurstGroup *group)
{
  for (guint i = 0; i < group->n_maps; i++)
    gst_buffer_unmap (group->mapped[i], &group->maps[i]);
  group->n_maps = 0;
}
