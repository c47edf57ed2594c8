/*
 * sessionpage.c: see sessionpage.h.
 */
#include "sessionpage.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct _SessionPage
{
  uint8_t *bytes;
  bool is_mapped;
  uint32_t incarnation;
};

/* The file is little-endian whatever the host is; so far every host is. */
G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

static uint32_t *
field (const SessionPage *page, size_t offset)
{
  return (uint32_t *) (void *) (page->bytes + offset);
}

static uint32_t
load (const SessionPage *page, size_t offset)
{
  return __atomic_load_n (field (page, offset), __ATOMIC_RELAXED);
}

static SessionPageResult
check (const SessionPage *page)
{
  if (load (page, 0) != SESSION_PAGE_MAGIC)
    return SESSION_PAGE_BAD_MAGIC;
  if (load (page, 4) != SESSION_PAGE_VERSION)
    return SESSION_PAGE_BAD_VERSION;
  if (load (page, SESSION_PAGE_OFFSET_INCARNATION) > 0xffff)
    return SESSION_PAGE_BAD_INCARNATION;
  return SESSION_PAGE_OK;
}

SessionPage *
session_page_open (int fd, SessionPageResult *result)
{
  struct stat st;
  SessionPage *page;
  void *bytes;

  *result = SESSION_PAGE_BAD_FD;
  if (fd < 0 || fstat (fd, &st) < 0)
    return NULL;
  /* Reading a mapping past the file's end is a SIGBUS, so the size comes first. */
  if (st.st_size < SESSION_PAGE_BYTES) {
    *result = SESSION_PAGE_SHORT;
    return NULL;
  }
  bytes = mmap (NULL, SESSION_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED)
    return NULL;
  page = g_new0 (SessionPage, 1);
  page->bytes = bytes;
  page->is_mapped = true;
  *result = check (page);
  if (*result != SESSION_PAGE_OK) {
    session_page_free (page);
    return NULL;
  }
  page->incarnation = load (page, SESSION_PAGE_OFFSET_INCARNATION);
  return page;
}

SessionPage *
session_page_new_private (void)
{
  SessionPage *page = g_new0 (SessionPage, 1);

  page->bytes = g_malloc0 (SESSION_PAGE_BYTES);
  return page;
}

void
session_page_free (SessionPage *page)
{
  if (page == NULL)
    return;
  if (page->is_mapped)
    munmap (page->bytes, SESSION_PAGE_BYTES);
  else
    g_free (page->bytes);
  g_free (page);
}

uint32_t
session_page_incarnation (const SessionPage *page)
{
  return page->incarnation;
}

uint32_t
session_page_reserve_frame (SessionPage *page)
{
  uint32_t index = __atomic_add_fetch (field (page, SESSION_PAGE_OFFSET_FRAME_INDEX), 1, __ATOMIC_RELAXED);

  /* Clients throw frame 0 away. */
  if (index == 0)
    index = __atomic_add_fetch (field (page, SESSION_PAGE_OFFSET_FRAME_INDEX), 1, __ATOMIC_RELAXED);
  return index;
}

uint64_t
session_page_reserve_video_packets (SessionPage *page, uint32_t count)
{
  uint64_t wraps = load (page, SESSION_PAGE_OFFSET_VIDEO_WRAPS);
  uint32_t first = load (page, SESSION_PAGE_OFFSET_VIDEO_PACKET);

  /* The wrap is stored first: killed between the two, we skip counters instead of repeating them. */
  if (first + count < first)
    __atomic_add_fetch (field (page, SESSION_PAGE_OFFSET_VIDEO_WRAPS), 1, __ATOMIC_RELEASE);
  __atomic_add_fetch (field (page, SESSION_PAGE_OFFSET_VIDEO_PACKET), count, __ATOMIC_RELEASE);
  return wraps << 32 | first;
}

uint32_t
session_page_reserve_audio_block (SessionPage *page)
{
  return __atomic_fetch_add (field (page, SESSION_PAGE_OFFSET_AUDIO_PACKET), 4, __ATOMIC_RELAXED) & ~3u;
}

uint64_t
session_page_gcm_counter (const SessionPage *page, uint64_t video_packet)
{
  return (uint64_t) page->incarnation << 48 | (video_packet & 0xffffffffffffULL);
}

const char *
session_page_result_text (SessionPageResult result)
{
  switch (result) {
    case SESSION_PAGE_OK:
      return "the session page is valid";
    case SESSION_PAGE_BAD_FD:
      return "the descriptor cannot be mapped for reading and writing";
    case SESSION_PAGE_SHORT:
      return "the file is smaller than 4096 bytes";
    case SESSION_PAGE_BAD_MAGIC:
      return "the file does not begin with the session page's magic number";
    case SESSION_PAGE_BAD_VERSION:
      return "the session page has a layout version other than 1";
    case SESSION_PAGE_BAD_INCARNATION:
      return "the session page has an incarnation above 65535";
  }
  return "unknown";
}
