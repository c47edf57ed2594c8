/*
 * payoutput.c: see payoutput.h.
 */
#include "payoutput.h"

static GstCaps *
caps_for_layout (const PayOutput *output, gboolean is_frame_layout)
{
  if (is_frame_layout)
    return gst_caps_new_simple ("application/x-moonlight", "media", G_TYPE_STRING, "video", "layout", G_TYPE_STRING,
        "frame", "datagram-size", G_TYPE_INT, (gint) output->datagram_bytes, NULL);
  return gst_caps_new_simple (
      "application/x-moonlight", "media", G_TYPE_STRING, "video", "layout", G_TYPE_STRING, "datagrams", NULL);
}

GstCaps *
pay_output_choose (PayOutput *output, guint datagram_bytes)
{
  /* Without a filter: a filter would put our order over the peer's. */
  GstCaps *peer = gst_pad_peer_query_caps (output->pad, NULL);
  GstCaps *datagrams, *frame, *chosen = NULL;

  output->datagram_bytes = datagram_bytes;
  datagrams = caps_for_layout (output, FALSE);
  frame = caps_for_layout (output, TRUE);
  if (gst_caps_is_any (peer))
    chosen = gst_caps_ref (datagrams);
  for (guint i = 0; chosen == NULL && i < gst_caps_get_size (peer); i++) {
    GstCaps *one = gst_caps_copy_nth (peer, i);

    if (gst_caps_can_intersect (one, datagrams))
      chosen = gst_caps_ref (datagrams);
    else if (gst_caps_can_intersect (one, frame))
      chosen = gst_caps_ref (frame);
    gst_caps_unref (one);
  }
  output->is_frame_layout = chosen != NULL && gst_caps_is_equal (chosen, frame);
  gst_caps_unref (datagrams);
  gst_caps_unref (frame);
  gst_caps_unref (peer);
  return chosen;
}

void
pay_output_drop_arenas (PayOutput *output)
{
  g_clear_pointer (&output->arenas, arena_pool_free);
}

/* Only layout=frame pools: the datagrams of the other layout share one memory, which comes free when the last of them
 * does. */
GstBuffer *
pay_output_acquire (PayOutput *output, guint count, guint8 **data)
{
  gsize bytes = (gsize) count * output->datagram_bytes;
  GstBuffer *buffer;
  GstMapInfo map;

  if (output->is_frame_layout) {
    if (output->arenas == NULL)
      output->arenas = arena_pool_new ();
    return arena_pool_acquire (output->arenas, bytes, data);
  }
  buffer = gst_buffer_new_allocate (NULL, bytes, NULL);
  if (buffer == NULL || !gst_buffer_map (buffer, &map, GST_MAP_WRITE)) {
    gst_clear_buffer (&buffer);
    return NULL;
  }
  /* System memory stays where it is. */
  *data = map.data;
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

GstFlowReturn
pay_output_push (PayOutput *output, GstBuffer *arena, guint count)
{
  GstBufferList *list;

  if (output->is_frame_layout)
    return gst_pad_push (output->pad, arena);
  list = gst_buffer_list_new_sized (count);
  for (guint i = 0; i < count; i++)
    gst_buffer_list_add (list,
        gst_buffer_copy_region (arena, GST_BUFFER_COPY_MEMORY | GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_FLAGS,
            (gsize) i * output->datagram_bytes, output->datagram_bytes));
  gst_buffer_unref (arena);
  return gst_pad_push_list (output->pad, list);
}
