/*
 * test_arenapool.c: which memory a frame gets, and when it must not get the same again.
 */
#include <gst/check/gstcheck.h>

#include "arenapool.h"

static GstBuffer *
acquire (ArenaPool *pool, gsize bytes, guint8 **data)
{
  GstBuffer *buffer = arena_pool_acquire (pool, bytes, data);
  GstMapInfo map;

  fail_unless (buffer != NULL && gst_buffer_is_writable (buffer));
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  fail_unless (map.data == *data && map.size == bytes);
  fail_unless (((guintptr) map.data & 63) == 0, "not at the begin of a cache line: %p", map.data);
  memset (map.data, 0xa5, map.size);
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

GST_START_TEST (test_arenapool_newest_comes_back_first)
{
  ArenaPool *pool = arena_pool_new ();
  guint8 *first, *second, *again;
  GstBuffer *a = acquire (pool, 1000, &first), *b = acquire (pool, 2000, &second);

  fail_unless (first != second);
  gst_buffer_unref (a);
  gst_buffer_unref (b);
  b = acquire (pool, 3000, &again);
  fail_unless (again == second);
  a = acquire (pool, 10, &again);
  fail_unless (again == first);
  gst_buffer_unref (a);
  gst_buffer_unref (b);
  arena_pool_free (pool);
}

GST_END_TEST;

GST_START_TEST (test_arenapool_times_and_flags_do_not_come_back)
{
  ArenaPool *pool = arena_pool_new ();
  guint8 *data;
  GstBuffer *buffer = acquire (pool, 1000, &data);

  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = GST_BUFFER_DURATION (buffer) = GST_SECOND;
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_DISCONT);
  gst_buffer_unref (buffer);
  buffer = acquire (pool, 1000, &data);
  fail_if (GST_BUFFER_PTS_IS_VALID (buffer) || GST_BUFFER_DTS_IS_VALID (buffer));
  fail_if (GST_BUFFER_DURATION_IS_VALID (buffer));
  fail_unless_equals_int (GST_BUFFER_FLAGS (buffer), 0);
  gst_buffer_unref (buffer);
  arena_pool_free (pool);
}

GST_END_TEST;

/* A part of the frame, or a copy of the buffer, is still being read. */
GST_START_TEST (test_arenapool_memory_that_is_read_is_not_filled_again)
{
  ArenaPool *pool = arena_pool_new ();
  guint8 *data, *other;
  GstBuffer *buffer = acquire (pool, 1000, &data);
  GstBuffer *part = gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY, 100, 50);

  gst_buffer_unref (buffer);
  buffer = acquire (pool, 1000, &other);
  fail_unless (other != data);
  memset (other, 0, 1000);
  gst_check_buffer_data (part, memset (g_newa (guint8, 50), 0xa5, 50), 50);
  gst_buffer_unref (part);
  part = gst_buffer_copy (buffer);
  gst_buffer_unref (buffer);
  buffer = acquire (pool, 1000, &data);
  fail_unless (other != data);
  gst_buffer_unref (part);
  gst_buffer_unref (buffer);
  arena_pool_free (pool);
}

GST_END_TEST;

GST_START_TEST (test_arenapool_changed_buffers_do_not_come_back)
{
  ArenaPool *pool = arena_pool_new ();
  guint8 *data;
  GstBuffer *buffer = acquire (pool, 1000, &data);
  GstCaps *caps = gst_caps_new_empty_simple ("timestamp/x-test");
  gpointer state = NULL;

  gst_buffer_add_reference_timestamp_meta (buffer, caps, 1, 1);
  gst_buffer_unref (buffer);
  buffer = acquire (pool, 1000, &data);
  fail_unless (gst_buffer_iterate_meta (buffer, &state) == NULL);
  gst_buffer_append_memory (buffer, gst_allocator_alloc (NULL, 10, NULL));
  gst_buffer_unref (buffer);
  gst_buffer_unref (acquire (pool, 1000, &data));
  gst_caps_unref (caps);
  arena_pool_free (pool);
}

GST_END_TEST;

GST_START_TEST (test_arenapool_grows_and_lets_the_small_ones_go)
{
  ArenaPool *pool = arena_pool_new ();
  guint8 *data, *large;
  GstBuffer *held = acquire (pool, 1000, &data), *buffer;

  gst_buffer_unref (acquire (pool, 2000, &data));
  buffer = acquire (pool, 700000, &large);
  gst_buffer_unref (held);
  gst_buffer_unref (buffer);
  gst_buffer_unref (acquire (pool, 1000, &data));
  fail_unless (data == large);
  arena_pool_free (pool);
}

GST_END_TEST;

GST_START_TEST (test_arenapool_buffers_outlive_it)
{
  ArenaPool *pool = arena_pool_new ();
  guint8 *data;
  GstBuffer *buffer = acquire (pool, 1000, &data);

  arena_pool_free (pool);
  data[999] = 1;
  gst_buffer_unref (buffer);
}

GST_END_TEST;

/* No GAsyncQueue: its locks are the library's own, which ThreadSanitizer does not see. */
typedef struct
{
  GMutex lock;
  GCond changed;
  GstBuffer *buffer; /* on its way; NULL when there is none */
  gboolean is_end;
} Handover;

static void
hand_over (Handover *handover, GstBuffer *buffer)
{
  g_mutex_lock (&handover->lock);
  while (handover->buffer != NULL)
    g_cond_wait (&handover->changed, &handover->lock);
  handover->buffer = buffer;
  handover->is_end = buffer == NULL;
  g_cond_broadcast (&handover->changed);
  g_mutex_unlock (&handover->lock);
}

static gpointer
drop_all (gpointer data)
{
  Handover *handover = data;
  gboolean is_end;

  do {
    GstBuffer *buffer;

    g_mutex_lock (&handover->lock);
    while (handover->buffer == NULL && !handover->is_end)
      g_cond_wait (&handover->changed, &handover->lock);
    is_end = handover->is_end;
    buffer = g_steal_pointer (&handover->buffer);
    g_cond_broadcast (&handover->changed);
    g_mutex_unlock (&handover->lock);
    if (buffer != NULL)
      gst_buffer_unref (buffer);
  } while (!is_end);
  return NULL;
}

GST_START_TEST (test_arenapool_buffers_come_back_from_another_thread)
{
  ArenaPool *pool = arena_pool_new ();
  Handover handover = { 0 };
  GThread *thread = g_thread_new ("drop", drop_all, &handover);
  guint8 *data;

  for (guint i = 0; i < 2000; i++)
    hand_over (&handover, acquire (pool, i % 100 == 0 ? 300000 + i * 1000 : 1000, &data));
  hand_over (&handover, NULL);
  g_thread_join (thread);
  arena_pool_free (pool);
}

GST_END_TEST;

static Suite *
arenapool_suite (void)
{
  Suite *suite = suite_create ("arenapool");
  TCase *tc = tcase_create ("arenapool");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_arenapool_newest_comes_back_first);
  tcase_add_test (tc, test_arenapool_times_and_flags_do_not_come_back);
  tcase_add_test (tc, test_arenapool_memory_that_is_read_is_not_filled_again);
  tcase_add_test (tc, test_arenapool_changed_buffers_do_not_come_back);
  tcase_add_test (tc, test_arenapool_grows_and_lets_the_small_ones_go);
  tcase_add_test (tc, test_arenapool_buffers_outlive_it);
  tcase_add_test (tc, test_arenapool_buffers_come_back_from_another_thread);
  return suite;
}

GST_CHECK_MAIN (arenapool);
