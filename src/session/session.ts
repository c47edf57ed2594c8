/**
 * One client's session: launched → announced → playing ⇄ suspended → ended. Holds no socket and knows no wire format;
 * the composition root feeds it what the protocol servers saw. Every wait has a deadline, every end a reason.
 * Source: `protocol/rtsp.md` §7 and §8.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { runTask } from '../support/lifecycle.js';
import type { Logger } from '../support/logger.js';
import { END_REASONS, type EndReason } from './end-reasons.js';
import type { Endpoint, MediaFailure, MediaStream, MediaStreamEvents } from './media-stream.js';
import {
  isEncryptedWhole,
  type NegotiatedLaunch,
  type Negotiation,
  negotiate,
  type StreamSettings,
  type StreamWishes,
} from './negotiate.js';
import type { StageTimes } from './stage-times.js';
import type { HostCapabilities, StreamPlan, StreamTuning } from './stream-plan.js';

export type SessionState = 'launched' | 'announced' | 'playing' | 'suspended' | 'ended';

/** Deadlines in milliseconds. */
export interface SessionDeadlines {
  /** From launch or resume to ANNOUNCE. */
  readonly handshakeMs: number;
  /** From ANNOUNCE to the control connection, and to the first video ping. */
  readonly connectMs: number;
  /** How long a session without client is kept. */
  readonly suspendMs: number;
}

/** What each launch or resume brings anew. */
export interface SessionConnection extends NegotiatedLaunch {
  /** Address of this host that the client reached: its media must come from there. */
  readonly localAddress: string;
  /** The client was told to encrypt its RTSP requests. */
  readonly encryptsRtsp: boolean;
}

/** Who launched what. */
export interface SessionLaunch extends SessionConnection {
  readonly appId: number;
  /** SHA-256 of the client's certificate (DER), hex. */
  readonly clientFingerprint: string;
}

/** The authenticated control connection, as far as a session needs it. */
export interface SessionPeer {
  /** Tells the client why, waits a bounded time for its acknowledgement and disconnects. */
  terminate(code: number): Promise<void>;
}

/** What a session needs from outside. */
export interface SessionContext {
  /** What this host can do with that app, asked for again at each ANNOUNCE. */
  capabilities(appId: number): HostCapabilities;
  /** What the owner set, for this client, for where it is, or for all; read again for each stream. */
  settingsFor(clientFingerprint: string, peerAddress: string): StreamSettings;
  readonly deadlines: SessionDeadlines;
  readonly logger: Logger;
  createMediaStream(plan: StreamPlan, events: MediaStreamEvents, session: Session): MediaStream;
  /** The state changed: the composition root attaches or detaches the protocol servers. */
  onState(session: Session, state: SessionState): void;
  /** The session has ended and its client was told as far as that was possible. */
  onFinished(session: Session): void;
  /** A frame was dropped after it was numbered: the client is owed a key frame. */
  onKeyFrameOwed(session: Session): void;
  /** What the stages of the media plane took, every second of a stream. */
  onStages(session: Session, stages: StageTimes): void;
}

/** The tokens by which one connection attempt's RTSP, ping and control traffic is told apart. */
export interface SessionTokens {
  /** RTSP `Session` header. */
  readonly rtsp: string;
  /** 16 characters each, echoed in every ping of that port. Two, so that who saw one cannot ping the other port. */
  readonly videoPingPayload: string;
  readonly audioPingPayload: string;
  /** ENet connect data, 1 to 2^32 − 1. */
  readonly connectData: number;
}

const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex').toUpperCase();

const createTokens = (): SessionTokens => ({
  rtsp: randomHex(4),
  videoPingPayload: randomHex(8),
  audioPingPayload: randomHex(8),
  connectData: randomInt(1, 0x1_0000_0000),
});

/** The fields of the log line that says why a client was sent away. */
const describeEnd = (reason: EndReason) => {
  const { code, text, remedy } = END_REASONS[reason];
  return { reason, why: text, remedy, code: `0x${code.toString(16)}` };
};

export class Session {
  readonly id = randomBytes(4).toString('hex');
  readonly appId: number;
  readonly clientFingerprint: string;
  readonly logger: Logger;
  readonly #context: SessionContext;
  #state: SessionState = 'launched';
  #connection: SessionConnection;
  #tokens = createTokens();
  #plan: StreamPlan | undefined;
  #media: MediaStream | undefined;
  #peer: SessionPeer | undefined;
  #hasVideoPing = false;
  /** The client is being told why its stream ends. */
  #isBreakingOff = false;
  /** It streamed once: an attempt to resume that breaks off does not end it. */
  #hasPlayed = false;
  #endReason: EndReason | undefined;
  readonly #timers = new Map<EndReason, NodeJS.Timeout>();

