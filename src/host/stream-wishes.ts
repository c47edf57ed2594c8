/** From the words of RTSP to what the session negotiates about. */
import type { AnnounceAttributes } from '../rtsp/announce.js';
import type { StreamWishes } from '../session/negotiate.js';

/**
 * @param hostHeader the ANNOUNCE's Host header: a client that wants the smaller stereo bitrate writes 0.0.0.0 there
 * (`protocol/rtsp.md` §4)
 */
export const toStreamWishes = (attributes: AnnounceAttributes, hostHeader: string): StreamWishes => ({
  ...attributes,
  wantsStereoHighQuality: !hostHeader.includes('0.0.0.0'),
});
