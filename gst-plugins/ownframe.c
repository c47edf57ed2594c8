/*
 * ownframe.c: see ownframe.h.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "ownframe.h"

#include <gst/allocators/allocators.h>
#include <gst/video/video.h>
#include <fcntl.h>
#include <unistd.h>

struct _OwnFrame
{
  GstCaps *caps;     /* what info and pool are for */
  gboolean has_info; /* caps describe a layout that can be mapped */
  GstVideoInfo info;
  GstBufferPool *pool;
  GstAllocator *dmabuf_allocator;
};

OwnFrame *
own_frame_new (void)
{
  return g_new0 (OwnFrame, 1);
}

void
own_frame_reset (OwnFrame *own)
{
  if (own->pool)
    gst_buffer_pool_set_active (own->pool, FALSE);
  gst_clear_object (&own->pool);
  gst_clear_caps (&own->caps);
  own->has_info = FALSE;
}

void
own_frame_free (OwnFrame *own)
{
  own_frame_reset (own);
  gst_clear_object (&own->dmabuf_allocator);
  g_free (own);
}

typedef enum
{
  KEEP,
  COPY,
  DUPLICATE,
} Treatment;

/* GStreamer's own pools hand out memory that this process allocated. Any other pool (PipeWire's, V4L2's) may wrap a
 * foreign mapping in the very same kind of memory, and so may a buffer without a pool. */
static gboolean
is_from_own_pool (GstBuffer *buffer)
{
  return buffer->pool
      && (G_OBJECT_TYPE (buffer->pool) == GST_TYPE_VIDEO_BUFFER_POOL
          || G_OBJECT_TYPE (buffer->pool) == GST_TYPE_BUFFER_POOL);
}

static Treatment
treatment_of (GstBuffer *buffer)
{
  gboolean is_own = is_from_own_pool (buffer);
  guint i, n = gst_buffer_n_memory (buffer), dmabufs = 0;

  for (i = 0; i < n; i++) {
    GstMemory *memory = gst_buffer_peek_memory (buffer, i);

    if (gst_is_dmabuf_memory (memory))
      dmabufs++;
    else if (gst_is_fd_memory (memory))
      return COPY;
    else if (!is_own && gst_memory_is_type (memory, GST_ALLOCATOR_SYSMEM))
      return COPY;
  }
  /* DMABuf beside other memory: the rest is the driver's business, and held as it is */
  return dmabufs > 0 && dmabufs == n ? DUPLICATE : KEEP;
}

/* Metas that say what the picture is, not where its bytes lie. */
static gboolean
copy_meta (GstBuffer *from, GstMeta **meta, gpointer to)
{
  const GstMetaInfo *info = (*meta)->info;
  GQuark memory_tag = g_quark_from_static_string (GST_META_TAG_MEMORY_STR);
  GstMetaTransformCopy whole = { FALSE, 0, (gsize) -1 };

  if (info->transform_func && !gst_meta_api_type_has_tag (info->api, memory_tag))
    info->transform_func (to, *meta, from, _gst_meta_transform_copy, &whole);
  return TRUE;
}

static GstBuffer *
duplicate (OwnFrame *own, GstBuffer *buffer)
{
  GstBuffer *copy = gst_buffer_new ();
  guint i;

  if (!own->dmabuf_allocator)
    own->dmabuf_allocator = gst_dmabuf_allocator_new ();
  /* without memory: metas such as the strides stay true, since the layout is the same */
  gst_buffer_copy_into (copy, buffer, GST_BUFFER_COPY_METADATA, 0, (gsize) -1);
  for (i = 0; i < gst_buffer_n_memory (buffer); i++) {
    GstMemory *memory = gst_buffer_peek_memory (buffer, i), *twin;
    gsize offset, max_size, size = gst_memory_get_sizes (memory, &offset, &max_size);
    int fd = fcntl (gst_dmabuf_memory_get_fd (memory), F_DUPFD_CLOEXEC, 0);

    if (fd < 0) {
      gst_buffer_unref (copy);
      return NULL;
    }
    twin = gst_dmabuf_allocator_alloc (own->dmabuf_allocator, fd, max_size);
    gst_memory_resize (twin, (gssize) offset, size);
    gst_buffer_append_memory (copy, twin);
  }
  return copy;
}

static gboolean
prepare_pool (OwnFrame *own, GstCaps *caps)
{
  GstStructure *config;

  if (own->caps && gst_caps_is_equal (own->caps, caps))
    return own->pool != NULL || !own->has_info;
  own_frame_reset (own);
  own->caps = gst_caps_ref (caps);
  own->has_info =
      gst_video_info_from_caps (&own->info, caps) && GST_VIDEO_INFO_FORMAT (&own->info) != GST_VIDEO_FORMAT_ENCODED;
  if (!own->has_info)
    return TRUE;
  own->pool = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (own->pool);
  gst_buffer_pool_config_set_params (config, caps, (guint) GST_VIDEO_INFO_SIZE (&own->info), 0, 0);
  if (gst_buffer_pool_set_config (own->pool, config) && gst_buffer_pool_set_active (own->pool, TRUE))
    return TRUE;
  gst_clear_object (&own->pool);
  return FALSE;
}

static GstBuffer *
copy_frame (OwnFrame *own, GstBuffer *buffer)
{
  GstBuffer *copy = NULL;
  GstVideoFrame from, to;
  gboolean is_copied;

  if (!gst_video_frame_map (&from, &own->info, buffer, GST_MAP_READ | GST_VIDEO_FRAME_MAP_FLAG_NO_REF))
    return NULL;
  if (gst_buffer_pool_acquire_buffer (own->pool, &copy, NULL) != GST_FLOW_OK) {
    gst_video_frame_unmap (&from);
    return NULL;
  }
  if (!gst_video_frame_map (&to, &own->info, copy, GST_MAP_WRITE | GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
    gst_video_frame_unmap (&from);
    gst_buffer_unref (copy);
    return NULL;
  }
  is_copied = gst_video_frame_copy (&to, &from);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  if (!is_copied) {
    gst_buffer_unref (copy);
    return NULL;
  }
  gst_buffer_copy_into (copy, buffer, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, (gsize) -1);
  gst_buffer_foreach_meta (buffer, copy_meta, copy);
  return copy;
}

GstBuffer *
own_frame_take (OwnFrame *own, GstBuffer *buffer, GstCaps *caps)
{
  GstBuffer *kept = NULL;

  switch (treatment_of (buffer)) {
    case KEEP:
      return buffer;
    case DUPLICATE:
      kept = duplicate (own, buffer);
      break;
    case COPY:
      if (prepare_pool (own, caps))
        kept = own->has_info ? copy_frame (own, buffer) : gst_buffer_copy_deep (buffer);
      break;
  }
  gst_buffer_unref (buffer);
  return kept;
}