  constructor(launch: SessionLaunch, context: SessionContext) {
    this.#context = context;
    this.appId = launch.appId;
    this.clientFingerprint = launch.clientFingerprint;
    this.#connection = launch;
    this.logger = context.logger.child({ session: this.id, client: launch.clientFingerprint.slice(0, 8) });
    this.logger.info({ app: launch.appId, address: launch.peerAddress }, 'session launched');
    this.#startDeadline('handshake-timeout', context.deadlines.handshakeMs);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Of the latest launch or resume. */
  get connection(): SessionConnection {
    return this.#connection;
  }

  get tokens(): SessionTokens {
    return this.#tokens;
  }

  /** Present from ANNOUNCE on. */
  get plan(): StreamPlan | undefined {
    return this.#plan;
  }

  get media(): MediaStream | undefined {
    return this.#media;
  }

  get endReason(): EndReason | undefined {
    return this.#endReason;
  }

  /**
   * A new handshake of the same client with new keys (`/resume`). What still streams is stopped first.
   * @throws when the session has ended, or another resume came while the old stream was stopped
   */
  async resume(connection: SessionConnection): Promise<void> {
    if (this.#state === 'ended') throw new Error('the session has ended');
    if (this.#state !== 'suspended') {
      await this.suspend('the client resumed from elsewhere');
      // Whatever happened meanwhile came later and wins: nothing brings an ended session back.
      if (this.state !== 'suspended') throw new Error(`the session is ${this.state} meanwhile`);
    }
    this.#connection = connection;
    this.#tokens = createTokens();
    this.#clearDeadlines();
    this.#startDeadline('handshake-timeout', this.#context.deadlines.handshakeMs);
    this.logger.info({ address: connection.peerAddress }, 'session resumed');
    this.#enter('launched');
  }

  /**
   * The client's ANNOUNCE. On success the media process is started (without waiting for it) and the connect deadlines
   * run; on refusal the session stays as it was.
   */
  announce(wishes: StreamWishes): Negotiation {
    if (this.#state !== 'launched')
      return {
        ok: false,
        status: 455,
        reason: `ANNOUNCE in state ${this.#state}`,
        remedy: 'launch the app again',
      };
    const { deadlines } = this.#context;
    const settings = this.#context.settingsFor(this.clientFingerprint, this.#connection.peerAddress);
    const outcome = negotiate(wishes, this.#context.capabilities(this.appId), settings, this.#connection);
    if (!outcome.ok) {
      const { reason, remedy } = outcome;
      this.logger.warn({ reason, remedy }, 'stream refused');
      return outcome;
    }
    this.#plan = outcome.plan;
    this.#hasVideoPing = false;
    this.#isBreakingOff = false;
    this.#clearDeadlines();
    this.#startDeadline('control-timeout', deadlines.connectMs);
    this.#startDeadline('video-ping-timeout', deadlines.connectMs);
    this.#logPlan(outcome.plan);
    this.#startMedia(outcome.plan);
    this.#enter('announced');
    return outcome;
  }

  #logPlan({ video, audio, linkKbps }: StreamPlan): void {
    this.logger.info(
      {
        mode: `${video.width}x${video.height}@${video.fps}`,
        codec: `${video.codec} ${video.bitDepth} bit ${video.chroma}`,
        encoderKbps: video.encoderKbps,
        packetSize: video.packetSize,
        linkKbps,
        color: `${video.colorSpace} ${video.fullRange ? 'full' : 'limited'}`,
        slices: video.slices,
        references: video.references,
        audio: `${audio.channels} ch ${audio.bitrateKbps} kbit/s ${audio.packetDurationMs} ms`,
        encrypted: ['control', ...(video.encrypted ? ['video'] : []), ...(audio.encrypted ? ['audio'] : [])],
      },
      'stream agreed',
    );
  }

  #startMedia(plan: StreamPlan): void {
    const media = this.#context.createMediaStream(
      plan,
      {
        onFrameDropped: () => this.#context.onKeyFrameOwed(this),
        onStages: (stages) => this.#context.onStages(this, stages),
        onFailed: (failure) => this.#onMediaFailed(media, failure),
      },
      this,
    );
    this.#media = media;
    media.start();
  }

  #onMediaFailed(media: MediaStream, failure: MediaFailure): void {
    if (media !== this.#media) return;
    this.logger.error({ cause: failure.cause, remedy: failure.remedy }, 'the picture cannot be produced');
    runTask(this.logger, 'end session', () => this.end('media-failed'));
  }

  /** The client's control connection was accepted; a later one replaces it. */
  controlConnected(peer: SessionPeer): void {
    this.#peer = peer;
    this.#clearDeadline('control-timeout');
    this.#playWhenConnected();
  }

  /** The control connection ended or timed out: the session is suspended. Ignored for a peer that was replaced. */
  async controlLost(peer: SessionPeer, how: string): Promise<void> {
    if (peer !== this.#peer) return;
    await this.suspend(`control connection lost: ${how}`);
  }

  /** Where video goes; the first one releases the picture. One that may not have the stream ends it. */
  setVideoEndpoint(endpoint: Endpoint): void {
    if (this.#media === undefined || !this.#mayStreamTo(endpoint)) return;
    this.#hasVideoPing = true;
    this.#clearDeadline('video-ping-timeout');
    this.#media.setVideoEndpoint(endpoint);
    this.#playWhenConnected();
  }

  /** Where sound goes. Audio pings come before ANNOUNCE, so the composition root repeats the latest one after it. */
  setAudioEndpoint(endpoint: Endpoint): void {
    if (this.#media !== undefined && this.#mayStreamTo(endpoint)) this.#media.setAudioEndpoint(endpoint);
  }

  /** What was agreed for where the client launched may not do where it has gone since. */
  #mayStreamTo({ address }: Endpoint): boolean {
    const { requiresEncryption } = this.#context.settingsFor(this.clientFingerprint, address);
    if (!requiresEncryption || this.#plan === undefined || isEncryptedWhole(this.#plan)) return true;
    if (!this.#isBreakingOff) {
      this.#isBreakingOff = true;
      runTask(this.logger, 'break off', () => this.#breakOff('encryption-required'));
    }
    return false;
  }

  /** Makes the encoder produce a key frame; the gate in front of it is the caller's. */
  forceKeyFrame(): void {
    this.#media?.forceKeyFrame();
  }

  /** Changes bitrate and parity while the stream plays. @returns false where the encoder cannot do that */
  tune(tuning: StreamTuning): boolean {
    return this.#media?.tune(tuning) ?? true;
  }

  #playWhenConnected(): void {
    if (this.#state !== 'announced' || this.#peer === undefined || !this.#hasVideoPing) return;
    this.#hasPlayed = true;
    this.logger.info('streaming');
    this.#enter('playing');
  }

  /** Stops streaming and keeps the app for a `/resume`. */
  async suspend(why: string): Promise<void> {
    if (this.#state === 'ended' || this.#state === 'suspended') return;
    this.#clearDeadlines();
    this.#startDeadline('suspend-expired', this.#context.deadlines.suspendMs);
    this.#peer = undefined;
    this.logger.info({ why }, 'session suspended');
    this.#enter('suspended');
    await this.#stopMedia();
  }

  /** Ends the session: tells the client, stops the media process. Further calls wait for nothing new and keep the first reason. */
  async end(reason: EndReason): Promise<void> {
    if (this.#state === 'ended') return;
    this.#endReason = reason;
    this.#clearDeadlines();
    const peer = this.#peer;
    this.#peer = undefined;
    const { code } = END_REASONS[reason];
    this.logger.info(describeEnd(reason), 'session ended');
    const terminated = peer?.terminate(code);
    this.#enter('ended');
    await Promise.allSettled([terminated, this.#stopMedia()]);
    this.#context.onFinished(this);
  }

  async #stopMedia(): Promise<void> {
    const media = this.#media;
    this.#media = undefined;
    await media?.stop();
  }

  #enter(state: SessionState): void {
    this.#state = state;
    this.#context.onState(this, state);
  }

  #startDeadline(reason: EndReason, ms: number): void {
    this.#clearDeadline(reason);
    const timer = setTimeout(() => runTask(this.logger, 'deadline', () => this.#breakOff(reason)), ms);
    this.#timers.set(reason, timer);
  }

  /** A session that streamed once can be resumed afterwards. */
  async #breakOff(reason: EndReason): Promise<void> {
    if (!this.#hasPlayed || reason === 'suspend-expired') return this.end(reason);
    this.logger.warn(describeEnd(reason), 'stream ended');
    await this.#peer?.terminate(END_REASONS[reason].code);
    await this.suspend(END_REASONS[reason].text);
  }

  #clearDeadline(reason: EndReason): void {
    clearTimeout(this.#timers.get(reason));
    this.#timers.delete(reason);
  }

  #clearDeadlines(): void {
    for (const reason of [...this.#timers.keys()]) this.#clearDeadline(reason);
  }
}
