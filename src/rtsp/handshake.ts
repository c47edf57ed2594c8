/**
 * One client's way through the RTSP handshake: which request may come when, and the reply to each. No sockets and no
 * encryption here. Source: `protocol/rtsp.md` §5.
 */
import { withDeadline } from '../support/lifecycle.js';
import { type Logger, RateLimitedWarning } from '../support/logger.js';
import { type AnnounceAttributes, parseAnnounce } from './announce.js';
import type { RtspReply, RtspRequest } from './message.js';

export type AnnounceAnswer =
  | { readonly ok: true }
  /** `status` is the RTSP status that the client shows as an error number. */
  | { readonly ok: false; readonly status: number; readonly reason: string };

/** What RTSP needs from a session. The properties are read again at each request. */
export interface RtspSession {
  /** Value of the `Session` header, without `;`. */
  readonly token: string;
  /** 16 bytes. */
  readonly riKey: Buffer;
  /** The client was given an `rtspenc://` address: nothing else is accepted from it. */
  readonly isEncrypted: boolean;
  /** Where the launch came from. */
  readonly peerAddress: string;
  readonly ports: { readonly video: number; readonly control: number; readonly audio: number };
  /** 16 characters; another than audio's, so that who saw a ping of one cannot make one of the other. */
  readonly videoPingPayload: string;
  /** 16 characters. */
  readonly audioPingPayload: string;
  /** 1 to 2^32 − 1. */
  readonly connectData: number;
  describeBody(): string;
  /** @param context `hostHeader` is the request's Host header: stereo quality hides in it (§4) */
  announce(attributes: AnnounceAttributes, context: { readonly hostHeader: string }): Promise<AnnounceAnswer>;
  play(): void;
}

type Header = readonly [name: string, value: string];
type Stream = 'audio' | 'video' | 'control';

const STREAMS: readonly Stream[] = ['audio', 'video', 'control'];
/** The client gives up after 15 s. */
const ANNOUNCE_DEADLINE_MS = 10_000;
const STATUS_REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'BAD REQUEST',
  403: 'Forbidden',
  404: 'NOT FOUND',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** A reply with `CSeq`, which the client needs as its one mandatory header. */
export const createReply = (
  request: RtspRequest,
  status: number,
  headers: readonly Header[] = [],
  body?: string,
): RtspReply => {
  const stated = request.headers.get('cseq') ?? '';
  const sequence = /^\d{1,10}$/.test(stated) ? stated : '0';
  const reply = {
    status,
    reason: STATUS_REASONS[status] ?? 'Error',
    headers: [['CSeq', sequence] as const, ...headers],
  };
  return body === undefined ? reply : { ...reply, body };
};

/** The stream of a SETUP: the text between `=` and the first `/`. */
const findStream = (target: string): Stream | undefined => {
  const name = /=([^/]*)/.exec(target)?.[1];
  return STREAMS.find((stream) => stream === name);
};

/** State of one handshake; a new launch or resume needs a new one. */
export class RtspHandshake {
  readonly #session: RtspSession;
  readonly #logger: Logger;
  /** A plain request proves nothing but the address that it came from. */
  readonly #warning: RateLimitedWarning;
  readonly #setUp = new Set<Stream>();
  #announce: 'none' | 'running' | 'done' = 'none';

  constructor(session: RtspSession, logger: Logger) {
    this.#session = session;
    this.#logger = logger;
    this.#warning = new RateLimitedWarning(logger);
  }

  /** Answers one request. Never rejects. */
  async answer(request: RtspRequest): Promise<RtspReply> {
    const token = request.headers.get('session')?.split(';')[0]?.trim();
    if (token !== undefined && token !== this.#session.token)
      return this.#refuse(request, 454, 'another session');
    switch (request.method) {
      case 'OPTIONS':
        return createReply(request, 200);
      case 'DESCRIBE':
        return createReply(request, 200, [], this.#session.describeBody());
      case 'SETUP':
        return this.#answerSetup(request);
      case 'ANNOUNCE':
        return this.#answerAnnounce(request);
      case 'PLAY':
        return this.#answerPlay(request);
      default:
        return this.#refuse(request, 404, 'unknown method');
    }
  }

  #refuse(request: RtspRequest, status: number, reason: string): RtspReply {
    const fields = { method: request.method, status, reason };
    this.#warning.warn(String(status), fields, 'an RTSP request was refused');
    return createReply(request, status);
  }

  #answerSetup(request: RtspRequest): RtspReply {
    const stream = findStream(request.target);
    if (stream === undefined) return this.#refuse(request, 404, 'unknown stream');
    this.#setUp.add(stream);
    const { token, ports } = this.#session;
    return createReply(request, 200, [
      ['Session', `${token};timeout = 90`],
      ['Transport', `server_port=${ports[stream]}`],
      this.#recognitionHeader(stream),
    ]);
  }

  /** By what the stream's datagrams are told from those of other sessions. */
  #recognitionHeader(stream: Stream): Header {
    const { videoPingPayload, audioPingPayload, connectData } = this.#session;
    if (stream === 'control') return ['X-SS-Connect-Data', String(connectData)];
    return ['X-SS-Ping-Payload', stream === 'video' ? videoPingPayload : audioPingPayload];
  }

  async #answerAnnounce(request: RtspRequest): Promise<RtspReply> {
    if (this.#setUp.size < STREAMS.length)
      return this.#refuse(request, 455, 'ANNOUNCE came before every SETUP');
    if (this.#announce !== 'none') return this.#refuse(request, 455, 'ANNOUNCE came twice');
    const parsed = parseAnnounce(request.body);
    if (!parsed.ok) return this.#refuse(request, 400, parsed.reason);
    this.#announce = 'running';
    const hostHeader = request.headers.get('host') ?? '';
    const answer = await this.#announceToSession(parsed.attributes, hostHeader);
    this.#announce = answer.ok ? 'done' : 'none';
    return answer.ok ? createReply(request, 200) : this.#refuse(request, answer.status, answer.reason);
  }

  async #announceToSession(attributes: AnnounceAttributes, hostHeader: string): Promise<AnnounceAnswer> {
    try {
      const work = this.#session.announce(attributes, { hostHeader });
      return await withDeadline(work, ANNOUNCE_DEADLINE_MS, 'starting the session');
    } catch (error) {
      this.#logger.error({ err: error }, 'a session could not be started');
      return { ok: false, status: 500, reason: 'the session failed to start' };
    }
  }

  #answerPlay(request: RtspRequest): RtspReply {
    if (this.#announce !== 'done') return this.#refuse(request, 455, 'PLAY came before ANNOUNCE');
    this.#session.play();
    return createReply(request, 200);
  }
}
