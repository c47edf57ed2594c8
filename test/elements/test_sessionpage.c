/*
 * test_sessionpage.c: reserving numbers across processes, and pages that are refused.
 */
#include "wirefixture.h"

#include "sessionpage.h"

static SessionPage *
open_ok (gint fd)
{
  SessionPageResult result;
  SessionPage *page = session_page_open (fd, &result);

  fail_unless (page != NULL, "%s", session_page_result_text (result));
  fail_unless_equals_int (result, SESSION_PAGE_OK);
  return page;
}

static void
assert_refused (gint fd, SessionPageResult wanted)
{
  SessionPageResult result;

  fail_unless (session_page_open (fd, &result) == NULL);
  fail_unless_equals_int (result, wanted);
}

GST_START_TEST (test_sessionpage_numbers_go_on_where_the_last_process_ended)
{
  gint fd = wire_page_fd (0, 0, 0, 0);
  SessionPage *page = open_ok (fd);

  fail_unless_equals_int (session_page_reserve_frame (page), 1);
  fail_unless_equals_int (session_page_reserve_frame (page), 2);
  fail_unless_equals_uint64 (session_page_reserve_video_packets (page, 48), 0);
  fail_unless_equals_uint64 (session_page_reserve_video_packets (page, 3), 48);
  fail_unless_equals_int (session_page_reserve_audio_block (page), 0);
  fail_unless_equals_int (session_page_reserve_audio_block (page), 4);
  session_page_free (page);
  /* The offsets are the control process's. */
  fail_unless_equals_int (wire_page_field (fd, 12), 2);
  fail_unless_equals_int (wire_page_field (fd, 16), 51);
  fail_unless_equals_int (wire_page_field (fd, 20), 8);

  page = open_ok (fd);
  close (fd); /* the mapping has a life of its own */
  fail_unless_equals_int (session_page_reserve_frame (page), 3);
  fail_unless_equals_uint64 (session_page_reserve_video_packets (page, 1), 51);
  fail_unless_equals_int (session_page_reserve_audio_block (page), 8);
  session_page_free (page);
}

GST_END_TEST;

GST_START_TEST (test_sessionpage_counters_of_two_incarnations_never_meet)
{
  gint fd = wire_page_fd (2, 7, 5, 0);
  SessionPage *page = open_ok (fd);

  fail_unless_equals_int (session_page_incarnation (page), 2);
  fail_unless_equals_uint64_hex (session_page_gcm_counter (page, 5), 0x0002000000000005);
  session_page_free (page);
  close (fd);

  fd = wire_page_fd (0xffff, 7, 5, 0);
  page = open_ok (fd);
  fail_unless_equals_uint64_hex (session_page_gcm_counter (page, 0x0001000000000006), 0xffff000000000006);
  session_page_free (page);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sessionpage_wraps_do_not_repeat_a_counter)
{
  gint fd = wire_page_fd (0, G_MAXUINT32, G_MAXUINT32 - 1, G_MAXUINT32 - 3);
  SessionPage *page = open_ok (fd);
  guint64 before = session_page_reserve_video_packets (page, 4), after;

  fail_unless_equals_uint64_hex (before, 0xfffffffe);
  after = session_page_reserve_video_packets (page, 1);
  fail_unless_equals_uint64_hex (after, 0x100000002);
  fail_unless_equals_int (session_page_reserve_frame (page), 1); /* never 0 */
  fail_unless_equals_int (session_page_reserve_audio_block (page), G_MAXUINT32 - 3);
  fail_unless_equals_int (session_page_reserve_audio_block (page), 0);
  session_page_free (page);
  page = open_ok (fd);
  fail_unless_equals_uint64_hex (session_page_reserve_video_packets (page, 1), 0x100000003);
  session_page_free (page);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sessionpage_bad_pages_are_refused)
{
  guint32 wrong = 2;
  gint fd, pipe_fds[2];

  assert_refused (-1, SESSION_PAGE_BAD_FD);
  assert_refused (1 << 20, SESSION_PAGE_BAD_FD);
  fail_unless (pipe (pipe_fds) == 0);
  assert_refused (pipe_fds[0], SESSION_PAGE_SHORT);
  close (pipe_fds[0]);
  close (pipe_fds[1]);

  fd = wire_page_fd (0, 0, 0, 0);
  fail_unless (ftruncate (fd, 4095) == 0);
  assert_refused (fd, SESSION_PAGE_SHORT);
  fail_unless (ftruncate (fd, 0) == 0);
  assert_refused (fd, SESSION_PAGE_SHORT);
  fail_unless (ftruncate (fd, 4096) == 0);
  assert_refused (fd, SESSION_PAGE_BAD_MAGIC);
  close (fd);

  fd = wire_page_fd (0, 0, 0, 0);
  fail_unless (pwrite (fd, &wrong, 4, 4) == 4);
  assert_refused (fd, SESSION_PAGE_BAD_VERSION);
  close (fd);
  fd = wire_page_fd (0x10000, 0, 0, 0);
  assert_refused (fd, SESSION_PAGE_BAD_INCARNATION);
  close (fd);
}

GST_END_TEST;

GST_START_TEST (test_sessionpage_private_page_counts_from_zero)
{
  SessionPage *page = session_page_new_private ();

  fail_unless_equals_int (session_page_reserve_frame (page), 1);
  fail_unless_equals_uint64 (session_page_reserve_video_packets (page, 2), 0);
  fail_unless_equals_uint64 (session_page_gcm_counter (page, 2), 2);
  session_page_free (page);
  session_page_free (NULL);
}

GST_END_TEST;

static Suite *
sessionpage_suite (void)
{
  Suite *s = suite_create ("sessionpage");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_sessionpage_numbers_go_on_where_the_last_process_ended);
  tcase_add_test (tc, test_sessionpage_counters_of_two_incarnations_never_meet);
  tcase_add_test (tc, test_sessionpage_wraps_do_not_repeat_a_counter);
  tcase_add_test (tc, test_sessionpage_bad_pages_are_refused);
  tcase_add_test (tc, test_sessionpage_private_page_counts_from_zero);
  return s;
}

GST_CHECK_MAIN (sessionpage);
