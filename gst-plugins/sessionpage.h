/*
 * sessionpage.h: the numbers of one session that outlive its media processes, in a small shared file. The control
 * process creates it (src/media/session-page.ts holds the same table); the payloaders reserve their numbers here before
 * they push, so that a successor never repeats one.
 *
 * | offset | type | field |
 * |---|---|---|
 * | 0 | u32 | magic 0x504d554c ("LUMP" little-endian) |
 * | 4 | u32 | layout version, 1 |
 * | 8 | u32 | incarnation: raised by one before each media process; top 16 bits of the AES-GCM counter |
 * | 12 | u32 | video frame index last spent (0 = none; the first frame is 1) |
 * | 16 | u32 | next video packet number n (RTP sequence = n & 0xffff, streamPacketIndex = n << 8) |
 * | 20 | u32 | next audio packet number (RTP sequence = n & 0xffff), always reserved by blocks of 4 |
 * | 24 | u32 | times that the video packet number has wrapped past 2^32; used by media processes alone |
 *
 * Threads: reserving is atomic, video and audio may do it at once. Only one video payloader may use a page at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SESSION_PAGE_BYTES 4096
#define SESSION_PAGE_MAGIC 0x504d554cu
#define SESSION_PAGE_VERSION 1u
#define SESSION_PAGE_OFFSET_INCARNATION 8
#define SESSION_PAGE_OFFSET_FRAME_INDEX 12
#define SESSION_PAGE_OFFSET_VIDEO_PACKET 16
#define SESSION_PAGE_OFFSET_AUDIO_PACKET 20
#define SESSION_PAGE_OFFSET_VIDEO_WRAPS 24

typedef struct _SessionPage SessionPage;

/* Why a page was refused. */
typedef enum
{
  SESSION_PAGE_OK,
  SESSION_PAGE_BAD_FD, /* not an open descriptor, or not one that can be mapped for writing */
  SESSION_PAGE_SHORT,  /* smaller than SESSION_PAGE_BYTES */
  SESSION_PAGE_BAD_MAGIC,
  SESSION_PAGE_BAD_VERSION,
  SESSION_PAGE_BAD_INCARNATION, /* above 65535: the counter has no room for it */
} SessionPageResult;

/*
 * Maps the page behind `fd`. The mapping has a life of its own: the caller may close fd at once, and keeps owning it.
 * On failure returns NULL and sets *result. Free with session_page_free ().
 */
SessionPage *session_page_open (int fd, SessionPageResult *result);

/* A page of this process alone, counting from zero: for pipelines that nobody resumes. Never NULL. */
SessionPage *session_page_new_private (void);

/* NULL is allowed. */
void session_page_free (SessionPage *page);

/* As it stood when the page was opened; 0 to 65535. */
uint32_t session_page_incarnation (const SessionPage *page);

/* Spends the next frame index: 1 for the first frame, never 0. */
uint32_t session_page_reserve_frame (SessionPage *page);

/*
 * Spends `count` video packet numbers and returns the first. The low 32 bits are n of the table; the upper ones count
 * its wraps, so that the value as a whole never repeats.
 */
uint64_t session_page_reserve_video_packets (SessionPage *page, uint32_t count);

/* Spends a block of four audio packet numbers and returns the first, a multiple of 4. */
uint32_t session_page_reserve_audio_block (SessionPage *page);

/*
 * The AES-GCM counter of a video packet: incarnation << 48 | number, so that no two packets of a session share one.
 * Worked example: incarnation 2, packet 5: 0x0002000000000005.
 */
uint64_t session_page_gcm_counter (const SessionPage *page, uint64_t video_packet);

/* A sentence for errors. Static memory. */
const char *session_page_result_text (SessionPageResult result);
