/*
 * payoutput.c: see payoutput.h.
 */
#include "payoutput.h"

/* First size of the arenas that layout=frame fills: a frame of 20 Mbit/s at 60 fps is 53 kB with its parity. */
#define FIRST_ARENA_BYTES (256u << 10)

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
  if (output->arenas == NULL)
    return;
  gst_buffer_pool_set_active (output->arenas, FALSE);
  gst_clear_object (&output->arenas);
  output->arena_bytes = 0;
}

/* A pool without an upper limit never blocks; what bounds it is the queue behind us. */
static gboolean
ensure_arenas (PayOutput *output, gsize bytes)
{
  GstStructure *config;
  gsize size = MAX (output->arena_bytes, FIRST_ARENA_BYTES);

  if (output->arenas != NULL && bytes <= output->arena_bytes)
    return TRUE;
  while (size < bytes)
    size *= 2;
  pay_output_drop_arenas (output);
  output->arenas = gst_buffer_pool_new ();
  config = gst_buffer_pool_get_config (output->arenas);
  gst_buffer_pool_config_set_params (config, NULL, (guint) size, 0, 0);
  if (!gst_buffer_pool_set_config (output->arenas, config) || !gst_buffer_pool_set_active (output->arenas, TRUE)) {
    gst_clear_object (&output->arenas);
    return FALSE;
  }
  output->arena_bytes = size;
  return TRUE;
}

/* Only layout=frame pools: the datagrams of the other layout share one memory, which comes free when the last of them
 * does. */
GstBuffer *
pay_output_acquire (PayOutput *output, guint count)
{
  gsize bytes = (gsize) count * output->datagram_bytes;
  GstBuffer *buffer = NULL;

  if (!output->is_frame_layout)
    return gst_buffer_new_allocate (NULL, bytes, NULL);
  if (!ensure_arenas (output, bytes) || gst_buffer_pool_acquire_buffer (output->arenas, &buffer, NULL) != GST_FLOW_OK)
    return NULL;
  gst_buffer_set_size (buffer, (gssize) bytes);
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
