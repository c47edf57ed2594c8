/*
 * payaudio.c: see payaudio.h.
 */
#include "payaudio.h"

#include "nvpacket.h"

#define GST_CAT_DEFAULT moonlight_audio_pay_debug

/* ---- one packet ---- */

static void
refuse_packet (PayAudio *self, gsize bytes)
{
  GST_OBJECT_LOCK (self->element);
  self->figures.packets_refused++;
  GST_OBJECT_UNLOCK (self->element);
  if (!self->warned_refused) {
    self->warned_refused = TRUE;
    GST_ELEMENT_WARNING (self->element, STREAM, FORMAT,
        ("An Opus packet of %" G_GSIZE_FORMAT " bytes cannot be sent; 1 to %u "
         "can.",
            bytes, (guint) AUDIO_BLOCK_MAX_OPUS_BYTES),
        ("Lower the encoder's bitrate. Said once."));
  }
}

static void
note_size (PayAudio *self, gsize payload_bytes)
{
  gsize before = self->last_payload_bytes;

  self->last_payload_bytes = payload_bytes;
  if (before == 0 || before == payload_bytes)
    return;
  GST_OBJECT_LOCK (self->element);
  self->figures.size_changes++;
  GST_OBJECT_UNLOCK (self->element);
  if (!self->warned_size) {
    self->warned_size = TRUE;
    GST_WARNING_OBJECT (self->element,
        "payload size changed from %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " bytes: clients stop "
        "recovering lost audio. Run the encoder at a constant bitrate without DTX. Said once",
        before, payload_bytes);
  }
}

static GstBuffer *
new_datagram (GstBuffer *source, const guint8 *header, gsize header_bytes, const guint8 *payload, gsize payload_bytes)
{
  GstBuffer *datagram = gst_buffer_new_allocate (NULL, header_bytes + payload_bytes, NULL);

  gst_buffer_fill (datagram, 0, header, header_bytes);
  gst_buffer_fill (datagram, header_bytes, payload, payload_bytes);
  gst_buffer_copy_into (datagram, source, GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_FLAGS, 0, -1);
  return datagram;
}

/* Parity covers what follows the RTP header: Opus or ciphertext (protocol/audio.md §3). Returns the bytes added. */
static guint64
append_parity (PayAudio *self, GstBufferList *list, GstBuffer *source)
{
  guint8 parity[NV_AUDIO_PARITY_SHARDS][AUDIO_BLOCK_MAX_PAYLOAD_BYTES], header[NV_AUDIO_PARITY_HEADER_BYTES];
  const AudioBlock *block = &self->block;
  guint64 bytes = 0;

  if (!audio_block_encode (block, self->fec, parity))
    return 0;
  for (guint i = 0; i < NV_AUDIO_PARITY_SHARDS; i++) {
    nv_audio_write_parity (
        header, (guint8) i, (guint16) block->first_packet, block->first_packet * self->packet_duration_ms);
    gst_buffer_list_add (list, new_datagram (source, header, sizeof header, parity[i], block->payload_bytes));
    bytes += sizeof header + block->payload_bytes;
  }
  return bytes;
}

static void
count_burst (PayAudio *self, gsize data_bytes, guint64 parity_bytes)
{
  GST_OBJECT_LOCK (self->element);
  self->figures.packets++;
  self->figures.parity_packets += parity_bytes != 0 ? NV_AUDIO_PARITY_SHARDS : 0;
  self->figures.bytes += data_bytes + parity_bytes;
  GST_OBJECT_UNLOCK (self->element);
}

static GstFlowReturn
pay_packet (PayAudio *self, GstBuffer *buffer, const guint8 *opus, gsize size)
{
  AudioBlock *block = &self->block;
  guint8 header[NV_AUDIO_HEADER_BYTES];
  const guint8 *payload;
  GstBufferList *list;
  guint64 parity_bytes = 0;
  guint32 number;
  gsize payload_bytes;

  if (block->count == 0 || audio_block_is_full (block))
    audio_block_begin (block, session_page_reserve_audio_block (self->session->page));
  number = audio_block_next_packet (block);
  payload = audio_block_add (block, self->session->crypt, self->key_id, opus, size, &payload_bytes);
  if (payload == NULL) {
    GST_ELEMENT_ERROR (self->element, STREAM, ENCODE, ("Audio packet %u could not be encrypted.", number), (NULL));
    return GST_FLOW_ERROR;
  }
  note_size (self, payload_bytes);

  list = gst_buffer_list_new_sized (1 + NV_AUDIO_PARITY_SHARDS);
  /* Milliseconds, and modulo 2^32 like the number itself (protocol/audio.md §2). */
  nv_audio_write_data (header, (guint16) number, number * self->packet_duration_ms);
  gst_buffer_list_add (list, new_datagram (buffer, header, sizeof header, payload, payload_bytes));
  if (audio_block_is_full (block))
    parity_bytes = append_parity (self, list, buffer);
  count_burst (self, sizeof header + payload_bytes, parity_bytes);
  return gst_pad_push_list (self->pad, list);
}

GstFlowReturn
pay_audio_push (PayAudio *self, GstBuffer *buffer)
{
  gsize size = gst_buffer_get_size (buffer);
  GstFlowReturn flow;
  GstMapInfo map;

  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_HEADER)) {
    GST_DEBUG_OBJECT (self->element, "leaving out a stream header of %" G_GSIZE_FORMAT " bytes", size);
    return GST_FLOW_OK;
  }
  if (size == 0 || media_crypt_audio_bytes (size) > AUDIO_BLOCK_MAX_PAYLOAD_BYTES
      || !gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    /* No number is spent: a packet that was never sent must not look like one that was lost. */
    refuse_packet (self, size);
    return GST_FLOW_OK;
  }
  flow = pay_packet (self, buffer, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  return flow;
}

/* ---- the stream ---- */

void
pay_audio_init (PayAudio *self, GstElement *element, GstPad *src_pad, const GstPaySession *session)
{
  self->element = element;
  self->pad = src_pad;
  self->session = session;
  self->fec = rs_fec_new ();
}

void
pay_audio_clear (PayAudio *self)
{
  g_clear_pointer (&self->fec, rs_fec_free);
}

void
pay_audio_reset (PayAudio *self)
{
  GST_OBJECT_LOCK (self->element);
  self->figures = (PayAudioFigures) { 0 };
  GST_OBJECT_UNLOCK (self->element);
  self->warned_size = self->warned_refused = FALSE;
  audio_block_begin (&self->block, 0);
  self->last_payload_bytes = 0;
}

GstStructure *
pay_audio_create_stats (PayAudio *self)
{
  PayAudioFigures s;

  GST_OBJECT_LOCK (self->element);
  s = self->figures;
  GST_OBJECT_UNLOCK (self->element);
  return gst_structure_new ("application/x-moonlightaudiopay-stats", "packets", G_TYPE_UINT64, s.packets,
      "parity-packets", G_TYPE_UINT64, s.parity_packets, "bytes", G_TYPE_UINT64, s.bytes, "size-changes", G_TYPE_UINT64,
      s.size_changes, "packets-refused", G_TYPE_UINT64, s.packets_refused, "channels", G_TYPE_INT, s.layout.channels,
      "streams", G_TYPE_INT, s.layout.streams, "coupled", G_TYPE_INT, s.layout.coupled, NULL);
}
