/*
 * wirefixture.h: what the tests of wire code share: hex, sums, fixture files, and a page file to count in.
 */
#pragma once

#include <glib.h>
#include <gst/check/gstcheck.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes of a hex string; *size gets their number. Free with g_free. */
static inline guint8 *
wire_unhex (const gchar *hex, gsize *size)
{
  gsize n = strlen (hex) / 2;
  guint8 *bytes = g_malloc (n + 1);

  fail_unless (strlen (hex) % 2 == 0);
  for (gsize i = 0; i < n; i++) {
    gint high = g_ascii_xdigit_value (hex[2 * i]), low = g_ascii_xdigit_value (hex[2 * i + 1]);

    fail_unless (high >= 0 && low >= 0, "not hex: %s", hex);
    bytes[i] = (guint8) (high << 4 | low);
  }
  if (size != NULL)
    *size = n;
  return bytes;
}

/* The bytes begin with those of the hex string, in which spaces are allowed. */
static inline void
wire_assert_begins (const guint8 *bytes, gsize size, const gchar *hex_with_spaces)
{
  GString *hex = g_string_new (NULL);
  guint8 *wanted;
  gsize n;

  for (const gchar *c = hex_with_spaces; *c; c++) {
    if (g_ascii_isxdigit (*c))
      g_string_append_c (hex, *c);
  }
  wanted = wire_unhex (hex->str, &n);
  fail_unless (n <= size, "%" G_GSIZE_FORMAT " bytes are fewer than expected", size);
  for (gsize i = 0; i < n; i++)
    fail_unless (bytes[i] == wanted[i], "byte %" G_GSIZE_FORMAT " is %02x, not %02x", i, bytes[i], wanted[i]);
  g_free (wanted);
  g_string_free (hex, TRUE);
}

static inline void
wire_assert_sha256 (const guint8 *bytes, gsize size, const gchar *wanted)
{
  gchar *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bytes, size);

  fail_unless_equals_string (sum, wanted);
  g_free (sum);
}

/* Lines of test/fixtures/NAME. Free with g_strfreev. */
static inline gchar **
wire_fixture_lines (const gchar *name)
{
  const gchar *folder = g_getenv ("LUMEN_FIXTURES");
  gchar *path, *text = NULL, **lines;

  fail_unless (folder != NULL, "LUMEN_FIXTURES is not set: run this through meson test");
  path = g_build_filename (folder, name, NULL);
  fail_unless (g_file_get_contents (path, &text, NULL, NULL), "cannot read %s", path);
  lines = g_strsplit (text, "\n", -1);
  g_free (text);
  g_free (path);
  return lines;
}

/* A session page as the control process makes it, with the given numbers. */
static inline gint
wire_page_fd (guint32 incarnation, guint32 frame_index, guint32 video_packet, guint32 audio_packet)
{
  guint32 fields[6] = { 0x504d554c, 1, incarnation, frame_index, video_packet, audio_packet };
  gint fd = memfd_create ("page", MFD_CLOEXEC);

  fail_unless (fd >= 0 && ftruncate (fd, 4096) == 0);
  fail_unless (pwrite (fd, fields, sizeof fields, 0) == sizeof fields);
  return fd;
}

static inline guint32
wire_page_field (gint fd, gint offset)
{
  guint32 value = 0;

  fail_unless (pread (fd, &value, sizeof value, offset) == sizeof value);
  return value;
}

/* The access units of protocol/video.md §5: the head, then ((7 i + 3) & 0xff) | 1. */
#define WIRE_IDR_HEAD "0000000167640028acd9405005bb016e020202800000000168ebe3cb22c0000000016588840b"
#define WIRE_P_HEAD "00000001419a0011"

static inline guint8 *
wire_access_unit (const gchar *head_hex, gsize size)
{
  gsize head_size;
  guint8 *head = wire_unhex (head_hex, &head_size), *unit = g_malloc (size);

  fail_unless (head_size <= size);
  memcpy (unit, head, head_size);
  for (gsize i = 0; i < size - head_size; i++)
    unit[head_size + i] = (guint8) ((7 * i + 3) & 0xff) | 1;
  g_free (head);
  return unit;
}
